-- What a backup counts and a restore changes.

-- name: backup_counts
SELECT
  (SELECT COUNT(*) FROM ops WHERE city_id = $1),
  (SELECT COUNT(*) FROM cases WHERE city_id = $1),
  (SELECT COUNT(*) FROM persons WHERE city_id = $1),
  (SELECT COUNT(*) FROM audit WHERE city_id = $1);

-- name: backup_epoch_max
SELECT COALESCE(MAX(epoch), 0) FROM rows WHERE city_id = $1;

-- name: backup_jump_counters
UPDATE counters SET n = n + $2 WHERE city_id = $1;
