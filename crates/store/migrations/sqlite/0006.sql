-- Erasure: what is not taken again, whoever brings it.

-- kind: op, photo, blob (SHA-256); part and file are no list but work: an unfinished upload, or a file that nothing
-- names, whose bytes are still to go. erasure: who asked, who
-- agreed, when and why, JSON; no content. told: it stands in the lists beside data and backups, and its files are gone.
CREATE TABLE erased (
  city_id TEXT NOT NULL,
  kind    TEXT NOT NULL,
  id      TEXT NOT NULL,
  erasure TEXT NOT NULL,
  told    INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (city_id, kind, id)
) STRICT;
CREATE INDEX erased_untold ON erased (city_id, kind, id) WHERE told = 0;

-- Ops that phones offered again after a new epoch and that did not end as they had before (protocol 10). former: what
-- the phone says was decided in the past that is lost, a hint; verdict: what was decided when it came again.
CREATE TABLE after_restore (
  city_id TEXT NOT NULL,
  op_id   BLOB NOT NULL,
  at_ms   INTEGER NOT NULL,
  former  TEXT NOT NULL,
  verdict TEXT NOT NULL,
  PRIMARY KEY (city_id, op_id)
) STRICT;
CREATE INDEX after_restore_in_order ON after_restore (city_id, at_ms, op_id);
