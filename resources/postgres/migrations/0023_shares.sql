-- What is private can be shared with single recipients, by source or by namespace of memory.
CREATE TABLE share (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    namespace  text NOT NULL,
    flow       text NOT NULL,
    recipient  text NOT NULL,
    key        text NOT NULL,                    -- source:notes, source:https://…, namespace:main
    shared_by  text NOT NULL,                    -- as the recipient reads it
    shared_at  timestamptz NOT NULL,
    ended_at   timestamptz
);
CREATE UNIQUE INDEX share_standing ON share (namespace, flow, recipient, key) WHERE ended_at IS NULL;
COMMENT ON TABLE share IS 'Private sources and namespaces that a recipient''s digest shows, and who shared them.';

-- By which keys an item or a topic is shared; empty: it is public.
ALTER TABLE source_item ADD COLUMN share_keys text[] NOT NULL DEFAULT '{}';
UPDATE source_item SET share_keys = ARRAY['source:' || source] WHERE trust = 'own';
ALTER TABLE topic ADD COLUMN share_keys text[] NOT NULL DEFAULT '{}';
UPDATE topic SET share_keys = ARRAY['source:notes'] WHERE private;
ALTER TABLE topic ADD CONSTRAINT topic_private CHECK (private = (share_keys <> '{}'));

-- What was shared with the readers of a digest when it was composed: key to who shared it.
ALTER TABLE digest ADD COLUMN shared jsonb NOT NULL DEFAULT '{}';
ALTER TABLE digest DROP CONSTRAINT digest_of_window;
ALTER TABLE digest ADD CONSTRAINT digest_of_window UNIQUE NULLS NOT DISTINCT (run_id, window_since, private, shared);
