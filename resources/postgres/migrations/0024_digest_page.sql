-- The last step of a run made its digest once more from the rows, to show it as the run's page; what was written first is kept.
ALTER TABLE digest ADD COLUMN markdown text NOT NULL DEFAULT '';
COMMENT ON COLUMN digest.markdown IS 'The digest as the page of its run shows it; empty in rows of before.';
