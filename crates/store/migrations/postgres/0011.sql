-- 0011: notices that leave (field.md U10), and work links (U9).

-- Where notices go. `sealed` holds address and secrets, closed by a key of the server's; a copy of the database alone says
-- nothing of them. `targets` and `kinds` are JSON lists; no kinds are all.
CREATE TABLE notice_channels (
  city_id    TEXT COLLATE "C" NOT NULL,
  channel_id UUID NOT NULL,
  shape      TEXT COLLATE "C" NOT NULL,
  name       TEXT COLLATE "C" NOT NULL,
  targets    TEXT COLLATE "C" NOT NULL,
  kinds      TEXT COLLATE "C" NOT NULL,
  host       TEXT COLLATE "C" NOT NULL,
  sealed     BYTEA NOT NULL,
  quiet_from BIGINT,
  quiet_to   BIGINT,
  enabled    BIGINT NOT NULL DEFAULT 0,
  created_ms BIGINT NOT NULL,
  PRIMARY KEY (city_id, channel_id)
);

-- What is to be sent and what was: the outbox and the log. One thing is told a channel once: `about`, `kind` and `mark` say
-- which. `line` holds nothing that a person wrote.
CREATE TABLE notices (
  city_id    TEXT COLLATE "C" NOT NULL,
  notice_id  UUID NOT NULL,
  channel_id UUID NOT NULL,
  about      TEXT COLLATE "C" NOT NULL,
  kind       TEXT COLLATE "C" NOT NULL,
  mark       TEXT COLLATE "C" NOT NULL,
  line       TEXT COLLATE "C" NOT NULL,
  urgent     BIGINT NOT NULL DEFAULT 0,
  created_ms BIGINT NOT NULL,
  ready_ms   BIGINT NOT NULL,
  state      TEXT COLLATE "C" NOT NULL DEFAULT 'waiting',
  tries      BIGINT NOT NULL DEFAULT 0,
  batch      UUID,
  ended_ms   BIGINT,
  problem    TEXT COLLATE "C",
  PRIMARY KEY (city_id, notice_id),
  UNIQUE (city_id, channel_id, about, kind, mark)
);
CREATE INDEX notices_waiting ON notices (city_id, channel_id, ready_ms) WHERE state = 'waiting';
CREATE INDEX notices_by_end ON notices (city_id, ended_ms) WHERE ended_ms IS NOT NULL;

-- Links by which somebody without an account says that a case is settled. Who opened one is not kept, only how often.
CREATE TABLE work_links (
  city_id    TEXT COLLATE "C" NOT NULL,
  link_id    UUID NOT NULL,
  case_id    UUID NOT NULL,
  round      BIGINT NOT NULL,
  issuer     UUID NOT NULL,
  device_id  UUID NOT NULL,
  created_ms BIGINT NOT NULL,
  expires_ms BIGINT NOT NULL,
  revoked_ms BIGINT,
  opened     BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (city_id, link_id)
);
CREATE INDEX work_links_by_case ON work_links (city_id, case_id, created_ms);
