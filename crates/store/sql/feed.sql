-- Rows and the feeds they stand in (protocol 8).
-- name: load_row
SELECT kind, id, case_id, epoch, n, hash, body FROM rows
WHERE city_id = $1 AND kind = $2 AND id = $3 AND body IS NOT NULL;
-- The case itself and its people by their keys ($3 its id in words, $4 and $5 from and to of theirs), the rest by the case.
-- name: rows_of_case
SELECT kind, id, case_id, epoch, n, hash, body FROM rows
WHERE city_id = $1 AND kind = 'case' AND id = $3 AND body IS NOT NULL
UNION ALL
SELECT kind, id, case_id, epoch, n, hash, body FROM rows
WHERE city_id = $1 AND kind = 'person' AND id >= $4 AND id < $5 AND body IS NOT NULL
UNION ALL
SELECT kind, id, case_id, epoch, n, hash, body FROM rows
WHERE city_id = $1 AND case_id = $2 AND kind <> 'case' AND kind <> 'person' AND body IS NOT NULL
ORDER BY kind, id;
-- name: rows_of_kind
SELECT kind, id, case_id, epoch, n, hash, body FROM rows
WHERE city_id = $1 AND kind = $2 AND body IS NOT NULL ORDER BY id;
-- name: row_rev
SELECT kind, id, epoch, n, hash, stands FROM rows WHERE city_id = $1 AND kind = $2 AND id = $3;
-- name: add_row
INSERT INTO rows (city_id, kind, id, case_id, epoch, n, hash, body, stands) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);
-- name: change_row
UPDATE rows SET case_id = $4, epoch = $5, n = $6, hash = $7, body = $8, stands = $9
WHERE city_id = $1 AND kind = $2 AND id = $3;
-- name: move_row
UPDATE rows SET stands = $4 WHERE city_id = $1 AND kind = $2 AND id = $3;
-- name: drop_row
UPDATE rows SET body = NULL, stands = $4 WHERE city_id = $1 AND kind = $2 AND id = $3;
-- name: load_head
SELECT feed, feed_n, seq, count, digest, min_seq FROM feed_heads WHERE city_id = $1 AND feed = $2;
-- name: all_heads
SELECT feed, feed_n, seq, count, digest, min_seq FROM feed_heads WHERE city_id = $1 ORDER BY feed;
-- name: last_feed_n
SELECT COALESCE(MAX(feed_n), 0) FROM feed_heads WHERE city_id = $1;
-- name: save_head
INSERT INTO feed_heads (city_id, feed, feed_n, seq, count, digest) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (city_id, feed) DO UPDATE SET seq = excluded.seq, count = excluded.count, digest = excluded.digest;
-- name: end_item
DELETE FROM feed_items WHERE city_id = $1 AND feed_n = $2 AND seq = $3;
-- name: save_item
INSERT INTO feed_items (city_id, feed_n, seq, kind, id, gone) VALUES ($1, $2, $3, $4, $5, $6);
-- name: items_after
SELECT i.seq, i.kind, i.id, i.gone, r.epoch, r.n, r.body, i.feed_n
FROM feed_items i LEFT JOIN rows r ON r.city_id = i.city_id AND r.kind = i.kind AND r.id = i.id
WHERE i.city_id = $1 AND i.feed_n = $2 AND i.seq > $3 ORDER BY i.seq LIMIT $4;
-- name: entries
SELECT r.kind, r.id, r.epoch, r.n, r.hash
FROM feed_items i JOIN rows r ON r.city_id = i.city_id AND r.kind = i.kind AND r.id = i.id
WHERE i.city_id = $1 AND i.feed_n = $2 AND i.gone = 0;
-- name: feed_of_n
SELECT feed_n, feed FROM feed_heads WHERE city_id = $1 AND feed_n = $2;
