-- Devices (enrolments) and enrolment codes.

-- name: device_load
SELECT device_id, person_id, desk, key_alg, public_key, label, app, tag_prefix, enrolled_ms, state, revoked_ms,
  last_seen_ms, received_through
FROM devices WHERE city_id = $1 AND device_id = $2;

-- name: devices_of
SELECT device_id, person_id, desk, key_alg, public_key, label, app, tag_prefix, enrolled_ms, state, revoked_ms,
  last_seen_ms, received_through
FROM devices WHERE city_id = $1 AND person_id = $2 ORDER BY enrolled_ms, device_id;

-- name: devices_all
SELECT device_id, person_id, desk, key_alg, public_key, label, app, tag_prefix, enrolled_ms, state, revoked_ms,
  last_seen_ms, received_through
FROM devices WHERE city_id = $1 AND desk = 0 ORDER BY enrolled_ms, device_id;

-- name: device_save
INSERT INTO devices (city_id, device_id, person_id, desk, key_alg, public_key, label, app, tag_prefix, enrolled_ms,
  state, received_through)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);

-- name: device_state
UPDATE devices SET state = $3, revoked_ms = $4 WHERE city_id = $1 AND device_id = $2;

-- name: device_seen
UPDATE devices SET last_seen_ms = $3 WHERE city_id = $1 AND device_id = $2;

-- name: device_received
UPDATE devices SET received_through = $3 WHERE city_id = $1 AND device_id = $2 AND received_through < $3;

-- name: device_cloned
UPDATE devices SET state = 'cloned' WHERE city_id = $1 AND device_id = $2 AND state = 'active';

-- name: device_next_prefix
SELECT COALESCE(MAX(tag_prefix), 0) + 1 FROM devices WHERE city_id = $1 AND desk = 0;

-- name: code_save
INSERT INTO enrol_codes (city_id, code_hash, person_id, created_ms, expires_ms) VALUES ($1, $2, $3, $4, $5);

-- name: code_load
SELECT person_id, expires_ms, used_ms FROM enrol_codes WHERE city_id = $1 AND code_hash = $2;

-- name: code_use
UPDATE enrol_codes SET used_ms = $3
WHERE city_id = $1 AND code_hash = $2 AND used_ms IS NULL AND expires_ms > $3;

-- name: code_sweep
DELETE FROM enrol_codes WHERE city_id = $1 AND expires_ms < $2;

-- name: report_save
INSERT INTO device_reports (city_id, device_id, seen_ms, app, unsent_ops, unsent_photos, unsent_since_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (city_id, device_id) DO UPDATE SET seen_ms = excluded.seen_ms, app = excluded.app,
  unsent_ops = excluded.unsent_ops, unsent_photos = excluded.unsent_photos,
  unsent_since_ms = excluded.unsent_since_ms;

-- name: report_seen
INSERT INTO device_reports (city_id, device_id, seen_ms) VALUES ($1, $2, $3)
ON CONFLICT (city_id, device_id) DO UPDATE SET seen_ms = excluded.seen_ms;

-- name: reports_all
SELECT device_id, seen_ms, app, unsent_ops, unsent_photos, unsent_since_ms FROM device_reports WHERE city_id = $1
ORDER BY device_id;
