-- Pairs are weighed and clocks are read a little otherwise: what was linked before is linked once more as a whole.
INSERT INTO stirred (site, side, key) SELECT key, 5, 0 FROM site WHERE true
ON CONFLICT DO UPDATE SET marks = marks + 1;
