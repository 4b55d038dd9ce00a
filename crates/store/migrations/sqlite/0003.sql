-- What an operator watches, and what the rendition job asks for every two seconds, by what is open and not by all.
CREATE INDEX renditions_unfinished ON rendition_jobs (city_id, photo_id) WHERE done_ms IS NULL AND tries < 3;
CREATE INDEX quarantine_open ON quarantine (city_id, at_ms, op_id) WHERE released_ms IS NULL;
