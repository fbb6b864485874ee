-- Agents that people make while Millrace runs: rows with versions, which every process sees at once, and which runs used them.
CREATE TABLE agent (
    name       text PRIMARY KEY,
    version    integer NOT NULL,                 -- the one in force
    made_by    text NOT NULL REFERENCES person,  -- whose it is
    made_at    timestamptz NOT NULL,
    off_at     timestamptz,
    off_by     text
);
COMMENT ON TABLE agent IS 'Agents that people made: whose each is, its version in force, and whether it is switched off.';

CREATE TABLE agent_version (
    agent      text NOT NULL REFERENCES agent,
    version    integer NOT NULL,
    definition jsonb NOT NULL,                   -- what it is told, its tools, model and limits
    digest     text NOT NULL,
    changed_by text NOT NULL REFERENCES person,  -- by whose role it may have its tools
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (agent, version)
);
COMMENT ON TABLE agent_version IS 'Each version of such an agent, never changed: its definition and who wrote it.';

CREATE TABLE agent_run (
    run_id      uuid NOT NULL REFERENCES run ON DELETE CASCADE,
    step        text NOT NULL,
    agent       text NOT NULL,
    version     integer NOT NULL,
    started_at  timestamptz NOT NULL,
    finished_at timestamptz,
    outcome     text CHECK (outcome IN ('done', 'stopped', 'failed')),
    PRIMARY KEY (run_id, step, agent)
);
CREATE INDEX agent_run_of ON agent_run (agent, started_at DESC);
COMMENT ON TABLE agent_run IS 'Which run used which version of an agent, and how that came out.';
