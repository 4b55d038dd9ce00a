-- Hashes of photos: which look like which.

-- name: hash_save
INSERT INTO photo_hashes (city_id, photo_id, sha256, phash, at_ms) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (city_id, photo_id) DO NOTHING;

-- name: band_save
INSERT INTO photo_bands (city_id, band, photo_id) VALUES ($1, $2, $3) ON CONFLICT (city_id, band, photo_id) DO NOTHING;

-- name: hash_load
SELECT sha256, phash, at_ms FROM photo_hashes WHERE city_id = $1 AND photo_id = $2;

-- name: same_bytes
SELECT photo_id, at_ms FROM photo_hashes WHERE city_id = $1 AND sha256 = $2 AND photo_id <> $3
ORDER BY at_ms, photo_id LIMIT 5;

-- name: alike
SELECT h.photo_id, h.phash, h.at_ms
FROM photo_bands b JOIN photo_hashes h ON h.city_id = b.city_id AND h.photo_id = b.photo_id
WHERE b.city_id = $1 AND b.band = $2 AND b.photo_id <> $3 LIMIT 2000;

-- name: hash_forget
DELETE FROM photo_hashes WHERE city_id = $1 AND photo_id = $2;

-- name: bands_forget
DELETE FROM photo_bands WHERE city_id = $1 AND band = $2 AND photo_id = $3;
