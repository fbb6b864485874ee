-- Who uses Millrace: people with a role, and the access tokens of their programs.
CREATE TABLE person (
    id         text PRIMARY KEY,                 -- the name one signs in with: ada, ada@home.example
    name       text NOT NULL DEFAULT '',         -- what others read; empty: the id
    role       text NOT NULL CHECK (role IN ('reader', 'member', 'approver', 'owner')),
    added_by   text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    removed_at timestamptz
);
COMMENT ON TABLE person IS 'Who uses Millrace, with the role that says what they may do; a removed one may do nothing.';

CREATE TABLE access_token (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    person_id  text NOT NULL REFERENCES person,
    name       text NOT NULL,
    hash       text NOT NULL UNIQUE,             -- SHA-256 of the secret, which is shown once and kept nowhere
    role       text NOT NULL CHECK (role IN ('reader', 'member', 'approver', 'owner')),
    gateway    boolean NOT NULL DEFAULT false,   -- its program speaks for the users whom it names
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    revoked_at timestamptz
);
CREATE UNIQUE INDEX access_token_name ON access_token (person_id, name) WHERE revoked_at IS NULL;
COMMENT ON TABLE access_token IS 'With what programs sign in as a person: hashed, named, expiring, with a role of at most the person''s.';

-- A run has a user. Until now there was one: who paid for most.
ALTER TABLE run ADD COLUMN user_id text NOT NULL DEFAULT '';
CREATE TEMPORARY TABLE only_user ON COMMIT DROP AS
SELECT coalesce((SELECT user_id FROM usage WHERE user_id <> '' GROUP BY user_id ORDER BY count(*) DESC, user_id LIMIT 1), 'operator') AS id;
UPDATE run SET user_id = coalesce((SELECT u.user_id FROM usage u WHERE u.run_id = run.id AND u.user_id <> '' LIMIT 1), (SELECT id FROM only_user));
CREATE INDEX run_of_user ON run (user_id, started_at DESC);
UPDATE chat_session SET user_id = (SELECT id FROM only_user) WHERE user_id = '';
