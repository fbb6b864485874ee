-- An alert that was raised while no mail could be sent is told when one can: each row knows whether the operator has it.
ALTER TABLE alert ADD COLUMN told_at timestamptz;
UPDATE alert SET told_at = started_at;
