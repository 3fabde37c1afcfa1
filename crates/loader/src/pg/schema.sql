CREATE SCHEMA IF NOT EXISTS loader;

-- Where each partition stands. Nothing else knows: not Kafka's group, not the loader's memory.
-- The spare room keeps the updates of every batch inside their page.
CREATE TABLE IF NOT EXISTS loader.offsets (
    job            text NOT NULL,
    topic          text NOT NULL,
    partition      integer NOT NULL,
    next_offset    bigint NOT NULL,
    epoch          bigint NOT NULL DEFAULT 0,
    owner          text,
    high_watermark bigint,
    updated_at     timestamptz NOT NULL DEFAULT now(),
    topic_id       text,                      -- the broker's; a topic that is recreated has another
    ignored        bigint NOT NULL DEFAULT 0, -- messages that no route took
    PRIMARY KEY (job, topic, partition)
) WITH (fillfactor = 50);

-- The offsets that retention removed before they were read, and that a topic with on_gap = 'skip' passed over.
CREATE TABLE IF NOT EXISTS loader.gaps (
    job         text NOT NULL,
    topic       text NOT NULL,
    partition   integer NOT NULL,
    from_offset bigint NOT NULL,
    to_offset   bigint NOT NULL,
    reason      text NOT NULL,
    at          timestamptz NOT NULL DEFAULT now()
);

-- The messages that could not become rows, whole.
CREATE TABLE IF NOT EXISTS loader.dead_letters (
    job         text NOT NULL,
    topic       text NOT NULL,
    partition   integer NOT NULL,
    "offset"    bigint NOT NULL,
    ts          timestamptz,
    key         bytea,
    value       bytea,
    headers     jsonb,
    schema_id   integer,
    stage       text NOT NULL,
    sqlstate    text NOT NULL,
    column_name text,
    message     text NOT NULL,
    attempts    integer NOT NULL DEFAULT 1,
    at          timestamptz NOT NULL DEFAULT now(),
    UNIQUE (job, topic, partition, "offset")
);

-- What each topic's table was taken to look like, and when that changed.
CREATE TABLE IF NOT EXISTS loader.schema_history (
    job         text NOT NULL,
    topic       text NOT NULL,
    schema_id   integer,
    fingerprint text NOT NULL,
    definition  jsonb NOT NULL,
    ddl         text,
    at          timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The schemas of messages, by their numbers in the registry: they can be read also when it is away.
CREATE TABLE IF NOT EXISTS loader.schemas (
    registry         text NOT NULL,
    id               bigint NOT NULL,
    schema           text NOT NULL,
    "references"     text[] NOT NULL,
    at               timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (registry, id)
);
