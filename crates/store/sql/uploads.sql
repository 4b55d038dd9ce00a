-- Uploads of photo bytes and the rendition queue.

-- name: upload_save
INSERT INTO uploads (city_id, upload_id, photo_id, form, media, sha256, length, received, device_id, person_id,
  created_ms, expires_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);

-- name: upload_load
SELECT upload_id, photo_id, form, media, sha256, length, received, device_id, person_id, created_ms, expires_ms,
  verified_ms
FROM uploads WHERE city_id = $1 AND upload_id = $2;

-- name: upload_verified
UPDATE uploads SET verified_ms = $3, received = length
WHERE city_id = $1 AND upload_id = $2 AND verified_ms IS NULL;

-- name: upload_remove
DELETE FROM uploads WHERE city_id = $1 AND upload_id = $2 AND verified_ms IS NULL;

-- name: uploads_verified_for
SELECT DISTINCT photo_id, sha256, person_id FROM uploads
WHERE city_id = $1 AND photo_id = $2 AND verified_ms IS NOT NULL ORDER BY sha256, person_id;

-- name: uploads_of_photo
SELECT upload_id, photo_id, form, media, sha256, length, received, device_id, person_id, created_ms, expires_ms,
  verified_ms
FROM uploads WHERE city_id = $1 AND photo_id = $2 AND verified_ms IS NOT NULL ORDER BY verified_ms, upload_id;

-- name: upload_owner
UPDATE uploads SET person_id = $4 WHERE city_id = $1 AND photo_id = $2 AND device_id = $3;

-- name: uploads_verified_page
SELECT upload_id, photo_id, form, media, sha256, length, received, device_id, person_id, created_ms, expires_ms,
  verified_ms
FROM uploads WHERE city_id = $1 AND photo_id > $2 AND verified_ms IS NOT NULL ORDER BY photo_id, sha256 LIMIT $3;

-- name: uploads_with_hash
SELECT upload_id, photo_id, form, media, sha256, length, received, device_id, person_id, created_ms, expires_ms,
  verified_ms
FROM uploads WHERE city_id = $1 AND sha256 = $2 AND verified_ms IS NOT NULL ORDER BY verified_ms, upload_id LIMIT 50;

-- name: uploads_expired
SELECT upload_id FROM uploads WHERE city_id = $1 AND verified_ms IS NULL AND expires_ms < $2
ORDER BY expires_ms LIMIT 500;

-- name: uploads_verified_hashes
SELECT DISTINCT sha256, length FROM uploads WHERE city_id = $1 AND verified_ms IS NOT NULL ORDER BY sha256;

-- name: upload_counts
SELECT COUNT(*) FILTER (WHERE verified_ms IS NOT NULL), COUNT(*) FILTER (WHERE verified_ms IS NULL)
FROM uploads WHERE city_id = $1;

-- name: rendition_add
INSERT INTO rendition_jobs (city_id, photo_id, sha256) VALUES ($1, $2, $3)
ON CONFLICT (city_id, photo_id) DO UPDATE SET sha256 = excluded.sha256, tries = 0, done_ms = NULL, problem = NULL
WHERE rendition_jobs.sha256 <> excluded.sha256;

-- name: rendition_first
INSERT INTO rendition_jobs (city_id, photo_id, sha256) VALUES ($1, $2, $3)
ON CONFLICT (city_id, photo_id) DO UPDATE SET tries = 0, done_ms = NULL, problem = NULL;

-- name: renditions_open
SELECT j.photo_id, j.sha256, j.tries FROM rendition_jobs AS j
WHERE j.city_id = $1 AND j.done_ms IS NULL AND j.tries < 3
  AND EXISTS (SELECT 1 FROM uploads AS o WHERE o.city_id = $1 AND o.photo_id = j.photo_id AND o.sha256 = j.sha256
    AND o.verified_ms IS NOT NULL)
  AND NOT EXISTS (SELECT 1 FROM uploads AS w WHERE w.city_id = $1 AND w.photo_id = j.photo_id AND w.form = 'working'
    AND w.verified_ms IS NULL)
ORDER BY j.photo_id LIMIT $2;

-- name: rendition_tried
UPDATE rendition_jobs SET tries = tries + 1 WHERE city_id = $1 AND photo_id = $2;

-- name: rendition_done
UPDATE rendition_jobs SET done_ms = $3, problem = $4 WHERE city_id = $1 AND photo_id = $2;

-- name: upload_day_count
INSERT INTO upload_days (city_id, device_id, day, bytes) VALUES ($1, $2, $3, $4)
ON CONFLICT (city_id, device_id, day) DO UPDATE SET bytes = upload_days.bytes + excluded.bytes
RETURNING bytes;

-- name: upload_days_sweep
DELETE FROM upload_days WHERE city_id = $1 AND day < $2;
