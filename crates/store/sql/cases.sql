-- What lists ask for. Each of the `by_` statements walks one index in the order of the list and asks the rest of each case on
-- its way; which one is taken is decided in `cases/choose.rs`. They have the same numbers: $2 $3 the place that the page
-- begins behind, $4 states, $5 to $20 the filter, $21 and $22 patterns of words, $23 how many, $24 what the walk is by.
-- A list of a town, unit, item, source or state walks two: `by_open` and, for what is closed, its own.
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
-- part: worded
  AND (c.words LIKE $21 OR $21 IS NULL) AND (c.words LIKE $22 OR $22 IS NULL)
-- name: add_case
INSERT INTO cases (city_id, case_id, state, open, town, grid, lead, item, source, urgent, short_n, short_town, lat,
                   lon, conflicts, pending, captured_ms, received_ms, updated_ms, state_bit, due_ms, supervised, hung,
                   returned, relapsed, unplaced, next_ms, draw_ms, site_id, self_fixed, words)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27,
        $28, $29, $30, $31);
-- name: save_case
INSERT INTO cases (city_id, case_id, state, open, town, grid, lead, item, source, urgent, short_n, short_town, lat,
                   lon, conflicts, pending, captured_ms, received_ms, updated_ms, state_bit, due_ms, supervised, hung,
                   returned, relapsed, unplaced, next_ms, draw_ms, site_id, self_fixed, words)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27,
        $28, $29, $30, $31)
ON CONFLICT (city_id, case_id) DO UPDATE
SET state = excluded.state, open = excluded.open, town = excluded.town, grid = excluded.grid, lead = excluded.lead,
    item = excluded.item, source = excluded.source, urgent = excluded.urgent, short_n = excluded.short_n,
    short_town = excluded.short_town, lat = excluded.lat, lon = excluded.lon, conflicts = excluded.conflicts,
    pending = excluded.pending, updated_ms = excluded.updated_ms, state_bit = excluded.state_bit,
    due_ms = excluded.due_ms, supervised = excluded.supervised, hung = excluded.hung, returned = excluded.returned,
    relapsed = excluded.relapsed, unplaced = excluded.unplaced,
    next_ms = excluded.next_ms, draw_ms = excluded.draw_ms, site_id = excluded.site_id, self_fixed = excluded.self_fixed,
    words = excluded.words;
-- name: save_span_word
INSERT INTO span_words (city_id, span, gram) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING;
-- A word that a case no longer says goes from its span of three hours when no other case of that says it: $4 is its pattern, $5 and $6 are from and to of the span.
-- name: end_span_word
DELETE FROM span_words WHERE city_id = $1 AND span = $2 AND gram = $3
  AND NOT EXISTS (SELECT 1 FROM cases c WHERE c.city_id = $1 AND c.received_ms >= $5 AND c.received_ms < $6
                  AND c.words LIKE $4);
-- name: add_link
INSERT INTO case_links (city_id, feed, received_ms, case_id) VALUES ($1, $2, $3, $4);
-- name: save_link
INSERT INTO case_links (city_id, feed, received_ms, case_id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING;
-- name: end_link
DELETE FROM case_links WHERE city_id = $1 AND feed = $2 AND received_ms = $3 AND case_id = $4;
-- name: case_body
SELECT case_id, body FROM rows WHERE city_id = $1 AND kind = 'case' AND id = $2 AND body IS NOT NULL;
-- name: cases_after
SELECT case_id FROM cases WHERE city_id = $1 AND case_id > $2 ORDER BY case_id LIMIT $3;
-- name: oldest_case
SELECT received_ms FROM cases WHERE city_id = $1 ORDER BY received_ms LIMIT 1;
-- name: newest_case
SELECT received_ms FROM cases WHERE city_id = $1 ORDER BY received_ms DESC LIMIT 1;
-- name: by_received
SELECT c.case_id, c.received_ms FROM cases c
WHERE c.city_id = $1 AND (c.received_ms, c.case_id) < ($2, $3)
  -- use: filtered
  -- use: changed
  -- use: worded
ORDER BY c.received_ms DESC, c.case_id DESC LIMIT $23;
-- name: by_state
SELECT c.case_id, c.received_ms FROM cases c
WHERE c.city_id = $1 AND (c.received_ms, c.case_id) < ($2, $3)
  AND c.open = 0 AND c.state = $24
  -- use: filtered
  -- use: changed
  -- use: worded
ORDER BY c.received_ms DESC, c.case_id DESC LIMIT $23;
-- name: by_town
SELECT c.case_id, c.received_ms FROM cases c
WHERE c.city_id = $1 AND (c.received_ms, c.case_id) < ($2, $3)
  AND c.open = 0 AND c.town = $5
  -- use: filtered
  -- use: changed
  -- use: worded
ORDER BY c.received_ms DESC, c.case_id DESC LIMIT $23;
-- name: by_grid
SELECT c.case_id, c.received_ms FROM cases c
WHERE c.city_id = $1 AND (c.received_ms, c.case_id) < ($2, $3)
  AND c.grid = $6
  -- use: filtered
  -- use: changed
  -- use: worded
ORDER BY c.received_ms DESC, c.case_id DESC LIMIT $23;
-- name: by_lead
SELECT c.case_id, c.received_ms FROM cases c
WHERE c.city_id = $1 AND (c.received_ms, c.case_id) < ($2, $3)
  AND c.open = 0 AND c.lead = $7
  -- use: filtered
  -- use: changed
  -- use: worded
ORDER BY c.received_ms DESC, c.case_id DESC LIMIT $23;
-- name: by_item
SELECT c.case_id, c.received_ms FROM cases c
WHERE c.city_id = $1 AND (c.received_ms, c.case_id) < ($2, $3)
  AND c.open = 0 AND c.item = $8
  -- use: filtered
  -- use: changed
  -- use: worded
ORDER BY c.received_ms DESC, c.case_id DESC LIMIT $23;
-- name: by_source
SELECT c.case_id, c.received_ms FROM cases c
WHERE c.city_id = $1 AND (c.received_ms, c.case_id) < ($2, $3)
  AND c.open = 0 AND c.source = $9
  -- use: filtered
  -- use: changed
  -- use: worded
ORDER BY c.received_ms DESC, c.case_id DESC LIMIT $23;
-- Everything that these two ask is in the index, but for words and changes: then each case is read.
-- name: by_open
SELECT c.case_id, c.received_ms FROM cases c
WHERE c.city_id = $1 AND (c.received_ms, c.case_id) < ($2, $3)
  AND c.open = 1 AND (c.state = $20 OR $20 IS NULL)
  -- use: filtered
ORDER BY c.received_ms DESC, c.case_id DESC LIMIT $21;
-- name: by_open_read
SELECT c.case_id, c.received_ms FROM cases c
WHERE c.city_id = $1 AND (c.received_ms, c.case_id) < ($2, $3)
  AND c.open = 1 AND (c.state = $24 OR $24 IS NULL)
  -- use: filtered
  -- use: changed
  -- use: worded
ORDER BY c.received_ms DESC, c.case_id DESC LIMIT $23;
-- name: by_supervised
SELECT c.case_id, c.received_ms FROM cases c
WHERE c.city_id = $1 AND (c.received_ms, c.case_id) < ($2, $3)
  AND c.supervised = 1
  -- use: filtered
  -- use: changed
  -- use: worded
ORDER BY c.received_ms DESC, c.case_id DESC LIMIT $23;
-- name: by_returned
SELECT c.case_id, c.received_ms FROM cases c
WHERE c.city_id = $1 AND (c.received_ms, c.case_id) < ($2, $3)
  AND c.returned = 1
  -- use: filtered
  -- use: changed
  -- use: worded
ORDER BY c.received_ms DESC, c.case_id DESC LIMIT $23;
-- name: by_relapsed
SELECT c.case_id, c.received_ms FROM cases c
WHERE c.city_id = $1 AND (c.received_ms, c.case_id) < ($2, $3)
  AND c.relapsed = 1
  -- use: filtered
  -- use: changed
  -- use: worded
ORDER BY c.received_ms DESC, c.case_id DESC LIMIT $23;
-- name: by_unplaced
SELECT c.case_id, c.received_ms FROM cases c
WHERE c.city_id = $1 AND (c.received_ms, c.case_id) < ($2, $3)
  AND c.unplaced = 1
  -- use: filtered
  -- use: changed
  -- use: worded
ORDER BY c.received_ms DESC, c.case_id DESC LIMIT $23;
-- name: by_short
SELECT c.case_id, c.received_ms FROM cases c
WHERE c.city_id = $1 AND (c.received_ms, c.case_id) < ($2, $3)
  AND c.short_n = $19
  -- use: filtered
  -- use: changed
  -- use: worded
ORDER BY c.received_ms DESC, c.case_id DESC LIMIT $23;
-- name: by_link
SELECT c.case_id, c.received_ms FROM case_links l CROSS JOIN cases c
WHERE c.city_id = $1 AND (l.received_ms, l.case_id) < ($2, $3)
  AND l.city_id = $1 AND l.city_id = c.city_id AND l.feed = $24 AND l.received_ms = c.received_ms AND l.case_id = c.case_id
  -- use: filtered
  -- use: changed
  -- use: worded
ORDER BY l.received_ms DESC, l.case_id DESC LIMIT $23;
-- name: by_due
SELECT c.case_id, c.due_ms FROM cases c
WHERE c.city_id = $1 AND (c.due_ms, c.case_id) > ($2, $3)
  AND c.due_ms IS NOT NULL AND ($24 = 0 OR c.unplaced = 1)
  -- use: filtered
  -- use: changed
  -- use: worded
ORDER BY c.due_ms, c.case_id LIMIT $23;
-- name: by_due_link
SELECT c.case_id, c.due_ms FROM case_links l CROSS JOIN cases c
WHERE c.city_id = $1 AND (c.due_ms, c.case_id) > ($2, $3)
  AND l.city_id = $1 AND l.feed = $24 AND c.city_id = l.city_id AND c.case_id = l.case_id AND c.due_ms IS NOT NULL
  -- use: filtered
  -- use: changed
  -- use: worded
ORDER BY c.due_ms, c.case_id LIMIT $23;
-- What changed since $20 among the next 5,000 of the list: nothing is kept in the order of changes, since every op is one.
-- name: by_window
SELECT c.case_id, c.received_ms
FROM (SELECT * FROM cases w WHERE w.city_id = $1 AND (w.received_ms, w.case_id) < ($2, $3)
      ORDER BY w.received_ms DESC, w.case_id DESC LIMIT 5000) AS c
WHERE c.city_id = $1 AND c.updated_ms >= $20
  -- use: filtered
  -- use: worded
ORDER BY c.received_ms DESC, c.case_id DESC LIMIT $23;
-- name: window_end
SELECT case_id, received_ms FROM cases WHERE city_id = $1 AND (received_ms, case_id) < ($2, $3)
ORDER BY received_ms DESC, case_id DESC LIMIT 1 OFFSET 4999;
-- The spans from $2 back to $3 that have a word beginning in each of up to four spans, the newest first. The limits keep PostgreSQL
-- from reading the words of all spans into one set.
-- name: spans_having
WITH RECURSIVE spans(span) AS (SELECT CAST($2 AS BIGINT) UNION ALL SELECT span - 1 FROM spans WHERE span > $3)
SELECT d.span FROM spans d
WHERE (CAST($4 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM span_words w WHERE w.city_id = $1 AND w.span = d.span
       AND w.gram >= $4 AND w.gram < $5 LIMIT 1 OFFSET 0))
  AND (CAST($6 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM span_words w WHERE w.city_id = $1 AND w.span = d.span
       AND w.gram >= $6 AND w.gram < $7 LIMIT 1 OFFSET 0))
  AND (CAST($8 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM span_words w WHERE w.city_id = $1 AND w.span = d.span
       AND w.gram >= $8 AND w.gram < $9 LIMIT 1 OFFSET 0))
  AND (CAST($10 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM span_words w WHERE w.city_id = $1 AND w.span = d.span
       AND w.gram >= $10 AND w.gram < $11 LIMIT 1 OFFSET 0))
ORDER BY d.span DESC;
-- A stretch of spans that have the words, from $24 on.
-- name: by_spans
SELECT c.case_id, c.received_ms FROM cases c
WHERE c.city_id = $1 AND (c.received_ms, c.case_id) < ($2, $3) AND c.received_ms >= $24
  -- use: filtered
  -- use: changed
  -- use: worded
ORDER BY c.received_ms DESC, c.case_id DESC LIMIT $23;
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
SELECT c.case_id, c.received_ms FROM cases c
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
