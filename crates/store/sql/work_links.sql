-- Work links.
-- name: append_work_link
INSERT INTO work_links (city_id, link_id, case_id, round, issuer, device_id, created_ms, expires_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);
-- name: work_link
SELECT link_id, case_id, round, issuer, device_id, created_ms, expires_ms, revoked_ms, opened
FROM work_links WHERE city_id = $1 AND link_id = $2;
-- name: work_links_of_case
SELECT link_id, case_id, round, issuer, device_id, created_ms, expires_ms, revoked_ms, opened
FROM work_links WHERE city_id = $1 AND case_id = $2 ORDER BY created_ms, link_id;
-- name: revoke_work_link
UPDATE work_links SET revoked_ms = $4 WHERE city_id = $1 AND case_id = $2 AND link_id = $3 AND revoked_ms IS NULL;
-- name: count_work_link
UPDATE work_links SET opened = opened + 1 WHERE city_id = $1 AND link_id = $2;
