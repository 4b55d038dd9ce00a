-- The first schema. Ids are 16-byte BLOBs, times are integer milliseconds since 1970, booleans 0/1.
-- Every tenant table's key begins with city_id, so that a cluster can shard by it.

CREATE TABLE meta (
  key   TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;

CREATE TABLE cities (
  city_id    TEXT NOT NULL PRIMARY KEY,
  name       TEXT NOT NULL,
  name_en    TEXT NOT NULL,
  created_ms INTEGER NOT NULL
) STRICT;

-- People, devices, credentials ------------------------------------------------------------------

CREATE TABLE persons (
  city_id       TEXT NOT NULL,
  person_id     BLOB NOT NULL,
  login         TEXT NOT NULL,
  name          TEXT NOT NULL,
  password_hash TEXT,
  active        INTEGER NOT NULL DEFAULT 1,
  created_ms    INTEGER NOT NULL,
  PRIMARY KEY (city_id, person_id),
  UNIQUE (city_id, login)
) STRICT;

CREATE TABLE grants (
  city_id    TEXT NOT NULL,
  grant_id   BLOB NOT NULL,
  person_id  BLOB NOT NULL,
  role       TEXT NOT NULL,
  area       TEXT NOT NULL,
  from_ms    INTEGER NOT NULL,
  to_ms      INTEGER,
  granted_by BLOB,
  PRIMARY KEY (city_id, grant_id)
) STRICT;
CREATE INDEX grants_by_person ON grants (city_id, person_id);

-- A device is one enrolment. Desk sessions have virtual ones (desk = 1).
CREATE TABLE devices (
  city_id          TEXT NOT NULL,
  device_id        BLOB NOT NULL,
  person_id        BLOB NOT NULL,
  desk             INTEGER NOT NULL DEFAULT 0,
  key_alg          TEXT,
  public_key       BLOB,
  label            TEXT NOT NULL DEFAULT '',
  app              TEXT NOT NULL DEFAULT '',
  tag_prefix       INTEGER NOT NULL DEFAULT 0,
  enrolled_ms      INTEGER NOT NULL,
  state            TEXT NOT NULL DEFAULT 'active',
  revoked_ms       INTEGER,
  last_seen_ms     INTEGER,
  received_through INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (city_id, device_id)
) STRICT;
CREATE INDEX devices_by_person ON devices (city_id, person_id);

CREATE TABLE enrol_codes (
  city_id    TEXT NOT NULL,
  code_hash  BLOB NOT NULL,
  person_id  BLOB NOT NULL,
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  used_ms    INTEGER,
  PRIMARY KEY (city_id, code_hash)
) STRICT;

-- A token family: the current refresh token, its predecessor, and whether the current one was used
-- (an access token minted with it was shown). generation counts rotations.
CREATE TABLE token_families (
  city_id       TEXT NOT NULL,
  family_id     BLOB NOT NULL,
  device_id     BLOB NOT NULL,
  current_hash  BLOB NOT NULL,
  previous_hash BLOB,
  generation    INTEGER NOT NULL,
  used_ms       INTEGER,
  created_ms    INTEGER NOT NULL,
  rotated_ms    INTEGER NOT NULL,
  revoked_ms    INTEGER,
  PRIMARY KEY (city_id, family_id)
) STRICT;
CREATE INDEX families_by_device ON token_families (city_id, device_id);

CREATE TABLE proof_nonces (
  city_id    TEXT NOT NULL,
  device_id  BLOB NOT NULL,
  nonce_hash BLOB NOT NULL,
  at_ms      INTEGER NOT NULL,
  PRIMARY KEY (city_id, device_id, nonce_hash)
) STRICT;

CREATE TABLE sessions (
  city_id      TEXT NOT NULL,
  session_hash BLOB NOT NULL,
  person_id    BLOB NOT NULL,
  device_id    BLOB NOT NULL,
  created_ms   INTEGER NOT NULL,
  seen_ms      INTEGER NOT NULL,
  expires_ms   INTEGER NOT NULL,
  PRIMARY KEY (city_id, session_hash)
) STRICT;

CREATE TABLE login_failures (
  city_id      TEXT NOT NULL,
  subject      TEXT NOT NULL,
  fails        INTEGER NOT NULL,
  locked_until INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (city_id, subject)
) STRICT;

-- Append-only, each row hashed with the one before it.
CREATE TABLE audit (
  city_id   TEXT NOT NULL,
  n         INTEGER NOT NULL,
  at_ms     INTEGER NOT NULL,
  actor     TEXT NOT NULL,
  action    TEXT NOT NULL,
  object    TEXT NOT NULL,
  result    TEXT NOT NULL,
  detail    TEXT NOT NULL,
  prev_hash BLOB NOT NULL,
  hash      BLOB NOT NULL,
  PRIMARY KEY (city_id, n)
) STRICT;
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

-- Ops ---------------------------------------------------------------------------------------------

-- n is the commit order of the city. verdict is the current one, JSON.
CREATE TABLE ops (
  city_id       TEXT NOT NULL,
  op_id         BLOB NOT NULL,
  n             INTEGER NOT NULL,
  device_id     BLOB NOT NULL,
  device_seq    INTEGER NOT NULL,
  author        BLOB,
  kind          TEXT NOT NULL,
  case_id       BLOB,
  body          TEXT NOT NULL,
  hash          BLOB NOT NULL,
  received_ms   INTEGER NOT NULL,
  captured_ms   INTEGER NOT NULL,
  clock_class   TEXT NOT NULL,
  claimed_ms    INTEGER NOT NULL,
  verdict       TEXT NOT NULL,
  final         INTEGER NOT NULL,
  landed        TEXT NOT NULL DEFAULT '[]',
  PRIMARY KEY (city_id, op_id)
) STRICT;
CREATE UNIQUE INDEX ops_in_order ON ops (city_id, n);
CREATE INDEX ops_by_device ON ops (city_id, device_id, device_seq);
CREATE INDEX ops_undecided ON ops (city_id, received_ms) WHERE final = 0;

-- Numbers of a device that are accounted for without a row in ops: declared gone, or kept in quarantine.
CREATE TABLE stored_seqs (
  city_id    TEXT NOT NULL,
  device_id  BLOB NOT NULL,
  device_seq INTEGER NOT NULL,
  PRIMARY KEY (city_id, device_id, device_seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE op_cases (
  city_id TEXT NOT NULL,
  case_id BLOB NOT NULL,
  n       INTEGER NOT NULL,
  op_id   BLOB NOT NULL,
  PRIMARY KEY (city_id, case_id, n)
) STRICT, WITHOUT ROWID;

-- What an undecided op waits for: an op, or a case (its report).
CREATE TABLE waiting (
  city_id  TEXT NOT NULL,
  awaited  BLOB NOT NULL,
  op_id    BLOB NOT NULL,
  since_ms INTEGER NOT NULL,
  PRIMARY KEY (city_id, awaited, op_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX waiting_by_op ON waiting (city_id, op_id);

-- Kept whole under (op_id, body hash); op_id may be derived from the hash when the bytes hold none.
CREATE TABLE quarantine (
  city_id     TEXT NOT NULL,
  op_id       BLOB NOT NULL,
  hash        BLOB NOT NULL,
  device_id   BLOB NOT NULL,
  carrier     BLOB NOT NULL,
  cause       TEXT NOT NULL,
  detail      TEXT NOT NULL,
  body        TEXT NOT NULL,
  at_ms       INTEGER NOT NULL,
  released_ms INTEGER,
  PRIMARY KEY (city_id, op_id, hash)
) STRICT;

-- Ops being applied after an unclean stop (protocol 5); run is the start of the program that tried.
CREATE TABLE trying (
  city_id TEXT NOT NULL,
  op_id   BLOB NOT NULL,
  run     INTEGER NOT NULL,
  PRIMARY KEY (city_id, op_id)
) STRICT, WITHOUT ROWID;

-- Rows and feeds ----------------------------------------------------------------------------------

-- body is NULL once the row is gone from everywhere. stands: JSON, feed_n to the row's newest seq there,
-- negative when that is the marker of having left; so a change finds and replaces its old items by key.
-- Bodies lie in a table of their own order (no WITHOUT ROWID): in a key's leaf they would overflow.
CREATE TABLE rows (
  city_id TEXT NOT NULL,
  kind    TEXT NOT NULL,
  id      TEXT NOT NULL,
  case_id BLOB,
  epoch   INTEGER NOT NULL,
  n       INTEGER NOT NULL,
  hash    BLOB NOT NULL,
  body    TEXT,
  stands  TEXT NOT NULL,
  PRIMARY KEY (city_id, kind, id)
) STRICT;
CREATE INDEX rows_by_case ON rows (city_id, case_id) WHERE case_id IS NOT NULL;

-- feed_n is the feed's number in this database, so that its items have short keys.
CREATE TABLE feed_heads (
  city_id TEXT NOT NULL,
  feed    TEXT NOT NULL,
  feed_n  INTEGER NOT NULL,
  seq     INTEGER NOT NULL,
  count   INTEGER NOT NULL,
  digest  BLOB NOT NULL,
  min_seq INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (city_id, feed)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX feed_heads_by_n ON feed_heads (city_id, feed_n);

CREATE TABLE feed_items (
  city_id TEXT NOT NULL,
  feed_n  INTEGER NOT NULL,
  seq     INTEGER NOT NULL,
  kind    TEXT NOT NULL,
  id      TEXT NOT NULL,
  gone    INTEGER NOT NULL,
  PRIMARY KEY (city_id, feed_n, seq)
) STRICT, WITHOUT ROWID;

-- What lists ask for, derived from case rows --------------------------------------------------------

CREATE TABLE cases (
  city_id     TEXT NOT NULL,
  case_id     BLOB NOT NULL,
  state       TEXT NOT NULL,
  open        INTEGER NOT NULL,
  town        TEXT,
  grid        TEXT,
  lead        TEXT,
  item        TEXT,
  source      TEXT NOT NULL,
  urgent      INTEGER NOT NULL,
  short_n     INTEGER,
  short_town  TEXT,
  lat         REAL,
  lon         REAL,
  conflicts   INTEGER NOT NULL,
  pending     INTEGER NOT NULL,
  captured_ms INTEGER NOT NULL,
  received_ms INTEGER NOT NULL,
  updated_ms  INTEGER NOT NULL,
  PRIMARY KEY (city_id, case_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX cases_by_received ON cases (city_id, received_ms, case_id);
CREATE INDEX cases_by_state ON cases (city_id, state, received_ms, case_id);
CREATE INDEX cases_by_short ON cases (city_id, short_n);

CREATE TABLE looks (
  city_id   TEXT NOT NULL,
  op_id     BLOB NOT NULL,
  person_id BLOB NOT NULL,
  grid      TEXT,
  cell      TEXT,
  town      TEXT,
  at_ms     INTEGER NOT NULL,
  counted   INTEGER NOT NULL,
  PRIMARY KEY (city_id, op_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX looks_by_person ON looks (city_id, person_id, grid, at_ms);

CREATE TABLE counters (
  city_id TEXT NOT NULL,
  name    TEXT NOT NULL,
  n       INTEGER NOT NULL,
  PRIMARY KEY (city_id, name)
) STRICT, WITHOUT ROWID;

-- Photos --------------------------------------------------------------------------------------------

-- A verified upload is itself a reference to its bytes.
CREATE TABLE uploads (
  city_id     TEXT NOT NULL,
  upload_id   BLOB NOT NULL,
  photo_id    BLOB NOT NULL,
  form        TEXT NOT NULL,
  media       TEXT NOT NULL,
  sha256      BLOB NOT NULL,
  length      INTEGER NOT NULL,
  received    INTEGER NOT NULL DEFAULT 0,
  device_id   BLOB NOT NULL,
  person_id   BLOB NOT NULL,
  created_ms  INTEGER NOT NULL,
  expires_ms  INTEGER NOT NULL,
  verified_ms INTEGER,
  PRIMARY KEY (city_id, upload_id)
) STRICT;
CREATE INDEX uploads_by_photo ON uploads (city_id, photo_id, sha256);
CREATE INDEX uploads_unfinished ON uploads (city_id, expires_ms) WHERE verified_ms IS NULL;
CREATE INDEX uploads_by_hash ON uploads (city_id, sha256);

-- Renditions the server makes of originals, off the request path.
CREATE TABLE rendition_jobs (
  city_id  TEXT NOT NULL,
  photo_id BLOB NOT NULL,
  sha256   BLOB NOT NULL,
  tries    INTEGER NOT NULL DEFAULT 0,
  done_ms  INTEGER,
  problem  TEXT,
  PRIMARY KEY (city_id, photo_id)
) STRICT;

-- Query plans ---------------------------------------------------------------------------------------

-- Without statistics SQLite takes a city for ten rows and scans it where an index stands ready. These
-- are the shapes of a city after a year, so that plans are the same on every installation.
ANALYZE;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('ops', 'sqlite_autoindex_ops_1', '1000000 1000000 1'),
  ('ops', 'ops_in_order', '1000000 1000000 1'),
  ('ops', 'ops_by_device', '1000000 1000000 2000 1'),
  ('ops', 'ops_undecided', '200 200 1'),
  ('waiting', 'waiting', '10000 10000 10 1'),
  ('waiting', 'waiting_by_op', '10000 10000 2'),
  ('op_cases', 'op_cases', '1000000 1000000 8 1'),
  ('rows', 'sqlite_autoindex_rows_1', '2000000 2000000 400000 1'),
  ('rows', 'rows_by_case', '1000000 1000000 8'),
  ('feed_items', 'feed_items', '4000000 4000000 20000 1'),
  ('feed_heads', 'feed_heads', '10000 10000 1'),
  ('feed_heads', 'feed_heads_by_n', '10000 10000 1'),
  ('cases', 'cases', '200000 200000 1'),
  ('cases', 'cases_by_received', '200000 200000 2 1'),
  ('cases', 'cases_by_state', '200000 200000 20000 2 1'),
  ('cases', 'cases_by_short', '200000 200000 5'),
  ('looks', 'looks', '500000 500000 1'),
  ('looks', 'looks_by_person', '500000 500000 5000 1000 1');
ANALYZE sqlite_schema;
