-- Pages of the console follow all that they show: word of a change, once a statement.
CREATE FUNCTION notify_table_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('millrace_rows', TG_TABLE_NAME || ' ');
    RETURN NULL;
END $$;
CREATE TRIGGER memory_item_change AFTER INSERT OR DELETE OR UPDATE OF title, valid, superseded_by ON memory_item FOR EACH STATEMENT EXECUTE FUNCTION notify_table_change();
CREATE TRIGGER document_change AFTER INSERT OR UPDATE OR DELETE ON document FOR EACH STATEMENT EXECUTE FUNCTION notify_table_change();
CREATE TRIGGER digest_change AFTER INSERT OR UPDATE OR DELETE ON digest FOR EACH STATEMENT EXECUTE FUNCTION notify_table_change();
CREATE TRIGGER delivery_change AFTER INSERT OR UPDATE OF status ON delivery FOR EACH STATEMENT EXECUTE FUNCTION notify_table_change();
CREATE TRIGGER agent_change AFTER INSERT OR UPDATE OR DELETE ON agent FOR EACH STATEMENT EXECUTE FUNCTION notify_table_change();
CREATE TRIGGER tool_gap_change AFTER INSERT OR UPDATE ON tool_gap FOR EACH STATEMENT EXECUTE FUNCTION notify_table_change();
CREATE TRIGGER person_change AFTER INSERT OR UPDATE OR DELETE ON person FOR EACH STATEMENT EXECUTE FUNCTION notify_table_change();
CREATE TRIGGER access_token_change AFTER INSERT OR DELETE OR UPDATE OF revoked_at ON access_token FOR EACH STATEMENT EXECUTE FUNCTION notify_table_change();
CREATE TRIGGER webhook_change AFTER INSERT OR UPDATE OR DELETE ON webhook FOR EACH STATEMENT EXECUTE FUNCTION notify_table_change();
CREATE TRIGGER standing_approval_change AFTER INSERT OR UPDATE OR DELETE ON standing_approval FOR EACH STATEMENT EXECUTE FUNCTION notify_table_change();
CREATE TRIGGER sign_in_change AFTER INSERT OR UPDATE OF ended_at ON sign_in FOR EACH STATEMENT EXECUTE FUNCTION notify_table_change();
