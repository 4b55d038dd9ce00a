-- Letters 文书, their numbers and the cases they list.

-- name: letter_last_n
SELECT COALESCE(MAX(n), 0) FROM letters WHERE city_id = $1 AND kind = $2 AND year = $3;

-- name: save
INSERT INTO letters (city_id, letter_id, kind, year, n, number, unit, addressee, copies, words, due_ms, issued_ms,
                     issued_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13);

-- name: letter_save_case
INSERT INTO letter_cases (city_id, letter_id, at, case_id) VALUES ($1, $2, $3, $4);

-- name: one
SELECT letter_id, kind, year, n, number, unit, addressee, copies, words, due_ms, issued_ms, issued_by, voided_ms,
       voided_by, void_reason, receipt_photo, receipt_ms
FROM letters WHERE city_id = $1 AND letter_id = $2;

-- name: cases_of
SELECT case_id FROM letter_cases WHERE city_id = $1 AND letter_id = $2 ORDER BY at;

-- name: page
SELECT letter_id, kind, year, n, number, unit, addressee, copies, words, due_ms, issued_ms, issued_by, voided_ms,
       voided_by, void_reason, receipt_photo, receipt_ms
FROM letters
WHERE city_id = $1 AND (issued_ms, letter_id) < ($2, $3) AND (kind = $4 OR $4 IS NULL) AND (year = $5 OR $5 IS NULL)
  AND (unit = $6 OR $6 IS NULL)
ORDER BY issued_ms DESC, letter_id DESC LIMIT $7;

-- name: void
UPDATE letters SET voided_ms = $3, voided_by = $4, void_reason = $5
WHERE city_id = $1 AND letter_id = $2 AND voided_ms IS NULL;

-- name: receipt
UPDATE letters SET receipt_photo = $3, receipt_ms = $4 WHERE city_id = $1 AND letter_id = $2;

-- A unit is nobody's name: it stays. Number and cases stay too.
-- name: letter_erase
UPDATE letters
SET addressee = CASE WHEN unit IS NULL THEN $3 ELSE addressee END, words = '', copies = '[]',
    void_reason = CASE WHEN void_reason IS NULL THEN NULL ELSE $3 END
WHERE city_id = $1 AND letter_id = $2;
