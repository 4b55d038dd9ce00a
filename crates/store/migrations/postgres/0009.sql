-- 0009: what comes by time, who checks, and the responsibility ledger.

-- When something happens to a case by itself next, and when its check is to be drawn; see apply::next_lapse and next_draw.
ALTER TABLE cases ADD COLUMN next_ms BIGINT;
ALTER TABLE cases ADD COLUMN draw_ms BIGINT;
CREATE INDEX cases_by_next ON cases (city_id, next_ms) WHERE next_ms IS NOT NULL;
CREATE INDEX cases_by_draw ON cases (city_id, draw_ms) WHERE draw_ms IS NOT NULL;
-- What lies near a report is looked for by latitude first.
CREATE INDEX cases_by_lat ON cases (city_id, lat, lon) WHERE lat IS NOT NULL;
UPDATE cases c SET next_ms = (r.body::jsonb -> 'hung' ->> 'review_ms')::bigint
FROM rows r
WHERE r.city_id = c.city_id AND r.case_id = c.case_id AND r.kind = 'case' AND c.state = 'hung';

-- The responsibility ledger: body is the row as it was hashed, JSON text.
CREATE TABLE ledger (
  city_id TEXT COLLATE "C" NOT NULL,
  n       BIGINT NOT NULL,
  at_ms   BIGINT NOT NULL,
  case_id UUID NOT NULL,
  body    TEXT COLLATE "C" NOT NULL,
  prev    BYTEA NOT NULL,
  hash    BYTEA NOT NULL,
  PRIMARY KEY (city_id, n)
);
CREATE INDEX ledger_by_case ON ledger (city_id, case_id, n);

-- The roster: who is on shift in which duty grids (JSON).
CREATE TABLE shifts (
  city_id   TEXT COLLATE "C" NOT NULL,
  person_id UUID NOT NULL,
  from_ms   BIGINT NOT NULL,
  to_ms     BIGINT NOT NULL,
  grids     TEXT COLLATE "C" NOT NULL,
  stands_in UUID,
  PRIMARY KEY (city_id, person_id, from_ms)
);
CREATE INDEX shifts_by_end ON shifts (city_id, to_ms);

-- Draws, so that they can be done again: who could have been drawn (JSON, in order), and who was.
CREATE TABLE draws (
  city_id   TEXT COLLATE "C" NOT NULL,
  op_id     UUID NOT NULL,
  day       TEXT COLLATE "C" NOT NULL,
  case_id   UUID NOT NULL,
  feed_back UUID NOT NULL,
  attempt   BIGINT NOT NULL,
  people    TEXT COLLATE "C" NOT NULL,
  drawn     UUID,
  at_ms     BIGINT NOT NULL,
  PRIMARY KEY (city_id, op_id)
);
CREATE INDEX draws_by_day ON draws (city_id, day, at_ms);

-- Pauses of the city's clocks; town is empty for the whole city. credential: the desk that ordered it.
CREATE TABLE pauses (
  city_id   TEXT COLLATE "C" NOT NULL,
  pause_id  UUID NOT NULL,
  town      TEXT COLLATE "C" NOT NULL,
  from_ms   BIGINT NOT NULL,
  to_ms     BIGINT NOT NULL,
  reason    TEXT COLLATE "C" NOT NULL,
  person_id UUID NOT NULL,
  device_id UUID NOT NULL,
  at_ms     BIGINT NOT NULL,
  PRIMARY KEY (city_id, pause_id)
);
CREATE INDEX pauses_by_end ON pauses (city_id, to_ms);

-- Hashes of original photos as the server itself made them, and the four sixteenths of a perceptual one: two that differ in
-- three bits at most share one of them.
CREATE TABLE photo_hashes (
  city_id  TEXT COLLATE "C" NOT NULL,
  photo_id UUID NOT NULL,
  sha256   BYTEA NOT NULL,
  phash    BIGINT NOT NULL,
  at_ms    BIGINT NOT NULL,
  PRIMARY KEY (city_id, photo_id)
);
CREATE INDEX photo_hashes_by_bytes ON photo_hashes (city_id, sha256);
CREATE TABLE photo_bands (
  city_id  TEXT COLLATE "C" NOT NULL,
  band     BIGINT NOT NULL,
  photo_id UUID NOT NULL,
  PRIMARY KEY (city_id, band, photo_id)
);

-- Hotline tickets, without anything of the caller: caller_key is a MAC of the number called from, to count how often.
CREATE TABLE hotline_tickets (
  city_id      TEXT COLLATE "C" NOT NULL,
  ticket_no    TEXT COLLATE "C" NOT NULL,
  case_id      UUID NOT NULL,
  caller_key   BYTEA NOT NULL,
  place        TEXT COLLATE "C" NOT NULL,
  words        TEXT COLLATE "C" NOT NULL,
  confidential BIGINT NOT NULL,
  nth          BIGINT NOT NULL,
  reply_due_ms BIGINT,
  reply        TEXT COLLATE "C",
  replied_ms   BIGINT,
  satisfied    TEXT COLLATE "C",
  called_ms    BIGINT,
  reopened     BIGINT NOT NULL,
  created_ms   BIGINT NOT NULL,
  PRIMARY KEY (city_id, ticket_no)
);
CREATE INDEX hotline_by_caller ON hotline_tickets (city_id, caller_key, place);
CREATE INDEX hotline_by_created ON hotline_tickets (city_id, created_ms, ticket_no);
CREATE INDEX hotline_by_case ON hotline_tickets (city_id, case_id);

-- Who called: read by hotline clerks alone, each reading is a row of the audit log.
CREATE TABLE hotline_callers (
  city_id   TEXT COLLATE "C" NOT NULL,
  ticket_no TEXT COLLATE "C" NOT NULL,
  name      TEXT COLLATE "C" NOT NULL,
  phone     TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (city_id, ticket_no)
);
