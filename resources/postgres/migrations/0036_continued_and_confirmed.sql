-- A run may go on from a step of one that has ended: it says which, and what its steps came to is kept for that. A session says when its person was last confirmed elsewhere.
ALTER TABLE run ADD COLUMN continues uuid REFERENCES run ON DELETE SET NULL;
ALTER TABLE run ADD COLUMN continues_at text NOT NULL DEFAULT '';
ALTER TABLE run ADD COLUMN results jsonb;
ALTER TABLE run ADD COLUMN kept_at jsonb NOT NULL DEFAULT '{}';
CREATE INDEX run_continues ON run (continues) WHERE continues IS NOT NULL;
COMMENT ON COLUMN run.continues IS 'The run whose results it began with.';
COMMENT ON COLUMN run.continues_at IS 'The step of that run from which it was run again.';
COMMENT ON COLUMN run.results IS 'What each step came to, of a run of the local runner that has ended.';
COMMENT ON COLUMN run.kept_at IS 'When each part of `pipeline` was first kept.';

ALTER TABLE sign_in ADD COLUMN confirmed_at timestamptz;
UPDATE sign_in SET confirmed_at = checked_at;
COMMENT ON COLUMN sign_in.confirmed_at IS 'When whom the person signed in by last said that they still may; `checked_at` is when it was last asked.';
