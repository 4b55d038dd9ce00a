-- 0009: what comes by time, who checks, and the responsibility ledger.

-- When something happens to a case by itself next, and when its check is to be drawn; see apply::next_lapse and next_draw.
ALTER TABLE cases ADD COLUMN next_ms INTEGER;
ALTER TABLE cases ADD COLUMN draw_ms INTEGER;
CREATE INDEX cases_by_next ON cases (city_id, next_ms) WHERE next_ms IS NOT NULL;
CREATE INDEX cases_by_draw ON cases (city_id, draw_ms) WHERE draw_ms IS NOT NULL;
-- What lies near a report is looked for by latitude first.
CREATE INDEX cases_by_lat ON cases (city_id, lat, lon) WHERE lat IS NOT NULL;
UPDATE cases SET next_ms = (
  SELECT json_extract(r.body, '$.hung.review_ms') FROM rows r
  WHERE r.city_id = cases.city_id AND r.case_id = cases.case_id AND r.kind = 'case')
WHERE state = 'hung';

-- The responsibility ledger: body is the row as it was hashed, JSON text.
CREATE TABLE ledger (
  city_id TEXT NOT NULL,
  n       INTEGER NOT NULL,
  at_ms   INTEGER NOT NULL,
  case_id BLOB NOT NULL,
  body    TEXT NOT NULL,
  prev    BLOB NOT NULL,
  hash    BLOB NOT NULL,
  PRIMARY KEY (city_id, n)
) STRICT;
CREATE INDEX ledger_by_case ON ledger (city_id, case_id, n);

-- The roster: who is on shift in which duty grids (JSON).
CREATE TABLE shifts (
  city_id   TEXT NOT NULL,
  person_id BLOB NOT NULL,
  from_ms   INTEGER NOT NULL,
  to_ms     INTEGER NOT NULL,
  grids     TEXT NOT NULL,
  stands_in BLOB,
  PRIMARY KEY (city_id, person_id, from_ms)
) STRICT;
CREATE INDEX shifts_by_end ON shifts (city_id, to_ms);

-- Draws, so that they can be done again: who could have been drawn (JSON, in order), and who was.
CREATE TABLE draws (
  city_id   TEXT NOT NULL,
  op_id     BLOB NOT NULL,
  day       TEXT NOT NULL,
  case_id   BLOB NOT NULL,
  feed_back BLOB NOT NULL,
  attempt   INTEGER NOT NULL,
  people    TEXT NOT NULL,
  drawn     BLOB,
  at_ms     INTEGER NOT NULL,
  PRIMARY KEY (city_id, op_id)
) STRICT;
CREATE INDEX draws_by_day ON draws (city_id, day, at_ms);

-- Pauses of the city's clocks; town is empty for the whole city. credential: the desk that ordered it.
CREATE TABLE pauses (
  city_id   TEXT NOT NULL,
  pause_id  BLOB NOT NULL,
  town      TEXT NOT NULL,
  from_ms   INTEGER NOT NULL,
  to_ms     INTEGER NOT NULL,
  reason    TEXT NOT NULL,
  person_id BLOB NOT NULL,
  device_id BLOB NOT NULL,
  at_ms     INTEGER NOT NULL,
  PRIMARY KEY (city_id, pause_id)
) STRICT;
CREATE INDEX pauses_by_end ON pauses (city_id, to_ms);

-- Hashes of original photos as the server itself made them, and the four sixteenths of a perceptual one: two that differ in
-- three bits at most share one of them.
CREATE TABLE photo_hashes (
  city_id  TEXT NOT NULL,
  photo_id BLOB NOT NULL,
  sha256   BLOB NOT NULL,
  phash    INTEGER NOT NULL,
  at_ms    INTEGER NOT NULL,
  PRIMARY KEY (city_id, photo_id)
) STRICT;
CREATE INDEX photo_hashes_by_bytes ON photo_hashes (city_id, sha256);
CREATE TABLE photo_bands (
  city_id  TEXT NOT NULL,
  band     INTEGER NOT NULL,
  photo_id BLOB NOT NULL,
  PRIMARY KEY (city_id, band, photo_id)
) STRICT;

-- Hotline tickets, without anything of the caller: caller_key is a MAC of the number called from, to count how often.
CREATE TABLE hotline_tickets (
  city_id      TEXT NOT NULL,
  ticket_no    TEXT NOT NULL,
  case_id      BLOB NOT NULL,
  caller_key   BLOB NOT NULL,
  place        TEXT NOT NULL,
  words        TEXT NOT NULL,
  confidential INTEGER NOT NULL,
  nth          INTEGER NOT NULL,
  reply_due_ms INTEGER,
  reply        TEXT,
  replied_ms   INTEGER,
  satisfied    TEXT,
  called_ms    INTEGER,
  reopened     INTEGER NOT NULL,
  created_ms   INTEGER NOT NULL,
  PRIMARY KEY (city_id, ticket_no)
) STRICT;
CREATE INDEX hotline_by_caller ON hotline_tickets (city_id, caller_key, place);
CREATE INDEX hotline_by_created ON hotline_tickets (city_id, created_ms, ticket_no);
CREATE INDEX hotline_by_case ON hotline_tickets (city_id, case_id);

-- Who called: read by hotline clerks alone, each reading is a row of the audit log.
CREATE TABLE hotline_callers (
  city_id   TEXT NOT NULL,
  ticket_no TEXT NOT NULL,
  name      TEXT NOT NULL,
  phone     TEXT NOT NULL,
  PRIMARY KEY (city_id, ticket_no)
) STRICT;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('cases', 'cases_by_next', '20000 20000 1'),
  ('cases', 'cases_by_draw', '2000 2000 1'),
  ('cases', 'cases_by_lat', '200000 200000 20 1'),
  ('ledger', 'ledger_by_case', '500000 500000 5 1'),
  ('shifts', 'shifts_by_end', '50000 50000 20'),
  ('draws', 'draws_by_day', '200000 200000 500 1'),
  ('pauses', 'pauses_by_end', '20 20 1'),
  ('photo_hashes', 'photo_hashes_by_bytes', '1000000 1000000 1'),
  ('hotline_tickets', 'hotline_by_caller', '100000 100000 2 1'),
  ('hotline_tickets', 'hotline_by_created', '100000 100000 1 1'),
  ('hotline_tickets', 'hotline_by_case', '100000 100000 1');
ANALYZE sqlite_schema;
