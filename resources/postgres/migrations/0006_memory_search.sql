-- What a memory is found by: its words with their counts, its place in a document or conversation, and vectors of a known model.

-- Neighbours: an item that is part of a document or session says which part in its metadata.
ALTER TABLE memory_item
    ADD COLUMN no bigint GENERATED ALWAYS AS IDENTITY,
    ADD COLUMN embedding_model smallint,
    ADD COLUMN thread text GENERATED ALWAYS AS (coalesce(metadata ->> 'document', metadata ->> 'session')) STORED,
    ADD COLUMN ordinal integer GENERATED ALWAYS AS
        (CASE WHEN metadata ->> 'ordinal' ~ '^[0-9]{1,9}$' THEN (metadata ->> 'ordinal')::integer END) STORED;
CREATE UNIQUE INDEX memory_item_no ON memory_item (no);
CREATE INDEX memory_item_thread ON memory_item (namespace, thread, ordinal) WHERE thread IS NOT NULL;

-- Lexemes of a text: compatibility forms and punctuation folded, each Chinese, Japanese or Korean character a word.
CREATE FUNCTION memory_words(words text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_tsvector('pg_catalog.english', regexp_replace(
        regexp_replace(normalize(left(words, 200000), NFKC), '[^[:alnum:]]+', ' ', 'g'),
        '([぀-ヿ㐀-䶿一-鿿가-힯])', ' ' || chr(92) || '1 ', 'g'))
$$;

CREATE FUNCTION memory_term(namespace text, lexeme text) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT hashtextextended(namespace || chr(31) || lexeme, 0)
$$;

-- One row for each lexeme of an item. The impact orders a common word's items, so that the weak ones need not be read.
CREATE TABLE memory_posting (
    term   bigint NOT NULL,
    item   bigint NOT NULL,
    tf     real NOT NULL,
    length integer NOT NULL,
    impact real NOT NULL
);
CREATE UNIQUE INDEX memory_posting_item ON memory_posting (item, term) INCLUDE (tf, length);
CREATE INDEX memory_posting_impact ON memory_posting (term, impact DESC) INCLUDE (item, tf, length);

-- In how many items a lexeme occurs, and how many words the items of a type hold: sums over slots. Each open transaction
-- writes into a slot of its own, so that writers of the same word never wait for each other and the sums are always right.
CREATE TABLE memory_frequency (
    term  bigint NOT NULL,
    slot  smallint NOT NULL,
    items bigint NOT NULL,
    PRIMARY KEY (term, slot)
) WITH (fillfactor = 70);
CREATE TABLE memory_extent (
    namespace text NOT NULL,
    type      text NOT NULL,
    slot      smallint NOT NULL,
    items     bigint NOT NULL,
    words     bigint NOT NULL,
    PRIMARY KEY (namespace, type, slot)
) WITH (fillfactor = 70);

CREATE FUNCTION memory_slot() RETURNS smallint LANGUAGE plpgsql AS $$
BEGIN
    -- Shared with other writers; memory_tidy_statistics takes it alone.
    PERFORM pg_advisory_xact_lock_shared(724118, -1);
    FOR slot IN 0..63 LOOP
        IF pg_try_advisory_xact_lock(724118, slot) THEN RETURN slot; END IF;
    END LOOP;
    PERFORM pg_advisory_xact_lock(724118, pg_backend_pid() % 64);
    RETURN pg_backend_pid() % 64;
END $$;

CREATE FUNCTION memory_add_words(nos bigint[]) RETURNS void LANGUAGE sql AS $$
    WITH own AS MATERIALIZED (SELECT memory_slot() AS slot),
    counted AS MATERIALIZED (
        SELECT m.no, m.namespace, m.type, w.lexeme, cardinality(w.positions) AS tf,
               sum(cardinality(w.positions)) OVER (PARTITION BY m.no)::integer AS length
        FROM memory_item m
        LEFT JOIN LATERAL unnest(memory_words(m.title || ' ' || coalesce(m.raw_text ->> 'text', ''))) w ON true
        WHERE m.no = ANY (nos)
    ), posted AS (
        INSERT INTO memory_posting (term, item, tf, length, impact)
        SELECT memory_term(namespace, lexeme), no, tf, length, tf / (tf + 0.7 + 0.005 * length) FROM counted WHERE lexeme IS NOT NULL
        RETURNING term
    ), seen AS (
        INSERT INTO memory_frequency AS f (term, slot, items)
        SELECT posted.term, own.slot, count(*) FROM posted, own GROUP BY 1, 2 ORDER BY 1
        ON CONFLICT (term, slot) DO UPDATE SET items = f.items + excluded.items
    )
    INSERT INTO memory_extent AS e (namespace, type, slot, items, words)
    SELECT namespace, type, own.slot, count(*), sum(length)
    FROM (SELECT DISTINCT no, namespace, type, coalesce(length, 0) AS length FROM counted) items, own GROUP BY 1, 2, 3 ORDER BY 1, 2
    ON CONFLICT (namespace, type, slot) DO UPDATE SET items = e.items + excluded.items, words = e.words + excluded.words
$$;

CREATE FUNCTION memory_remove_words(nos bigint[], namespaces text[], types text[]) RETURNS void LANGUAGE sql AS $$
    WITH own AS MATERIALIZED (SELECT memory_slot() AS slot),
    gone AS (DELETE FROM memory_posting WHERE item = ANY (nos) RETURNING term, item, length),
    seen AS (
        INSERT INTO memory_frequency AS f (term, slot, items)
        SELECT gone.term, own.slot, -count(*) FROM gone, own GROUP BY 1, 2 ORDER BY 1
        ON CONFLICT (term, slot) DO UPDATE SET items = f.items + excluded.items
    )
    INSERT INTO memory_extent AS e (namespace, type, slot, items, words)
    SELECT i.namespace, i.type, own.slot, -count(*), -sum(coalesce(l.length, 0))
    FROM unnest(nos, namespaces, types) AS i (no, namespace, type) CROSS JOIN own
    LEFT JOIN (SELECT DISTINCT item, length FROM gone) l ON l.item = i.no GROUP BY 1, 2, 3 ORDER BY 1, 2
    ON CONFLICT (namespace, type, slot) DO UPDATE SET items = e.items + excluded.items, words = e.words + excluded.words
$$;

CREATE FUNCTION memory_item_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM memory_add_words(array_agg(no)) FROM after HAVING count(*) > 0;
    RETURN NULL;
END $$;

CREATE FUNCTION memory_item_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM memory_remove_words(array_agg(no), array_agg(namespace), array_agg(type)) FROM before HAVING count(*) > 0;
    RETURN NULL;
END $$;

CREATE FUNCTION memory_item_updated() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed bigint[];
BEGIN
    SELECT array_agg(no) INTO changed FROM before b JOIN after a USING (no)
    WHERE (a.namespace, a.type, a.title, a.raw_text ->> 'text') IS DISTINCT FROM (b.namespace, b.type, b.title, b.raw_text ->> 'text');
    IF changed IS NOT NULL THEN
        PERFORM memory_remove_words(array_agg(no), array_agg(namespace), array_agg(type)) FROM before WHERE no = ANY (changed);
        PERFORM memory_add_words(changed);
        UPDATE memory_item SET embedding = NULL, embedding_model = NULL WHERE no = ANY (changed) AND embedding IS NOT NULL;
    END IF;
    RETURN NULL;
END $$;

-- Merge the slots and drop what counts nothing any more; writers wait for it.
CREATE FUNCTION memory_tidy_statistics() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(724118, -1);
    WITH gone AS (DELETE FROM memory_frequency WHERE slot > 0 RETURNING term, items)
    INSERT INTO memory_frequency AS f SELECT term, 0, sum(items) FROM gone GROUP BY 1
    ON CONFLICT (term, slot) DO UPDATE SET items = f.items + excluded.items;
    WITH gone AS (DELETE FROM memory_extent WHERE slot > 0 RETURNING namespace, type, items, words)
    INSERT INTO memory_extent AS e SELECT namespace, type, 0, sum(items), sum(words) FROM gone GROUP BY 1, 2
    ON CONFLICT (namespace, type, slot) DO UPDATE SET items = e.items + excluded.items, words = e.words + excluded.words;
    DELETE FROM memory_frequency WHERE items = 0;
    DELETE FROM memory_extent WHERE items = 0;
END $$;

SELECT memory_add_words(array_agg(no)) FROM memory_item HAVING count(*) > 0;
CREATE TRIGGER memory_item_inserted AFTER INSERT ON memory_item
    REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION memory_item_inserted();
CREATE TRIGGER memory_item_updated AFTER UPDATE ON memory_item
    REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION memory_item_updated();
CREATE TRIGGER memory_item_deleted AFTER DELETE ON memory_item
    REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION memory_item_deleted();

-- Which model the vectors are of. `memory_item.embedding` holds those of the active one; a model that is being
-- prepared has its vectors beside it until the memory moves.
CREATE TABLE memory_model (
    no         smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL UNIQUE,
    dimensions integer NOT NULL CHECK (dimensions BETWEEN 1 AND 4000),
    active     boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX memory_model_active ON memory_model (active) WHERE active;
INSERT INTO memory_model (name, dimensions, active) VALUES ('local:minilm-l6-int8', 384, true);
CREATE TABLE memory_vector (
    item      bigint NOT NULL REFERENCES memory_item (no) ON DELETE CASCADE,
    model     smallint NOT NULL REFERENCES memory_model,
    embedding vector NOT NULL,
    PRIMARY KEY (item, model)
);
CREATE INDEX memory_item_unembedded ON memory_item (no) WHERE embedding IS NULL;
CREATE INDEX memory_item_nearest_1 ON memory_item USING hnsw ((embedding::halfvec(384)) halfvec_cosine_ops) WHERE embedding_model = 1;

-- What was said is found by its words too.
CREATE INDEX chat_message_words ON chat_message USING gin (memory_words(left(content, 20000)));
DROP INDEX memory_item_lexemes;
ALTER TABLE memory_item DROP COLUMN lexemes;
