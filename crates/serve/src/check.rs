//! Checks of the configuration: whether the addresses can be used, and what those may do who do not log in.

use std::path::Path;

use tally_postgres::Failure;
use tally_program::single_threaded;

use crate::config::ServeConfig;

/// Lists the rights of a role beside reading, a line for each kind.
const WRITES: &str = "
    SELECT 'is a superuser' FROM pg_catalog.pg_roles WHERE rolname = current_user AND rolsuper
    UNION ALL SELECT 'may make roles or databases' FROM pg_catalog.pg_roles
        WHERE rolname = current_user AND (rolcreaterole OR rolcreatedb)
    UNION ALL SELECT 'may write to ' || c.oid::pg_catalog.regclass::text FROM pg_catalog.pg_class c
        WHERE c.relkind IN ('r', 'p', 'v', 'f') AND c.relnamespace <> 'pg_catalog'::pg_catalog.regnamespace::pg_catalog.oid
          AND pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
          AND pg_catalog.has_schema_privilege(c.relnamespace, 'USAGE')
          AND NOT pg_catalog.pg_is_other_temp_schema(c.relnamespace)
    UNION ALL SELECT 'may create objects in schema ' || pg_catalog.quote_ident(n.nspname) FROM pg_catalog.pg_namespace n
        WHERE n.nspname !~ '^pg_' AND pg_catalog.has_schema_privilege(n.oid, 'CREATE')
    LIMIT 5";

/// The outcome of a check.
pub struct Checked {
    /// Advice, a line each.
    pub notes: Vec<String>,
    /// Whether the file is the service's alone, and has no topics to load.
    pub is_alone: bool,
}

/// Checks the section `[serve]` of a file, if there is one.
pub fn check(path: &Path) -> Result<Option<Checked>, Failure> {
    let Some(config) = ServeConfig::read(path)? else { return Ok(None) };
    if let Some(files) = &config.tls {
        crate::http::Tls::new(files)?;
    }
    let notes = single_threaded()?.block_on(rights(&config))?;
    Ok(Some(Checked { notes, is_alone: config.is_alone }))
}

/// Returns complaints about what the anonymous role may do beside reading.
pub async fn rights(config: &ServeConfig) -> Result<Vec<String>, Failure> {
    let Some(anonymous) = &config.anonymous else { return Ok(Vec::new()) };
    let connector = anonymous.database.connector("serve")?;
    let client = connector.connect().await.map_err(|error| connector.failure(&error))?;
    let rows = client.query(WRITES, &[]).await.map_err(|error| connector.failure(&error))?;
    let complaint = |what: &str| format!("[serve.anonymous]: who does not log in {what}; give the role less");
    Ok(rows.iter().map(|row| complaint(row.get(0))).collect())
}
