-- 0008: several servers on one database, and several cities.

-- Facts about a city as this database has it: its epoch, its key, its starts, its set-up. What is about the
-- database as a whole stays in meta.
CREATE TABLE city_meta (
  city_id TEXT COLLATE "C" NOT NULL,
  key     TEXT COLLATE "C" NOT NULL,
  value   TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (city_id, key)
);

-- What the others are told of a commit: feeds that moved, JSON. n is given by whoever has the turn to write, so that nobody
-- who reads on from a number passes one that is still to be committed. Only the newest are kept.
CREATE TABLE told (
  city_id TEXT COLLATE "C" NOT NULL,
  n       BIGINT NOT NULL,
  hints   TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (city_id, n)
);

-- Servers that run on this database: whose data folder, which start, when last heard of. One that stops in order takes its
-- row away.
CREATE TABLE nodes (
  city_id  TEXT COLLATE "C" NOT NULL,
  node     TEXT COLLATE "C" NOT NULL,
  run      BIGINT NOT NULL,
  alive_ms BIGINT NOT NULL,
  PRIMARY KEY (city_id, node)
);

ALTER TABLE told SET (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 5000);
