-- 0004: what was erased for everybody is gone here as well; photo bytes that were let go, and why; files that are to
-- go. Tables of their own: a damaged file is read out by the number of columns.

-- An op that was here, without its bytes: its number is accounted for.
CREATE TABLE erased_ops (
  op_id TEXT PRIMARY KEY,
  device_id TEXT NOT NULL,
  device_seq INTEGER NOT NULL,
  kind TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- why: aged (kept long enough and in a backup), space (let go early, the phone was full), erased.
CREATE TABLE let_go (
  photo_id TEXT NOT NULL,
  form TEXT NOT NULL,
  why TEXT NOT NULL,
  PRIMARY KEY (photo_id, form)
) STRICT, WITHOUT ROWID;

-- Named in the transaction that makes them go, removed after it; what a stop left over is removed at the next opening.
CREATE TABLE removals (
  file TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE INDEX uploads_to_ask ON uploads (photo_id, form) WHERE state = 3;
