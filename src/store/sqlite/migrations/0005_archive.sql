-- Archive renditions: the digest of each beside its recording (its facts stand in `doc`), and whether the original is gone.
ALTER TABLE recording ADD COLUMN rendition BLOB;
ALTER TABLE recording ADD COLUMN original_gone INTEGER NOT NULL DEFAULT 0;
CREATE INDEX recording_by_rendition ON recording (site, rendition) WHERE rendition IS NOT NULL;
