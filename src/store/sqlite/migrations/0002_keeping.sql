-- Keeping: what is wrong with stored bytes, legal holds, and what was erased. All derived from facts.

-- A fault of stored bytes, until they are right again. There are few of them, or the disk is gone.
CREATE TABLE object_fault (
  site INTEGER NOT NULL,
  hash BLOB NOT NULL,
  fact INTEGER NOT NULL,                   -- the fact that told of it
  at   INTEGER NOT NULL,
  doc  TEXT NOT NULL,                      -- objects::State as JSON
  PRIMARY KEY (site, hash)
) STRICT, WITHOUT ROWID;

-- Legal holds in force. `thing` names a recording (`sha256:HEX`), a call (`call:ID`) or an entry (`entry:ID`).
CREATE TABLE hold (
  site INTEGER NOT NULL,
  thing TEXT NOT NULL,
  fact INTEGER NOT NULL,
  doc  TEXT NOT NULL,                      -- holds::Hold as JSON
  PRIMARY KEY (site, thing)
) STRICT, WITHOUT ROWID;

-- What is left of erased recordings: the row stays, the bytes are gone.
CREATE TABLE tombstone (
  recording INTEGER PRIMARY KEY,
  site INTEGER NOT NULL,
  fact INTEGER NOT NULL,
  doc  TEXT NOT NULL                       -- erasures::Tombstone as JSON
) STRICT;
CREATE INDEX tombstone_by_site ON tombstone (site, fact);

ALTER TABLE recording ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE recording ADD COLUMN erased INTEGER NOT NULL DEFAULT 0;
UPDATE recording SET bytes = json_extract(doc, '$.bytes');
CREATE INDEX recording_kept ON recording (site, at, bytes) WHERE erased = 0;
