-- Work that is handed in.

-- name: count_handed_in
UPDATE devices SET handed_in = handed_in + $3 WHERE city_id = $1 AND device_id = $2;

-- name: load_handed_in
SELECT handed_in FROM devices WHERE city_id = $1 AND device_id = $2;

-- name: save_hand_in
INSERT INTO hand_ins (city_id, manifest, device_id, carrier, at_ms, ops, photos) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (city_id, manifest) DO UPDATE SET times = hand_ins.times + 1
RETURNING times;
