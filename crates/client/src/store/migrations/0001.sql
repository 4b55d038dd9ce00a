-- A replica: one person on one device. Ids are hyphenated text, times milliseconds since 1970.

CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The mirror: rows as the server merged them. Only pull writes here.
CREATE TABLE rows (
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  n INTEGER NOT NULL,
  body TEXT NOT NULL,
  entry BLOB NOT NULL,
  case_id TEXT,
  -- In no feed of the scope any more, kept for unsent work.
  pinned INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX rows_pinned ON rows (kind, id) WHERE pinned = 1;
CREATE INDEX rows_case ON rows (case_id) WHERE case_id IS NOT NULL;

CREATE TABLE feeds (
  feed TEXT PRIMARY KEY,
  count INTEGER NOT NULL DEFAULT 0,
  sum TEXT NOT NULL DEFAULT '00000000000000000000000000000000',
  head_seq INTEGER NOT NULL DEFAULT 0,
  -- When it was last read again after a digest mismatch.
  reread_ms INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE feed_rows (
  feed TEXT NOT NULL,
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  PRIMARY KEY (feed, kind, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX feed_rows_row ON feed_rows (kind, id);

-- Pages of a pull that has not reached its checkpoint.
CREATE TABLE staged_pages (
  n INTEGER PRIMARY KEY,
  page TEXT NOT NULL
) STRICT;

-- Ops: verbatim bytes with their verdict. state: 0 unsent, 1 acknowledged, 2 unsendable.
CREATE TABLE outbox (
  n INTEGER PRIMARY KEY AUTOINCREMENT,
  op_id TEXT NOT NULL UNIQUE,
  device_id TEXT NOT NULL,
  device_seq INTEGER NOT NULL,
  kind TEXT NOT NULL,
  case_id TEXT,
  body TEXT NOT NULL,
  sealed_ms INTEGER NOT NULL,
  state INTEGER NOT NULL DEFAULT 0,
  verdict TEXT,
  final INTEGER NOT NULL DEFAULT 0,
  -- Replayed over the mirror until the checkpoint that brings its final verdict.
  overlay INTEGER NOT NULL DEFAULT 1,
  acked_ms INTEGER,
  problem TEXT,
  UNIQUE (device_id, device_seq)
) STRICT;
CREATE INDEX outbox_unsent ON outbox (n) WHERE state = 0;
CREATE INDEX outbox_overlay ON outbox (n) WHERE overlay = 1;

CREATE TABLE outbox_cases (
  case_id TEXT NOT NULL,
  n INTEGER NOT NULL REFERENCES outbox (n) ON DELETE CASCADE,
  PRIMARY KEY (case_id, n)
) STRICT, WITHOUT ROWID;

-- What was captured and is not an op yet. state: 0 waiting, 1 sealed.
CREATE TABLE captures (
  n INTEGER PRIMARY KEY AUTOINCREMENT,
  capture_id TEXT NOT NULL UNIQUE,
  case_id TEXT NOT NULL,
  op_id TEXT,
  kind TEXT,
  payload TEXT,
  for_op TEXT,
  round INTEGER,
  expected_state TEXT,
  captured TEXT NOT NULL,
  local_tag TEXT,
  saved_ms INTEGER NOT NULL,
  state INTEGER NOT NULL DEFAULT 0,
  failures INTEGER NOT NULL DEFAULT 0,
  problem TEXT
) STRICT;
CREATE INDEX captures_waiting ON captures (n) WHERE state = 0;

-- Raw photos of captures. state: 0 raw, 1 forms written, 2 cannot be made into forms.
CREATE TABLE shots (
  photo_id TEXT PRIMARY KEY,
  capture_id TEXT NOT NULL REFERENCES captures (capture_id),
  n INTEGER NOT NULL,
  role TEXT NOT NULL,
  media TEXT NOT NULL,
  origin TEXT,
  position TEXT,
  file TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  state INTEGER NOT NULL DEFAULT 0,
  -- The photo's payload once its forms are written, JSON.
  taken TEXT,
  filetype TEXT,
  problem TEXT,
  -- Whether the raw file is still on disk.
  raw_kept INTEGER NOT NULL DEFAULT 1
) STRICT, WITHOUT ROWID;
CREATE INDEX shots_capture ON shots (capture_id, n);

-- Forms to deliver. state: 0 to send, 1 verified by the server, 2 lost.
CREATE TABLE uploads (
  photo_id TEXT NOT NULL,
  form TEXT NOT NULL,
  rank INTEGER NOT NULL,
  case_id TEXT NOT NULL,
  file TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  media TEXT NOT NULL,
  filetype TEXT NOT NULL,
  queued_ms INTEGER NOT NULL,
  state INTEGER NOT NULL DEFAULT 0,
  location TEXT,
  sent INTEGER NOT NULL DEFAULT 0,
  ask INTEGER NOT NULL DEFAULT 0,
  turn INTEGER NOT NULL DEFAULT 0,
  failures INTEGER NOT NULL DEFAULT 0,
  not_before_ms INTEGER NOT NULL DEFAULT 0,
  problem TEXT,
  acked_ms INTEGER,
  -- Whether the bytes are still on disk.
  kept INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (photo_id, form)
) STRICT, WITHOUT ROWID;
CREATE INDEX uploads_due ON uploads (rank, turn) WHERE state = 0;
CREATE INDEX uploads_case ON uploads (case_id) WHERE state = 0;
