-- Servers that share a database, and what they tell each other.
-- name: told_last
SELECT COALESCE(MAX(n), 0) FROM told WHERE city_id = $1;
-- name: told_add
INSERT INTO told (city_id, n, hints) VALUES ($1, $2, $3);
-- name: told_after
SELECT n, hints FROM told WHERE city_id = $1 AND n > $2 ORDER BY n LIMIT $3;
-- name: told_sweep
DELETE FROM told WHERE city_id = $1 AND n < $2;
-- name: node_save
INSERT INTO nodes (city_id, node, run, alive_ms) VALUES ($1, $2, $3, $4)
ON CONFLICT (city_id, node) DO UPDATE SET run = excluded.run, alive_ms = excluded.alive_ms;
-- name: node_end
DELETE FROM nodes WHERE city_id = $1 AND node = $2 AND run = $3;
-- name: nodes_all
SELECT node, run, alive_ms FROM nodes WHERE city_id = $1 ORDER BY node;
