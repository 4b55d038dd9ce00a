-- Keys of requests that are done once however often they are sent.

-- name: key_begin
INSERT INTO request_keys (city_id, person_id, key, request_hash, at_ms) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (city_id, person_id, key) DO NOTHING;

-- name: key_load
SELECT request_hash, done, answer FROM request_keys WHERE city_id = $1 AND person_id = $2 AND key = $3;

-- name: key_finish
UPDATE request_keys SET done = 1, answer = $4 WHERE city_id = $1 AND person_id = $2 AND key = $3;

-- name: key_forget
DELETE FROM request_keys WHERE city_id = $1 AND person_id = $2 AND key = $3;

-- name: keys_sweep
DELETE FROM request_keys WHERE city_id = $1 AND at_ms < $2;

-- name: keys_count
SELECT count(*) FROM request_keys WHERE city_id = $1 AND person_id = $2;
