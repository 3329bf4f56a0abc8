-- Each word twice: as it is, for what is looked for while it is typed, and its stem. 'russian' stems Russian and English words
-- each by their own rules, and leaves those of other languages as they are. What stands behind the first 100,000 characters
-- is not found: a tsvector holds 1 MB.
ALTER TABLE messages ADD COLUMN search tsvector GENERATED ALWAYS AS (
    to_tsvector('simple', left(content, 100000)) || to_tsvector('russian', left(content, 100000))) STORED;
CREATE INDEX messages_search ON messages USING gin (search);
