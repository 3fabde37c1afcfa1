CREATE SCHEMA IF NOT EXISTS loader;

-- How far each file is loaded; a large one in several parts. Positions are bytes of its text, or rows of Parquet.
-- The spare room keeps the updates of every batch inside their page.
CREATE TABLE IF NOT EXISTS loader.files (
    job           text NOT NULL,
    path          text NOT NULL,
    from_position bigint NOT NULL,
    to_position   bigint,
    next_position bigint NOT NULL,
    next_line     bigint NOT NULL,
    rows          bigint NOT NULL DEFAULT 0,
    dead_letters  bigint NOT NULL DEFAULT 0,
    done          boolean NOT NULL DEFAULT false,
    table_name    text NOT NULL,
    size          bigint NOT NULL,
    modified      timestamptz NOT NULL,
    hash          bytea NOT NULL,
    started_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (job, path, from_position)
) WITH (fillfactor = 50);

-- The records that could not become rows, whole.
CREATE TABLE IF NOT EXISTS loader.file_dead_letters (
    job         text NOT NULL,
    path        text NOT NULL,
    line        bigint NOT NULL,
    raw         bytea,
    stage       text NOT NULL,
    sqlstate    text NOT NULL,
    column_name text,
    message     text NOT NULL,
    at          timestamptz NOT NULL DEFAULT now(),
    UNIQUE (job, path, line)
);
