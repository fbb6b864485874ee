-- What is private stays so beyond the process that read it: evidence says whether it is, and what programs of others were shown binds them after a restart.

-- Of older evidence nobody knows, so it counts as private.
ALTER TABLE evidence ADD COLUMN private boolean NOT NULL DEFAULT true;

-- What programs were shown and what left since; the caller is a digest of their token. The texts themselves are not kept.
CREATE TABLE caller_reading (
    caller       text NOT NULL,
    place        text NOT NULL,
    read_at      timestamptz NOT NULL,
    PRIMARY KEY (caller, place)
);
COMMENT ON TABLE caller_reading IS 'Places of which programs with one token were shown private data, and when last.';
CREATE TABLE caller_outflow (
    caller       text PRIMARY KEY,
    requests     integer NOT NULL DEFAULT 0 CHECK (requests >= 0),
    letters      bigint NOT NULL DEFAULT 0 CHECK (letters >= 0),
    bits         double precision NOT NULL DEFAULT 0 CHECK (bits >= 0),
    link_bits    double precision NOT NULL DEFAULT 0 CHECK (link_bits >= 0),
    links        text[] NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE caller_outflow IS 'What left by programs with one token since they were shown private data: counts and links.';
