-- 0010: letters 文书. Numbers run by kind and year without gaps: a voided one keeps its row.
CREATE TABLE letters (
  city_id       TEXT NOT NULL,
  letter_id     BLOB NOT NULL,
  kind          TEXT NOT NULL,
  year          INTEGER NOT NULL,
  n             INTEGER NOT NULL,
  number        TEXT NOT NULL,
  unit          TEXT,
  addressee     TEXT NOT NULL,
  copies        TEXT NOT NULL,
  words         TEXT NOT NULL,
  due_ms        INTEGER,
  issued_ms     INTEGER NOT NULL,
  issued_by     BLOB NOT NULL,
  voided_ms     INTEGER,
  voided_by     BLOB,
  void_reason   TEXT,
  receipt_photo BLOB,
  receipt_ms    INTEGER,
  PRIMARY KEY (city_id, letter_id)
) STRICT;
CREATE UNIQUE INDEX letters_by_number ON letters (city_id, kind, year, n);
CREATE INDEX letters_by_unit ON letters (city_id, unit, issued_ms);
CREATE INDEX letters_by_time ON letters (city_id, issued_ms, letter_id);

-- Which cases a letter lists, in its order.
CREATE TABLE letter_cases (
  city_id   TEXT NOT NULL,
  letter_id BLOB NOT NULL,
  at        INTEGER NOT NULL,
  case_id   BLOB NOT NULL,
  PRIMARY KEY (city_id, letter_id, at)
) STRICT;
CREATE INDEX letter_cases_by_case ON letter_cases (city_id, case_id);
