-- Documents: what was read from folders, so that a run sees what changed, and a citation opens at page and offset.
CREATE TABLE document (
    id           text PRIMARY KEY,
    namespace    text NOT NULL DEFAULT 'main',
    path         text NOT NULL,
    state        text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'read', 'failed', 'withdrawn')),
    problem      text NOT NULL DEFAULT '',     -- why it could not be read
    notes        text[] NOT NULL DEFAULT '{}', -- what is odd although it could
    sha256       text NOT NULL DEFAULT '',
    bytes        bigint NOT NULL DEFAULT 0,
    changed_ns   bigint NOT NULL DEFAULT 0,    -- the file's time of change, to see without reading that it is the same
    reader       text NOT NULL DEFAULT '',     -- version of the parsers, and whether pictures could be read
    kind         text NOT NULL DEFAULT '',
    title        text NOT NULL DEFAULT '',
    author       text NOT NULL DEFAULT '',
    dated_at     timestamptz,
    language     text NOT NULL DEFAULT '',
    unit         text NOT NULL DEFAULT '',     -- what is counted: page, slide or sheet; empty: lines
    pages        integer NOT NULL DEFAULT 0,
    headings     jsonb NOT NULL DEFAULT '[]',  -- text, level, page, offset
    details      jsonb NOT NULL DEFAULT '{}',
    body         text NOT NULL DEFAULT '',
    trust        text NOT NULL DEFAULT 'untrusted' CHECK (trust IN ('own', 'trusted', 'untrusted')),
    run_id       uuid,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    read_at      timestamptz,
    withdrawn_at timestamptz
);
CREATE UNIQUE INDEX document_path ON document (namespace, path) WHERE state <> 'withdrawn';
CREATE INDEX document_sha256 ON document (namespace, sha256);

CREATE TABLE document_passage (
    document_id text NOT NULL REFERENCES document ON DELETE CASCADE,
    number      integer NOT NULL,
    item_id     text NOT NULL REFERENCES memory_item ON DELETE CASCADE,
    page        integer NOT NULL DEFAULT 0,
    start_at    integer NOT NULL,              -- the passage is body[start_at:end_at], counted in characters from 0
    end_at      integer NOT NULL,
    heading     text NOT NULL DEFAULT '',
    PRIMARY KEY (document_id, number)
);
CREATE INDEX document_passage_item ON document_passage (item_id);
