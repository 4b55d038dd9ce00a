-- 0013: places over time: sites that cases and looks name, what was fixed on the spot, who opened what, photos that several
-- cases show. New columns and tables of cases are filled from the rows at the next start of the server (service/refill.rs).

-- A site of the register that a look named; looks of a grid or a site in their order. Those kept before name none.
ALTER TABLE looks ADD COLUMN site_id TEXT COLLATE "C";
CREATE INDEX looks_by_grid ON looks (city_id, grid, at_ms, person_id, cell) WHERE counted = 1;
CREATE INDEX looks_by_site ON looks (city_id, site_id, at_ms, person_id) WHERE site_id IS NOT NULL;

ALTER TABLE cases ADD COLUMN site_id    TEXT COLLATE "C";
ALTER TABLE cases ADD COLUMN self_fixed BIGINT NOT NULL DEFAULT 0;
CREATE INDEX cases_by_site ON cases (city_id, site_id, received_ms, case_id) WHERE site_id IS NOT NULL;
CREATE INDEX cases_self_fixed ON cases (city_id, received_ms, case_id) WHERE self_fixed = 1;

-- What somebody opened, for his own month.
CREATE INDEX ops_opened ON ops (city_id, author, received_ms) WHERE kind IN ('report', 'self_fixed');

-- Photos that a case names and that are on another: one photo of after for many of one wall or lane.
CREATE TABLE photo_shown (
  city_id  TEXT COLLATE "C" NOT NULL,
  photo_id UUID NOT NULL,
  case_id  UUID NOT NULL,
  PRIMARY KEY (city_id, photo_id, case_id)
);
