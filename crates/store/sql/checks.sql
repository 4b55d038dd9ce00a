-- Who is on shift, and who was drawn.

-- name: shift_save
INSERT INTO shifts (city_id, person_id, from_ms, to_ms, grids, stands_in) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (city_id, person_id, from_ms) DO UPDATE
SET to_ms = excluded.to_ms, grids = excluded.grids, stands_in = excluded.stands_in;

-- name: shifts_between
SELECT person_id, from_ms, to_ms, grids, stands_in FROM shifts
WHERE city_id = $1 AND to_ms > $2 AND from_ms < $3 ORDER BY from_ms, person_id;

-- name: shifts_clear
DELETE FROM shifts WHERE city_id = $1 AND from_ms >= $2 AND from_ms < $3;

-- name: shifts_any
SELECT 1 FROM shifts WHERE city_id = $1 AND to_ms > $2 LIMIT 1;

-- name: draw_append
INSERT INTO draws (city_id, op_id, day, case_id, feed_back, attempt, people, drawn, at_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (city_id, op_id) DO NOTHING;

-- name: draws_of_day
SELECT op_id, day, case_id, feed_back, attempt, people, drawn, at_ms FROM draws
WHERE city_id = $1 AND day = $2 ORDER BY at_ms, op_id;

-- name: draws_since
SELECT op_id, day, case_id, feed_back, attempt, people, drawn, at_ms FROM draws
WHERE city_id = $1 AND day >= $2 ORDER BY day, at_ms, op_id;

-- name: draws_paired
SELECT DISTINCT d.drawn FROM draws d JOIN cases c ON c.city_id = d.city_id AND c.case_id = d.case_id
WHERE d.city_id = $1 AND d.day >= $2 AND c.lead = $3 AND d.drawn IS NOT NULL;
