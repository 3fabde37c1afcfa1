\echo Use "ALTER EXTENSION pg_tally UPDATE" to load this file. \quit
