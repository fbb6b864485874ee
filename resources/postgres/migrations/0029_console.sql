-- The console: who is signed in with a browser, which conversation a run belongs to, and word to those who follow rows.
CREATE TABLE sign_in (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    hash       text NOT NULL UNIQUE,             -- SHA-256 of the cookie
    person_id  text NOT NULL REFERENCES person,
    browser    text NOT NULL DEFAULT '',         -- as it names itself
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    ended_at   timestamptz
);
CREATE INDEX sign_in_person ON sign_in (person_id, created_at DESC);
COMMENT ON TABLE sign_in IS 'Browsers that are signed in to the console: a session each, hashed, until it ends.';

CREATE TABLE sign_in_link (
    hash       text PRIMARY KEY,                 -- SHA-256 of what the link holds
    person_id  text NOT NULL REFERENCES person,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
COMMENT ON TABLE sign_in_link IS 'Links that sign a browser in once.';

-- The conversation that a run is a turn of, by its name; empty for other runs.
ALTER TABLE run ADD COLUMN session text NOT NULL DEFAULT '';
CREATE INDEX run_of_session ON run (user_id, session, started_at) WHERE session <> '';

-- Who follows rows is told which run changed, and reads the rows: nothing of them is in the message.
CREATE FUNCTION notify_row_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('millrace_rows', TG_TABLE_NAME || ' ' || coalesce(to_jsonb(NEW) ->> TG_ARGV[0], ''));
    RETURN NULL;
END $$;
CREATE TRIGGER run_change AFTER INSERT OR UPDATE OF status, error, result ON run FOR EACH ROW EXECUTE FUNCTION notify_row_change('id');
CREATE TRIGGER step_change AFTER INSERT OR UPDATE OF status ON step FOR EACH ROW EXECUTE FUNCTION notify_row_change('run_id');
CREATE TRIGGER run_event_change AFTER INSERT ON run_event FOR EACH ROW EXECUTE FUNCTION notify_row_change('run_id');
CREATE TRIGGER action_change AFTER INSERT OR UPDATE OF state ON action FOR EACH ROW EXECUTE FUNCTION notify_row_change('run_id');
CREATE TRIGGER alert_change AFTER INSERT OR UPDATE OF state ON alert FOR EACH ROW EXECUTE FUNCTION notify_row_change('none');
