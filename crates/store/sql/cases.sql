-- What lists ask for. The scope is a parameter of each list: one feed, or the whole city for those who read it.
-- name: save_case
INSERT INTO cases (city_id, case_id, state, open, town, grid, lead, item, source, urgent, short_n, short_town, lat,
                   lon, conflicts, pending, captured_ms, received_ms, updated_ms, next_ms, draw_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
ON CONFLICT (city_id, case_id) DO UPDATE
SET state = excluded.state, open = excluded.open, town = excluded.town, grid = excluded.grid, lead = excluded.lead,
    item = excluded.item, source = excluded.source, urgent = excluded.urgent, short_n = excluded.short_n,
    short_town = excluded.short_town, lat = excluded.lat, lon = excluded.lon, conflicts = excluded.conflicts,
    pending = excluded.pending, updated_ms = excluded.updated_ms, next_ms = excluded.next_ms, draw_ms = excluded.draw_ms;
-- name: list_city
SELECT c.case_id, c.received_ms, r.body
FROM cases c JOIN rows r ON r.city_id = c.city_id AND r.case_id = c.case_id AND r.kind = 'case'
WHERE c.city_id = $1 AND (c.received_ms, c.case_id) < ($2, $3)
  AND (c.state = $4 OR $4 IS NULL) AND (c.town = $5 OR $5 IS NULL) AND (c.grid = $6 OR $6 IS NULL)
  AND (c.lead = $7 OR $7 IS NULL) AND (c.item = $8 OR $8 IS NULL) AND (c.source = $9 OR $9 IS NULL)
  AND (c.urgent = $10 OR $10 IS NULL) AND (c.open = $11 OR $11 IS NULL) AND (c.short_n = $12 OR $12 IS NULL)
  AND (c.updated_ms >= $13 OR $13 IS NULL)
ORDER BY c.received_ms DESC, c.case_id DESC LIMIT $14;
-- name: list_feed
SELECT c.case_id, c.received_ms, r.body
FROM feed_heads h
JOIN feed_items f ON f.city_id = h.city_id AND f.feed_n = h.feed_n
JOIN rows r ON r.city_id = f.city_id AND r.kind = f.kind AND r.id = f.id
JOIN cases c ON c.city_id = r.city_id AND c.case_id = r.case_id
WHERE c.city_id = $1 AND (c.received_ms, c.case_id) < ($2, $3)
  AND (c.state = $4 OR $4 IS NULL) AND (c.town = $5 OR $5 IS NULL) AND (c.grid = $6 OR $6 IS NULL)
  AND (c.lead = $7 OR $7 IS NULL) AND (c.item = $8 OR $8 IS NULL) AND (c.source = $9 OR $9 IS NULL)
  AND (c.urgent = $10 OR $10 IS NULL) AND (c.open = $11 OR $11 IS NULL) AND (c.short_n = $12 OR $12 IS NULL)
  AND (c.updated_ms >= $13 OR $13 IS NULL)
  AND h.city_id = $1 AND h.feed = $15 AND f.kind = 'case' AND f.gone = 0
ORDER BY c.received_ms DESC, c.case_id DESC LIMIT $14;
-- name: count_city
SELECT state, COUNT(*) FROM cases WHERE city_id = $1 GROUP BY state ORDER BY state;
-- name: cases_next
SELECT case_id FROM cases WHERE city_id = $1 AND next_ms IS NOT NULL AND next_ms <= $2 ORDER BY next_ms LIMIT $3;
-- name: cases_draw
SELECT case_id FROM cases WHERE city_id = $1 AND draw_ms IS NOT NULL AND draw_ms <= $2 ORDER BY draw_ms LIMIT $3;
-- name: cases_near
SELECT r.body
FROM cases c JOIN rows r ON r.city_id = c.city_id AND r.case_id = c.case_id AND r.kind = 'case'
WHERE c.city_id = $1 AND c.lat IS NOT NULL AND c.lat BETWEEN $2 AND $3 AND c.lon BETWEEN $4 AND $5
ORDER BY c.received_ms DESC LIMIT $6;
