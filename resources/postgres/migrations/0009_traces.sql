-- A trace is sent once: what became of it stands with its run, and an open span says when its process was last alive.
ALTER TABLE span
    ADD COLUMN service text NOT NULL DEFAULT 'millrace',
    ADD COLUMN version text NOT NULL DEFAULT '',
    ADD COLUMN seen_at timestamptz NOT NULL DEFAULT clock_timestamp();
DROP INDEX span_unexported;
CREATE INDEX span_pending ON span (seen_at) WHERE status = 'pending';
CREATE INDEX span_started ON span (started_at);
CREATE INDEX span_run ON span (run_id);
CREATE INDEX run_event_at ON run_event (at);

-- Why the run's trace is exported (or `out`), and which end of the run that was decided about; a resumed run ends anew.
ALTER TABLE run ADD COLUMN sampled text NOT NULL DEFAULT '', ADD COLUMN sampled_end timestamptz, ADD COLUMN root_sent_at timestamptz;
CREATE INDEX run_unsampled ON run (finished_at) WHERE sampled_end IS DISTINCT FROM finished_at;
