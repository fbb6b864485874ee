-- A question about fields ("projects with status open") reads the items that have them, not every item.
CREATE INDEX memory_item_metadata ON memory_item USING gin (metadata jsonb_path_ops);
