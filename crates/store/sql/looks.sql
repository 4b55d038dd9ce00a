-- Looks and counters.
-- name: look_near
SELECT at_ms FROM looks
WHERE city_id = $1 AND person_id = $2 AND grid = $3 AND counted = 1 AND at_ms > $4 AND at_ms < $5
ORDER BY at_ms LIMIT 1;
-- name: append_look
INSERT INTO looks (city_id, op_id, person_id, grid, cell, town, at_ms, counted)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING;
-- name: load_counter
SELECT n FROM counters WHERE city_id = $1 AND name = $2;
-- name: save_counter
INSERT INTO counters (city_id, name, n) VALUES ($1, $2, $3) ON CONFLICT (city_id, name) DO UPDATE SET n = excluded.n;
