-- The responsibility ledger: append-only, each row hashed with the one before it.

-- name: ledger_last
SELECT n, hash FROM ledger WHERE city_id = $1 ORDER BY n DESC LIMIT 1;

-- name: ledger_append
INSERT INTO ledger (city_id, n, at_ms, case_id, body, prev, hash) VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: ledger_all
SELECT n, body, prev, hash FROM ledger WHERE city_id = $1 ORDER BY n;

-- name: ledger_page
SELECT n, body, prev, hash FROM ledger WHERE city_id = $1 AND n > $2 ORDER BY n LIMIT $3;

-- name: ledger_of_case
SELECT n, body, prev, hash FROM ledger WHERE city_id = $1 AND case_id = $2 ORDER BY n;
