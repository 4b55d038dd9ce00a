-- Hotline tickets.

-- name: ticket_append
INSERT INTO hotline_tickets (city_id, ticket_no, case_id, caller_key, place, words, confidential, nth, reply_due_ms,
                             reopened, created_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10)
ON CONFLICT (city_id, ticket_no) DO NOTHING;

-- name: caller_save
INSERT INTO hotline_callers (city_id, ticket_no, name, phone) VALUES ($1, $2, $3, $4)
ON CONFLICT (city_id, ticket_no) DO NOTHING;

-- name: caller_load
SELECT name, phone FROM hotline_callers WHERE city_id = $1 AND ticket_no = $2;

-- name: caller_forget
DELETE FROM hotline_callers WHERE city_id = $1 AND ticket_no = $2;

-- name: ticket_load
SELECT ticket_no, case_id, place, words, confidential, nth, reply_due_ms, reply, replied_ms, satisfied, called_ms,
       reopened, created_ms
FROM hotline_tickets WHERE city_id = $1 AND ticket_no = $2;

-- name: tickets_page
SELECT ticket_no, case_id, place, words, confidential, nth, reply_due_ms, reply, replied_ms, satisfied, called_ms,
       reopened, created_ms
FROM hotline_tickets WHERE city_id = $1 AND (created_ms, ticket_no) < ($2, $3)
ORDER BY created_ms DESC, ticket_no DESC LIMIT $4;

-- name: calls_before
SELECT COUNT(*) FROM hotline_tickets WHERE city_id = $1 AND caller_key = $2 AND place = $3;

-- name: ticket_reply
UPDATE hotline_tickets SET reply = $3, replied_ms = $4 WHERE city_id = $1 AND ticket_no = $2;

-- name: ticket_called
UPDATE hotline_tickets SET satisfied = $3, called_ms = $4, reopened = $5, case_id = $6
WHERE city_id = $1 AND ticket_no = $2;
