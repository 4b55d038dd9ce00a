-- What lists ask for. Each of the `by_` statements walks one index in the order of the list and asks the rest of each case on
-- its way; which one is taken is decided in `cases/choose.rs`. They have the same numbers: $2 $3 the place that the page
-- begins behind, $4 states, $5 to $20 the filter, $21 to $24 two beginnings of words, $25 how many, $26 what the walk is by.
-- What they share stands once: a line `-- use: part` is the part in its place.
-- part: filtered
  AND ((c.state_bit & $4) <> 0 OR $4 = 0) AND (c.town = $5 OR $5 IS NULL) AND (c.grid = $6 OR $6 IS NULL)
  AND (c.lead = $7 OR $7 IS NULL) AND (c.item = $8 OR $8 IS NULL) AND (c.source = $9 OR $9 IS NULL)
  AND (c.urgent = $10 OR $10 IS NULL) AND (c.open = $11 OR $11 IS NULL) AND (c.supervised = $12 OR $12 IS NULL)
  AND (c.hung = $13 OR $13 IS NULL) AND (c.returned = $14 OR $14 IS NULL) AND (c.relapsed = $15 OR $15 IS NULL)
  AND (c.due_ms >= $16 OR $16 IS NULL) AND (c.due_ms < $17 OR $17 IS NULL)
  AND (c.due_ms >= $18 OR c.due_ms IS NULL OR $18 IS NULL) AND (c.short_n = $19 OR $19 IS NULL)
-- part: changed
  AND (c.updated_ms >= $20 OR $20 IS NULL)
-- part: first_word
  AND (CAST($21 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM case_grams h WHERE h.city_id = $1 AND h.day = c.received_ms / 86400000
       AND h.gram >= $21 AND h.gram < $22 AND h.case_id = c.case_id))
-- part: second_word
  AND (CAST($23 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM case_grams h WHERE h.city_id = $1 AND h.day = c.received_ms / 86400000
       AND h.gram >= $23 AND h.gram < $24 AND h.case_id = c.case_id))
-- name: save_case
INSERT INTO cases (city_id, case_id, state, open, town, grid, lead, item, source, urgent, short_n, short_town, lat,
                   lon, conflicts, pending, captured_ms, received_ms, updated_ms, state_bit, due_ms, supervised, hung,
                   returned, relapsed, unplaced, next_ms, draw_ms, site_id, self_fixed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27,
        $28, $29, $30)
ON CONFLICT (city_id, case_id) DO UPDATE
SET state = excluded.state, open = excluded.open, town = excluded.town, grid = excluded.grid, lead = excluded.lead,
    item = excluded.item, source = excluded.source, urgent = excluded.urgent, short_n = excluded.short_n,
    short_town = excluded.short_town, lat = excluded.lat, lon = excluded.lon, conflicts = excluded.conflicts,
    pending = excluded.pending, updated_ms = excluded.updated_ms, state_bit = excluded.state_bit,
    due_ms = excluded.due_ms, supervised = excluded.supervised, hung = excluded.hung, returned = excluded.returned,
    relapsed = excluded.relapsed, unplaced = excluded.unplaced,
    next_ms = excluded.next_ms, draw_ms = excluded.draw_ms, site_id = excluded.site_id, self_fixed = excluded.self_fixed;
-- name: save_gram
INSERT INTO case_grams (city_id, day, gram, case_id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING;
-- name: end_gram
DELETE FROM case_grams WHERE city_id = $1 AND day = $2 AND gram = $3 AND case_id = $4;
-- name: save_link
INSERT INTO case_links (city_id, feed, received_ms, case_id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING;
-- name: end_link
DELETE FROM case_links WHERE city_id = $1 AND feed = $2 AND received_ms = $3 AND case_id = $4;
-- name: case_body
SELECT case_id, body FROM rows WHERE city_id = $1 AND case_id = $2 AND kind = 'case' AND body IS NOT NULL;
-- name: cases_after
SELECT case_id FROM cases WHERE city_id = $1 AND case_id > $2 ORDER BY case_id LIMIT $3;
-- name: oldest_case
SELECT received_ms FROM cases WHERE city_id = $1 ORDER BY received_ms LIMIT 1;
-- name: newest_case
SELECT received_ms FROM cases WHERE city_id = $1 ORDER BY received_ms DESC LIMIT 1;
-- name: gram_sample
WITH RECURSIVE days(day) AS (SELECT CAST($4 AS BIGINT) UNION ALL SELECT day - 1 FROM days WHERE day > $5)
SELECT COUNT(*) FROM (
  SELECT 1 FROM days d CROSS JOIN case_grams g
  WHERE g.city_id = $1 AND g.day = d.day AND g.gram >= $2 AND g.gram < $3 LIMIT $6) AS few;
-- name: by_received
SELECT c.case_id, c.received_ms FROM cases c
WHERE c.city_id = $1 AND (c.received_ms, c.case_id) < ($2, $3)
  -- use: filtered
  -- use: changed
  -- use: first_word
  -- use: second_word
ORDER BY c.received_ms DESC, c.case_id DESC LIMIT $25;
-- name: by_state
SELECT c.case_id, c.received_ms FROM cases c
WHERE c.city_id = $1 AND (c.received_ms, c.case_id) < ($2, $3)
  AND c.state = $26
  -- use: filtered
  -- use: changed
  -- use: first_word
  -- use: second_word
ORDER BY c.received_ms DESC, c.case_id DESC LIMIT $25;
-- name: by_town
SELECT c.case_id, c.received_ms FROM cases c
WHERE c.city_id = $1 AND (c.received_ms, c.case_id) < ($2, $3)
  AND c.town = $5
  -- use: filtered
  -- use: changed
  -- use: first_word
  -- use: second_word
ORDER BY c.received_ms DESC, c.case_id DESC LIMIT $25;
-- name: by_grid
SELECT c.case_id, c.received_ms FROM cases c
WHERE c.city_id = $1 AND (c.received_ms, c.case_id) < ($2, $3)
  AND c.grid = $6
  -- use: filtered
  -- use: changed
  -- use: first_word
  -- use: second_word
ORDER BY c.received_ms DESC, c.case_id DESC LIMIT $25;
-- name: by_lead
SELECT c.case_id, c.received_ms FROM cases c
WHERE c.city_id = $1 AND (c.received_ms, c.case_id) < ($2, $3)
  AND c.lead = $7
  -- use: filtered
  -- use: changed
  -- use: first_word
  -- use: second_word
ORDER BY c.received_ms DESC, c.case_id DESC LIMIT $25;
-- name: by_item
SELECT c.case_id, c.received_ms FROM cases c
WHERE c.city_id = $1 AND (c.received_ms, c.case_id) < ($2, $3)
  AND c.item = $8
  -- use: filtered
  -- use: changed
  -- use: first_word
  -- use: second_word
ORDER BY c.received_ms DESC, c.case_id DESC LIMIT $25;
-- name: by_source
SELECT c.case_id, c.received_ms FROM cases c
WHERE c.city_id = $1 AND (c.received_ms, c.case_id) < ($2, $3)
  AND c.source = $9
  -- use: filtered
  -- use: changed
  -- use: first_word
  -- use: second_word
ORDER BY c.received_ms DESC, c.case_id DESC LIMIT $25;
-- name: by_open
SELECT c.case_id, c.received_ms FROM cases c
WHERE c.city_id = $1 AND (c.received_ms, c.case_id) < ($2, $3)
  AND c.open = 1
  -- use: filtered
  AND CAST($20 AS BIGINT) IS NULL
  -- use: first_word
  -- use: second_word
ORDER BY c.received_ms DESC, c.case_id DESC LIMIT $25;
-- name: by_supervised
SELECT c.case_id, c.received_ms FROM cases c
WHERE c.city_id = $1 AND (c.received_ms, c.case_id) < ($2, $3)
  AND c.supervised = 1
  -- use: filtered
  -- use: changed
  -- use: first_word
  -- use: second_word
ORDER BY c.received_ms DESC, c.case_id DESC LIMIT $25;
-- name: by_returned
SELECT c.case_id, c.received_ms FROM cases c
WHERE c.city_id = $1 AND (c.received_ms, c.case_id) < ($2, $3)
  AND c.returned = 1
  -- use: filtered
  -- use: changed
  -- use: first_word
  -- use: second_word
ORDER BY c.received_ms DESC, c.case_id DESC LIMIT $25;
-- name: by_relapsed
SELECT c.case_id, c.received_ms FROM cases c
WHERE c.city_id = $1 AND (c.received_ms, c.case_id) < ($2, $3)
  AND c.relapsed = 1
  -- use: filtered
  -- use: changed
  -- use: first_word
  -- use: second_word
ORDER BY c.received_ms DESC, c.case_id DESC LIMIT $25;
-- name: by_unplaced
SELECT c.case_id, c.received_ms FROM cases c
WHERE c.city_id = $1 AND (c.received_ms, c.case_id) < ($2, $3)
  AND c.unplaced = 1
  -- use: filtered
  -- use: changed
  -- use: first_word
  -- use: second_word
ORDER BY c.received_ms DESC, c.case_id DESC LIMIT $25;
-- name: by_short
SELECT c.case_id, c.received_ms FROM cases c
WHERE c.city_id = $1 AND (c.received_ms, c.case_id) < ($2, $3)
  AND c.short_n = $19
  -- use: filtered
  -- use: changed
  -- use: first_word
  -- use: second_word
ORDER BY c.received_ms DESC, c.case_id DESC LIMIT $25;
-- name: by_link
SELECT c.case_id, c.received_ms FROM case_links l CROSS JOIN cases c
WHERE c.city_id = $1 AND (l.received_ms, l.case_id) < ($2, $3)
  AND l.city_id = $1 AND l.city_id = c.city_id AND l.feed = $26 AND l.received_ms = c.received_ms AND l.case_id = c.case_id
  -- use: filtered
  -- use: changed
  -- use: first_word
  -- use: second_word
ORDER BY l.received_ms DESC, l.case_id DESC LIMIT $25;
-- name: by_due
SELECT c.case_id, c.due_ms FROM cases c
WHERE c.city_id = $1 AND (c.due_ms, c.case_id) > ($2, $3)
  AND c.due_ms IS NOT NULL AND ($26 = 0 OR c.unplaced = 1)
  -- use: filtered
  -- use: changed
  -- use: first_word
  -- use: second_word
ORDER BY c.due_ms, c.case_id LIMIT $25;
-- name: by_due_link
SELECT c.case_id, c.due_ms FROM case_links l CROSS JOIN cases c
WHERE c.city_id = $1 AND (c.due_ms, c.case_id) > ($2, $3)
  AND l.city_id = $1 AND l.feed = $26 AND c.city_id = l.city_id AND c.case_id = l.case_id AND c.due_ms IS NOT NULL
  -- use: filtered
  -- use: changed
  -- use: first_word
  -- use: second_word
ORDER BY c.due_ms, c.case_id LIMIT $25;
-- What changed since $20 among the next 5,000 of the list: nothing is kept in the order of changes, since every op is one.
-- name: by_window
SELECT c.case_id, c.received_ms
FROM (SELECT * FROM cases w WHERE w.city_id = $1 AND (w.received_ms, w.case_id) < ($2, $3)
      ORDER BY w.received_ms DESC, w.case_id DESC LIMIT 5000) AS c
WHERE c.city_id = $1 AND c.updated_ms >= $20
  -- use: filtered
  -- use: first_word
  -- use: second_word
ORDER BY c.received_ms DESC, c.case_id DESC LIMIT $25;
-- name: window_end
SELECT case_id, received_ms FROM cases WHERE city_id = $1 AND (received_ms, case_id) < ($2, $3)
ORDER BY received_ms DESC, case_id DESC LIMIT 1 OFFSET 4999;
-- The days from $26 back to $27 one by one: a word is looked for in each, the newest first (a window of days is one call).
-- A cross join is taken in its order by SQLite: the days first.
-- name: by_gram
WITH RECURSIVE days(day) AS (SELECT CAST($26 AS BIGINT) UNION ALL SELECT day - 1 FROM days WHERE day > $27)
SELECT DISTINCT c.case_id, c.received_ms
FROM days d CROSS JOIN case_grams g CROSS JOIN cases c
WHERE g.city_id = $1 AND g.day = d.day AND g.gram >= $21 AND g.gram < $22 AND c.city_id = $1
  AND c.case_id = g.case_id AND (c.received_ms, c.case_id) < ($2, $3)
  -- use: filtered
  -- use: changed
  -- use: second_word
ORDER BY c.received_ms DESC, c.case_id DESC LIMIT $25;
-- name: open_in
SELECT c.case_id, c.state, c.town, c.lead, c.due_ms, c.supervised, c.urgent FROM cases c
WHERE c.city_id = $1 AND c.open = 1 AND (c.town = $2 OR $2 IS NULL) AND (c.lead = $3 OR $3 IS NULL);
-- name: open_in_grid
SELECT c.case_id, c.state, c.town, c.lead, c.due_ms, c.supervised, c.urgent FROM cases c
WHERE c.city_id = $1 AND c.open = 1 AND c.grid = $2;
-- name: open_unplaced
SELECT c.case_id, c.state, c.town, c.lead, c.due_ms, c.supervised, c.urgent FROM cases c
WHERE c.city_id = $1 AND c.open = 1 AND c.unplaced = 1;
-- name: open_linked
SELECT c.case_id, c.state, c.town, c.lead, c.due_ms, c.supervised, c.urgent FROM case_links l CROSS JOIN cases c
WHERE l.city_id = $1 AND l.feed = $2 AND c.city_id = l.city_id AND c.case_id = l.case_id AND c.city_id = $1
  AND c.open = 1;
-- name: cases_next
SELECT case_id FROM cases WHERE city_id = $1 AND next_ms IS NOT NULL AND next_ms <= $2 ORDER BY next_ms LIMIT $3;
-- name: cases_draw
SELECT case_id FROM cases WHERE city_id = $1 AND draw_ms IS NOT NULL AND draw_ms <= $2 ORDER BY draw_ms LIMIT $3;
-- The sum keeps SQLite from walking the whole city in the order of receipt: the box is the narrow thing.
-- name: cases_near
SELECT r.body
FROM cases c JOIN rows r ON r.city_id = c.city_id AND r.case_id = c.case_id AND r.kind = 'case'
WHERE c.city_id = $1 AND c.lat IS NOT NULL AND c.lat BETWEEN $2 AND $3 AND c.lon BETWEEN $4 AND $5
ORDER BY c.received_ms + 0 DESC LIMIT $6;
-- Where somebody reads: a town, a duty grid or what a unit leads; all three open for the whole city.
-- name: cases_of_site
SELECT case_id FROM cases
WHERE city_id = $1 AND site_id = $2 AND (town = $3 OR $3 IS NULL) AND (grid = $4 OR $4 IS NULL) AND (lead = $5 OR $5 IS NULL)
ORDER BY received_ms DESC, case_id DESC LIMIT $6;
-- name: cases_self_fixed
SELECT case_id FROM cases
WHERE city_id = $1 AND self_fixed = 1 AND received_ms >= $2 AND received_ms < $3 AND (town = $4 OR $4 IS NULL)
  AND (grid = $5 OR $5 IS NULL) AND (lead = $6 OR $6 IS NULL)
ORDER BY received_ms, case_id;
-- name: save_shown
INSERT INTO photo_shown (city_id, photo_id, case_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING;
-- name: cases_showing
SELECT case_id FROM photo_shown WHERE city_id = $1 AND photo_id = $2 ORDER BY case_id LIMIT 500;
