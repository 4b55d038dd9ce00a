-- 0014: words of cases. A case has its own in plain form, and three hours those that any of their cases says: to be written,
-- words cost a report fifteen rows before. Filled from the rows at the next start of the server (service/refill.rs).
ALTER TABLE cases ADD COLUMN words TEXT COLLATE "C" NOT NULL DEFAULT '';
DROP TABLE case_grams;

-- What is said in a case received in a span of three hours (10,800,000 ms since 1970), whichever it is.
CREATE TABLE span_words (
  city_id TEXT COLLATE "C" NOT NULL,
  span    BIGINT NOT NULL,
  gram    TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (city_id, span, gram)
);

-- Open cases stand in one index, whatever a list asks of them (decision 0021); these are for the closed ones. A report is in
-- none of them.
DROP INDEX cases_by_state;
DROP INDEX cases_by_town;
DROP INDEX cases_by_lead;
DROP INDEX cases_by_item;
DROP INDEX cases_by_source;
CREATE INDEX cases_by_state ON cases (city_id, state, received_ms, case_id) WHERE open = 0;
CREATE INDEX cases_by_town ON cases (city_id, town, received_ms, case_id) WHERE open = 0;
CREATE INDEX cases_by_lead ON cases (city_id, lead, received_ms, case_id) WHERE open = 0;
CREATE INDEX cases_by_item ON cases (city_id, item, received_ms, case_id) WHERE open = 0;
CREATE INDEX cases_by_source ON cases (city_id, source, received_ms, case_id) WHERE open = 0;

-- The case itself and its people are found by their keys.
DROP INDEX rows_by_case;
CREATE INDEX rows_by_case ON rows (city_id, case_id) WHERE case_id IS NOT NULL AND kind <> 'case' AND kind <> 'person';

-- Items of feeds in runs, a row for what a commit gave a feed: JSON, an item [seq, kind, id, whether it left]. seq is that of
-- the last item when the run was written; many: whether there was more than one.
CREATE TABLE feed_runs (
  city_id TEXT COLLATE "C" NOT NULL,
  feed_n  BIGINT NOT NULL,
  seq     BIGINT NOT NULL,
  many    BIGINT NOT NULL,
  items   TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (feed_n, seq, city_id)
);
INSERT INTO feed_runs (city_id, feed_n, seq, many, items)
SELECT city_id, feed_n, seq, 0, json_build_array(json_build_array(seq, kind, id, gone))::text FROM feed_items;
DROP TABLE feed_items;
ALTER TABLE feed_runs SET (autovacuum_vacuum_scale_factor = 0.05);

-- Keys that begin with what is their own: most of what a key costs here is comparing it, and text before it is compared at
-- each step down. The city stays in each of them.
ALTER TABLE ops DROP CONSTRAINT ops_pkey, ADD PRIMARY KEY (op_id, city_id);
ALTER TABLE op_cases DROP CONSTRAINT op_cases_pkey, ADD PRIMARY KEY (case_id, n, city_id);
ALTER TABLE cases DROP CONSTRAINT cases_pkey, ADD PRIMARY KEY (case_id, city_id);
DROP INDEX ops_by_device;
CREATE INDEX ops_by_device ON ops (device_id, device_seq, city_id);
