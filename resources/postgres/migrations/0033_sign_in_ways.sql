-- People sign in to the console by Windmill or an identity provider, too, which may give them their role.
ALTER TABLE person ADD COLUMN role_by text NOT NULL DEFAULT 'people' CHECK (role_by IN ('people', 'windmill', 'oidc'));
COMMENT ON COLUMN person.role_by IS 'Who gives the role: people here, or whom they sign in by, each time anew.';

ALTER TABLE sign_in ADD COLUMN way text NOT NULL DEFAULT 'link' CHECK (way IN ('link', 'windmill', 'oidc'));
ALTER TABLE sign_in ADD COLUMN checked_at timestamptz;
ALTER TABLE sign_in ADD COLUMN sealed bytea;      -- the token of Windmill, encrypted with the cookie, which is not kept

CREATE TABLE sign_in_attempt (
    state      text PRIMARY KEY,                 -- SHA-256 of what comes back from the identity provider
    browser    text NOT NULL,                    -- SHA-256 of the cookie of the browser that began it
    nonce      text NOT NULL,
    verifier   text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX sign_in_attempt_end ON sign_in_attempt (expires_at);
COMMENT ON TABLE sign_in_attempt IS 'Browsers that were sent to the identity provider and are to come back once.';
