-- People, grants, the city. Bound in the order written.

-- name: city_load
SELECT city_id, name, name_en FROM cities WHERE city_id = $1;

-- name: city_only
-- tidy: a data folder of one city is asked which one it is
SELECT city_id, name, name_en FROM cities ORDER BY city_id LIMIT 2;

-- name: city_save
INSERT INTO cities (city_id, name, name_en, created_ms) VALUES ($1, $2, $3, $4)
ON CONFLICT (city_id) DO UPDATE SET name = excluded.name, name_en = excluded.name_en;

-- name: person_load
SELECT person_id, login, name, active, created_ms FROM persons WHERE city_id = $1 AND person_id = $2;

-- name: person_by_login
SELECT person_id, login, name, active, created_ms FROM persons WHERE city_id = $1 AND login = $2;

-- name: persons_all
SELECT person_id, login, name, active, created_ms FROM persons WHERE city_id = $1 ORDER BY login;

-- name: person_password
SELECT password_hash, must_change FROM persons WHERE city_id = $1 AND person_id = $2;

-- name: person_save
INSERT INTO persons (city_id, person_id, login, name, active, created_ms) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (city_id, person_id) DO UPDATE SET login = excluded.login, name = excluded.name, active = excluded.active;

-- name: person_save_password
UPDATE persons SET password_hash = $3, must_change = $4 WHERE city_id = $1 AND person_id = $2;

-- name: grants_of
SELECT grant_id, role, area, from_ms, to_ms, granted_by, person_id FROM grants
WHERE city_id = $1 AND person_id = $2 ORDER BY from_ms, grant_id;

-- name: grant_load
SELECT person_id, role, area, from_ms, to_ms FROM grants WHERE city_id = $1 AND grant_id = $2;

-- name: grant_save
INSERT INTO grants (city_id, grant_id, person_id, role, area, from_ms, to_ms, granted_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: grant_end
UPDATE grants SET to_ms = $3 WHERE city_id = $1 AND grant_id = $2 AND (to_ms IS NULL OR to_ms > $3);

-- name: failures_load
SELECT fails, locked_until FROM login_failures WHERE city_id = $1 AND subject = $2;

-- name: failures_save
INSERT INTO login_failures (city_id, subject, fails, locked_until, at_ms) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (city_id, subject) DO UPDATE SET fails = excluded.fails, locked_until = excluded.locked_until,
  at_ms = excluded.at_ms;

-- name: failures_clear
DELETE FROM login_failures WHERE city_id = $1 AND subject = $2;

-- name: failures_sweep
DELETE FROM login_failures WHERE city_id = $1 AND at_ms < $2 AND locked_until < $2;
