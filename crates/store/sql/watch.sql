-- Counts that an operator watches; each by a partial index or over a small table.

-- name: watch_counts
SELECT
  (SELECT COUNT(*) FROM quarantine WHERE city_id = $1 AND released_ms IS NULL),
  (SELECT COUNT(DISTINCT op_id) FROM waiting WHERE city_id = $1),
  (SELECT COUNT(*) FROM uploads WHERE city_id = $1 AND verified_ms IS NULL),
  (SELECT COUNT(*) FROM rendition_jobs WHERE city_id = $1 AND done_ms IS NULL AND tries < 3),
  (SELECT MIN(unsent_since_ms) FROM device_reports WHERE city_id = $1);
