-- Tools of others' servers are used as they were approved: each approved version is a row, a changed tool is none of them.
CREATE TABLE tool_enabled (
    server     text NOT NULL,
    url        text NOT NULL,
    tool       text NOT NULL,
    hash       text NOT NULL,
    detail     jsonb NOT NULL DEFAULT '{}',
    enabled_by text NOT NULL,
    enabled_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (server, url, tool, hash)
);
