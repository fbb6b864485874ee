-- A worker's files end with its job: a mail that no server was there to take is kept as a row until a person gets it out.
CREATE TABLE outbox (
    message_id text PRIMARY KEY,
    recipient  text NOT NULL,
    subject    text NOT NULL,
    content    text NOT NULL,                  -- the whole mail, headers and parts, in UTF-8
    run_id     uuid,
    made_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX outbox_made ON outbox (made_at);
