-- A step that has asked a person waits until the answer, and says how that ended.
ALTER TABLE step DROP CONSTRAINT step_status_check, ADD CONSTRAINT step_status_check
    CHECK (status IN ('running', 'waiting', 'done', 'failed', 'cancelled', 'killed', 'timed_out'));
