-- What was true when, what was known when, and where it came from: beside each item, so that nothing has to be overwritten.

-- Valid time as a set of intervals: a fact that occurs again opens a new one. Empty: withdrawn, held true at no time.
ALTER TABLE memory_item ADD COLUMN valid tstzmultirange;
UPDATE memory_item SET valid = CASE
    WHEN metadata ? 'retracted' OR valid_to <= coalesce(valid_from, created_at) THEN '{}'::tstzmultirange
    ELSE tstzmultirange(tstzrange(coalesce(valid_from, created_at), valid_to)) END;
ALTER TABLE memory_item
    ALTER COLUMN valid SET NOT NULL,
    DROP COLUMN valid_from,
    DROP COLUMN valid_to,
    ADD COLUMN valid_from timestamptz GENERATED ALWAYS AS (lower(valid)) STORED,
    ADD COLUMN valid_to timestamptz GENERATED ALWAYS AS (upper(valid)) STORED,
    ADD COLUMN superseded_by text REFERENCES memory_item ON DELETE SET NULL,
    -- Marks of the text (MinHash): texts that are nearly the same share one.
    ADD COLUMN marks integer[] NOT NULL DEFAULT '{}';
CREATE INDEX memory_item_marks ON memory_item USING gin (marks) WHERE marks <> '{}';
CREATE INDEX memory_item_valid ON memory_item (namespace, valid_from);
CREATE INDEX memory_item_superseded ON memory_item (superseded_by) WHERE superseded_by IS NOT NULL;
CREATE INDEX memory_link_to ON memory_link (to_id, relation);
CREATE INDEX chat_session_time ON chat_session (namespace, updated_at);

-- Recorded time: what was held of each item, from when until when. The row without an end is memory_item.valid.
CREATE TABLE memory_belief (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    item_id  text NOT NULL REFERENCES memory_item ON DELETE CASCADE,
    valid    tstzmultirange NOT NULL,
    recorded tstzrange NOT NULL,
    because  text NOT NULL CHECK (because IN ('remembered', 'again', 'superseded', 'retracted', 'restored')),
    by_item  text                               -- the item that superseded it, or whose retraction restored it
);
CREATE INDEX memory_belief_item ON memory_belief (item_id, id);
CREATE UNIQUE INDEX memory_belief_one_open ON memory_belief (item_id) WHERE upper_inf(recorded);
INSERT INTO memory_belief (item_id, valid, recorded, because)
SELECT id, valid, tstzrange(created_at, NULL), 'remembered' FROM memory_item;

-- Where an item came from; one that was met in several places stands until the last of them is withdrawn.
CREATE TABLE memory_origin (
    id           text PRIMARY KEY,
    item_id      text NOT NULL REFERENCES memory_item ON DELETE CASCADE,
    namespace    text NOT NULL,
    source       text NOT NULL DEFAULT '',
    trust        text NOT NULL DEFAULT 'untrusted' CHECK (trust IN ('own', 'trusted', 'untrusted')),
    run_id       uuid,
    step         text NOT NULL DEFAULT '',
    document     text NOT NULL DEFAULT '',
    page         integer,
    start_offset integer,
    end_offset   integer,
    wording      text,                          -- the other wording, when it was nearly the same text
    similarity   real NOT NULL DEFAULT 1,
    recorded_at  timestamptz NOT NULL,
    seen_at      timestamptz NOT NULL,
    withdrawn_at timestamptz,
    because      text NOT NULL DEFAULT ''
);
CREATE INDEX memory_origin_item ON memory_origin (item_id);
CREATE INDEX memory_origin_source ON memory_origin (namespace, source);
CREATE INDEX memory_origin_document ON memory_origin (namespace, document) WHERE document <> '';
INSERT INTO memory_origin (id, item_id, namespace, source, trust, run_id, recorded_at, seen_at)
SELECT 'first_' || id, id, namespace, source, trust, run_id, created_at, updated_at FROM memory_item;

-- Sources that were withdrawn: what they say later is kept, and not held true.
CREATE TABLE memory_retraction (
    namespace text NOT NULL,
    source    text NOT NULL,
    because   text NOT NULL DEFAULT '',
    at        timestamptz NOT NULL,
    PRIMARY KEY (namespace, source)
);

-- Said by a source: its name, its address, its document, or anything below an address or folder that ends in /.
CREATE FUNCTION memory_is_from(source text, document text, asked text) RETURNS boolean IMMUTABLE LANGUAGE sql RETURN
    source = asked OR document = asked
    OR (right(asked, 1) = '/' AND (starts_with(source, asked) OR starts_with(document, asked)));
