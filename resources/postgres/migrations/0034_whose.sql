-- Memories and documents of people other than owners are theirs; agents of others are told of their tasks where they want it.
ALTER TABLE memory_item ADD COLUMN user_id text NOT NULL DEFAULT '';
COMMENT ON COLUMN memory_item.user_id IS 'Whose it is: found by this person and by owners; empty: everybody''s.';
CREATE INDEX memory_item_user ON memory_item (user_id) WHERE user_id <> '';

ALTER TABLE document ADD COLUMN user_id text NOT NULL DEFAULT '';
COMMENT ON COLUMN document.user_id IS 'Who gave the file, when it was no owner: seen by this person and by owners, never trusted as own text.';

CREATE TABLE push_config (
    id         text NOT NULL,                    -- as the agent that asked named it, or made here
    run_id     uuid NOT NULL,                    -- the task, whose row a child makes later
    person_id  text NOT NULL REFERENCES person,
    url        text NOT NULL,
    token      text NOT NULL DEFAULT '',         -- sent back, so that the receiver knows what it is told
    scheme     text NOT NULL DEFAULT '',         -- of the header Authorization, with its credentials
    credentials text NOT NULL DEFAULT '',
    told       text NOT NULL DEFAULT 'running',  -- the last status of the run that it was told
    tries      integer NOT NULL DEFAULT 0,
    due_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    error      text NOT NULL DEFAULT '',
    ended_at   timestamptz,                      -- told the last state, or given up
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (run_id, id)
);
CREATE INDEX push_config_due ON push_config (due_at) WHERE ended_at IS NULL;
COMMENT ON TABLE push_config IS 'Where agents of others are told what becomes of a task that they gave by A2A.';
