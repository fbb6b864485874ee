-- Processes that live for a second cannot be scraped: figures are rows, counted by the hour, and outlast what they were counted from.
CREATE TABLE metric_hour (
    metric   text NOT NULL,                     -- without the prefix
    hour     timestamptz NOT NULL,
    labels   jsonb NOT NULL,
    value    double precision NOT NULL,         -- counter: how much; histogram: the sum
    buckets  bigint[],                          -- histogram: how many up to each bound, at last all
    exemplar text,                              -- order|value|epoch seconds|trace id
    PRIMARY KEY (metric, hour, labels)
);
CREATE INDEX metric_hour_hour ON metric_hour (hour);

-- What the hours before `folded_until` add up to: no retention touches it, so a counter never goes back.
CREATE TABLE metric_total (
    metric  text NOT NULL,
    labels  jsonb NOT NULL,
    value   double precision NOT NULL,
    buckets bigint[],
    PRIMARY KEY (metric, labels)
);

CREATE TABLE metric_roll (
    metric       text PRIMARY KEY,
    shape        text NOT NULL,                 -- labels and bounds; another shape is another metric and starts anew
    rolled_until timestamptz NOT NULL,
    folded_until timestamptz NOT NULL
);

-- Which values a label has: the first ones that came, as many as its definition allows.
CREATE TABLE metric_label (
    name     text NOT NULL,
    value    text NOT NULL,
    first_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (name, value)
);

CREATE FUNCTION metric_buckets_plus(one bigint[], other bigint[]) RETURNS bigint[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN one IS NULL THEN other WHEN other IS NULL THEN one
        ELSE (SELECT array_agg(a + b ORDER BY n) FROM unnest(one, other) WITH ORDINALITY AS pairs (a, b, n)) END
$$;
CREATE AGGREGATE metric_buckets(bigint[]) (sfunc = metric_buckets_plus, stype = bigint[], parallel = safe);

-- Rows are counted in the hour in which they came to their last state, by the database's clock.
CREATE INDEX span_seen ON span (seen_at);
CREATE INDEX step_finished ON step (finished_at);
CREATE INDEX run_finished ON run (finished_at);
CREATE INDEX usage_settled ON usage (settled_at);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX decision_outcome ON decision (outcome_at);
CREATE INDEX research_result_created ON research_result (created_at);
CREATE INDEX evidence_created ON evidence (created_at);

-- What is wrong, from when until when, and who saw it: from health checks, baselines and Alertmanager.
CREATE TABLE alert (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fingerprint     text NOT NULL,
    name            text NOT NULL,
    severity        text NOT NULL CHECK (severity IN ('info', 'warning', 'critical', 'emergency')),
    state           text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'acknowledged', 'resolved')),
    source          text NOT NULL CHECK (source IN ('prometheus', 'health', 'baseline')),
    summary         text NOT NULL,
    labels          jsonb NOT NULL DEFAULT '{}',
    agents          text[] NOT NULL DEFAULT '{}',
    started_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    acknowledged_at timestamptz,
    acknowledged_by text,
    resolved_at     timestamptz
);
-- The same fault is one row until it is over; then it may come again.
CREATE UNIQUE INDEX alert_open ON alert (fingerprint) WHERE state <> 'resolved';
CREATE INDEX alert_started ON alert (started_at DESC);

-- One row for each part that was looked at.
CREATE TABLE health_check (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    part   text NOT NULL,
    state  text NOT NULL CHECK (state IN ('healthy', 'degraded', 'critical', 'unknown')),
    reason text NOT NULL DEFAULT '',
    at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX health_check_at ON health_check (at);
CREATE INDEX health_check_part ON health_check (part, id DESC);
