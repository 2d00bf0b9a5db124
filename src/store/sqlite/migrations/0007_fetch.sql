-- Recordings that a phone system announced and that we fetch: a queue, one row a file of a call. Rows are ordered by our
-- own key and by the call's; a file's name from outside is looked for in the calls of 65 536 facts in a row.
CREATE TABLE fetch (
  key       INTEGER PRIMARY KEY,
  site      INTEGER NOT NULL,
  source    INTEGER NOT NULL,              -- who announced it
  call      INTEGER NOT NULL,
  file      TEXT NOT NULL,                 -- what it names, without what changes with each announcement
  reference TEXT NOT NULL,                 -- as announced last
  state     TEXT NOT NULL DEFAULT 'waiting', -- `waiting`, `fetched`, `failed`
  due_at    INTEGER NOT NULL,              -- of one that waits: not to be tried before
  tries     INTEGER NOT NULL DEFAULT 0,
  first_at  INTEGER,                       -- when it was first tried
  last_at   INTEGER,                       -- … and last
  error     TEXT,                          -- why the last try failed
  recording INTEGER,                       -- of one that was fetched
  UNIQUE (call, file)
) STRICT;
CREATE INDEX fetch_due ON fetch (due_at, key) WHERE state = 'waiting';
CREATE INDEX fetch_failed ON fetch (last_at) WHERE state = 'failed';
CREATE INDEX fetch_by_file ON fetch (site, call >> 24, file);
