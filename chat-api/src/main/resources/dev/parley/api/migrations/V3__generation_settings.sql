-- How the model is asked in a chat (chat.GenerationSettings as JSON), and how it was when an answer was asked for: a later
-- change of the chat does not reach what waits.
ALTER TABLE chats ADD COLUMN settings jsonb NOT NULL DEFAULT '{}';
ALTER TABLE messages ADD COLUMN settings jsonb;
