-- Facts about the database itself.

-- name: meta_load
SELECT value FROM meta WHERE key = $1;

-- name: meta_save
INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value;

-- name: meta_remove
DELETE FROM meta WHERE key = $1;
