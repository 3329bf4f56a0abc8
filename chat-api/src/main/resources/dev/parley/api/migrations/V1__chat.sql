-- The truth of Parley: who owns which chat, its messages as a tree, and what still has to be handed to the broker.

CREATE TABLE users (
    id         uuid PRIMARY KEY,
    name       text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- AUTH_MODE=none: everybody is this one user.
INSERT INTO users (id, name) VALUES ('00000000-0000-7000-8000-000000000001', 'local');

CREATE TABLE chats (
    id         uuid PRIMARY KEY,
    user_id    uuid        NOT NULL REFERENCES users ON DELETE CASCADE,
    title      text        NOT NULL DEFAULT '',
    -- The last message of the current branch; absent while the chat is empty.
    head_id    uuid,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX chats_by_user ON chats (user_id, updated_at DESC, id DESC);

CREATE TABLE messages (
    id              uuid PRIMARY KEY,
    chat_id         uuid        NOT NULL REFERENCES chats ON DELETE CASCADE,
    parent_id       uuid REFERENCES messages ON DELETE CASCADE,
    role            text        NOT NULL CHECK (role IN ('user', 'assistant')),
    content         text        NOT NULL DEFAULT '',
    -- 'generating' is not stored: an answer generates while Redis holds a run of it.
    status          text        NOT NULL CHECK (status IN ('queued', 'retrying', 'completed', 'failed', 'cancelled')),
    -- A round is one wish of a user to have this answered: sending begins round 1, each retry or cancel the next.
    -- Results of an earlier round are ignored.
    round           int         NOT NULL DEFAULT 1,
    attempt         int,
    next_attempt_at timestamptz,
    expected_at     timestamptz,
    error           jsonb,
    model           text,
    input_tokens    int,
    output_tokens   int,
    created_at      timestamptz NOT NULL,
    completed_at    timestamptz,
    -- On a pending or cancelled answer: the earlier answer whose end it waits for. Whoever ends that one hands this one
    -- to the outbox. NULL: its turn has come.
    waits_for       uuid,
    -- On an answer: the HTTP request that asked for it last, for the logs of everything that follows.
    request_id      text,
    -- On a user's message: what a repeat of its request needs to be recognised and answered as at first.
    idempotency_key text,
    request_hash    text,
    waited_for      uuid
);
CREATE INDEX messages_by_parent ON messages (parent_id);
CREATE INDEX messages_pending ON messages (chat_id) WHERE status IN ('queued', 'retrying');
CREATE INDEX messages_waiting ON messages (waits_for) WHERE waits_for IS NOT NULL;
CREATE INDEX messages_by_chat ON messages (chat_id, id);
CREATE UNIQUE INDEX messages_by_idempotency_key ON messages (chat_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
ALTER TABLE chats ADD FOREIGN KEY (head_id) REFERENCES messages DEFERRABLE INITIALLY DEFERRED;

CREATE TABLE prompt_templates (
    id         uuid PRIMARY KEY,
    user_id    uuid        NOT NULL REFERENCES users ON DELETE CASCADE,
    name       text        NOT NULL,
    text       text        NOT NULL,
    variables  jsonb       NOT NULL DEFAULT '[]',
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX prompt_templates_by_user ON prompt_templates (user_id, name, id);

-- One row for each request that has to reach the broker; the relay deletes it after the broker's confirm. No foreign key:
-- the relay holds these rows locked while it publishes, and deleting a chat must not wait for the broker.
CREATE TABLE outbox (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    answer_id  uuid        NOT NULL,
    round      int         NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX outbox_by_answer ON outbox (answer_id);
