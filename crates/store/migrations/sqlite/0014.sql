-- 0014: words of cases. A case has its own in plain form, and three hours those that any of their cases says: to be written,
-- words cost a report fifteen rows before. Filled from the rows at the next start of the server (service/refill.rs).
ALTER TABLE cases ADD COLUMN words TEXT NOT NULL DEFAULT '';
DROP TABLE case_grams;

-- What is said in a case received in a span of three hours (10,800,000 ms since 1970), whichever it is.
CREATE TABLE span_words (
  city_id TEXT NOT NULL,
  span    INTEGER NOT NULL,
  gram    TEXT NOT NULL,
  PRIMARY KEY (city_id, span, gram)
) STRICT, WITHOUT ROWID;

-- Open cases stand in one index, whatever a list asks of them (decision 0021); these are for the closed ones. A report is in
-- none of them.
DROP INDEX cases_by_state;
DROP INDEX cases_by_town;
DROP INDEX cases_by_lead;
DROP INDEX cases_by_item;
DROP INDEX cases_by_source;
CREATE INDEX cases_by_state ON cases (city_id, state, received_ms, case_id) WHERE open = 0;
CREATE INDEX cases_by_town ON cases (city_id, town, received_ms, case_id) WHERE open = 0;
CREATE INDEX cases_by_lead ON cases (city_id, lead, received_ms, case_id) WHERE open = 0;
CREATE INDEX cases_by_item ON cases (city_id, item, received_ms, case_id) WHERE open = 0;
CREATE INDEX cases_by_source ON cases (city_id, source, received_ms, case_id) WHERE open = 0;

-- The case itself and its people are found by their keys.
DROP INDEX rows_by_case;
CREATE INDEX rows_by_case ON rows (city_id, case_id) WHERE case_id IS NOT NULL AND kind <> 'case' AND kind <> 'person';

-- Items of feeds in runs, a row for what a commit gave a feed: JSON, an item [seq, kind, id, whether it left]. seq is that of
-- the last item when the run was written; many: whether there was more than one.
CREATE TABLE feed_runs (
  city_id TEXT NOT NULL,
  feed_n  INTEGER NOT NULL,
  seq     INTEGER NOT NULL,
  many    INTEGER NOT NULL,
  items   TEXT NOT NULL,
  PRIMARY KEY (city_id, feed_n, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO feed_runs (city_id, feed_n, seq, many, items)
SELECT city_id, feed_n, seq, 0, json_array(json_array(seq, kind, id, gone)) FROM feed_items;
DROP TABLE feed_items;

DELETE FROM sqlite_stat1 WHERE tbl IN ('case_grams', 'feed_items')
  OR idx IN ('cases_by_state', 'cases_by_town', 'cases_by_lead', 'cases_by_item', 'cases_by_source', 'rows_by_case');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('feed_runs', 'feed_runs', '1000000 1000000 2000 1'),
  ('span_words', 'span_words', '900000 900000 300 1'),
  ('cases', 'cases_by_state', '190000 190000 60000 2 1'),
  ('cases', 'cases_by_town', '190000 190000 15000 2 1'),
  ('cases', 'cases_by_lead', '190000 190000 5000 2 1'),
  ('cases', 'cases_by_item', '190000 190000 2000 2 1'),
  ('cases', 'cases_by_source', '190000 190000 30000 2 1'),
  ('rows', 'rows_by_case', '500000 500000 3');
ANALYZE sqlite_schema;
