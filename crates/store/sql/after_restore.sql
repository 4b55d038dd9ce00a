-- Ops offered again after a new epoch that no longer fit.
-- name: after_restore_add
INSERT INTO after_restore (city_id, op_id, at_ms, former, verdict) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING;
-- name: after_restore_page
SELECT a.op_id, a.at_ms, a.former, COALESCE(o.verdict, a.verdict), o.kind, o.case_id, o.device_id, o.author
FROM after_restore a LEFT JOIN ops o ON o.city_id = a.city_id AND o.op_id = a.op_id
WHERE a.city_id = $1 AND (a.at_ms, a.op_id) > ($2, $3) AND COALESCE(o.verdict, a.verdict) <> a.former
ORDER BY a.at_ms, a.op_id LIMIT $4;
-- name: after_restore_count
SELECT COUNT(*) FROM after_restore a LEFT JOIN ops o ON o.city_id = a.city_id AND o.op_id = a.op_id
WHERE a.city_id = $1 AND COALESCE(o.verdict, a.verdict) <> a.former;
