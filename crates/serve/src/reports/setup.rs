//! The tables of stored reports: made by whoever may, and written by the roles that run reports.

use tally_postgres::{explain, Failure};
use tally_program::single_threaded;

use crate::config::ServeConfig;
use crate::database::REPORT_TABLES;

const GRANT: &str = "
    GRANT INSERT, UPDATE, DELETE ON serve.reports, serve.report_runs, serve.report_changes, serve.report_findings TO";

/// Makes the tables as the role of `database`, and lets the roles of the reports write to them.
pub fn set_up(config: &ServeConfig) -> Result<(), Failure> {
    single_threaded()?.block_on(async {
        let database = config.database.as_ref().ok_or_else(|| Failure::usage("no database is named"))?;
        let connector = database.connector("serve")?;
        let client = connector.connect().await.map_err(|error| connector.failure(&error))?;
        let mut roles = Vec::new();
        for report in &config.reports {
            let connector = report.database.connector("serve")?;
            let found = connector.connect().await.map_err(|error| connector.failure(&error))?;
            let role = found.query_one("SELECT pg_catalog.quote_ident(current_user)", &[]).await;
            roles.push(role.map_err(|error| connector.failure(&error))?.get::<_, String>(0));
        }
        client
            .batch_execute("BEGIN; SET LOCAL search_path = pg_catalog, pg_temp")
            .await
            .map_err(|error| connector.failure(&error))?;
        REPORT_TABLES.make(&client).await.map_err(|error| {
            Failure::new(explain(&error))
                .at("the tables of reports")
                .mend("name in `database` the owner of the database, or a superuser")
        })?;
        for role in roles {
            let grant = format!("{GRANT} {role}");
            client.batch_execute(&grant).await.map_err(|error| connector.failure(&error))?;
        }
        client.batch_execute("COMMIT").await.map_err(|error| connector.failure(&error))?;
        tracing::info!("the tables of reports are there");
        Ok(())
    })
}
