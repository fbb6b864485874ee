-- A model that refused every call was named as the writer of the digest, and its provider's reason was nowhere: each fault is a row, and each result says which models wrote it.
CREATE TABLE model_fault (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id    uuid REFERENCES run (id) ON DELETE CASCADE,
    step      text NOT NULL DEFAULT '',
    agent     text NOT NULL,
    model     text NOT NULL,
    kind      text NOT NULL,                   -- key, quota, rate, model, address, server, timeout, cut, reasoning, request, answer, setting
    reason    text NOT NULL,                   -- the provider's own words in it
    next_step text NOT NULL DEFAULT '',
    lasting   boolean NOT NULL DEFAULT false,  -- asking again soon ends the same way
    at        timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX model_fault_model ON model_fault (model, at);
CREATE INDEX model_fault_run ON model_fault (run_id);
CREATE INDEX usage_answered ON usage (model, settled_at) WHERE response IS NOT NULL;
COMMENT ON TABLE model_fault IS 'Each time a model gave no usable answer: the provider''s words and the next step.';
-- The models whose words the findings are; `offline` when they were picked from the evidence.
ALTER TABLE research_result ADD COLUMN written_by text[] NOT NULL DEFAULT '{}';
-- Alerts also come from runs: a model that fails, money near its end, sources and mails that fail.
ALTER TABLE alert DROP CONSTRAINT alert_source_check, ADD CONSTRAINT alert_source_check
    CHECK (source IN ('prometheus', 'health', 'baseline', 'run'));
-- A mail that its server refused for now (4xx, no connection) is tried again and not given up for the day.
ALTER TABLE delivery ADD COLUMN temporary boolean NOT NULL DEFAULT false, ADD COLUMN tries integer NOT NULL DEFAULT 0;
