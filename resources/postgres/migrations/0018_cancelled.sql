-- A run that a person cancelled on Windmill is cancelled here too; a step that is run again by itself finds its own row.
ALTER TABLE run DROP CONSTRAINT run_status_check, ADD CONSTRAINT run_status_check
    CHECK (status IN ('running', 'waiting', 'done', 'partly_failed', 'failed', 'cancelled', 'stopped', 'killed'));
ALTER TABLE attempt DROP CONSTRAINT attempt_status_check, ADD CONSTRAINT attempt_status_check
    CHECK (status IN ('running', 'done', 'failed', 'waiting', 'cancelled', 'killed'));
ALTER TABLE step DROP CONSTRAINT step_status_check, ADD CONSTRAINT step_status_check
    CHECK (status IN ('running', 'done', 'failed', 'cancelled', 'killed', 'timed_out'));
-- Hash of what the step was asked to do: the same step of several iterations differs by it.
ALTER TABLE step ADD COLUMN about text NOT NULL DEFAULT '';
-- The job of a later attempt leads to its run.
CREATE INDEX attempt_job ON attempt (job_id);
