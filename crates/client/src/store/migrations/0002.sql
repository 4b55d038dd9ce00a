-- 0002: voice notes say how long they last.
ALTER TABLE shots ADD COLUMN duration_ms INTEGER;
