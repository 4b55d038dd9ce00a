-- The schema as SQLite's migrations 0001 to 0007 leave it, in PostgreSQL's types: ids are uuid, hashes bytea, times and
-- booleans bigint, text is ordered by its bytes. What each table is for stands in those files.
-- Numbers mean the same on both engines: 0008 follows in both folders.

CREATE TABLE meta (
  key   TEXT COLLATE "C" NOT NULL,
  value TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (key)
);

CREATE TABLE cities (
  city_id    TEXT COLLATE "C" NOT NULL,
  name       TEXT COLLATE "C" NOT NULL,
  name_en    TEXT COLLATE "C" NOT NULL,
  created_ms BIGINT NOT NULL,
  PRIMARY KEY (city_id)
);

CREATE TABLE persons (
  city_id       TEXT COLLATE "C" NOT NULL,
  person_id     UUID NOT NULL,
  login         TEXT COLLATE "C" NOT NULL,
  name          TEXT COLLATE "C" NOT NULL,
  password_hash TEXT COLLATE "C",
  active        BIGINT NOT NULL DEFAULT 1,
  created_ms    BIGINT NOT NULL,
  must_change   BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (city_id, person_id),
  UNIQUE (city_id, login)
);

CREATE TABLE grants (
  city_id    TEXT COLLATE "C" NOT NULL,
  grant_id   UUID NOT NULL,
  person_id  UUID NOT NULL,
  role       TEXT COLLATE "C" NOT NULL,
  area       TEXT COLLATE "C" NOT NULL,
  from_ms    BIGINT NOT NULL,
  to_ms      BIGINT,
  granted_by UUID,
  PRIMARY KEY (city_id, grant_id)
);
CREATE INDEX grants_by_person ON grants (city_id, person_id);

CREATE TABLE devices (
  city_id          TEXT COLLATE "C" NOT NULL,
  device_id        UUID NOT NULL,
  person_id        UUID NOT NULL,
  desk             BIGINT NOT NULL DEFAULT 0,
  key_alg          TEXT COLLATE "C",
  public_key       BYTEA,
  label            TEXT COLLATE "C" NOT NULL DEFAULT '',
  app              TEXT COLLATE "C" NOT NULL DEFAULT '',
  tag_prefix       BIGINT NOT NULL DEFAULT 0,
  enrolled_ms      BIGINT NOT NULL,
  state            TEXT COLLATE "C" NOT NULL DEFAULT 'active',
  revoked_ms       BIGINT,
  last_seen_ms     BIGINT,
  received_through BIGINT NOT NULL DEFAULT 0,
  handed_in        BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (city_id, device_id)
);
CREATE INDEX devices_by_person ON devices (city_id, person_id);

CREATE TABLE enrol_codes (
  city_id    TEXT COLLATE "C" NOT NULL,
  code_hash  BYTEA NOT NULL,
  person_id  UUID NOT NULL,
  created_ms BIGINT NOT NULL,
  expires_ms BIGINT NOT NULL,
  used_ms    BIGINT,
  PRIMARY KEY (city_id, code_hash)
);

CREATE TABLE token_families (
  city_id       TEXT COLLATE "C" NOT NULL,
  family_id     UUID NOT NULL,
  device_id     UUID NOT NULL,
  current_hash  BYTEA NOT NULL,
  previous_hash BYTEA,
  generation    BIGINT NOT NULL,
  used_ms       BIGINT,
  created_ms    BIGINT NOT NULL,
  rotated_ms    BIGINT NOT NULL,
  revoked_ms    BIGINT,
  PRIMARY KEY (city_id, family_id)
);
CREATE INDEX families_by_device ON token_families (city_id, device_id);

CREATE TABLE proof_nonces (
  city_id    TEXT COLLATE "C" NOT NULL,
  device_id  UUID NOT NULL,
  nonce_hash BYTEA NOT NULL,
  at_ms      BIGINT NOT NULL,
  PRIMARY KEY (city_id, device_id, nonce_hash)
);

CREATE TABLE sessions (
  city_id      TEXT COLLATE "C" NOT NULL,
  session_hash BYTEA NOT NULL,
  person_id    UUID NOT NULL,
  device_id    UUID NOT NULL,
  created_ms   BIGINT NOT NULL,
  seen_ms      BIGINT NOT NULL,
  expires_ms   BIGINT NOT NULL,
  label        TEXT COLLATE "C" NOT NULL DEFAULT '',
  PRIMARY KEY (city_id, session_hash)
);
CREATE INDEX sessions_by_person ON sessions (city_id, person_id);

CREATE TABLE login_failures (
  city_id      TEXT COLLATE "C" NOT NULL,
  subject      TEXT COLLATE "C" NOT NULL,
  fails        BIGINT NOT NULL,
  locked_until BIGINT NOT NULL DEFAULT 0,
  at_ms        BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (city_id, subject)
);

CREATE TABLE audit (
  city_id   TEXT COLLATE "C" NOT NULL,
  n         BIGINT NOT NULL,
  at_ms     BIGINT NOT NULL,
  actor     TEXT COLLATE "C" NOT NULL,
  action    TEXT COLLATE "C" NOT NULL,
  object    TEXT COLLATE "C" NOT NULL,
  result    TEXT COLLATE "C" NOT NULL,
  detail    TEXT COLLATE "C" NOT NULL,
  prev_hash BYTEA NOT NULL,
  hash      BYTEA NOT NULL,
  PRIMARY KEY (city_id, n)
);

CREATE TABLE ops (
  city_id     TEXT COLLATE "C" NOT NULL,
  op_id       UUID NOT NULL,
  n           BIGINT NOT NULL,
  device_id   UUID NOT NULL,
  device_seq  BIGINT NOT NULL,
  author      UUID,
  kind        TEXT COLLATE "C" NOT NULL,
  case_id     UUID,
  body        TEXT COLLATE "C" NOT NULL,
  hash        BYTEA NOT NULL,
  received_ms BIGINT NOT NULL,
  captured_ms BIGINT NOT NULL,
  clock_class TEXT COLLATE "C" NOT NULL,
  claimed_ms  BIGINT NOT NULL,
  verdict     TEXT COLLATE "C" NOT NULL,
  final       BIGINT NOT NULL,
  landed      TEXT COLLATE "C" NOT NULL DEFAULT '[]',
  PRIMARY KEY (city_id, op_id)
);
CREATE UNIQUE INDEX ops_in_order ON ops (city_id, n);
CREATE INDEX ops_by_device ON ops (city_id, device_id, device_seq);
CREATE INDEX ops_undecided ON ops (city_id, received_ms) WHERE final = 0;

CREATE TABLE stored_seqs (
  city_id    TEXT COLLATE "C" NOT NULL,
  device_id  UUID NOT NULL,
  device_seq BIGINT NOT NULL,
  PRIMARY KEY (city_id, device_id, device_seq)
);

CREATE TABLE op_cases (
  city_id TEXT COLLATE "C" NOT NULL,
  case_id UUID NOT NULL,
  n       BIGINT NOT NULL,
  op_id   UUID NOT NULL,
  PRIMARY KEY (city_id, case_id, n)
);

CREATE TABLE waiting (
  city_id  TEXT COLLATE "C" NOT NULL,
  awaited  UUID NOT NULL,
  op_id    UUID NOT NULL,
  since_ms BIGINT NOT NULL,
  PRIMARY KEY (city_id, awaited, op_id)
);
CREATE INDEX waiting_by_op ON waiting (city_id, op_id);

CREATE TABLE quarantine (
  city_id     TEXT COLLATE "C" NOT NULL,
  op_id       UUID NOT NULL,
  hash        BYTEA NOT NULL,
  device_id   UUID NOT NULL,
  carrier     UUID NOT NULL,
  cause       TEXT COLLATE "C" NOT NULL,
  detail      TEXT COLLATE "C" NOT NULL,
  body        TEXT COLLATE "C" NOT NULL,
  at_ms       BIGINT NOT NULL,
  released_ms BIGINT,
  sent        TEXT COLLATE "C" NOT NULL DEFAULT '{}',
  verdict     TEXT COLLATE "C",
  PRIMARY KEY (city_id, op_id, hash)
);
CREATE INDEX quarantine_open ON quarantine (city_id, at_ms, op_id, hash) WHERE released_ms IS NULL;
CREATE INDEX quarantine_by_cause ON quarantine (city_id, cause, at_ms, op_id, hash) WHERE released_ms IS NULL;

CREATE TABLE trying (
  city_id TEXT COLLATE "C" NOT NULL,
  op_id   UUID NOT NULL,
  run     BIGINT NOT NULL,
  PRIMARY KEY (city_id, op_id)
);

CREATE TABLE rows (
  city_id TEXT COLLATE "C" NOT NULL,
  kind    TEXT COLLATE "C" NOT NULL,
  id      TEXT COLLATE "C" NOT NULL,
  case_id UUID,
  epoch   BIGINT NOT NULL,
  n       BIGINT NOT NULL,
  hash    BYTEA NOT NULL,
  body    TEXT COLLATE "C",
  stands  TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (city_id, kind, id)
);
CREATE INDEX rows_by_case ON rows (city_id, case_id) WHERE case_id IS NOT NULL;

CREATE TABLE feed_heads (
  city_id TEXT COLLATE "C" NOT NULL,
  feed    TEXT COLLATE "C" NOT NULL,
  feed_n  BIGINT NOT NULL,
  seq     BIGINT NOT NULL,
  count   BIGINT NOT NULL,
  digest  BYTEA NOT NULL,
  min_seq BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (city_id, feed)
);
CREATE UNIQUE INDEX feed_heads_by_n ON feed_heads (city_id, feed_n);

CREATE TABLE feed_items (
  city_id TEXT COLLATE "C" NOT NULL,
  feed_n  BIGINT NOT NULL,
  seq     BIGINT NOT NULL,
  kind    TEXT COLLATE "C" NOT NULL,
  id      TEXT COLLATE "C" NOT NULL,
  gone    BIGINT NOT NULL,
  PRIMARY KEY (city_id, feed_n, seq)
);

CREATE TABLE cases (
  city_id     TEXT COLLATE "C" NOT NULL,
  case_id     UUID NOT NULL,
  state       TEXT COLLATE "C" NOT NULL,
  open        BIGINT NOT NULL,
  town        TEXT COLLATE "C",
  grid        TEXT COLLATE "C",
  lead        TEXT COLLATE "C",
  item        TEXT COLLATE "C",
  source      TEXT COLLATE "C" NOT NULL,
  urgent      BIGINT NOT NULL,
  short_n     BIGINT,
  short_town  TEXT COLLATE "C",
  lat         DOUBLE PRECISION,
  lon         DOUBLE PRECISION,
  conflicts   BIGINT NOT NULL,
  pending     BIGINT NOT NULL,
  captured_ms BIGINT NOT NULL,
  received_ms BIGINT NOT NULL,
  updated_ms  BIGINT NOT NULL,
  PRIMARY KEY (city_id, case_id)
);
CREATE INDEX cases_by_received ON cases (city_id, received_ms, case_id);
CREATE INDEX cases_by_state ON cases (city_id, state, received_ms, case_id);
CREATE INDEX cases_by_short ON cases (city_id, short_n);

CREATE TABLE looks (
  city_id   TEXT COLLATE "C" NOT NULL,
  op_id     UUID NOT NULL,
  person_id UUID NOT NULL,
  grid      TEXT COLLATE "C",
  cell      TEXT COLLATE "C",
  town      TEXT COLLATE "C",
  at_ms     BIGINT NOT NULL,
  counted   BIGINT NOT NULL,
  PRIMARY KEY (city_id, op_id)
);
CREATE INDEX looks_by_person ON looks (city_id, person_id, grid, at_ms);

CREATE TABLE counters (
  city_id TEXT COLLATE "C" NOT NULL,
  name    TEXT COLLATE "C" NOT NULL,
  n       BIGINT NOT NULL,
  PRIMARY KEY (city_id, name)
);

CREATE TABLE uploads (
  city_id     TEXT COLLATE "C" NOT NULL,
  upload_id   UUID NOT NULL,
  photo_id    UUID NOT NULL,
  form        TEXT COLLATE "C" NOT NULL,
  media       TEXT COLLATE "C" NOT NULL,
  sha256      BYTEA NOT NULL,
  length      BIGINT NOT NULL,
  received    BIGINT NOT NULL DEFAULT 0,
  device_id   UUID NOT NULL,
  person_id   UUID NOT NULL,
  created_ms  BIGINT NOT NULL,
  expires_ms  BIGINT NOT NULL,
  verified_ms BIGINT,
  PRIMARY KEY (city_id, upload_id)
);
CREATE INDEX uploads_by_photo ON uploads (city_id, photo_id, sha256);
CREATE INDEX uploads_unfinished ON uploads (city_id, expires_ms) WHERE verified_ms IS NULL;
CREATE INDEX uploads_by_hash ON uploads (city_id, sha256);

CREATE TABLE rendition_jobs (
  city_id  TEXT COLLATE "C" NOT NULL,
  photo_id UUID NOT NULL,
  sha256   BYTEA NOT NULL,
  tries    BIGINT NOT NULL DEFAULT 0,
  done_ms  BIGINT,
  problem  TEXT COLLATE "C",
  PRIMARY KEY (city_id, photo_id)
);
CREATE INDEX renditions_unfinished ON rendition_jobs (city_id, photo_id) WHERE done_ms IS NULL AND tries < 3;

CREATE TABLE browsers (
  city_id      TEXT COLLATE "C" NOT NULL,
  browser_hash BYTEA NOT NULL,
  person_id    UUID NOT NULL,
  seen_ms      BIGINT NOT NULL,
  PRIMARY KEY (city_id, browser_hash, person_id)
);
CREATE INDEX browsers_by_person ON browsers (city_id, person_id);

CREATE TABLE device_reports (
  city_id         TEXT COLLATE "C" NOT NULL,
  device_id       UUID NOT NULL,
  seen_ms         BIGINT NOT NULL,
  app             TEXT COLLATE "C",
  unsent_ops      BIGINT,
  unsent_photos   BIGINT,
  unsent_since_ms BIGINT,
  PRIMARY KEY (city_id, device_id)
);

CREATE TABLE upload_days (
  city_id   TEXT COLLATE "C" NOT NULL,
  device_id UUID NOT NULL,
  day       BIGINT NOT NULL,
  bytes     BIGINT NOT NULL,
  PRIMARY KEY (city_id, device_id, day)
);

CREATE TABLE request_keys (
  city_id      TEXT COLLATE "C" NOT NULL,
  person_id    UUID NOT NULL,
  key          TEXT COLLATE "C" NOT NULL,
  request_hash BYTEA NOT NULL,
  done         BIGINT NOT NULL DEFAULT 0,
  answer       TEXT COLLATE "C",
  at_ms        BIGINT NOT NULL,
  PRIMARY KEY (city_id, person_id, key)
);
CREATE INDEX request_keys_by_age ON request_keys (city_id, at_ms);

CREATE TABLE jobs (
  city_id     TEXT COLLATE "C" NOT NULL,
  kind        TEXT COLLATE "C" NOT NULL,
  key         TEXT COLLATE "C" NOT NULL,
  due_ms      BIGINT NOT NULL,
  tries       BIGINT NOT NULL DEFAULT 0,
  lease_owner TEXT COLLATE "C",
  lease_until BIGINT NOT NULL DEFAULT 0,
  payload     TEXT COLLATE "C" NOT NULL,
  created_ms  BIGINT NOT NULL,
  done_ms     BIGINT,
  problem     TEXT COLLATE "C",
  PRIMARY KEY (city_id, kind, key)
);
CREATE INDEX jobs_open ON jobs (city_id, kind, due_ms, key) WHERE done_ms IS NULL;
CREATE INDEX jobs_done ON jobs (city_id, done_ms) WHERE done_ms IS NOT NULL;

CREATE TABLE erased (
  city_id TEXT COLLATE "C" NOT NULL,
  kind    TEXT COLLATE "C" NOT NULL,
  id      TEXT COLLATE "C" NOT NULL,
  erasure TEXT COLLATE "C" NOT NULL,
  told    BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (city_id, kind, id)
);
CREATE INDEX erased_untold ON erased (city_id, kind, id) WHERE told = 0;

CREATE TABLE after_restore (
  city_id TEXT COLLATE "C" NOT NULL,
  op_id   UUID NOT NULL,
  at_ms   BIGINT NOT NULL,
  former  TEXT COLLATE "C" NOT NULL,
  verdict TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (city_id, op_id)
);
CREATE INDEX after_restore_in_order ON after_restore (city_id, at_ms, op_id);

CREATE TABLE hand_ins (
  city_id   TEXT COLLATE "C" NOT NULL,
  manifest  BYTEA NOT NULL,
  device_id UUID NOT NULL,
  carrier   UUID NOT NULL,
  at_ms     BIGINT NOT NULL,
  ops       BIGINT NOT NULL,
  photos    BIGINT NOT NULL,
  times     BIGINT NOT NULL DEFAULT 1,
  PRIMARY KEY (city_id, manifest)
);
CREATE INDEX hand_ins_by_time ON hand_ins (city_id, at_ms);

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit log is append-only';
END $$;
CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
  FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();

-- Who writes has the turn (decision 0018): one row a city, locked from the first statement to the commit. The one without
-- a name is for what is done before it is known which city a server is for.
CREATE TABLE write_turn (
  city_id TEXT COLLATE "C" NOT NULL PRIMARY KEY
);
INSERT INTO write_turn (city_id) VALUES ('');

-- Tables whose rows are written over again and again: room on their pages, and cleaned early.
ALTER TABLE feed_heads SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);
ALTER TABLE counters SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);
ALTER TABLE rows SET (fillfactor = 85);
ALTER TABLE feed_items SET (autovacuum_vacuum_scale_factor = 0.05);
