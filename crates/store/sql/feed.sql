-- Rows and the feeds they stand in (protocol 8).
-- name: load_row
SELECT kind, id, case_id, epoch, n, hash, body FROM rows WHERE city_id = $1 AND kind = $2 AND id = $3;
-- name: rows_of_case
SELECT kind, id, case_id, epoch, n, hash, body FROM rows WHERE city_id = $1 AND case_id = $2 ORDER BY kind, id;
-- name: rows_of_kind
SELECT kind, id, case_id, epoch, n, hash, body FROM rows WHERE city_id = $1 AND kind = $2 ORDER BY id;
-- name: row_rev
SELECT kind, id, epoch, n, hash FROM rows WHERE city_id = $1 AND kind = $2 AND id = $3;
-- name: save_row
INSERT INTO rows (city_id, kind, id, case_id, epoch, n, hash, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (city_id, kind, id) DO UPDATE
SET case_id = excluded.case_id, epoch = excluded.epoch, n = excluded.n, hash = excluded.hash, body = excluded.body;
-- name: drop_row
DELETE FROM rows WHERE city_id = $1 AND kind = $2 AND id = $3;
-- name: load_head
SELECT feed, seq, count, digest, min_seq FROM feed_heads WHERE city_id = $1 AND feed = $2;
-- name: all_heads
SELECT feed, seq, count, digest, min_seq FROM feed_heads WHERE city_id = $1 ORDER BY feed;
-- name: save_head
INSERT INTO feed_heads (city_id, feed, seq, count, digest) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (city_id, feed) DO UPDATE SET seq = excluded.seq, count = excluded.count, digest = excluded.digest;
-- name: stands_in
SELECT feed, kind, id FROM feed_items WHERE city_id = $1 AND feed = $2 AND kind = $3 AND id = $4 AND gone = 0;
-- name: save_item
INSERT INTO feed_items (city_id, feed, seq, kind, id, gone) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (city_id, feed, kind, id) DO UPDATE SET seq = excluded.seq, gone = excluded.gone;
-- name: items_after
SELECT i.seq, i.kind, i.id, i.gone, r.epoch, r.n, r.body
FROM feed_items i LEFT JOIN rows r ON r.city_id = i.city_id AND r.kind = i.kind AND r.id = i.id
WHERE i.city_id = $1 AND i.feed = $2 AND i.seq > $3 ORDER BY i.seq LIMIT $4;
-- name: entries
SELECT r.kind, r.id, r.epoch, r.n, r.hash
FROM feed_items i JOIN rows r ON r.city_id = i.city_id AND r.kind = i.kind AND r.id = i.id
WHERE i.city_id = $1 AND i.feed = $2 AND i.gone = 0;
-- name: feeds_of
SELECT kind, id, feed FROM feed_items WHERE city_id = $1 AND kind = $2 AND id = $3 AND gone = 0;
