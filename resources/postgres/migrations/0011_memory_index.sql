-- Steps work under a role that owns no table, and an index needs its table's owner: so the owner lends this one statement.
CREATE FUNCTION memory_index(model integer) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    length integer := (SELECT dimensions FROM memory_model WHERE no = model);
BEGIN
    IF length IS NULL THEN
        RAISE EXCEPTION 'there is no embedding model %', model;
    END IF;
    EXECUTE format(
        'CREATE INDEX IF NOT EXISTS memory_item_nearest_%s ON memory_item '
        'USING hnsw ((embedding::halfvec(%s)) halfvec_cosine_ops) WHERE embedding_model = %s', model, length, model);
END $$;
