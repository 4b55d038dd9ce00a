-- Rows and the feeds they stand in (protocol 8).
-- name: load_row
SELECT kind, id, case_id, epoch, n, hash, body FROM rows
WHERE city_id = $1 AND kind = $2 AND id = $3 AND body IS NOT NULL;
-- What else is of a case: its people by their keys ($3 and $4 from and to), the rest by the case. The case itself is a row by its key.
-- name: rows_of_case
SELECT kind, id, case_id, epoch, n, hash, body FROM rows
WHERE city_id = $1 AND kind = 'person' AND id >= $3 AND id < $4 AND body IS NOT NULL
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
-- name: save_run
INSERT INTO feed_runs (city_id, feed_n, seq, many, items) VALUES ($1, $2, $3, $4, $5);
-- name: change_run
UPDATE feed_runs SET items = $4 WHERE city_id = $1 AND feed_n = $2 AND seq = $3;
-- name: end_run
DELETE FROM feed_runs WHERE city_id = $1 AND feed_n = $2 AND seq = $3;
-- name: end_run_of_one
DELETE FROM feed_runs WHERE city_id = $1 AND feed_n = $2 AND seq = $3 AND many = 0;
-- The run that a seq stands in, if it stands in one.
-- name: run_at
SELECT feed_n, seq, items FROM feed_runs WHERE city_id = $1 AND feed_n = $2 AND seq >= $3 ORDER BY seq LIMIT 1;
-- name: runs_after
SELECT feed_n, seq, items FROM feed_runs WHERE city_id = $1 AND feed_n = $2 AND seq > $3 ORDER BY seq LIMIT $4;
-- name: feed_of_n
SELECT feed_n, feed FROM feed_heads WHERE city_id = $1 AND feed_n = $2;
