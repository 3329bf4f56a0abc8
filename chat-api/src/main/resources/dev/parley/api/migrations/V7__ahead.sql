-- How many are to be called before a waiting answer, told and cleared with expected_at; none where nobody knows.
ALTER TABLE messages ADD COLUMN ahead integer;
