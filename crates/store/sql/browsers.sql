-- Browsers in which a person has signed in before, by the hash of their cookie.

-- name: browser_known
SELECT person_id FROM browsers WHERE city_id = $1 AND browser_hash = $2;

-- name: browser_save
INSERT INTO browsers (city_id, browser_hash, person_id, seen_ms) VALUES ($1, $2, $3, $4)
ON CONFLICT (city_id, browser_hash, person_id) DO UPDATE SET seen_ms = excluded.seen_ms;

-- name: browsers_forget
DELETE FROM browsers WHERE city_id = $1 AND person_id = $2;

-- name: browsers_sweep
DELETE FROM browsers WHERE city_id = $1 AND seen_ms < $2;
