# requirements:

"""The migrations of the database.

Generated from resources/postgres/migrations by `scripts/millrace metadata write`. Do not edit.
"""

from typing import NamedTuple


class Migration(NamedTuple):
    """One forward step of the schema."""

    number: int
    name: str
    sha256: str
    sql: str


MIGRATIONS = [
    Migration(
        1,
        "0001_core",
        "1b687f2de0d07288c0294901c1f978c3341b1e95b365a786f8b18f8dc6cafcaf",
        """
-- Everything that must not be lost or done twice is a row; the first schema has all of them, so that no step keeps state elsewhere.
CREATE EXTENSION IF NOT EXISTS vector;
CREATE SCHEMA IF NOT EXISTS checkpoint;

-- Runs -------------------------------------------------------------------------------------------------------------

CREATE TABLE run (
    id            uuid PRIMARY KEY,
    flow          text NOT NULL,
    namespace     text NOT NULL DEFAULT 'main',
    edition       text NOT NULL DEFAULT 'daily',
    status        text NOT NULL DEFAULT 'running'
                  CHECK (status IN ('running', 'waiting', 'done', 'partly_failed', 'failed', 'stopped', 'killed')),
    pattern       text NOT NULL DEFAULT '',
    orchestrator  text NOT NULL DEFAULT 'local',
    args          jsonb NOT NULL DEFAULT '{}',
    openflow      jsonb,
    pipeline      jsonb NOT NULL DEFAULT '{}',
    dry_run       boolean NOT NULL DEFAULT false,
    scheduled_for timestamptz,
    local_day     date,
    started_at    timestamptz NOT NULL DEFAULT now(),
    finished_at   timestamptz,
    result        jsonb,
    error         text
);
CREATE INDEX run_started ON run (started_at DESC);
CREATE INDEX run_day ON run (flow, namespace, local_day);

CREATE TABLE attempt (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    run_id      uuid NOT NULL REFERENCES run ON DELETE CASCADE,
    job_id      text NOT NULL DEFAULT '',
    host        text NOT NULL DEFAULT '',
    pid         integer,
    status      text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'done', 'failed', 'waiting', 'killed')),
    started_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
CREATE INDEX attempt_run ON attempt (run_id, started_at);

CREATE TABLE step (
    run_id      uuid NOT NULL REFERENCES run ON DELETE CASCADE,
    path        text NOT NULL,                 -- e.g. research[0].investigate
    name        text NOT NULL,                 -- e.g. research.investigate
    tries       integer NOT NULL DEFAULT 1,
    job_id      text NOT NULL DEFAULT '',
    status      text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'done', 'failed', 'killed', 'timed_out')),
    started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    error       text,
    PRIMARY KEY (run_id, path)
);

-- What a run tells ---------------------------------------------------------------------------------------------------

CREATE TABLE run_event (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id    uuid NOT NULL REFERENCES run ON DELETE CASCADE,
    step      text NOT NULL DEFAULT '',
    event     text NOT NULL,
    message   text NOT NULL DEFAULT '',
    metadata  jsonb NOT NULL DEFAULT '{}',
    at        timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX run_event_run ON run_event (run_id, id);

CREATE TABLE span (
    trace_id    text NOT NULL,                 -- 32 hex digits: the run's id
    span_id     text NOT NULL,                 -- 16 hex digits
    parent_id   text,
    run_id      uuid REFERENCES run ON DELETE CASCADE,
    name        text NOT NULL,
    kind        text NOT NULL DEFAULT 'internal',
    status      text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'ok', 'error', 'killed')),
    scope       text NOT NULL DEFAULT 'millrace',
    attributes  jsonb NOT NULL DEFAULT '{}',
    events      jsonb NOT NULL DEFAULT '[]',
    started_at  timestamptz NOT NULL,
    finished_at timestamptz,
    exported_at timestamptz,
    PRIMARY KEY (trace_id, span_id)
);
CREATE INDEX span_unexported ON span (started_at) WHERE exported_at IS NULL;

-- What was read --------------------------------------------------------------------------------------------------------

CREATE TABLE fetch_state (
    namespace     text NOT NULL,
    url           text NOT NULL,
    etag          text NOT NULL DEFAULT '',
    last_modified text NOT NULL DEFAULT '',
    fetched_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (namespace, url)
);

CREATE TABLE source_item (
    id            text PRIMARY KEY,
    namespace     text NOT NULL,
    source        text NOT NULL,
    source_key    text NOT NULL,
    url           text NOT NULL DEFAULT '',
    canonical_url text NOT NULL DEFAULT '',
    title         text NOT NULL,
    body          text NOT NULL DEFAULT '',
    author        text NOT NULL DEFAULT '',
    published_at  timestamptz,
    score         double precision NOT NULL DEFAULT 0,
    comments_url  text NOT NULL DEFAULT '',
    trust         text NOT NULL DEFAULT 'untrusted' CHECK (trust IN ('own', 'trusted', 'untrusted')),
    content_hash  text NOT NULL DEFAULT '',
    extra         jsonb NOT NULL DEFAULT '{}',
    first_seen_at timestamptz NOT NULL,
    last_seen_at  timestamptz NOT NULL,
    run_id        uuid,
    lexemes       tsvector GENERATED ALWAYS AS (to_tsvector('english', left(title || ' ' || body, 200000))) STORED,
    UNIQUE (namespace, source, source_key)
);
CREATE INDEX source_item_seen ON source_item (namespace, first_seen_at);
CREATE INDEX source_item_lexemes ON source_item USING gin (lexemes);

CREATE TABLE source_reading (
    run_id  uuid NOT NULL REFERENCES run ON DELETE CASCADE,
    source  text NOT NULL,
    status  text NOT NULL CHECK (status IN ('ok', 'unchanged', 'failed')),
    items   integer NOT NULL DEFAULT 0,
    fresh   integer NOT NULL DEFAULT 0,
    error   text NOT NULL DEFAULT '',
    seconds double precision NOT NULL DEFAULT 0,
    PRIMARY KEY (run_id, source)
);

-- What was found out -----------------------------------------------------------------------------------------------------

CREATE TABLE topic (
    id         text PRIMARY KEY,
    run_id     uuid NOT NULL REFERENCES run ON DELETE CASCADE,
    namespace  text NOT NULL,
    rank       integer NOT NULL,
    title      text NOT NULL,
    score      double precision NOT NULL DEFAULT 0,
    reasons    jsonb NOT NULL DEFAULT '[]',
    item_ids   text[] NOT NULL DEFAULT '{}',
    update_of  text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX topic_run ON topic (run_id, rank);

CREATE TABLE evidence (
    id           text PRIMARY KEY,
    run_id       uuid NOT NULL REFERENCES run ON DELETE CASCADE,
    topic_id     text,
    namespace    text NOT NULL,
    url          text NOT NULL DEFAULT '',
    title        text NOT NULL DEFAULT '',
    body         text NOT NULL,
    source       text NOT NULL DEFAULT '',
    tool         text NOT NULL DEFAULT '',
    published_at timestamptz,
    trust        text NOT NULL DEFAULT 'untrusted' CHECK (trust IN ('own', 'trusted', 'untrusted')),
    content_hash text NOT NULL DEFAULT '',
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX evidence_run ON evidence (run_id, topic_id);

CREATE TABLE research_result (
    run_id          uuid NOT NULL REFERENCES run ON DELETE CASCADE,
    topic_id        text NOT NULL,
    title           text NOT NULL,
    summary         text NOT NULL DEFAULT '',
    findings        jsonb NOT NULL DEFAULT '[]',
    conflicts       jsonb NOT NULL DEFAULT '[]',
    confidence      integer NOT NULL DEFAULT 0 CHECK (confidence BETWEEN 0 AND 100),
    parts           jsonb NOT NULL DEFAULT '{}',
    no_sources      boolean NOT NULL DEFAULT false,
    stopped_because text NOT NULL DEFAULT '',
    rounds          integer NOT NULL DEFAULT 0,
    cost_usd        numeric NOT NULL DEFAULT 0,
    review          text NOT NULL DEFAULT 'none' CHECK (review IN ('none', 'logged', 'open', 'approved', 'corrected', 'refused')),
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (run_id, topic_id)
);

-- Money ------------------------------------------------------------------------------------------------------------------

CREATE TABLE usage (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    run_id        uuid NOT NULL,
    step          text NOT NULL DEFAULT '',
    agent         text NOT NULL,
    model         text NOT NULL,
    user_id       text NOT NULL DEFAULT '',
    state         text NOT NULL CHECK (state IN ('reserved', 'sent', 'settled', 'released')),
    request_hash  text NOT NULL DEFAULT '',
    reserved_usd  numeric NOT NULL DEFAULT 0,
    cost_usd      numeric NOT NULL DEFAULT 0,
    currency      text NOT NULL DEFAULT 'USD',
    price_source  text NOT NULL DEFAULT '',
    price_date    text NOT NULL DEFAULT '',
    tokens        jsonb NOT NULL DEFAULT '{}',
    prompt_hash   text NOT NULL DEFAULT '',
    response      jsonb,
    holder        jsonb NOT NULL DEFAULT '{}',
    reserved_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    sent_at       timestamptz,
    settled_at    timestamptz
);
CREATE INDEX usage_run ON usage (run_id, agent);
CREATE INDEX usage_request ON usage (run_id, step, agent, request_hash);

CREATE TABLE budget (
    scope        text NOT NULL CHECK (scope IN ('run', 'user_day', 'flow_day')),
    key          text NOT NULL,
    limit_usd    numeric NOT NULL CHECK (limit_usd >= 0),
    reserved_usd numeric NOT NULL DEFAULT 0 CHECK (reserved_usd >= 0),
    spent_usd    numeric NOT NULL DEFAULT 0 CHECK (spent_usd >= 0),
    PRIMARY KEY (scope, key)
);

-- Trust ------------------------------------------------------------------------------------------------------------------

CREATE TABLE action (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    key          text NOT NULL UNIQUE,         -- what it is for, never a job's id
    run_id       uuid,
    namespace    text NOT NULL DEFAULT 'main',
    tool         text NOT NULL,
    arguments    jsonb NOT NULL,
    digest       text NOT NULL,                -- of the canonical arguments
    risk         text NOT NULL CHECK (risk IN ('low', 'medium', 'high')),
    reason       text NOT NULL DEFAULT '',
    state        text NOT NULL DEFAULT 'proposed' CHECK (state IN
                 ('proposed', 'approved', 'denied', 'expired', 'performing', 'performed', 'failed', 'unknown')),
    outcome      jsonb,
    asked_at     timestamptz,
    expires_at   timestamptz,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    performed_at timestamptz
);
CREATE INDEX action_run ON action (run_id);

CREATE TABLE approval (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    action_id  uuid NOT NULL REFERENCES action ON DELETE CASCADE,
    digest     text NOT NULL,
    decision   text NOT NULL CHECK (decision IN ('approved', 'denied', 'expired')),
    decided_by text NOT NULL,
    how        text NOT NULL DEFAULT '',
    decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    used_at    timestamptz
);
-- Two people answering, a double click: the first answer stands.
CREATE UNIQUE INDEX approval_one_answer ON approval (action_id);

CREATE TABLE recipient (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    namespace  text NOT NULL DEFAULT 'main',
    flow       text NOT NULL DEFAULT 'daily_research',
    address    text NOT NULL,
    interests  text[] NOT NULL DEFAULT '{}',
    added_by   text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    revoked_at timestamptz,
    UNIQUE (namespace, flow, address)
);

CREATE TABLE standing_approval (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    namespace  text NOT NULL DEFAULT 'main',
    flow       text NOT NULL,
    tool       text NOT NULL DEFAULT 'mail.send',
    recipient  text NOT NULL,
    granted_by text NOT NULL,
    granted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz,
    revoked_at timestamptz,
    revoked_by text
);
CREATE UNIQUE INDEX standing_approval_live ON standing_approval (namespace, flow, tool, recipient) WHERE revoked_at IS NULL;

CREATE TABLE audit (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id    uuid,
    actor     text NOT NULL,
    kind      text NOT NULL,
    subject   text NOT NULL,
    detail    jsonb NOT NULL DEFAULT '{}',
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    previous  text NOT NULL,
    hash      text NOT NULL UNIQUE
);

-- The digest ---------------------------------------------------------------------------------------------------------------

CREATE TABLE digest (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    run_id       uuid NOT NULL,
    flow         text NOT NULL,
    namespace    text NOT NULL,
    edition      text NOT NULL,
    local_day    date NOT NULL,
    number       integer NOT NULL DEFAULT 1,
    window_since timestamptz,
    window_until timestamptz NOT NULL,
    recipients   text[] NOT NULL,
    subject      text NOT NULL,
    html         text NOT NULL,
    plain        text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE NULLS NOT DISTINCT (run_id, window_since)
);
CREATE INDEX digest_day ON digest (flow, namespace, edition, local_day, number);

CREATE TABLE delivery (
    flow         text NOT NULL,
    namespace    text NOT NULL,
    edition      text NOT NULL,
    recipient    text NOT NULL,
    local_day    date NOT NULL,
    number       integer NOT NULL,
    run_id       uuid NOT NULL,
    digest_id    uuid NOT NULL REFERENCES digest,
    action_id    uuid REFERENCES action,
    message_id   text NOT NULL,
    status       text NOT NULL CHECK (status IN ('waiting', 'sending', 'sent', 'outbox', 'denied', 'expired', 'failed', 'unknown')),
    path         text,
    error        text,
    window_until timestamptz NOT NULL,
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (flow, namespace, edition, recipient, local_day, number)
);

CREATE TABLE feedback (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    run_id     uuid NOT NULL,
    subject    text NOT NULL DEFAULT '',
    verdict    text NOT NULL,
    comment    text NOT NULL DEFAULT '',
    given_by   text NOT NULL DEFAULT '',
    at         timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Tools ----------------------------------------------------------------------------------------------------------------------

CREATE TABLE tool_snapshot (
    run_id  uuid NOT NULL REFERENCES run ON DELETE CASCADE,
    server  text NOT NULL,
    tool    text NOT NULL,
    hash    text NOT NULL,
    detail  jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (run_id, server, tool)
);

CREATE TABLE tool_gap (
    id        text PRIMARY KEY,                -- hash of the report's canonical form: the same gap is one row
    report    jsonb NOT NULL,
    seen      integer NOT NULL DEFAULT 1,
    run_ids   uuid[] NOT NULL DEFAULT '{}',
    first_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Memory ---------------------------------------------------------------------------------------------------------------------

CREATE TABLE chat_session (
    id         text PRIMARY KEY,
    user_id    text NOT NULL DEFAULT '',
    namespace  text NOT NULL DEFAULT 'main',
    metadata   jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE chat_message (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session_id text NOT NULL REFERENCES chat_session ON DELETE CASCADE,
    turn       integer NOT NULL,
    role       text NOT NULL,
    content    text NOT NULL,
    metadata   jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX chat_message_session ON chat_message (session_id, id);

CREATE TABLE memory_item (
    id           text PRIMARY KEY,
    namespace    text NOT NULL DEFAULT 'main',
    type         text NOT NULL,
    title        text NOT NULL DEFAULT '',
    source       text NOT NULL DEFAULT '',
    raw_text     jsonb NOT NULL,               -- {"text": ...} and whatever its type adds
    metadata     jsonb NOT NULL DEFAULT '{}',
    embedding    vector,
    trust        text NOT NULL DEFAULT 'untrusted' CHECK (trust IN ('own', 'trusted', 'untrusted')),
    content_hash text NOT NULL,
    run_id       uuid,
    valid_from   timestamptz,
    valid_to     timestamptz,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    lexemes      tsvector GENERATED ALWAYS AS
                 (to_tsvector('english', left(title || ' ' || coalesce(raw_text ->> 'text', ''), 200000))) STORED,
    UNIQUE (namespace, type, content_hash)
);
CREATE INDEX memory_item_lexemes ON memory_item USING gin (lexemes);
CREATE INDEX memory_item_time ON memory_item (namespace, type, created_at);

CREATE TABLE memory_link (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    from_id    text NOT NULL REFERENCES memory_item ON DELETE CASCADE,
    to_id      text NOT NULL REFERENCES memory_item ON DELETE CASCADE,
    relation   text NOT NULL,
    weight     double precision NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (from_id, to_id, relation)
);
""",
    ),
    Migration(
        2,
        "0002_memory_time",
        "94d51f84f6de87acb3fadfadda85dfc960d2407ed45457d03f98ddc9d880fc9d",
        """
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
""",
    ),
    Migration(
        3,
        "0003_chat_log",
        "675cbc525e62e7b1221bfb5799116109c72ea31521046a4bf948dd325c1b39da",
        """
-- Conversations as a log: each message points at the one before it, so that a conversation can be branched and forked.
ALTER TABLE chat_message ADD COLUMN entry_id text, ADD COLUMN parent_id text;
UPDATE chat_message m SET entry_id = 'entry_' || m.id, parent_id = 'entry_' || o.parent
FROM (SELECT id, lag(id) OVER (PARTITION BY session_id ORDER BY id) AS parent FROM chat_message) o WHERE o.id = m.id;
ALTER TABLE chat_message ALTER COLUMN entry_id SET NOT NULL;
CREATE UNIQUE INDEX chat_message_entry ON chat_message (entry_id);
UPDATE chat_session s SET metadata = metadata || jsonb_build_object('record', jsonb_build_object(
    'head_id', (SELECT entry_id FROM chat_message m WHERE m.session_id = s.id ORDER BY m.id DESC LIMIT 1),
    'revision', gen_random_uuid()::text));
""",
    ),
    Migration(
        4,
        "0004_audit_guard",
        "1a82451a9c7fa226612f919745c6abb3d7ea14210c8c64eae1a23e6d21de3dd3",
        """
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
""",
    ),
    Migration(
        5,
        "0005_tool_enabled",
        "92071d6f73d37a04433c8e2a294eedf57f662695ba53ba40e3316d956db0964f",
        """
-- Tools of others' servers are used as they were approved: each approved version is a row, a changed tool is none of them.
CREATE TABLE tool_enabled (
    server     text NOT NULL,
    url        text NOT NULL,
    tool       text NOT NULL,
    hash       text NOT NULL,
    detail     jsonb NOT NULL DEFAULT '{}',
    enabled_by text NOT NULL,
    enabled_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (server, url, tool, hash)
);
""",
    ),
    Migration(
        6,
        "0006_memory_search",
        "09ad2473d83ce16b9babdc0b6bd37756834542869de92f09fb903731f7c49b15",
        """
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
""",
    ),
    Migration(
        7,
        "0007_outcomes",
        "b40bb9eda8626f04657b5b740073be6668adcec720a35731288bd01c23184943",
        """
-- Money warns before it ends and asks a person near its end; decisions keep how they came out. Both have to outlast the process.
ALTER TABLE usage ADD COLUMN kind text NOT NULL DEFAULT 'model' CHECK (kind IN ('model', 'tool'));
CREATE INDEX usage_open ON usage (reserved_at) WHERE state IN ('reserved', 'sent');

-- Up to where a person allowed to spend; without one, calls are held near the limit.
ALTER TABLE budget ADD COLUMN allowed_usd numeric NOT NULL DEFAULT 0;

CREATE TABLE budget_alert (
    scope     text NOT NULL,
    key       text NOT NULL,
    limit_usd numeric NOT NULL,                -- a raised limit warns anew
    percent   integer NOT NULL CHECK (percent IN (70, 90, 100)),
    spent_usd numeric NOT NULL,
    run_id    uuid,
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (scope, key, limit_usd, percent)
);

-- The current outcome of each decision; what people said, in order, is in feedback.
CREATE TABLE decision (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id     uuid,
    namespace  text NOT NULL DEFAULT 'main',
    kind       text NOT NULL CHECK (kind IN ('judgement', 'action')),
    subject    text NOT NULL,                  -- the topic's id, or the action's key
    title      text NOT NULL DEFAULT '',
    agent      text NOT NULL DEFAULT '',
    confidence integer CHECK (confidence BETWEEN 0 AND 100),
    escalated  boolean NOT NULL DEFAULT false, -- it was put before a person
    outcome    text CHECK (outcome IN ('approved', 'corrected', 'refused', 'undone', 'silent_success')),
    outcome_by text NOT NULL DEFAULT '',
    made_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    outcome_at timestamptz,
    UNIQUE NULLS NOT DISTINCT (run_id, kind, subject)
);
CREATE INDEX decision_made ON decision (namespace, made_at);
""",
    ),
    Migration(
        8,
        "0008_document",
        "08a595189889292e21b6cdd83aaa481ac009e3dd27ae37e18d1fcddb51ec41b5",
        """
-- Documents: what was read from folders, so that a run sees what changed, and a citation opens at page and offset.
CREATE TABLE document (
    id           text PRIMARY KEY,
    namespace    text NOT NULL DEFAULT 'main',
    path         text NOT NULL,
    state        text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'read', 'failed', 'withdrawn')),
    problem      text NOT NULL DEFAULT '',     -- why it could not be read
    notes        text[] NOT NULL DEFAULT '{}', -- what is odd although it could
    sha256       text NOT NULL DEFAULT '',
    bytes        bigint NOT NULL DEFAULT 0,
    changed_ns   bigint NOT NULL DEFAULT 0,    -- the file's time of change, to see without reading that it is the same
    reader       text NOT NULL DEFAULT '',     -- version of the parsers, and whether pictures could be read
    kind         text NOT NULL DEFAULT '',
    title        text NOT NULL DEFAULT '',
    author       text NOT NULL DEFAULT '',
    dated_at     timestamptz,
    language     text NOT NULL DEFAULT '',
    unit         text NOT NULL DEFAULT '',     -- what is counted: page, slide or sheet; empty: lines
    pages        integer NOT NULL DEFAULT 0,
    headings     jsonb NOT NULL DEFAULT '[]',  -- text, level, page, offset
    details      jsonb NOT NULL DEFAULT '{}',
    body         text NOT NULL DEFAULT '',
    trust        text NOT NULL DEFAULT 'untrusted' CHECK (trust IN ('own', 'trusted', 'untrusted')),
    run_id       uuid,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    read_at      timestamptz,
    withdrawn_at timestamptz
);
CREATE UNIQUE INDEX document_path ON document (namespace, path) WHERE state <> 'withdrawn';
CREATE INDEX document_sha256 ON document (namespace, sha256);

CREATE TABLE document_passage (
    document_id text NOT NULL REFERENCES document ON DELETE CASCADE,
    number      integer NOT NULL,
    item_id     text NOT NULL REFERENCES memory_item ON DELETE CASCADE,
    page        integer NOT NULL DEFAULT 0,
    start_at    integer NOT NULL,              -- the passage is body[start_at:end_at], counted in characters from 0
    end_at      integer NOT NULL,
    heading     text NOT NULL DEFAULT '',
    PRIMARY KEY (document_id, number)
);
CREATE INDEX document_passage_item ON document_passage (item_id);
""",
    ),
    Migration(
        9,
        "0009_traces",
        "505453c1316d9f48875af8a320ff715b57ef7648f802a9477e253f5caad36fc7",
        """
-- A trace is sent once: what became of it stands with its run, and an open span says when its process was last alive.
ALTER TABLE span
    ADD COLUMN service text NOT NULL DEFAULT 'millrace',
    ADD COLUMN version text NOT NULL DEFAULT '',
    ADD COLUMN seen_at timestamptz NOT NULL DEFAULT clock_timestamp();
DROP INDEX span_unexported;
CREATE INDEX span_pending ON span (seen_at) WHERE status = 'pending';
CREATE INDEX span_started ON span (started_at);
CREATE INDEX span_run ON span (run_id);
CREATE INDEX run_event_at ON run_event (at);

-- Why the run's trace is exported (or `out`), and which end of the run that was decided about; a resumed run ends anew.
ALTER TABLE run ADD COLUMN sampled text NOT NULL DEFAULT '', ADD COLUMN sampled_end timestamptz, ADD COLUMN root_sent_at timestamptz;
CREATE INDEX run_unsampled ON run (finished_at) WHERE sampled_end IS DISTINCT FROM finished_at;
""",
    ),
    Migration(
        10,
        "0010_metrics",
        "1eebb33ae0a6fe12a373312a0d7eb1b98e015833f798abb6a979cbff2944cbd3",
        """
-- Processes that live for a second cannot be scraped: figures are rows, counted by the hour, and outlast what they were counted from.
CREATE TABLE metric_hour (
    metric   text NOT NULL,                     -- without the prefix
    hour     timestamptz NOT NULL,
    labels   jsonb NOT NULL,
    value    double precision NOT NULL,         -- counter: how much; histogram: the sum
    buckets  bigint[],                          -- histogram: how many up to each bound, at last all
    exemplar text,                              -- order|value|epoch seconds|trace id
    PRIMARY KEY (metric, hour, labels)
);
CREATE INDEX metric_hour_hour ON metric_hour (hour);

-- What the hours before `folded_until` add up to: no retention touches it, so a counter never goes back.
CREATE TABLE metric_total (
    metric  text NOT NULL,
    labels  jsonb NOT NULL,
    value   double precision NOT NULL,
    buckets bigint[],
    PRIMARY KEY (metric, labels)
);

CREATE TABLE metric_roll (
    metric       text PRIMARY KEY,
    shape        text NOT NULL,                 -- labels and bounds; another shape is another metric and starts anew
    rolled_until timestamptz NOT NULL,
    folded_until timestamptz NOT NULL
);

-- Which values a label has: the first ones that came, as many as its definition allows.
CREATE TABLE metric_label (
    name     text NOT NULL,
    value    text NOT NULL,
    first_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (name, value)
);

CREATE FUNCTION metric_buckets_plus(one bigint[], other bigint[]) RETURNS bigint[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN one IS NULL THEN other WHEN other IS NULL THEN one
        ELSE (SELECT array_agg(a + b ORDER BY n) FROM unnest(one, other) WITH ORDINALITY AS pairs (a, b, n)) END
$$;
CREATE AGGREGATE metric_buckets(bigint[]) (sfunc = metric_buckets_plus, stype = bigint[], parallel = safe);

-- Rows are counted in the hour in which they came to their last state, by the database's clock.
CREATE INDEX span_seen ON span (seen_at);
CREATE INDEX step_finished ON step (finished_at);
CREATE INDEX run_finished ON run (finished_at);
CREATE INDEX usage_settled ON usage (settled_at);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX decision_outcome ON decision (outcome_at);
CREATE INDEX research_result_created ON research_result (created_at);
CREATE INDEX evidence_created ON evidence (created_at);

-- What is wrong, from when until when, and who saw it: from health checks, baselines and Alertmanager.
CREATE TABLE alert (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fingerprint     text NOT NULL,
    name            text NOT NULL,
    severity        text NOT NULL CHECK (severity IN ('info', 'warning', 'critical', 'emergency')),
    state           text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'acknowledged', 'resolved')),
    source          text NOT NULL CHECK (source IN ('prometheus', 'health', 'baseline')),
    summary         text NOT NULL,
    labels          jsonb NOT NULL DEFAULT '{}',
    agents          text[] NOT NULL DEFAULT '{}',
    started_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    acknowledged_at timestamptz,
    acknowledged_by text,
    resolved_at     timestamptz
);
-- The same fault is one row until it is over; then it may come again.
CREATE UNIQUE INDEX alert_open ON alert (fingerprint) WHERE state <> 'resolved';
CREATE INDEX alert_started ON alert (started_at DESC);

-- One row for each part that was looked at.
CREATE TABLE health_check (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    part   text NOT NULL,
    state  text NOT NULL CHECK (state IN ('healthy', 'degraded', 'critical', 'unknown')),
    reason text NOT NULL DEFAULT '',
    at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX health_check_at ON health_check (at);
CREATE INDEX health_check_part ON health_check (part, id DESC);
""",
    ),
    Migration(
        11,
        "0011_memory_index",
        "d936f84c1b2c1243fd66550350335222d5a7b1f786b5f5746953922d9a196e2a",
        """
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
""",
    ),
    Migration(
        12,
        "0012_alert_told",
        "2d850bbbe9a7fd0965efe9b78193656ad73051af2bed3410b459b1c7aaa9d158",
        """
-- An alert that was raised while no mail could be sent is told when one can: each row knows whether the operator has it.
ALTER TABLE alert ADD COLUMN told_at timestamptz;
UPDATE alert SET told_at = started_at;
""",
    ),
    Migration(
        13,
        "0013_run_time",
        "0ae848f34877312ed67f8c24fa1da9106d7ffdc86aaa32f866632afdb4077ba4",
        """
-- How long a run stood still for people: a question of it was open, and none of its steps ran.
CREATE FUNCTION run_waited(run) RETURNS interval LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    WITH asked AS (
        SELECT range_agg(tstzrange(a.asked_at, CASE WHEN p.decided_at IS NOT NULL THEN greatest(a.asked_at, p.decided_at) END)) AS times
        FROM action a LEFT JOIN approval p ON p.action_id = a.id WHERE a.run_id = $1.id AND a.asked_at IS NOT NULL
    ), ran AS (
        SELECT range_agg(tstzrange(least(started_at, finished_at), finished_at)) AS times
        FROM step WHERE run_id = $1.id AND finished_at IS NOT NULL
    )
    SELECT coalesce(sum(upper(part) - lower(part)), interval '0') FROM asked, ran, unnest(
        (asked.times - coalesce(ran.times, '{}')) * tstzmultirange(tstzrange($1.started_at, greatest($1.started_at, coalesce($1.finished_at, now()))))
    ) AS part
$$;
""",
    ),
    Migration(
        14,
        "0014_memory_metadata",
        "915f56291bc7a470f4d85cf99a62dd2e43f73b8d5c4bd9396fceafe0ae37084d",
        """
-- A question about fields ("projects with status open") reads the items that have them, not every item.
CREATE INDEX memory_item_metadata ON memory_item USING gin (metadata jsonb_path_ops);
""",
    ),
    Migration(
        15,
        "0015_memory_inline",
        "7401d93804b6e186db0bebc1cbe2715e2e97e373f0bb99c615397430a02169be",
        """
-- A vector of 384 numbers and a passage stay in their row: a vector kept apart costs three more pages each time it is compared.
ALTER TABLE memory_item SET (toast_tuple_target = 4080);
""",
    ),
    Migration(
        16,
        "0016_memory_impacts",
        "d8d8e35621067ed3ef30220dec017cd888ecb32efb128162211eab59f666cd53",
        """
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
""",
    ),
    Migration(
        17,
        "0017_outbox",
        "098e1cb4aaafcab563633166afc2fe882639d964acb098a97008aa833278304d",
        """
-- A worker's files end with its job: a mail that no server was there to take is kept as a row until a person gets it out.
CREATE TABLE outbox (
    message_id text PRIMARY KEY,
    recipient  text NOT NULL,
    subject    text NOT NULL,
    content    text NOT NULL,                  -- the whole mail, headers and parts, in UTF-8
    run_id     uuid,
    made_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX outbox_made ON outbox (made_at);
""",
    ),
    Migration(
        18,
        "0018_cancelled",
        "2c0c59c153bde804d9963a5cdd1160168ee8ebc771c2e609914e527b1fec727c",
        """
-- A run that a person cancelled on Windmill is cancelled here too; a step that is run again by itself finds its own row.
ALTER TABLE run DROP CONSTRAINT run_status_check, ADD CONSTRAINT run_status_check
    CHECK (status IN ('running', 'waiting', 'done', 'partly_failed', 'failed', 'cancelled', 'stopped', 'killed'));
ALTER TABLE attempt DROP CONSTRAINT attempt_status_check, ADD CONSTRAINT attempt_status_check
    CHECK (status IN ('running', 'done', 'failed', 'waiting', 'cancelled', 'killed'));
ALTER TABLE step DROP CONSTRAINT step_status_check, ADD CONSTRAINT step_status_check
    CHECK (status IN ('running', 'done', 'failed', 'cancelled', 'killed', 'timed_out'));
-- Hash of what the step was asked to do: the same step of several iterations differs by it.
ALTER TABLE step ADD COLUMN about text NOT NULL DEFAULT '';
-- The job of a later attempt leads to its run.
CREATE INDEX attempt_job ON attempt (job_id);
""",
    ),
    Migration(
        19,
        "0019_table_comments",
        "8e10af90a9bf73d0c78b6bc8ee4cbc8e97dfc83d4b9a71f9c54412c828f59378",
        """
-- What each table holds, for whoever looks into the database; docs/tables.md shows the same sentences.
COMMENT ON TABLE run IS 'One execution of a flow, kept over all its attempts, with its inputs, status and result.';
COMMENT ON TABLE attempt IS 'Each process or Windmill job that worked on a run.';
COMMENT ON TABLE step IS 'Each step of a run: how often it was tried and how it ended.';
COMMENT ON TABLE run_event IS 'Progress of a run as it happened, in order.';
COMMENT ON TABLE span IS 'Spans of traces, written here first and exported from here.';
COMMENT ON TABLE fetch_state IS 'What an address answered last (ETag, date), so that it is asked only for what changed.';
COMMENT ON TABLE source_item IS 'Each item that a source offered, once, with the moment at which it was first seen.';
COMMENT ON TABLE source_reading IS 'How the reading of each source went, by run.';
COMMENT ON TABLE topic IS 'The topics that a run chose, with their rank and the reasons for it.';
COMMENT ON TABLE evidence IS 'Texts that findings may cite, stored before a model sees them.';
COMMENT ON TABLE research_result IS 'What a run found out about a topic: findings, conflicts, confidence.';
COMMENT ON TABLE usage IS 'Each call of a model or paid tool: reserved, sent, settled or released.';
COMMENT ON TABLE budget IS 'What is reserved and spent of each limit: of a run, of a user''s day, of a flow''s day.';
COMMENT ON TABLE budget_alert IS 'Which warnings about a limit were given.';
COMMENT ON TABLE action IS 'Each proposed effect (a mail, a risky call) with its arguments, risk and state.';
COMMENT ON TABLE approval IS 'A person''s answer about an action, for exactly the arguments that were shown.';
COMMENT ON TABLE recipient IS 'Who gets the mails of a flow.';
COMMENT ON TABLE standing_approval IS 'Who gets the mails of a flow without a person being asked each time.';
COMMENT ON TABLE decision IS 'Judgements and actions of agents, and how each came out.';
COMMENT ON TABLE audit IS 'The log of decisions and effects: a chain of hashes that can only grow.';
COMMENT ON TABLE audit_head IS 'The end of the chain of the audit log.';
COMMENT ON TABLE digest IS 'Digests as they were written, one for each group of recipients with the same window.';
COMMENT ON TABLE delivery IS 'Each digest for each recipient, and what became of it.';
COMMENT ON TABLE outbox IS 'Mails that workers wrote while no mail server was set.';
COMMENT ON TABLE feedback IS 'What people said of runs, topics and actions.';
COMMENT ON TABLE tool_snapshot IS 'The tools that a run saw, as they described themselves.';
COMMENT ON TABLE tool_enabled IS 'The tools of third-party servers that a person enabled, as they were then.';
COMMENT ON TABLE tool_gap IS 'Tools that were missing, and in which runs.';
COMMENT ON TABLE chat_session IS 'Conversations.';
COMMENT ON TABLE chat_message IS 'What was said in conversations; each message points at the one before it.';
COMMENT ON TABLE memory_item IS 'What is remembered: texts with source, trust, valid time, words and vector.';
COMMENT ON TABLE memory_link IS 'How memories are related, with a weight.';
COMMENT ON TABLE memory_belief IS 'What was held of a memory, from when until when.';
COMMENT ON TABLE memory_origin IS 'Where a memory came from: source, run, document, page and offsets.';
COMMENT ON TABLE memory_retraction IS 'Sources that were withdrawn.';
COMMENT ON TABLE memory_posting IS 'The words of each memory with their counts: the index of BM25.';
COMMENT ON TABLE memory_frequency IS 'In how many memories a word occurs.';
COMMENT ON TABLE memory_extent IS 'How many memories of a type there are, and how many words they hold.';
COMMENT ON TABLE memory_model IS 'The embedding models that vectors are of; one is active.';
COMMENT ON TABLE memory_vector IS 'Vectors of a model that is being prepared beside the active one.';
COMMENT ON TABLE document IS 'Files that were read into memory, with their text and how reading went.';
COMMENT ON TABLE document_passage IS 'The passages of a document: page, offsets, and the memory that holds each.';
COMMENT ON TABLE metric_hour IS 'Metrics counted by the hour, so that they outlast the rows that were counted.';
COMMENT ON TABLE metric_total IS 'What the hours that were folded away add up to.';
COMMENT ON TABLE metric_roll IS 'Up to when each metric has been counted and folded.';
COMMENT ON TABLE metric_label IS 'The values that a label has had, as many as its definition allows.';
COMMENT ON TABLE alert IS 'What is or was wrong, from when until when, and who has seen it.';
COMMENT ON TABLE health_check IS 'The state of each component each time it was checked.';
""",
    ),
    Migration(
        20,
        "0020_stories",
        "19264b7bedbd14c9a0ab742b9f278dd2a7d00f9d37d16227c9bf29f1d89a5093",
        """
-- A story is an object that lasts over days; pages are kept as they were read; what is private is for the owner only.
CREATE TABLE page (
    id            text PRIMARY KEY,
    namespace     text NOT NULL,
    canonical_url text NOT NULL,
    url           text NOT NULL,                 -- after redirects
    readable      boolean NOT NULL,
    reason        text NOT NULL DEFAULT '',      -- why it could not be read, in words for a reader
    title         text NOT NULL DEFAULT '',
    site          text NOT NULL DEFAULT '',
    language      text NOT NULL DEFAULT '',
    body          text NOT NULL DEFAULT '',
    published_at  timestamptz,
    read_at       timestamptz NOT NULL,
    UNIQUE (namespace, canonical_url)
);
COMMENT ON TABLE page IS 'Pages behind the items, as they were read: text, site, language, or why they could not be read.';

CREATE TABLE story (
    id         text PRIMARY KEY,
    namespace  text NOT NULL,
    title      text NOT NULL,
    entities   text[] NOT NULL DEFAULT '{}',
    first_day  date NOT NULL,
    last_day   date NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX story_last_day ON story (namespace, last_day);
COMMENT ON TABLE story IS 'News stories: what several items over several days tell.';

CREATE TABLE story_item (
    story_id text NOT NULL REFERENCES story ON DELETE CASCADE,
    item_id  text NOT NULL,
    day      date NOT NULL,                      -- of the digest that first had the item
    PRIMARY KEY (story_id, item_id)
);
COMMENT ON TABLE story_item IS 'The items that tell a story, each with its day.';

ALTER TABLE topic
    ADD COLUMN story_id text,
    ADD COLUMN story_day integer NOT NULL DEFAULT 1,   -- 1 on the first day of its story
    ADD COLUMN theme text NOT NULL DEFAULT '',
    ADD COLUMN private boolean NOT NULL DEFAULT false; -- of the owner's notes or documents
CREATE INDEX topic_story ON topic (story_id);

ALTER TABLE research_result
    ADD COLUMN background text NOT NULL DEFAULT '',      -- one sentence of what was said before
    ADD COLUMN why_it_matters text NOT NULL DEFAULT '';  -- empty unless a model wrote it

ALTER TABLE recipient ADD COLUMN owner boolean NOT NULL DEFAULT false;

ALTER TABLE digest ADD COLUMN private boolean NOT NULL DEFAULT false; -- may show what is private
ALTER TABLE digest DROP CONSTRAINT digest_run_id_window_since_key;
ALTER TABLE digest ADD CONSTRAINT digest_of_window UNIQUE NULLS NOT DISTINCT (run_id, window_since, private);
""",
    ),
    Migration(
        21,
        "0021_model_faults",
        "b54ff76a8edd16d9d1a048fa29e07683e2805715ad4492b6e00b639dd86f0283",
        """
-- A model that refused every call was named as the writer of the digest, and its provider's reason was nowhere: each fault is a row, and each result says which models wrote it.
CREATE TABLE model_fault (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id    uuid REFERENCES run (id) ON DELETE CASCADE,
    step      text NOT NULL DEFAULT '',
    agent     text NOT NULL,
    model     text NOT NULL,
    kind      text NOT NULL,                   -- key, quota, rate, model, address, server, timeout, cut, reasoning, request, answer, setting
    reason    text NOT NULL,                   -- the provider's own words in it
    next_step text NOT NULL DEFAULT '',
    lasting   boolean NOT NULL DEFAULT false,  -- asking again soon ends the same way
    at        timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX model_fault_model ON model_fault (model, at);
CREATE INDEX model_fault_run ON model_fault (run_id);
CREATE INDEX usage_answered ON usage (model, settled_at) WHERE response IS NOT NULL;
COMMENT ON TABLE model_fault IS 'Each time a model gave no usable answer: the provider''s words and the next step.';
-- The models whose words the findings are; `offline` when they were picked from the evidence.
ALTER TABLE research_result ADD COLUMN written_by text[] NOT NULL DEFAULT '{}';
-- Alerts also come from runs: a model that fails, money near its end, sources and mails that fail.
ALTER TABLE alert DROP CONSTRAINT alert_source_check, ADD CONSTRAINT alert_source_check
    CHECK (source IN ('prometheus', 'health', 'baseline', 'run'));
-- A mail that its server refused for now (4xx, no connection) is tried again and not given up for the day.
ALTER TABLE delivery ADD COLUMN temporary boolean NOT NULL DEFAULT false, ADD COLUMN tries integer NOT NULL DEFAULT 0;
""",
    ),
    Migration(
        22,
        "0022_replies",
        "86a13e08c39aa3b52d4392b72573b94d261f30db730fbe2c90f9c056c56b0859",
        """
-- Readers answer a digest with signed tokens: what they said, and the keys that sign.
CREATE TABLE reply_key (
    id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    secret     text NOT NULL,
    made_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    retired_at timestamptz                       -- tokens of a retired key are refused
);
COMMENT ON TABLE reply_key IS 'Keys that sign the reply tokens of mails; the newest that is not retired signs.';

CREATE TABLE reply (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    namespace  text NOT NULL,
    flow       text NOT NULL,
    recipient  text NOT NULL,
    message_id text NOT NULL,                    -- of the mail whose token it is
    run_id     uuid NOT NULL,
    verb       text NOT NULL CHECK (verb IN ('more', 'less', 'untrue', 'unsubscribe')),
    topic_id   text,
    comment    text NOT NULL DEFAULT '',
    way        text NOT NULL CHECK (way IN ('mail', 'link')),
    at         timestamptz NOT NULL,
    UNIQUE NULLS NOT DISTINCT (message_id, verb, topic_id)
);
CREATE INDEX reply_at ON reply (namespace, flow, at);
COMMENT ON TABLE reply IS 'What recipients said of digests by reply or by link; each token counts once.';

-- Whoever unsubscribed stays so, also when a setting names them, until somebody adds them again.
ALTER TABLE recipient ADD COLUMN unsubscribed_at timestamptz;
""",
    ),
    Migration(
        23,
        "0023_shares",
        "984bb25761ba4b25026ebdf9206a216de8dffa3ab929cb55ea01ef512a9eb337",
        """
-- What is private can be shared with single recipients, by source or by namespace of memory.
CREATE TABLE share (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    namespace  text NOT NULL,
    flow       text NOT NULL,
    recipient  text NOT NULL,
    key        text NOT NULL,                    -- source:notes, source:https://…, namespace:main
    shared_by  text NOT NULL,                    -- as the recipient reads it
    shared_at  timestamptz NOT NULL,
    ended_at   timestamptz
);
CREATE UNIQUE INDEX share_standing ON share (namespace, flow, recipient, key) WHERE ended_at IS NULL;
COMMENT ON TABLE share IS 'Private sources and namespaces that a recipient''s digest shows, and who shared them.';

-- By which keys an item or a topic is shared; empty: it is public.
ALTER TABLE source_item ADD COLUMN share_keys text[] NOT NULL DEFAULT '{}';
UPDATE source_item SET share_keys = ARRAY['source:' || source] WHERE trust = 'own';
ALTER TABLE topic ADD COLUMN share_keys text[] NOT NULL DEFAULT '{}';
UPDATE topic SET share_keys = ARRAY['source:notes'] WHERE private;
ALTER TABLE topic ADD CONSTRAINT topic_private CHECK (private = (share_keys <> '{}'));

-- What was shared with the readers of a digest when it was composed: key to who shared it.
ALTER TABLE digest ADD COLUMN shared jsonb NOT NULL DEFAULT '{}';
ALTER TABLE digest DROP CONSTRAINT digest_of_window;
ALTER TABLE digest ADD CONSTRAINT digest_of_window UNIQUE NULLS NOT DISTINCT (run_id, window_since, private, shared);
""",
    ),
    Migration(
        24,
        "0024_digest_page",
        "30347f4e44ac1d92be77b66c9a7f3c67e372bcf2bbc5e75611def3312278d3de",
        """
-- The last step of a run made its digest once more from the rows, to show it as the run's page; what was written first is kept.
ALTER TABLE digest ADD COLUMN markdown text NOT NULL DEFAULT '';
COMMENT ON COLUMN digest.markdown IS 'The digest as the page of its run shows it; empty in rows of before.';
""",
    ),
    Migration(
        25,
        "0025_unseen_marks",
        "178ba1883ffb889742e8e96f1d3619a1e592fc94296782fe088c81bdef4b275e",
        """
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
""",
    ),
    Migration(
        26,
        "0026_run_time_planned_once",
        "e095df66099f7174e057bb7f5c3f9291993438fd670e33a537519f7296e29fb3",
        """
-- How long a run waited for people is asked of every run when metrics are first counted: planned once a session, and at once 0 for a run that asked nobody.
CREATE OR REPLACE FUNCTION run_waited(run) RETURNS interval LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
DECLARE
    asked tstzmultirange;
    ran tstzmultirange;
BEGIN
    SELECT range_agg(tstzrange(a.asked_at, CASE WHEN p.decided_at IS NOT NULL THEN greatest(a.asked_at, p.decided_at) END)) INTO asked
    FROM action a LEFT JOIN approval p ON p.action_id = a.id WHERE a.run_id = $1.id AND a.asked_at IS NOT NULL;
    IF asked IS NULL THEN
        RETURN interval '0';
    END IF;
    SELECT range_agg(tstzrange(least(started_at, finished_at), finished_at)) INTO ran
    FROM step WHERE run_id = $1.id AND finished_at IS NOT NULL;
    RETURN (
        SELECT coalesce(sum(upper(part) - lower(part)), interval '0') FROM unnest(
            (asked - coalesce(ran, '{}')) * tstzmultirange(tstzrange($1.started_at, greatest($1.started_at, coalesce($1.finished_at, now()))))
        ) AS part
    );
END
$$;
""",
    ),
    Migration(
        27,
        "0027_people",
        "eb56f86142040b7c3f013c8dde858bac6e8105bb7a750104f767e1bc200dba45",
        """
-- Who uses Millrace: people with a role, and the access tokens of their programs.
CREATE TABLE person (
    id         text PRIMARY KEY,                 -- the name one signs in with: ada, ada@home.example
    name       text NOT NULL DEFAULT '',         -- what others read; empty: the id
    role       text NOT NULL CHECK (role IN ('reader', 'member', 'approver', 'owner')),
    added_by   text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    removed_at timestamptz
);
COMMENT ON TABLE person IS 'Who uses Millrace, with the role that says what they may do; a removed one may do nothing.';

CREATE TABLE access_token (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    person_id  text NOT NULL REFERENCES person,
    name       text NOT NULL,
    hash       text NOT NULL UNIQUE,             -- SHA-256 of the secret, which is shown once and kept nowhere
    role       text NOT NULL CHECK (role IN ('reader', 'member', 'approver', 'owner')),
    gateway    boolean NOT NULL DEFAULT false,   -- its program speaks for the users whom it names
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    revoked_at timestamptz
);
CREATE UNIQUE INDEX access_token_name ON access_token (person_id, name) WHERE revoked_at IS NULL;
COMMENT ON TABLE access_token IS 'With what programs sign in as a person: hashed, named, expiring, with a role of at most the person''s.';

-- A run has a user. Until now there was one: who paid for most.
ALTER TABLE run ADD COLUMN user_id text NOT NULL DEFAULT '';
CREATE TEMPORARY TABLE only_user ON COMMIT DROP AS
SELECT coalesce((SELECT user_id FROM usage WHERE user_id <> '' GROUP BY user_id ORDER BY count(*) DESC, user_id LIMIT 1), 'operator') AS id;
UPDATE run SET user_id = coalesce((SELECT u.user_id FROM usage u WHERE u.run_id = run.id AND u.user_id <> '' LIMIT 1), (SELECT id FROM only_user));
CREATE INDEX run_of_user ON run (user_id, started_at DESC);
UPDATE chat_session SET user_id = (SELECT id FROM only_user) WHERE user_id = '';
""",
    ),
    Migration(
        28,
        "0028_private_reads",
        "726c839f15857aa9f05a1f28cc4c00365142894dfbbb3bcf1b46d87f8e9bd034",
        """
-- What is private stays so beyond the process that read it: evidence says whether it is, and what programs of others were shown binds them after a restart.

-- Of older evidence nobody knows, so it counts as private.
ALTER TABLE evidence ADD COLUMN private boolean NOT NULL DEFAULT true;

-- What programs were shown and what left since; the caller is a digest of their token. The texts themselves are not kept.
CREATE TABLE caller_reading (
    caller       text NOT NULL,
    place        text NOT NULL,
    read_at      timestamptz NOT NULL,
    PRIMARY KEY (caller, place)
);
COMMENT ON TABLE caller_reading IS 'Places of which programs with one token were shown private data, and when last.';
CREATE TABLE caller_outflow (
    caller       text PRIMARY KEY,
    requests     integer NOT NULL DEFAULT 0 CHECK (requests >= 0),
    letters      bigint NOT NULL DEFAULT 0 CHECK (letters >= 0),
    bits         double precision NOT NULL DEFAULT 0 CHECK (bits >= 0),
    link_bits    double precision NOT NULL DEFAULT 0 CHECK (link_bits >= 0),
    links        text[] NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE caller_outflow IS 'What left by programs with one token since they were shown private data: counts and links.';
""",
    ),
    Migration(
        29,
        "0029_console",
        "0ab99668c206ece716e2a8d3503f974a05054dae93088e93a8b953cb8c152cb8",
        """
-- The console: who is signed in with a browser, which conversation a run belongs to, and word to those who follow rows.
CREATE TABLE sign_in (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    hash       text NOT NULL UNIQUE,             -- SHA-256 of the cookie
    person_id  text NOT NULL REFERENCES person,
    browser    text NOT NULL DEFAULT '',         -- as it names itself
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    ended_at   timestamptz
);
CREATE INDEX sign_in_person ON sign_in (person_id, created_at DESC);
COMMENT ON TABLE sign_in IS 'Browsers that are signed in to the console: a session each, hashed, until it ends.';

CREATE TABLE sign_in_link (
    hash       text PRIMARY KEY,                 -- SHA-256 of what the link holds
    person_id  text NOT NULL REFERENCES person,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
COMMENT ON TABLE sign_in_link IS 'Links that sign a browser in once.';

-- The conversation that a run is a turn of, by its name; empty for other runs.
ALTER TABLE run ADD COLUMN session text NOT NULL DEFAULT '';
CREATE INDEX run_of_session ON run (user_id, session, started_at) WHERE session <> '';

-- Who follows rows is told which run changed, and reads the rows: nothing of them is in the message.
CREATE FUNCTION notify_row_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('millrace_rows', TG_TABLE_NAME || ' ' || coalesce(to_jsonb(NEW) ->> TG_ARGV[0], ''));
    RETURN NULL;
END $$;
CREATE TRIGGER run_change AFTER INSERT OR UPDATE OF status, error, result ON run FOR EACH ROW EXECUTE FUNCTION notify_row_change('id');
CREATE TRIGGER step_change AFTER INSERT OR UPDATE OF status ON step FOR EACH ROW EXECUTE FUNCTION notify_row_change('run_id');
CREATE TRIGGER run_event_change AFTER INSERT ON run_event FOR EACH ROW EXECUTE FUNCTION notify_row_change('run_id');
CREATE TRIGGER action_change AFTER INSERT OR UPDATE OF state ON action FOR EACH ROW EXECUTE FUNCTION notify_row_change('run_id');
CREATE TRIGGER alert_change AFTER INSERT OR UPDATE OF state ON alert FOR EACH ROW EXECUTE FUNCTION notify_row_change('none');
""",
    ),
    Migration(
        30,
        "0030_waiting_steps",
        "281f1ca05a474869251c54ba1411ed8dd5d319d95f28860a8b843fe5f750f390",
        """
-- A step that has asked a person waits until the answer, and says how that ended.
ALTER TABLE step DROP CONSTRAINT step_status_check, ADD CONSTRAINT step_status_check
    CHECK (status IN ('running', 'waiting', 'done', 'failed', 'cancelled', 'killed', 'timed_out'));
""",
    ),
    Migration(
        31,
        "0031_agents",
        "e23a0b9e2f7e9645a7b5a5fb618dc46c196f8fc5ccf1cb0dbc376b29b7688b17",
        """
-- Agents that people make while Millrace runs: rows with versions, which every process sees at once, and which runs used them.
CREATE TABLE agent (
    name       text PRIMARY KEY,
    version    integer NOT NULL,                 -- the one in force
    made_by    text NOT NULL REFERENCES person,  -- whose it is
    made_at    timestamptz NOT NULL,
    off_at     timestamptz,
    off_by     text
);
COMMENT ON TABLE agent IS 'Agents that people made: whose each is, its version in force, and whether it is switched off.';

CREATE TABLE agent_version (
    agent      text NOT NULL REFERENCES agent,
    version    integer NOT NULL,
    definition jsonb NOT NULL,                   -- what it is told, its tools, model and limits
    digest     text NOT NULL,
    changed_by text NOT NULL REFERENCES person,  -- by whose role it may have its tools
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (agent, version)
);
COMMENT ON TABLE agent_version IS 'Each version of such an agent, never changed: its definition and who wrote it.';

CREATE TABLE agent_run (
    run_id      uuid NOT NULL REFERENCES run ON DELETE CASCADE,
    step        text NOT NULL,
    agent       text NOT NULL,
    version     integer NOT NULL,
    started_at  timestamptz NOT NULL,
    finished_at timestamptz,
    outcome     text CHECK (outcome IN ('done', 'stopped', 'failed')),
    PRIMARY KEY (run_id, step, agent)
);
CREATE INDEX agent_run_of ON agent_run (agent, started_at DESC);
COMMENT ON TABLE agent_run IS 'Which run used which version of an agent, and how that came out.';
""",
    ),
    Migration(
        32,
        "0032_notifications",
        "7030875eb8630e4dc56a3b447795712e50d8b53b11617719f2458d0779733643",
        """
-- Each person chooses what they are told of and where; what happens writes who is told, in its own transaction, and a delivery is tried until it is taken.
CREATE TABLE webhook (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    person_id        text NOT NULL REFERENCES person,
    name             text NOT NULL,
    url              text NOT NULL,
    secret           text NOT NULL,              -- signs what is sent: 'whsec_' and base64, as Standard Webhooks has it
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    switched_off_at  timestamptz,
    switched_off_why text NOT NULL DEFAULT '',
    removed_at       timestamptz
);
CREATE UNIQUE INDEX webhook_name ON webhook (person_id, name) WHERE removed_at IS NULL;
COMMENT ON TABLE webhook IS 'Addresses of programs that are told what happens, each of a person.';

CREATE TABLE subscription (
    person_id text NOT NULL REFERENCES person,
    topic     text NOT NULL CHECK (topic IN ('runs', 'approvals', 'alerts', 'digests')),
    way       text NOT NULL CHECK (way IN ('page', 'mail', 'webhook')),
    PRIMARY KEY (person_id, topic, way)
);
COMMENT ON TABLE subscription IS 'What each person is told of, and where.';

CREATE TABLE notification (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    person_id   text NOT NULL REFERENCES person,
    way         text NOT NULL CHECK (way IN ('page', 'mail', 'webhook')),
    webhook_id  uuid REFERENCES webhook,
    type        text NOT NULL,                   -- what happened: run.ended, approval.waits, alert.raised, digest.composed
    subject     text NOT NULL,                   -- the id of the row that it happened to
    state       text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'failed')),
    happened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    tries       integer NOT NULL DEFAULT 0,
    due_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    sent_at     timestamptz,
    error       text NOT NULL DEFAULT ''
);
CREATE INDEX notification_due ON notification (due_at) WHERE state = 'waiting';
CREATE INDEX notification_of_person ON notification (person_id, happened_at DESC);
COMMENT ON TABLE notification IS 'What a person is told, once for each place; it holds ids, and what is said is read from their rows.';

-- Those who chose the topic and are among `whose`, or have at least the role.
CREATE FUNCTION notify_people(topic_ text, type_ text, subject_ text, whose text[], role_ text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO notification (person_id, way, webhook_id, type, subject, state)
    SELECT s.person_id, s.way, w.id, type_, subject_, CASE s.way WHEN 'page' THEN 'sent' ELSE 'waiting' END
    FROM subscription s JOIN person p ON p.id = s.person_id AND p.removed_at IS NULL
    LEFT JOIN webhook w ON s.way = 'webhook' AND w.person_id = s.person_id AND w.removed_at IS NULL AND w.switched_off_at IS NULL
    WHERE s.topic = topic_ AND (s.way <> 'webhook' OR w.id IS NOT NULL)
      AND (s.person_id = ANY(whose) OR array_position(ARRAY['reader', 'member', 'approver', 'owner'], p.role) >= array_position(ARRAY['reader', 'member', 'approver', 'owner'], role_));
$$;

CREATE FUNCTION notify_of_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM notify_people('runs', 'run.ended', NEW.id::text, ARRAY[NEW.user_id], NULL);
    RETURN NULL;
END $$;
CREATE TRIGGER run_notification AFTER UPDATE OF status ON run FOR EACH ROW
    WHEN (OLD.status IN ('running', 'waiting') AND NEW.status NOT IN ('running', 'waiting') AND NOT NEW.dry_run AND NEW.flow NOT LIKE 'ops.%' AND NEW.flow <> 'mcp.serve')
    EXECUTE FUNCTION notify_of_run();

CREATE FUNCTION notify_of_action() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE asking run;
BEGIN
    SELECT * INTO asking FROM run WHERE id = NEW.run_id;
    -- What a program calls is asked about by nobody else.
    IF NEW.asked_at IS NOT NULL OR asking.flow = 'mcp.serve' THEN
        PERFORM notify_people('approvals', 'approval.waits', NEW.id::text, ARRAY[asking.user_id], 'approver');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER action_notification AFTER INSERT ON action FOR EACH ROW
    WHEN (NEW.state = 'proposed' AND NEW.risk <> 'low') EXECUTE FUNCTION notify_of_action();
CREATE TRIGGER asked_notification AFTER UPDATE OF asked_at ON action FOR EACH ROW
    WHEN (OLD.asked_at IS NULL AND NEW.asked_at IS NOT NULL AND NEW.state = 'proposed') EXECUTE FUNCTION notify_of_action();

CREATE FUNCTION notify_of_alert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM notify_people('alerts', 'alert.raised', NEW.id::text, NULL, 'reader');
    RETURN NULL;
END $$;
CREATE TRIGGER alert_notification AFTER INSERT ON alert FOR EACH ROW EXECUTE FUNCTION notify_of_alert();

-- What shows something private is for owners, and for who got it.
CREATE FUNCTION notify_of_digest() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM run WHERE id = NEW.run_id AND dry_run) THEN
        RETURN NULL;
    END IF;
    PERFORM notify_people('digests', 'digest.composed', NEW.id::text, NEW.recipients, CASE WHEN NEW.private OR NEW.shared <> '{}' THEN 'owner' ELSE 'reader' END);
    RETURN NULL;
END $$;
CREATE TRIGGER digest_notification AFTER INSERT ON digest FOR EACH ROW EXECUTE FUNCTION notify_of_digest();

CREATE FUNCTION notify_of_notification() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('millrace_rows', 'notification ');
    RETURN NULL;
END $$;
CREATE TRIGGER notification_change AFTER INSERT ON notification FOR EACH ROW WHEN (NEW.state = 'waiting') EXECUTE FUNCTION notify_of_notification();
""",
    ),
    Migration(
        33,
        "0033_sign_in_ways",
        "080c7c7f3cf75f444ef68eed4e72a94da005583f86514e0f9331bb544c92e1be",
        """
-- People sign in to the console by Windmill or an identity provider, too, which may give them their role.
ALTER TABLE person ADD COLUMN role_by text NOT NULL DEFAULT 'people' CHECK (role_by IN ('people', 'windmill', 'oidc'));
COMMENT ON COLUMN person.role_by IS 'Who gives the role: people here, or whom they sign in by, each time anew.';

ALTER TABLE sign_in ADD COLUMN way text NOT NULL DEFAULT 'link' CHECK (way IN ('link', 'windmill', 'oidc'));
ALTER TABLE sign_in ADD COLUMN checked_at timestamptz;
ALTER TABLE sign_in ADD COLUMN sealed bytea;      -- the token of Windmill, encrypted with the cookie, which is not kept

CREATE TABLE sign_in_attempt (
    state      text PRIMARY KEY,                 -- SHA-256 of what comes back from the identity provider
    browser    text NOT NULL,                    -- SHA-256 of the cookie of the browser that began it
    nonce      text NOT NULL,
    verifier   text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX sign_in_attempt_end ON sign_in_attempt (expires_at);
COMMENT ON TABLE sign_in_attempt IS 'Browsers that were sent to the identity provider and are to come back once.';
""",
    ),
    Migration(
        34,
        "0034_whose",
        "7a5fcedc8494bb4201a616fa894bff846b7d2e0e2f7b2d4f53389f5d7e6ccded",
        """
-- Memories and documents of people other than owners are theirs; agents of others are told of their tasks where they want it.
ALTER TABLE memory_item ADD COLUMN user_id text NOT NULL DEFAULT '';
COMMENT ON COLUMN memory_item.user_id IS 'Whose it is: found by this person and by owners; empty: everybody''s.';
CREATE INDEX memory_item_user ON memory_item (user_id) WHERE user_id <> '';

ALTER TABLE document ADD COLUMN user_id text NOT NULL DEFAULT '';
COMMENT ON COLUMN document.user_id IS 'Who gave the file, when it was no owner: seen by this person and by owners, never trusted as own text.';

CREATE TABLE push_config (
    id         text NOT NULL,                    -- as the agent that asked named it, or made here
    run_id     uuid NOT NULL,                    -- the task, whose row a child makes later
    person_id  text NOT NULL REFERENCES person,
    url        text NOT NULL,
    token      text NOT NULL DEFAULT '',         -- sent back, so that the receiver knows what it is told
    scheme     text NOT NULL DEFAULT '',         -- of the header Authorization, with its credentials
    credentials text NOT NULL DEFAULT '',
    told       text NOT NULL DEFAULT 'running',  -- the last status of the run that it was told
    tries      integer NOT NULL DEFAULT 0,
    due_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    error      text NOT NULL DEFAULT '',
    ended_at   timestamptz,                      -- told the last state, or given up
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (run_id, id)
);
CREATE INDEX push_config_due ON push_config (due_at) WHERE ended_at IS NULL;
COMMENT ON TABLE push_config IS 'Where agents of others are told what becomes of a task that they gave by A2A.';
""",
    ),
    Migration(
        35,
        "0035_live_pages",
        "23e433a23cdc5fa8f83e5f60b50514c2450fe4ebc4fa9c51b8311716b7d71f78",
        """
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
""",
    ),
    Migration(
        36,
        "0036_continued_and_confirmed",
        "0ebc5b309c65e86bf9379ef22ebcab9db9e5d989ee811a8039f3d1abb92cd940",
        """
-- A run may go on from a step of one that has ended: it says which, and what its steps came to is kept for that. A session says when its person was last confirmed elsewhere.
ALTER TABLE run ADD COLUMN continues uuid REFERENCES run ON DELETE SET NULL;
ALTER TABLE run ADD COLUMN continues_at text NOT NULL DEFAULT '';
ALTER TABLE run ADD COLUMN results jsonb;
ALTER TABLE run ADD COLUMN kept_at jsonb NOT NULL DEFAULT '{}';
CREATE INDEX run_continues ON run (continues) WHERE continues IS NOT NULL;
COMMENT ON COLUMN run.continues IS 'The run whose results it began with.';
COMMENT ON COLUMN run.continues_at IS 'The step of that run from which it was run again.';
COMMENT ON COLUMN run.results IS 'What each step came to, of a run of the local runner that has ended.';
COMMENT ON COLUMN run.kept_at IS 'When each part of `pipeline` was first kept.';

ALTER TABLE sign_in ADD COLUMN confirmed_at timestamptz;
UPDATE sign_in SET confirmed_at = checked_at;
COMMENT ON COLUMN sign_in.confirmed_at IS 'When whom the person signed in by last said that they still may; `checked_at` is when it was last asked.';
""",
    ),
]
