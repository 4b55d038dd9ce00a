-- 0005: work that is due at a time, and what the quarantine desk needs to know.

-- One does it, however many threads or servers look: whoever holds the lease. Done ones stay a while, to be looked at.
CREATE TABLE jobs (
  city_id     TEXT NOT NULL,
  kind        TEXT NOT NULL,
  key         TEXT NOT NULL,
  due_ms      INTEGER NOT NULL,
  tries       INTEGER NOT NULL DEFAULT 0,
  lease_owner TEXT,
  lease_until INTEGER NOT NULL DEFAULT 0,
  payload     TEXT NOT NULL,
  created_ms  INTEGER NOT NULL,
  done_ms     INTEGER,
  problem     TEXT,
  PRIMARY KEY (city_id, kind, key)
) STRICT;
CREATE INDEX jobs_open ON jobs (city_id, kind, due_ms, key) WHERE done_ms IS NULL;
CREATE INDEX jobs_done ON jobs (city_id, done_ms) WHERE done_ms IS NOT NULL;

-- When the phone said it was sending, by its own clocks: a later replay dates the capture by it (protocol 4).
ALTER TABLE quarantine ADD COLUMN sent TEXT NOT NULL DEFAULT '{}';
-- What became of bytes that never stood under their op id: JSON, once a person has decided.
ALTER TABLE quarantine ADD COLUMN verdict TEXT;
-- The desk's list, whole and by cause.
DROP INDEX quarantine_open;
CREATE INDEX quarantine_open ON quarantine (city_id, at_ms, op_id, hash) WHERE released_ms IS NULL;
CREATE INDEX quarantine_by_cause ON quarantine (city_id, cause, at_ms, op_id, hash) WHERE released_ms IS NULL;
