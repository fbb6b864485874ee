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
