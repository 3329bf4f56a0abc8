ALTER TABLE chats ADD COLUMN pinned   boolean NOT NULL DEFAULT false;
ALTER TABLE chats ADD COLUMN archived boolean NOT NULL DEFAULT false;
-- Folders are names, and are there as long as a chat is in them.
ALTER TABLE chats ADD COLUMN folder   text;
CREATE INDEX chats_pinned ON chats (user_id, updated_at DESC, id DESC) WHERE pinned;
CREATE INDEX chats_in_folders ON chats (user_id, folder, updated_at DESC, id DESC) WHERE folder IS NOT NULL;
