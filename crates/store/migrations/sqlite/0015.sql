-- 0015: what is known of backups is of a city, too. While it was of the database, phones of one city were told that theirs was in a
-- backup when another city's was.
INSERT INTO city_meta (city_id, key, value)
  SELECT c.city_id, m.key, m.value FROM cities c, meta m WHERE m.key IN ('safe_through', 'last_backup');
DROP TABLE meta;
