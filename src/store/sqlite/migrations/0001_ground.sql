-- Facts are the ground: appended, chained per site, never changed. All other tables are derived from them and may be
-- rebuilt. Rows are ordered by our own increasing fact number; ids from outside sit in small look-up tables.
-- Times are microseconds since the epoch, UTC.

CREATE TABLE site (
  key   INTEGER PRIMARY KEY,
  id    TEXT NOT NULL UNIQUE,
  facts INTEGER NOT NULL DEFAULT 0,
  head  BLOB NOT NULL                      -- chain value of the site's newest fact
) STRICT;

CREATE TABLE source (
  key     INTEGER PRIMARY KEY,
  site    INTEGER NOT NULL REFERENCES site(key),
  name    TEXT NOT NULL,
  UNIQUE (site, name)
) STRICT;

CREATE TABLE fact (
  id          INTEGER PRIMARY KEY,
  site        INTEGER NOT NULL REFERENCES site(key),
  kind        INTEGER NOT NULL,            -- store::fact::Kind
  at          INTEGER NOT NULL,            -- when we received it, or when the person did it
  source      INTEGER NOT NULL DEFAULT 0,  -- of a delivery
  who         TEXT,                        -- of a person's act
  delivery_id TEXT,                        -- where the vendor gives one
  head        TEXT NOT NULL,               -- of a delivery: method, target and the headers that matter, as JSON
  body        BLOB NOT NULL,
  digest      BLOB NOT NULL,               -- SHA-256 of the body
  chain       BLOB NOT NULL                -- SHA-256 over the fact before and this one
) STRICT;

-- Acts of people and the daemon are few among deliveries.
CREATE INDEX fact_acts ON fact (site, kind, id) WHERE kind <> 1;

-- Which deliveries came already. A bucket holds the keys of 65 536 facts in a row, so that new keys fall on few pages
-- however random they are.
CREATE TABLE repeat_key (
  bucket INTEGER NOT NULL,
  key    INTEGER NOT NULL,
  fact   INTEGER NOT NULL,
  PRIMARY KEY (bucket, key, fact)
) STRICT, WITHOUT ROWID;

CREATE TABLE progress (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

-- Deliveries that no adapter could read, with the reason.
CREATE TABLE unread (fact INTEGER PRIMARY KEY, site INTEGER NOT NULL, why TEXT NOT NULL) STRICT;
CREATE INDEX unread_by_site ON unread (site, fact);

CREATE TABLE feed (
  site INTEGER NOT NULL, source INTEGER NOT NULL, fact INTEGER NOT NULL,
  at INTEGER NOT NULL, back INTEGER NOT NULL, restarted INTEGER NOT NULL,
  PRIMARY KEY (site, source, fact, at, back)
) STRICT, WITHOUT ROWID;

-- Ids from outside that name a call, one of its legs or bridges. They are random to us, so they are kept in buckets of
-- the facts that told them first: new ones fall on few pages, however many there are.
CREATE TABLE tie (
  bucket INTEGER NOT NULL,
  key    INTEGER NOT NULL,                 -- 64 bits of the text and its site
  site   INTEGER NOT NULL,
  tie    TEXT NOT NULL,
  call   INTEGER NOT NULL,
  PRIMARY KEY (bucket, key, site, tie)
) STRICT, WITHOUT ROWID;
CREATE INDEX tie_by_call ON tie (call);

-- Which deliveries speak of a call.
CREATE TABLE call_fact (
  call INTEGER NOT NULL, fact INTEGER NOT NULL,
  PRIMARY KEY (call, fact)
) STRICT, WITHOUT ROWID;

CREATE TABLE call (
  key        INTEGER PRIMARY KEY,          -- first fact that spoke of it * 256 + place in it
  site       INTEGER NOT NULL,
  offered_at INTEGER NOT NULL,
  seen_at    INTEGER NOT NULL,             -- time of its newest event
  ended_at   INTEGER,
  number     TEXT,                         -- folded digits of the outside party
  doc        TEXT NOT NULL                 -- call::Call without legs and timeline, as JSON
) STRICT;
CREATE INDEX call_by_time ON call (site, offered_at);
-- Numbers are random too: one bucket holds the calls of 65 536 facts in a row.
CREATE INDEX call_by_number ON call (site, key >> 24, number, offered_at) WHERE number IS NOT NULL;
CREATE INDEX call_alive ON call (site, seen_at) WHERE ended_at IS NULL;

CREATE TABLE recording (
  key        INTEGER PRIMARY KEY,          -- the fact of its arrival
  site       INTEGER NOT NULL,
  hash       BLOB NOT NULL,
  at         INTEGER NOT NULL,             -- when it begins, as far as known; else when it arrived
  call       INTEGER,                      -- the call whose recording set it belongs to
  doc        TEXT NOT NULL,                -- recording::Recording as JSON
  heard      INTEGER NOT NULL DEFAULT 0,
  UNIQUE (site, hash)
) STRICT;
CREATE INDEX recording_by_time ON recording (site, at);
CREATE INDEX recording_by_call ON recording (site, call) WHERE call IS NOT NULL;
CREATE INDEX recording_unheard ON recording (site, key) WHERE heard = 0;

-- Files already taken from a watched folder.
CREATE TABLE taken (
  path TEXT NOT NULL, bytes INTEGER NOT NULL, modified_at INTEGER NOT NULL,
  PRIMARY KEY (path, bytes, modified_at)
) STRICT, WITHOUT ROWID;

CREATE TABLE entry (
  key        INTEGER PRIMARY KEY,          -- the fact of its first version
  site       INTEGER NOT NULL,
  entry_id   TEXT NOT NULL,
  version    INTEGER NOT NULL,
  at         INTEGER NOT NULL,             -- when it happened as written, else when it was registered
  number     TEXT,                         -- folded digits
  imported   INTEGER NOT NULL,
  doc        TEXT NOT NULL,                -- ledger::LedgerEntry as JSON
  UNIQUE (site, entry_id)
) STRICT;
CREATE INDEX entry_by_time ON entry (site, at);
CREATE INDEX entry_by_number ON entry (site, number, at) WHERE number IS NOT NULL;
CREATE TABLE entry_version (
  entry INTEGER NOT NULL REFERENCES entry(key), version INTEGER NOT NULL, fact INTEGER NOT NULL REFERENCES fact(id),
  PRIMARY KEY (entry, version)
) STRICT, WITHOUT ROWID;
-- Overlapping character pairs of an entry's words: two-character Chinese words are found too.
CREATE VIRTUAL TABLE entry_text USING fts5 (pairs, content = '', contentless_delete = 1, tokenize = 'unicode61');

CREATE TABLE directory (
  site INTEGER NOT NULL, unit TEXT NOT NULL, number TEXT NOT NULL,
  PRIMARY KEY (site, unit, number)
) STRICT, WITHOUT ROWID;

-- What people decided about pairs. `thing` names a call (`call:ID`) or a recording (`sha256:HEX`).
CREATE TABLE decision (
  site INTEGER NOT NULL, thing TEXT NOT NULL, entry_id TEXT NOT NULL, together INTEGER NOT NULL, fact INTEGER NOT NULL,
  PRIMARY KEY (site, thing, entry_id)
) STRICT, WITHOUT ROWID;

-- One-to-one is kept here, on both sides, not in a report.
CREATE TABLE link (
  entry       INTEGER PRIMARY KEY REFERENCES entry(key),
  site        INTEGER NOT NULL,
  call        INTEGER,
  recording   INTEGER,
  doc         TEXT NOT NULL,               -- linkage::Proposal as JSON
  CHECK ((call IS NULL) <> (recording IS NULL))
) STRICT;
CREATE UNIQUE INDEX link_call ON link (site, call) WHERE call IS NOT NULL;
CREATE UNIQUE INDEX link_recording ON link (site, recording) WHERE recording IS NOT NULL;

-- What linking left open: `suggested`, `ambiguous`, `second_entry`, `mis_filed`. `contact` is a call, or the negative
-- key of a recording without one; `at` is the contact's time.
CREATE TABLE proposal (
  site INTEGER NOT NULL, entry INTEGER NOT NULL, contact INTEGER NOT NULL, kind TEXT NOT NULL, at INTEGER NOT NULL,
  doc TEXT NOT NULL,                       -- linkage::Proposal as JSON
  PRIMARY KEY (site, entry, contact, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX proposal_by_time ON proposal (site, at);

CREATE TABLE explanation (
  fact INTEGER PRIMARY KEY, site INTEGER NOT NULL, doc TEXT NOT NULL
) STRICT;
CREATE INDEX explanation_by_site ON explanation (site, fact);

CREATE TABLE finding (
  key       INTEGER PRIMARY KEY,
  site      INTEGER NOT NULL,
  code      TEXT NOT NULL,
  call      INTEGER NOT NULL DEFAULT 0,
  recording INTEGER NOT NULL DEFAULT 0,
  entry     INTEGER NOT NULL DEFAULT 0,
  delivery  INTEGER NOT NULL DEFAULT 0,
  day       TEXT NOT NULL,                 -- local day it belongs to
  since     INTEGER NOT NULL,
  state     TEXT NOT NULL,
  doc       TEXT NOT NULL,                 -- finding::Finding as JSON
  UNIQUE (site, code, call, recording, entry, delivery)
) STRICT;
CREATE INDEX finding_by_state ON finding (site, state, since, key);
CREATE INDEX finding_by_day ON finding (site, day);
CREATE INDEX finding_by_call ON finding (site, call) WHERE call <> 0;
CREATE INDEX finding_by_recording ON finding (site, recording) WHERE recording <> 0;
CREATE INDEX finding_by_entry ON finding (site, entry) WHERE entry <> 0;

-- Local days whose links and findings must be computed again, and from when.
CREATE TABLE dirty (
  site INTEGER NOT NULL, day TEXT NOT NULL, due_at INTEGER NOT NULL,
  marks INTEGER NOT NULL DEFAULT 1,        -- how often it was marked: what came while it was computed is not lost
  PRIMARY KEY (site, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX dirty_by_due ON dirty (due_at);
