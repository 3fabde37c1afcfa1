-- What PostgreSQL runs when its volume is new.
CREATE EXTENSION pg_tally;
