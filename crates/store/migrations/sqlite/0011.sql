-- 0011: notices that leave (field.md U10), and work links (U9).

-- Where notices go. `sealed` holds address and secrets, closed by a key of the server's; a copy of the database alone says
-- nothing of them. `targets` and `kinds` are JSON lists; no kinds are all.
CREATE TABLE notice_channels (
  city_id    TEXT NOT NULL,
  channel_id BLOB NOT NULL,
  shape      TEXT NOT NULL,
  name       TEXT NOT NULL,
  targets    TEXT NOT NULL,
  kinds      TEXT NOT NULL,
  host       TEXT NOT NULL,
  sealed     BLOB NOT NULL,
  quiet_from INTEGER,
  quiet_to   INTEGER,
  enabled    INTEGER NOT NULL DEFAULT 0,
  created_ms INTEGER NOT NULL,
  PRIMARY KEY (city_id, channel_id)
) STRICT;

-- What is to be sent and what was: the outbox and the log. One thing is told a channel once: `about`, `kind` and `mark` say
-- which. `line` holds nothing that a person wrote.
CREATE TABLE notices (
  city_id    TEXT NOT NULL,
  notice_id  BLOB NOT NULL,
  channel_id BLOB NOT NULL,
  about      TEXT NOT NULL,
  kind       TEXT NOT NULL,
  mark       TEXT NOT NULL,
  line       TEXT NOT NULL,
  urgent     INTEGER NOT NULL DEFAULT 0,
  created_ms INTEGER NOT NULL,
  ready_ms   INTEGER NOT NULL,
  state      TEXT NOT NULL DEFAULT 'waiting',
  tries      INTEGER NOT NULL DEFAULT 0,
  batch      BLOB,
  ended_ms   INTEGER,
  problem    TEXT,
  PRIMARY KEY (city_id, notice_id),
  UNIQUE (city_id, channel_id, about, kind, mark)
) STRICT;
CREATE INDEX notices_waiting ON notices (city_id, channel_id, ready_ms) WHERE state = 'waiting';
CREATE INDEX notices_by_end ON notices (city_id, ended_ms) WHERE ended_ms IS NOT NULL;

-- Links by which somebody without an account says that a case is settled. Who opened one is not kept, only how often.
CREATE TABLE work_links (
  city_id    TEXT NOT NULL,
  link_id    BLOB NOT NULL,
  case_id    BLOB NOT NULL,
  round      INTEGER NOT NULL,
  issuer     BLOB NOT NULL,
  device_id  BLOB NOT NULL,
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  revoked_ms INTEGER,
  opened     INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (city_id, link_id)
) STRICT;
CREATE INDEX work_links_by_case ON work_links (city_id, case_id, created_ms);
