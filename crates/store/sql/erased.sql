-- What was erased, and taking it out of everything that held it.
-- name: erased_any
SELECT 1 FROM erased WHERE city_id = $1 LIMIT 1;
-- name: erased_load
SELECT kind, id, erasure FROM erased WHERE city_id = $1 AND kind = $2 AND id = $3;
-- name: erased_all
SELECT kind, id, erasure FROM erased WHERE city_id = $1 AND kind NOT IN ('part', 'file') ORDER BY kind, id;
-- name: erased_untold
SELECT kind, id, erasure FROM erased WHERE city_id = $1 AND told = 0 ORDER BY kind, id;
-- name: erased_add
INSERT INTO erased (city_id, kind, id, erasure) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING;
-- name: erased_again
UPDATE erased SET told = 0 WHERE city_id = $1 AND kind = $2 AND id = $3;
-- name: erased_told
UPDATE erased SET told = 1 WHERE city_id = $1 AND kind = $2 AND id = $3;
-- name: erase_op
UPDATE ops SET body = $3 WHERE city_id = $1 AND op_id = $2;
-- name: erase_quarantine
UPDATE quarantine SET body = $3, detail = '' WHERE city_id = $1 AND op_id = $2;
-- name: uploads_of_bytes
SELECT upload_id, photo_id, sha256, person_id, verified_ms FROM uploads WHERE city_id = $1 AND sha256 = $2;
-- name: uploads_of_any_state
SELECT upload_id, photo_id, sha256, person_id, verified_ms FROM uploads WHERE city_id = $1 AND photo_id = $2;
-- name: erase_upload
DELETE FROM uploads WHERE city_id = $1 AND upload_id = $2;
-- name: erase_rendition
DELETE FROM rendition_jobs WHERE city_id = $1 AND photo_id = $2;
