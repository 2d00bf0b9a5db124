-- When a thing that changed was, in microseconds: where much changed at once, the latest is linked first. The greatest
-- number where it has no time.
ALTER TABLE stirred ADD COLUMN at INTEGER NOT NULL DEFAULT 9223372036854775807;
CREATE INDEX stirred_by_time ON stirred (site, at);
