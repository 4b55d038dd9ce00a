-- 0012: lists of a large city. What lists ask of a case beside its fields, words to search by, who is at work on what.
-- The new columns and tables are filled from the rows at the next start of the server (service/refill.rs): what a text says and
-- when a clock ends is decided in core, not here.

-- state_bit: one bit a state, so that one statement asks for several. due_ms: none when no clock runs.
ALTER TABLE cases ADD COLUMN state_bit  BIGINT NOT NULL DEFAULT 0;
ALTER TABLE cases ADD COLUMN due_ms     BIGINT;
ALTER TABLE cases ADD COLUMN supervised BIGINT NOT NULL DEFAULT 0;
ALTER TABLE cases ADD COLUMN hung       BIGINT NOT NULL DEFAULT 0;
ALTER TABLE cases ADD COLUMN returned   BIGINT NOT NULL DEFAULT 0;
ALTER TABLE cases ADD COLUMN relapsed   BIGINT NOT NULL DEFAULT 0;
ALTER TABLE cases ADD COLUMN unplaced   BIGINT NOT NULL DEFAULT 0;
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
  city_id TEXT COLLATE "C" NOT NULL,
  day     BIGINT NOT NULL,
  gram    TEXT COLLATE "C" NOT NULL,
  case_id UUID NOT NULL,
  PRIMARY KEY (city_id, day, gram, case_id)
);

-- Cases by the feeds that no column of theirs tells: people who took part, units that assist.
CREATE TABLE case_links (
  city_id     TEXT COLLATE "C" NOT NULL,
  feed        TEXT COLLATE "C" NOT NULL,
  received_ms BIGINT NOT NULL,
  case_id     UUID NOT NULL,
  PRIMARY KEY (city_id, feed, received_ms, case_id)
);

-- Who is at work on a case at a desk, until when. A courtesy: no decision asks for it.
CREATE TABLE case_leases (
  city_id   TEXT COLLATE "C" NOT NULL,
  case_id   UUID NOT NULL,
  desk      TEXT COLLATE "C" NOT NULL,
  person_id UUID NOT NULL,
  until_ms  BIGINT NOT NULL,
  PRIMARY KEY (city_id, case_id)
);
CREATE INDEX case_leases_over ON case_leases (city_id, until_ms);
