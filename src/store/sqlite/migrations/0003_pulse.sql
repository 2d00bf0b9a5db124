-- When each source's deliveries came, gathered in beats of some minutes, and how long after their events: what is known
-- of clocks and silence. `at` is the beat's start in seconds.
CREATE TABLE pulse (
  site INTEGER NOT NULL, at INTEGER NOT NULL, source INTEGER NOT NULL,
  first_at INTEGER NOT NULL, last_at INTEGER NOT NULL,
  first_fact INTEGER NOT NULL, last_fact INTEGER NOT NULL,
  lag INTEGER,                             -- microseconds; absent when no delivery of the beat told a time of its own
  PRIMARY KEY (site, at, source)
) STRICT, WITHOUT ROWID;
