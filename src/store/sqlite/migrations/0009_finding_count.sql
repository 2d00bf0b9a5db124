-- How many findings of each code stand in each state, so that nobody has to count them.
CREATE TABLE finding_count (
  site  INTEGER NOT NULL,
  code  TEXT NOT NULL,
  state TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (site, code, state)
) STRICT, WITHOUT ROWID;
INSERT INTO finding_count SELECT site, code, state, count(*) FROM finding GROUP BY site, code, state;

CREATE TRIGGER finding_added AFTER INSERT ON finding BEGIN
  INSERT INTO finding_count VALUES (new.site, new.code, new.state, 1)
  ON CONFLICT DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER finding_moved AFTER UPDATE OF state ON finding WHEN old.state <> new.state BEGIN
  UPDATE finding_count SET count = count - 1 WHERE site = old.site AND code = old.code AND state = old.state;
  INSERT INTO finding_count VALUES (new.site, new.code, new.state, 1)
  ON CONFLICT DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER finding_removed AFTER DELETE ON finding BEGIN
  UPDATE finding_count SET count = count - 1 WHERE site = old.site AND code = old.code AND state = old.state;
END;
