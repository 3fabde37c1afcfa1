//! The tables of stored reports: made by whoever may, and written by the roles that run reports.

use tally_postgres::{explain, Failure};
use tally_program::single_threaded;
use tokio_postgres::{Client, Error};

use crate::config::ServeConfig;

/// Serialises those who make the tables at the same time.
const TURN: &str =
    "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('tally serve setup', 0))";
const SCHEMA: &str = include_str!("schema.sql");
const GRANT: &str = "
    GRANT INSERT, UPDATE, DELETE ON serve.reports, serve.report_runs, serve.report_changes, serve.report_findings TO";
const IS_THERE: &str = "SELECT pg_catalog.to_regclass('serve.report_findings') IS NOT NULL";

/// Makes the tables as the role of `database`, and lets the roles of the reports write to them.
pub fn set_up(config: &ServeConfig) -> Result<(), Failure> {
    single_threaded()?.block_on(async {
        let database = config.database.as_ref().ok_or_else(|| Failure::usage("no database is named"))?;
        let connector = database.connector("serve")?;
        let mut client = connector.connect().await.map_err(|error| connector.failure(&error))?;
        let mut roles = Vec::new();
        for report in &config.reports {
            let connector = report.database.connector("serve")?;
            let found = connector.connect().await.map_err(|error| connector.failure(&error))?;
            let role = found.query_one("SELECT pg_catalog.quote_ident(current_user)", &[]).await;
            roles.push(role.map_err(|error| connector.failure(&error))?.get::<_, String>(0));
        }
        let failure = |error: Error| {
            Failure::new(explain(&error))
                .at("the tables of reports")
                .mend("name in `database` a role that may create schemas in the database")
        };
        let transaction = client.transaction().await.map_err(failure)?;
        transaction.batch_execute(TURN).await.map_err(failure)?;
        transaction.batch_execute(SCHEMA).await.map_err(failure)?;
        for role in roles {
            transaction.batch_execute(&format!("{GRANT} {role}")).await.map_err(failure)?;
        }
        transaction.commit().await.map_err(failure)?;
        tracing::info!("the tables of reports are there");
        Ok(())
    })
}

/// Makes the tables within a transaction, unless they are there.
pub async fn make_tables(client: &Client) -> Result<(), Error> {
    if client.query_one(IS_THERE, &[]).await?.get(0) {
        return Ok(());
    }
    client.batch_execute(TURN).await?;
    client.batch_execute(SCHEMA).await
}
