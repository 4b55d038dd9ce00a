-- Refresh token families, proof nonces, desk sessions.

-- name: family_load
SELECT family_id, device_id, current_hash, previous_hash, generation, used_ms, rotated_ms, revoked_ms
FROM token_families WHERE city_id = $1 AND family_id = $2;

-- name: family_save
INSERT INTO token_families (city_id, family_id, device_id, current_hash, generation, created_ms, rotated_ms)
VALUES ($1, $2, $3, $4, 1, $5, $5);

-- name: family_rotate
UPDATE token_families
SET current_hash = $3, previous_hash = $4, generation = generation + 1, used_ms = NULL, rotated_ms = $5
WHERE city_id = $1 AND family_id = $2;

-- name: family_found_again
UPDATE token_families
SET current_hash = $3, previous_hash = $4, generation = $6, used_ms = NULL, rotated_ms = $5
WHERE city_id = $1 AND family_id = $2;

-- name: family_used
UPDATE token_families SET used_ms = $4
WHERE city_id = $1 AND family_id = $2 AND generation = $3 AND used_ms IS NULL;

-- name: family_revoke
UPDATE token_families SET revoked_ms = $3 WHERE city_id = $1 AND family_id = $2 AND revoked_ms IS NULL;

-- name: families_revoke_device
UPDATE token_families SET revoked_ms = $3 WHERE city_id = $1 AND device_id = $2 AND revoked_ms IS NULL;

-- name: nonce_save
INSERT INTO proof_nonces (city_id, device_id, nonce_hash, at_ms) VALUES ($1, $2, $3, $4)
ON CONFLICT (city_id, device_id, nonce_hash) DO NOTHING;

-- name: nonce_sweep
DELETE FROM proof_nonces WHERE city_id = $1 AND device_id = $2 AND at_ms < $3;

-- name: session_load
SELECT person_id, device_id, created_ms, seen_ms, expires_ms, label FROM sessions
WHERE city_id = $1 AND session_hash = $2;

-- name: sessions_of
SELECT person_id, device_id, created_ms, seen_ms, expires_ms, label FROM sessions
WHERE city_id = $1 AND person_id = $2 ORDER BY created_ms, device_id;

-- name: session_save
INSERT INTO sessions (city_id, session_hash, person_id, device_id, created_ms, seen_ms, expires_ms, label)
VALUES ($1, $2, $3, $4, $5, $5, $6, $7);

-- name: session_seen
UPDATE sessions SET seen_ms = $3 WHERE city_id = $1 AND session_hash = $2 AND seen_ms < $3;

-- name: session_end
DELETE FROM sessions WHERE city_id = $1 AND session_hash = $2;

-- name: session_end_device
DELETE FROM sessions WHERE city_id = $1 AND person_id = $2 AND device_id = $3;

-- name: session_sweep
DELETE FROM sessions WHERE city_id = $1 AND (expires_ms < $2 OR seen_ms < $3);
