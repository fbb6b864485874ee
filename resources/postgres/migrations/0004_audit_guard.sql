-- The audit log can only grow, each row after the one before, and its end cannot be cut off unseen: the head counts and is
-- written by the owner's trigger alone.
CREATE TABLE audit_head (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    rows   bigint NOT NULL,
    hash   text NOT NULL
);
INSERT INTO audit_head (rows, hash)
SELECT count(*), coalesce((SELECT hash FROM audit ORDER BY id DESC LIMIT 1), repeat('0', 64)) FROM audit;

CREATE FUNCTION audit_follows() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    UPDATE audit_head SET rows = rows + 1, hash = NEW.hash WHERE hash = NEW.previous;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'an audit row must follow the last one';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER audit_follows BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_follows();

CREATE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit rows are never changed or deleted';
END $$;
CREATE TRIGGER audit_only_grows BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_only_grows();
CREATE TRIGGER audit_never_emptied BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows();

CREATE INDEX audit_kind ON audit (kind, subject, id);
CREATE INDEX audit_run ON audit (run_id, id);
