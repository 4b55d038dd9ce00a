-- 0004: requests that say a key, so that sending one again does not do it again.

-- The answer is kept for a day; not that of a request whose answer holds a secret. None yet: still being done, or the
-- server stopped in the middle.
CREATE TABLE request_keys (
  city_id      TEXT NOT NULL,
  person_id    BLOB NOT NULL,
  key          TEXT NOT NULL,
  request_hash BLOB NOT NULL,
  done         INTEGER NOT NULL DEFAULT 0,
  answer       TEXT,
  at_ms        INTEGER NOT NULL,
  PRIMARY KEY (city_id, person_id, key)
) STRICT;
CREATE INDEX request_keys_by_age ON request_keys (city_id, at_ms);
