-- 0002: people who change their own passwords, browsers that are known, phones that say how they stand, quotas.

-- A password that somebody else has seen: nothing but changing it is allowed.
ALTER TABLE persons ADD COLUMN must_change INTEGER NOT NULL DEFAULT 0;

-- What the browser called itself at sign-in, for the list of one's own sessions.
ALTER TABLE sessions ADD COLUMN label TEXT NOT NULL DEFAULT '';
CREATE INDEX sessions_by_person ON sessions (city_id, person_id);

-- When the last wrong try was: a counter that nobody feeds any more is forgotten.
ALTER TABLE login_failures ADD COLUMN at_ms INTEGER NOT NULL DEFAULT 0;

-- Browsers in which somebody has signed in before, by the hash of their cookie: each counts its own wrong tries.
CREATE TABLE browsers (
  city_id      TEXT NOT NULL,
  browser_hash BLOB NOT NULL,
  person_id    BLOB NOT NULL,
  seen_ms      INTEGER NOT NULL,
  PRIMARY KEY (city_id, browser_hash, person_id)
) STRICT;
CREATE INDEX browsers_by_person ON browsers (city_id, person_id);

-- What a phone last said of itself.
CREATE TABLE device_reports (
  city_id       TEXT NOT NULL,
  device_id     BLOB NOT NULL,
  seen_ms       INTEGER NOT NULL,
  app           TEXT,
  unsent_ops    INTEGER,
  unsent_photos INTEGER,
  -- When the oldest unsent work was made, server time.
  unsent_since_ms INTEGER,
  PRIMARY KEY (city_id, device_id)
) STRICT;

-- Bytes that a device has begun to upload, by day (UTC+8).
CREATE TABLE upload_days (
  city_id   TEXT NOT NULL,
  device_id BLOB NOT NULL,
  day       INTEGER NOT NULL,
  bytes     INTEGER NOT NULL,
  PRIMARY KEY (city_id, device_id, day)
) STRICT;
