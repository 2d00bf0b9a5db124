-- What changed since links were computed, and how it was then, so that only its neighbourhood is linked again.
CREATE TABLE stirred (
  site     INTEGER NOT NULL,
  side     INTEGER NOT NULL,               -- stirred::Side
  key      INTEGER NOT NULL,
  before   TEXT,                           -- its document when links were computed; absent when it was not there
  imported INTEGER NOT NULL DEFAULT 0,     -- of an entry, then
  marks    INTEGER NOT NULL DEFAULT 1,     -- how often it was stirred: what came while links were computed is not lost
  PRIMARY KEY (site, side, key)
) STRICT, WITHOUT ROWID;
-- What older versions linked by days is linked once as a whole.
INSERT INTO stirred (site, side, key) SELECT key, 5, 0 FROM site;

-- What was learned of a site, by its newest fact.
CREATE TABLE beliefs (
  site    INTEGER PRIMARY KEY,
  fact    INTEGER NOT NULL,
  entries INTEGER NOT NULL,                -- entries and facts it was learned from
  facts   INTEGER NOT NULL,
  off     TEXT NOT NULL,                   -- habits that were switched off, as JSON
  doc     TEXT NOT NULL                    -- beliefs::Learned as JSON
) STRICT;

CREATE INDEX proposal_by_contact ON proposal (site, contact);
