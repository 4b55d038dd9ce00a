-- 0007: work that is handed in (protocol 5 and 12).

-- Ops that a device handed in after it was revoked.
ALTER TABLE devices ADD COLUMN handed_in INTEGER NOT NULL DEFAULT 0;

-- Exported files that were taken in: who carried which, and what was in them.
CREATE TABLE hand_ins (
  city_id    TEXT NOT NULL,
  manifest   BLOB NOT NULL,
  device_id  BLOB NOT NULL,
  carrier    BLOB NOT NULL,
  at_ms      INTEGER NOT NULL,
  ops        INTEGER NOT NULL,
  photos     INTEGER NOT NULL,
  times      INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (city_id, manifest)
) STRICT;
CREATE INDEX hand_ins_by_time ON hand_ins (city_id, at_ms);
