-- Notices that leave: channels, and the outbox that is the log as well.
-- name: notice_channels
SELECT channel_id, shape, name, targets, kinds, host, sealed, quiet_from, quiet_to, enabled, created_ms
FROM notice_channels WHERE city_id = $1 ORDER BY created_ms, channel_id;
-- name: notice_channel
SELECT channel_id, shape, name, targets, kinds, host, sealed, quiet_from, quiet_to, enabled, created_ms
FROM notice_channels WHERE city_id = $1 AND channel_id = $2;
-- name: save_notice_channel
INSERT INTO notice_channels (city_id, channel_id, shape, name, targets, kinds, host, sealed, quiet_from, quiet_to,
                             enabled, created_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (city_id, channel_id) DO UPDATE SET
  shape = excluded.shape, name = excluded.name, targets = excluded.targets, kinds = excluded.kinds,
  host = excluded.host, sealed = excluded.sealed, quiet_from = excluded.quiet_from, quiet_to = excluded.quiet_to,
  enabled = excluded.enabled;
-- name: remove_notice_channel
DELETE FROM notice_channels WHERE city_id = $1 AND channel_id = $2;
-- name: append_notice
INSERT INTO notices (city_id, notice_id, channel_id, about, kind, mark, line, urgent, created_ms, ready_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING;
-- name: notices_ready
SELECT notice_id, channel_id, about, kind, line, urgent, created_ms, ready_ms, state, tries, ended_ms, problem
FROM notices WHERE city_id = $1 AND channel_id = $2 AND state = 'waiting' AND ready_ms <= $3
ORDER BY notice_id LIMIT $4;
-- name: notices_next
SELECT MIN(ready_ms) FROM notices WHERE city_id = $1 AND channel_id = $2 AND state = 'waiting';
-- name: end_notice
UPDATE notices SET state = $3, tries = $4, batch = $5, ended_ms = $6, problem = $7
WHERE city_id = $1 AND notice_id = $2 AND state = 'waiting';
-- name: put_off_notice
UPDATE notices SET tries = $3, ready_ms = $4, problem = $5
WHERE city_id = $1 AND notice_id = $2 AND state = 'waiting';
-- name: drop_notices
UPDATE notices SET state = 'dropped', ended_ms = $3, problem = $4
WHERE city_id = $1 AND channel_id = $2 AND state = 'waiting';
-- name: list_notices
SELECT notice_id, channel_id, about, kind, line, urgent, created_ms, ready_ms, state, tries, ended_ms, problem
FROM notices WHERE city_id = $1 AND notice_id < $2 AND (state = $3 OR $3 IS NULL) AND (channel_id = $4 OR $4 IS NULL)
ORDER BY notice_id DESC LIMIT $5;
-- name: sweep_notices
DELETE FROM notices WHERE city_id = $1 AND ended_ms < $2;
