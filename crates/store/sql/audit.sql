-- The audit log: append-only, each row hashed with the one before it.

-- name: audit_last
SELECT n, hash FROM audit WHERE city_id = $1 ORDER BY n DESC LIMIT 1;

-- name: audit_append
INSERT INTO audit (city_id, n, at_ms, actor, action, object, result, detail, prev_hash, hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: audit_all
SELECT n, at_ms, actor, action, object, result, detail, prev_hash, hash FROM audit WHERE city_id = $1 ORDER BY n;

-- name: audit_page
SELECT n, at_ms, actor, action, object, result, detail, prev_hash, hash FROM audit
WHERE city_id = $1 AND n < $2 ORDER BY n DESC LIMIT $3;
