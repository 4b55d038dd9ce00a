-- Ops, what they landed on, what waits, what is kept in quarantine.
-- name: load_op
SELECT op_id, n, device_id, device_seq, author, kind, case_id, body, hash, received_ms, captured_ms, clock_class,
       claimed_ms, verdict, landed
FROM ops WHERE city_id = $1 AND op_id = $2;
-- name: last_n
SELECT COALESCE(MAX(n), 0) FROM ops WHERE city_id = $1;
-- What a group of writes begins with: three facts by key, the newest number, and whether there is any of three things.
-- name: outset
SELECT (SELECT value FROM city_meta WHERE city_id = $1 AND key = $2),
       (SELECT value FROM city_meta WHERE city_id = $1 AND key = $3),
       (SELECT value FROM city_meta WHERE city_id = $1 AND key = $4),
       (SELECT COALESCE(MAX(n), 0) FROM ops WHERE city_id = $1),
       (SELECT COUNT(*) FROM (SELECT 1 FROM waiting WHERE city_id = $1 LIMIT 1) w),
       (SELECT COUNT(*) FROM (SELECT 1 FROM quarantine WHERE city_id = $1 AND released_ms IS NULL LIMIT 1) q),
       (SELECT COUNT(*) FROM (SELECT 1 FROM erased WHERE city_id = $1 LIMIT 1) e);
-- name: append_op
INSERT INTO ops (city_id, op_id, n, device_id, device_seq, author, kind, case_id, body, hash, received_ms,
                 captured_ms, clock_class, claimed_ms, verdict, final, landed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17);
-- name: save_verdict
UPDATE ops SET verdict = $3, final = $4, landed = $5 WHERE city_id = $1 AND op_id = $2;
-- name: add_op_case
INSERT INTO op_cases (city_id, case_id, n, op_id) VALUES ($1, $2, $3, $4);
-- name: append_op_case
INSERT INTO op_cases (city_id, case_id, n, op_id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING;
-- name: ops_of_case
SELECT o.op_id, o.n, o.device_id, o.device_seq, o.author, o.kind, o.case_id, o.body, o.hash, o.received_ms,
       o.captured_ms, o.clock_class, o.claimed_ms, o.verdict, o.landed
FROM op_cases c JOIN ops o ON o.city_id = c.city_id AND o.op_id = c.op_id
WHERE c.city_id = $1 AND c.case_id = $2 ORDER BY c.n;
-- name: opened_by
SELECT case_id, verdict FROM ops
WHERE city_id = $1 AND author = $2 AND kind IN ('report', 'self_fixed') AND received_ms >= $3 AND case_id IS NOT NULL;
-- name: holders
SELECT device_id, device_seq, op_id FROM ops WHERE city_id = $1 AND device_id = $2 AND device_seq BETWEEN $3 AND $4;
-- name: seqs_after
SELECT device_seq FROM ops WHERE city_id = $1 AND device_id = $2 AND device_seq > $3
UNION SELECT device_seq FROM stored_seqs WHERE city_id = $1 AND device_id = $2 AND device_seq > $3
ORDER BY device_seq LIMIT $4;
-- name: seq_stored
SELECT device_id, device_seq FROM ops WHERE city_id = $1 AND device_id = $2 AND device_seq = $3
UNION SELECT device_id, device_seq FROM stored_seqs WHERE city_id = $1 AND device_id = $2 AND device_seq = $3;
-- name: save_stored_seq
INSERT INTO stored_seqs (city_id, device_id, device_seq) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING;
-- name: load_waiting
SELECT awaited, op_id FROM waiting WHERE city_id = $1 AND awaited = $2;
-- name: append_waiting
INSERT INTO waiting (city_id, awaited, op_id, since_ms) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING;
-- name: end_waiting
DELETE FROM waiting WHERE city_id = $1 AND op_id = $2;
-- name: awaited_by
SELECT awaited FROM waiting WHERE city_id = $1 AND op_id = $2 ORDER BY awaited;
-- name: undecided_before
SELECT op_id FROM ops WHERE city_id = $1 AND final = 0 AND received_ms < $2 ORDER BY n LIMIT $3;
-- name: undecided_report
SELECT 1 FROM ops WHERE city_id = $1 AND final = 0 AND case_id = $2 AND kind IN ('report', 'self_fixed') LIMIT 1;
-- name: load_quarantine
SELECT op_id, hash, device_id, carrier, cause, detail, body, at_ms, released_ms, sent, verdict
FROM quarantine WHERE city_id = $1 AND op_id = $2 AND hash = $3;
-- name: page_quarantine
SELECT op_id, hash, device_id, carrier, cause, detail, body, at_ms, released_ms, sent, verdict
FROM quarantine WHERE city_id = $1 AND released_ms IS NULL AND (at_ms, op_id, hash) > ($2, $3, $4)
ORDER BY at_ms, op_id, hash LIMIT $5;
-- name: page_quarantine_of
SELECT op_id, hash, device_id, carrier, cause, detail, body, at_ms, released_ms, sent, verdict
FROM quarantine WHERE city_id = $1 AND cause = $6 AND released_ms IS NULL AND (at_ms, op_id, hash) > ($2, $3, $4)
ORDER BY at_ms, op_id, hash LIMIT $5;
-- name: append_quarantine
INSERT INTO quarantine (city_id, op_id, hash, device_id, carrier, cause, detail, body, at_ms, sent)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (city_id, op_id, hash) DO UPDATE SET
  cause = excluded.cause, detail = excluded.detail, at_ms = excluded.at_ms, released_ms = NULL, verdict = NULL
WHERE quarantine.city_id = $1 AND quarantine.released_ms IS NOT NULL;
-- name: take_over_quarantine
UPDATE quarantine SET cause = $4, detail = $5, carrier = $6, at_ms = $7, sent = $8
WHERE city_id = $1 AND op_id = $2 AND hash = $3 AND released_ms IS NULL AND (carrier <> $6 OR cause <> $4);
-- name: release_quarantine
UPDATE quarantine SET released_ms = $4 WHERE city_id = $1 AND op_id = $2 AND hash = $3 AND released_ms IS NULL;
-- name: decide_quarantine
UPDATE quarantine SET released_ms = $4, verdict = $5 WHERE city_id = $1 AND op_id = $2 AND hash = $3;
-- name: load_trying
SELECT op_id FROM trying WHERE city_id = $1 AND op_id = $2 AND run <> $3
  AND NOT EXISTS (SELECT 1 FROM nodes AS o WHERE o.city_id = $1 AND o.run = trying.run AND o.alive_ms > $4);
-- name: append_trying
INSERT INTO trying (city_id, op_id, run) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING;
-- name: end_trying
DELETE FROM trying WHERE city_id = $1 AND op_id = $2;
