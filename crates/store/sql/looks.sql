-- Looks and counters.
-- name: looks_between
SELECT person_id, grid, at_ms FROM looks
WHERE city_id = $1 AND person_id = $2 AND grid = $3 AND counted = 1 AND at_ms > $4 AND at_ms < $5;
-- name: append_look
INSERT INTO looks (city_id, op_id, person_id, grid, cell, town, at_ms, counted, site_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING;
-- Days are those of UTC+8.
-- name: looks_of_grid
SELECT cell, (at_ms + 28800000) / 86400000, person_id, MAX(at_ms), COUNT(*), grid FROM looks
WHERE city_id = $1 AND grid = $2 AND counted = 1 AND at_ms >= $3
GROUP BY grid, cell, (at_ms + 28800000) / 86400000, person_id;
-- name: looks_of_site
SELECT cell, (at_ms + 28800000) / 86400000, person_id, MAX(at_ms), COUNT(*), site_id FROM looks
WHERE city_id = $1 AND site_id = $2 AND counted = 1 AND at_ms >= $3
GROUP BY site_id, cell, (at_ms + 28800000) / 86400000, person_id;
-- name: last_look_in
SELECT grid, at_ms FROM looks WHERE city_id = $1 AND grid = $2 AND counted = 1 ORDER BY at_ms DESC LIMIT 1;
-- name: last_look_at
SELECT site_id, at_ms FROM looks WHERE city_id = $1 AND site_id = $2 AND counted = 1 ORDER BY at_ms DESC LIMIT 1;
-- Whoever finds something on patrol was there, too.
-- name: last_found_in
SELECT grid, captured_ms FROM cases WHERE city_id = $1 AND grid = $2 AND source = 'patrol'
ORDER BY received_ms DESC, case_id DESC LIMIT 1;
-- name: last_found_at
SELECT site_id, captured_ms FROM cases WHERE city_id = $1 AND site_id = $2 AND source = 'patrol'
ORDER BY received_ms DESC, case_id DESC LIMIT 1;
-- name: load_counter
SELECT n FROM counters WHERE city_id = $1 AND name = $2;
-- name: save_counter
INSERT INTO counters (city_id, name, n) VALUES ($1, $2, $3) ON CONFLICT (city_id, name) DO UPDATE SET n = excluded.n;
