-- Money warns before it ends and asks a person near its end; decisions keep how they came out. Both have to outlast the process.
ALTER TABLE usage ADD COLUMN kind text NOT NULL DEFAULT 'model' CHECK (kind IN ('model', 'tool'));
CREATE INDEX usage_open ON usage (reserved_at) WHERE state IN ('reserved', 'sent');

-- Up to where a person allowed to spend; without one, calls are held near the limit.
ALTER TABLE budget ADD COLUMN allowed_usd numeric NOT NULL DEFAULT 0;

CREATE TABLE budget_alert (
    scope     text NOT NULL,
    key       text NOT NULL,
    limit_usd numeric NOT NULL,                -- a raised limit warns anew
    percent   integer NOT NULL CHECK (percent IN (70, 90, 100)),
    spent_usd numeric NOT NULL,
    run_id    uuid,
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (scope, key, limit_usd, percent)
);

-- The current outcome of each decision; what people said, in order, is in feedback.
CREATE TABLE decision (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id     uuid,
    namespace  text NOT NULL DEFAULT 'main',
    kind       text NOT NULL CHECK (kind IN ('judgement', 'action')),
    subject    text NOT NULL,                  -- the topic's id, or the action's key
    title      text NOT NULL DEFAULT '',
    agent      text NOT NULL DEFAULT '',
    confidence integer CHECK (confidence BETWEEN 0 AND 100),
    escalated  boolean NOT NULL DEFAULT false, -- it was put before a person
    outcome    text CHECK (outcome IN ('approved', 'corrected', 'refused', 'undone', 'silent_success')),
    outcome_by text NOT NULL DEFAULT '',
    made_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    outcome_at timestamptz,
    UNIQUE NULLS NOT DISTINCT (run_id, kind, subject)
);
CREATE INDEX decision_made ON decision (namespace, made_at);
