-- Readers answer a digest with signed tokens: what they said, and the keys that sign.
CREATE TABLE reply_key (
    id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    secret     text NOT NULL,
    made_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    retired_at timestamptz                       -- tokens of a retired key are refused
);
COMMENT ON TABLE reply_key IS 'Keys that sign the reply tokens of mails; the newest that is not retired signs.';

CREATE TABLE reply (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    namespace  text NOT NULL,
    flow       text NOT NULL,
    recipient  text NOT NULL,
    message_id text NOT NULL,                    -- of the mail whose token it is
    run_id     uuid NOT NULL,
    verb       text NOT NULL CHECK (verb IN ('more', 'less', 'untrue', 'unsubscribe')),
    topic_id   text,
    comment    text NOT NULL DEFAULT '',
    way        text NOT NULL CHECK (way IN ('mail', 'link')),
    at         timestamptz NOT NULL,
    UNIQUE NULLS NOT DISTINCT (message_id, verb, topic_id)
);
CREATE INDEX reply_at ON reply (namespace, flow, at);
COMMENT ON TABLE reply IS 'What recipients said of digests by reply or by link; each token counts once.';

-- Whoever unsubscribed stays so, also when a setting names them, until somebody adds them again.
ALTER TABLE recipient ADD COLUMN unsubscribed_at timestamptz;
