-- Whoever accepts a message publishes it at once, from memory; the relay takes what is still there when it is due.
ALTER TABLE outbox ADD COLUMN due_at timestamptz NOT NULL DEFAULT now();
