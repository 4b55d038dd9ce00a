-- 0010: letters 文书. Numbers run by kind and year without gaps: a voided one keeps its row.
CREATE TABLE letters (
  city_id       TEXT COLLATE "C" NOT NULL,
  letter_id     UUID NOT NULL,
  kind          TEXT COLLATE "C" NOT NULL,
  year          BIGINT NOT NULL,
  n             BIGINT NOT NULL,
  number        TEXT COLLATE "C" NOT NULL,
  unit          TEXT COLLATE "C",
  addressee     TEXT COLLATE "C" NOT NULL,
  copies        TEXT COLLATE "C" NOT NULL,
  words         TEXT COLLATE "C" NOT NULL,
  due_ms        BIGINT,
  issued_ms     BIGINT NOT NULL,
  issued_by     UUID NOT NULL,
  voided_ms     BIGINT,
  voided_by     UUID,
  void_reason   TEXT COLLATE "C",
  receipt_photo UUID,
  receipt_ms    BIGINT,
  PRIMARY KEY (city_id, letter_id)
);
CREATE UNIQUE INDEX letters_by_number ON letters (city_id, kind, year, n);
CREATE INDEX letters_by_unit ON letters (city_id, unit, issued_ms);
CREATE INDEX letters_by_time ON letters (city_id, issued_ms, letter_id);

-- Which cases a letter lists, in its order.
CREATE TABLE letter_cases (
  city_id   TEXT COLLATE "C" NOT NULL,
  letter_id UUID NOT NULL,
  at        BIGINT NOT NULL,
  case_id   UUID NOT NULL,
  PRIMARY KEY (city_id, letter_id, at)
);
CREATE INDEX letter_cases_by_case ON letter_cases (city_id, case_id);
