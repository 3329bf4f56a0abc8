-- How many come first, of an answer that waits for its turn under the quota; told and read with expected_at only.
ALTER TABLE messages ADD COLUMN ahead int;
