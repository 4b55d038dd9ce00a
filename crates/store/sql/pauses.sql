-- Pauses of the city's clocks.

-- name: pause_save
INSERT INTO pauses (city_id, pause_id, town, from_ms, to_ms, reason, person_id, device_id, at_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (city_id, pause_id) DO UPDATE
SET to_ms = excluded.to_ms, reason = excluded.reason, person_id = excluded.person_id, device_id = excluded.device_id;

-- name: pauses_since
SELECT pause_id, town, from_ms, to_ms, reason, person_id, device_id, at_ms FROM pauses
WHERE city_id = $1 AND to_ms >= $2 ORDER BY from_ms, pause_id;
