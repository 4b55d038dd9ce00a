-- 0012: lists of a large city. What lists ask of a case beside its fields, words to search by, who is at work on what.
-- The new columns and tables are filled from the rows at the next start of the server (service/refill.rs): what a text says and
-- when a clock ends is decided in core, not here.

-- state_bit: one bit a state, so that one statement asks for several. due_ms: none when no clock runs.
ALTER TABLE cases ADD COLUMN state_bit  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE cases ADD COLUMN due_ms     INTEGER;
ALTER TABLE cases ADD COLUMN supervised INTEGER NOT NULL DEFAULT 0;
ALTER TABLE cases ADD COLUMN hung       INTEGER NOT NULL DEFAULT 0;
ALTER TABLE cases ADD COLUMN returned   INTEGER NOT NULL DEFAULT 0;
ALTER TABLE cases ADD COLUMN relapsed   INTEGER NOT NULL DEFAULT 0;
ALTER TABLE cases ADD COLUMN unplaced   INTEGER NOT NULL DEFAULT 0;
CREATE INDEX cases_by_town ON cases (city_id, town, received_ms, case_id);
CREATE INDEX cases_by_grid ON cases (city_id, grid, received_ms, case_id);
CREATE INDEX cases_by_lead ON cases (city_id, lead, received_ms, case_id);
CREATE INDEX cases_by_item ON cases (city_id, item, received_ms, case_id);
CREATE INDEX cases_by_source ON cases (city_id, source, received_ms, case_id);
-- Open cases do not grow without end: one index has all that is asked of them, and counters are counted from it.
CREATE INDEX cases_open ON cases (city_id, received_ms, case_id, state, state_bit, town, grid, lead, item, source, urgent,
  due_ms, supervised, hung, returned, relapsed, short_n, open) WHERE open = 1;
CREATE INDEX cases_due ON cases (city_id, due_ms, case_id) WHERE due_ms IS NOT NULL;
-- Few of all cases each.
CREATE INDEX cases_supervised ON cases (city_id, received_ms, case_id) WHERE supervised = 1;
CREATE INDEX cases_returned ON cases (city_id, received_ms, case_id) WHERE returned = 1;
CREATE INDEX cases_relapsed ON cases (city_id, received_ms, case_id) WHERE relapsed = 1;
CREATE INDEX cases_unplaced ON cases (city_id, received_ms, case_id) WHERE unplaced = 1;

-- Words of a case, by the day that it was received (86,400,000 ms since 1970): what is written today stands together.
CREATE TABLE case_grams (
  city_id TEXT NOT NULL,
  day     INTEGER NOT NULL,
  gram    TEXT NOT NULL,
  case_id BLOB NOT NULL,
  PRIMARY KEY (city_id, day, gram, case_id)
) STRICT, WITHOUT ROWID;

-- Cases by the feeds that no column of theirs tells: people who took part, units that assist.
CREATE TABLE case_links (
  city_id     TEXT NOT NULL,
  feed        TEXT NOT NULL,
  received_ms INTEGER NOT NULL,
  case_id     BLOB NOT NULL,
  PRIMARY KEY (city_id, feed, received_ms, case_id)
) STRICT, WITHOUT ROWID;

-- Who is at work on a case at a desk, until when. A courtesy: no decision asks for it.
CREATE TABLE case_leases (
  city_id   TEXT NOT NULL,
  case_id   BLOB NOT NULL,
  desk      TEXT NOT NULL,
  person_id BLOB NOT NULL,
  until_ms  INTEGER NOT NULL,
  PRIMARY KEY (city_id, case_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX case_leases_over ON case_leases (city_id, until_ms);

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('cases', 'cases_by_town', '200000 200000 15000 2 1'),
  ('cases', 'cases_by_grid', '200000 200000 400 2 1'),
  ('cases', 'cases_by_lead', '200000 200000 5000 2 1'),
  ('cases', 'cases_by_item', '200000 200000 2000 2 1'),
  ('cases', 'cases_by_source', '200000 200000 30000 2 1'),
  ('cases', 'cases_open', '12000 12000 2 1'),
  ('cases', 'cases_due', '10000 10000 2 1'),
  ('cases', 'cases_supervised', '2000 2000 2 1'),
  ('cases', 'cases_returned', '5000 5000 2 1'),
  ('cases', 'cases_relapsed', '5000 5000 2 1'),
  ('cases', 'cases_unplaced', '100 100 2 1'),
  ('case_grams', 'case_grams', '5000000 5000000 15000 15 1'),
  ('case_links', 'case_links', '500000 500000 100 2 1'),
  ('case_leases', 'case_leases', '200 200 1'),
  ('case_leases', 'case_leases_over', '200 200 2');
ANALYZE sqlite_schema;
