//! Texts as PostgreSQL itself reads them, to compare with.

use postgres::Client;

/// Defines `pg_temp.read(text, type, send)`: the bytes that the function `send` makes of the text as a value of the
/// type, or the SQLSTATE with which PostgreSQL refuses it; and the text that it writes for the value.
pub fn define_reading(client: &mut Client) {
    client
        .batch_execute(
            "SET timezone = 'UTC';
             CREATE FUNCTION pg_temp.read(text text, type text, send text, OUT bytes bytea, OUT state text, OUT written text)
             LANGUAGE plpgsql AS $$ BEGIN
                 EXECUTE format('SELECT %s(v), v::text FROM (SELECT %L::%s) t(v)', send, text, type) INTO bytes, written;
             EXCEPTION WHEN data_exception OR program_limit_exceeded THEN state := SQLSTATE;
             END $$",
        )
        .unwrap();
}
