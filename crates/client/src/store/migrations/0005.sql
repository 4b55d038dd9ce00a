-- 0005: files of other phones' unsent work. state: 0 to hand in, 1 taken in, 2 refused for good.
CREATE TABLE carried (
  manifest TEXT PRIMARY KEY,
  file TEXT NOT NULL,
  device_id TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  added_ms INTEGER NOT NULL,
  state INTEGER NOT NULL DEFAULT 0,
  failures INTEGER NOT NULL DEFAULT 0,
  not_before_ms INTEGER NOT NULL DEFAULT 0,
  problem TEXT,
  -- What the server made of it, JSON.
  reply TEXT
) STRICT, WITHOUT ROWID;
