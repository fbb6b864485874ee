-- A soft hyphen or a joiner inside a word does not cut it: written with it or without, it is one lexeme.

-- Soft hyphen, joiners, direction marks, variation selectors: what a reader does not see inside a word.
CREATE FUNCTION memory_unseen() RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    '[' || chr(173) || chr(847) || chr(1564) || chr(6155) || '-' || chr(6159) || chr(8203) || '-' || chr(8207) || chr(8234) || '-'
    || chr(8238) || chr(8288) || '-' || chr(8303) || chr(65024) || '-' || chr(65039) || chr(65279) || ']';

-- The body is bound when it is defined: an index is built with a search path of pg_catalog alone.
CREATE OR REPLACE FUNCTION memory_words(words text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    to_tsvector('pg_catalog.english', regexp_replace(
        regexp_replace(
            regexp_replace(normalize(left(words, 200000), NFKC), memory_unseen(), '', 'g'), '[^[:alnum:]]+', ' ', 'g'),
        '([぀-ヿ㐀-䶿一-鿿가-힯])', ' ' || chr(92) || '1 ', 'g'));

-- What holds such marks is indexed anew.
CREATE TEMPORARY TABLE marked ON COMMIT DROP AS
    SELECT no, namespace, type FROM memory_item WHERE title || ' ' || coalesce(raw_text ->> 'text', '') ~ memory_unseen();
SELECT memory_remove_words(array_agg(no), array_agg(namespace), array_agg(type)) FROM marked HAVING count(*) > 0;
SELECT memory_add_words(array_agg(no)) FROM marked HAVING count(*) > 0;
UPDATE memory_item SET title = title WHERE no IN (SELECT no FROM marked);
REINDEX INDEX chat_message_words;
