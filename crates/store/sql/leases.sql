-- Who is at work on a case at a desk. One holder a case; one whose time is over is taken over.
-- name: lease_take
INSERT INTO case_leases (city_id, case_id, desk, person_id, until_ms) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (city_id, case_id) DO UPDATE
SET desk = excluded.desk, person_id = excluded.person_id, until_ms = excluded.until_ms
WHERE case_leases.until_ms <= $6 AND case_leases.city_id = $1;
-- name: lease_keep
UPDATE case_leases SET until_ms = $4 WHERE city_id = $1 AND case_id = $2 AND person_id = $3 AND until_ms > $5;
-- name: lease_end
DELETE FROM case_leases WHERE city_id = $1 AND case_id = $2 AND person_id = $3;
-- name: lease_load
SELECT case_id, desk, person_id, until_ms FROM case_leases WHERE city_id = $1 AND case_id = $2 AND until_ms > $3;
-- name: leases_over
DELETE FROM case_leases WHERE city_id = $1 AND until_ms <= $2;
-- name: next_at_desk
SELECT c.case_id, c.received_ms FROM cases c
WHERE c.city_id = $1 AND c.open = 1 AND c.state = $2 AND c.urgent = $3 AND (c.town = $4 OR $4 IS NULL)
  AND (c.grid = $5 OR $5 IS NULL) AND (c.lead = $6 OR $6 IS NULL)
  AND NOT EXISTS (SELECT 1 FROM case_leases l WHERE l.city_id = $1 AND l.case_id = c.case_id AND l.until_ms > $7)
ORDER BY c.received_ms, c.case_id LIMIT 1;
