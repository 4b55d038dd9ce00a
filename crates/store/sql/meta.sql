-- Facts about a city.

-- name: meta_load
SELECT value FROM city_meta WHERE city_id = $1 AND key = $2;

-- name: epoch_and_safe
SELECT (SELECT value FROM city_meta WHERE city_id = $1 AND key = $2),
  (SELECT value FROM city_meta WHERE city_id = $1 AND key = $3);

-- name: meta_save
INSERT INTO city_meta (city_id, key, value) VALUES ($1, $2, $3)
ON CONFLICT (city_id, key) DO UPDATE SET value = excluded.value;

-- name: meta_remove
DELETE FROM city_meta WHERE city_id = $1 AND key = $2;
