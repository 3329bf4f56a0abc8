-- The versions of a chat's first message; those of all others are found by their parent.
CREATE INDEX messages_roots ON messages (chat_id) WHERE parent_id IS NULL;
