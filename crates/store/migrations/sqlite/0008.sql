-- 0008: several servers on one database, and several cities. SQLite has one of each; `told` and `nodes` stay empty here,
-- so that statements are written once.

-- Facts about a city as this database has it: its epoch, its starts, its set-up. What is about the database
-- as a whole (its backups) stays in meta.
CREATE TABLE city_meta (
  city_id TEXT NOT NULL,
  key     TEXT NOT NULL,
  value   TEXT NOT NULL,
  PRIMARY KEY (city_id, key)
) STRICT;
INSERT INTO city_meta (city_id, key, value)
  SELECT c.city_id, m.key, m.value FROM cities c, meta m
  WHERE m.key IN ('epoch', 'standing', 'run', 'clean_stop', 'trying_left', 'setup_hash', 'replayed_by_version');
DELETE FROM meta WHERE key IN ('epoch', 'standing', 'run', 'clean_stop', 'trying_left', 'setup_hash', 'replayed_by_version');

-- What the others are told of a commit: feeds that moved, JSON. n is given by whoever has the turn to write, so that nobody
-- who reads on from a number passes one that is still to be committed. Only the newest are kept.
CREATE TABLE told (
  city_id TEXT NOT NULL,
  n       INTEGER NOT NULL,
  hints   TEXT NOT NULL,
  PRIMARY KEY (city_id, n)
) STRICT;

-- Servers that run on this database: whose data folder, which start, when last heard of. One that stops in order takes its
-- row away.
CREATE TABLE nodes (
  city_id  TEXT NOT NULL,
  node     TEXT NOT NULL,
  run      INTEGER NOT NULL,
  alive_ms INTEGER NOT NULL,
  PRIMARY KEY (city_id, node)
) STRICT;
