-- How much the words of an item weigh, as one sparse vector: many candidates are weighed against a question without looking up
-- their words. A word's weight is its impact (see memory_posting); its place is its hash, and of two that share one the
-- heavier counts. The number of words corrects the impacts, which know nothing of the mean length.
CREATE FUNCTION memory_place(term bigint) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    1 + (term & 9223372036854775807) % 1000000000;

CREATE FUNCTION memory_weights(terms bigint[], weights float8[]) RETURNS sparsevec LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ('{' || coalesce(string_agg(place || ':' || weight, ',' ORDER BY place), '') || '}/1000000000')::sparsevec FROM (
        -- A sparsevec holds so many.
        SELECT memory_place(term) AS place, max(weight) AS weight FROM unnest(terms, weights) AS t (term, weight)
        GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 16000
    ) heaviest
$$;

CREATE FUNCTION memory_impacts(namespace text, words text) RETURNS sparsevec LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT memory_weights(array_agg(memory_term(namespace, lexeme)), array_agg(tf / (tf + 0.7 + 0.005 * length))) FROM (
        SELECT lexeme, cardinality(positions) AS tf, sum(cardinality(positions)) OVER ()::float8 AS length FROM unnest(memory_words(words))
    ) counted
$$;

CREATE FUNCTION memory_length(words text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(sum(cardinality(positions)), 0)::integer FROM unnest(memory_words(words))
$$;

ALTER TABLE memory_item
    ADD COLUMN impacts sparsevec
        GENERATED ALWAYS AS (memory_impacts(namespace, title || ' ' || coalesce(raw_text ->> 'text', ''))) STORED,
    ADD COLUMN words integer GENERATED ALWAYS AS (memory_length(title || ' ' || coalesce(raw_text ->> 'text', ''))) STORED;
