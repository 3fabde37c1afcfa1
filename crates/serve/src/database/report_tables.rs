//! The tables of stored reports, which those who run reports and those who read them share.

use tally_postgres::own_tables::{OwnTables, Owner};

/// Tables that only the owner of the database or a superuser makes: all users rely on them.
pub const REPORT_TABLES: OwnTables = OwnTables {
    schema: "serve",
    owner: Owner::Nobody,
    tables: &["reports", "report_runs", "report_changes", "report_findings"],
    create: include_str!("report_tables.sql"),
};
