-- Conversations as a log: each message points at the one before it, so that a conversation can be branched and forked.
ALTER TABLE chat_message ADD COLUMN entry_id text, ADD COLUMN parent_id text;
UPDATE chat_message m SET entry_id = 'entry_' || m.id, parent_id = 'entry_' || o.parent
FROM (SELECT id, lag(id) OVER (PARTITION BY session_id ORDER BY id) AS parent FROM chat_message) o WHERE o.id = m.id;
ALTER TABLE chat_message ALTER COLUMN entry_id SET NOT NULL;
CREATE UNIQUE INDEX chat_message_entry ON chat_message (entry_id);
UPDATE chat_session s SET metadata = metadata || jsonb_build_object('record', jsonb_build_object(
    'head_id', (SELECT entry_id FROM chat_message m WHERE m.session_id = s.id ORDER BY m.id DESC LIMIT 1),
    'revision', gen_random_uuid()::text));
