-- Work that is due at a time, done by whoever holds its lease.

-- name: job_put
INSERT INTO jobs (city_id, kind, key, due_ms, payload, created_ms) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (city_id, kind, key) DO UPDATE SET
  due_ms = excluded.due_ms, payload = excluded.payload, created_ms = excluded.created_ms,
  tries = 0, lease_owner = NULL, lease_until = 0, done_ms = NULL, problem = NULL;

-- name: job_put_if_idle
INSERT INTO jobs (city_id, kind, key, due_ms, payload, created_ms) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (city_id, kind, key) DO UPDATE SET
  due_ms = excluded.due_ms, payload = excluded.payload, created_ms = excluded.created_ms,
  tries = 0, lease_owner = NULL, lease_until = 0, done_ms = NULL, problem = NULL
WHERE jobs.city_id = $1 AND jobs.done_ms IS NOT NULL;

-- name: job_put_sooner
INSERT INTO jobs (city_id, kind, key, due_ms, payload, created_ms) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (city_id, kind, key) DO UPDATE SET
  due_ms = excluded.due_ms, problem = NULL,
  tries = CASE WHEN jobs.done_ms IS NULL THEN jobs.tries ELSE 0 END, done_ms = NULL
WHERE jobs.city_id = $1 AND (jobs.done_ms IS NOT NULL OR jobs.due_ms > excluded.due_ms);

-- name: job_due
SELECT key, due_ms FROM jobs
WHERE city_id = $1 AND kind = $2 AND done_ms IS NULL AND due_ms <= $3 AND lease_until <= $3
ORDER BY due_ms, key LIMIT $4;

-- name: job_lease
UPDATE jobs SET lease_owner = $4, lease_until = $5, tries = tries + 1
WHERE city_id = $1 AND kind = $2 AND key = $3 AND done_ms IS NULL AND due_ms <= $6 AND lease_until <= $6
RETURNING due_ms, tries, payload;

-- name: job_done
UPDATE jobs SET done_ms = $5, problem = $6, lease_owner = NULL, lease_until = 0
WHERE city_id = $1 AND kind = $2 AND key = $3 AND lease_owner = $4 AND done_ms IS NULL;

-- name: job_again
UPDATE jobs SET due_ms = $5, problem = $6, lease_owner = NULL, lease_until = 0
WHERE city_id = $1 AND kind = $2 AND key = $3 AND lease_owner = $4 AND done_ms IS NULL;

-- name: job_load
SELECT due_ms, tries, payload, lease_owner, lease_until, done_ms, problem
FROM jobs WHERE city_id = $1 AND kind = $2 AND key = $3;

-- name: job_remove
DELETE FROM jobs WHERE city_id = $1 AND kind = $2 AND key = $3;

-- name: jobs_sweep
DELETE FROM jobs WHERE city_id = $1 AND done_ms < $2;
