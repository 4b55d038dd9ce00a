-- 0003: own work and single values carry a hash, so that damage to the file is noticed and what is rescued from it
-- is known to be what was written. Nothing in a row of an earlier version.
ALTER TABLE outbox ADD COLUMN sha256 BLOB;
ALTER TABLE captures ADD COLUMN sha256 BLOB;
ALTER TABLE shots ADD COLUMN sha256 BLOB;
ALTER TABLE meta ADD COLUMN sha256 BLOB;
