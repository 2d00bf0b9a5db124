-- Numbers that a phone system gives to what it sends, by beat: the least, the greatest, and how many deliveries may bear one.
ALTER TABLE pulse ADD COLUMN number_least INTEGER;
ALTER TABLE pulse ADD COLUMN number_greatest INTEGER;
ALTER TABLE pulse ADD COLUMN numbered INTEGER NOT NULL DEFAULT 0;
