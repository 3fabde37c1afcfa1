//! The tables of stored reports: made by whoever may, and written by the roles that run reports.

use tally_postgres::Failure;
use tally_program::single_threaded;
use tokio_postgres::Client;

use crate::config::ServeConfig;
use crate::database::{are_there, WHOSE};
use crate::problem::Problem;

/// Serialises those who make the tables at the same time.
const TURN: &str =
    "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('tally serve setup', 0))";
const SCHEMA: &str = include_str!("schema.sql");
const GRANT: &str = "
    GRANT INSERT, UPDATE, DELETE ON serve.reports, serve.report_runs, serve.report_changes, serve.report_findings TO";
/// Has nothing found that others have put into a schema.
const PATH: &str = "SET LOCAL search_path = pg_catalog, pg_temp";

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
        client.batch_execute("BEGIN").await.map_err(|error| connector.failure(&error))?;
        make(&client, Making::Again).await.map_err(|problem| {
            Failure::new(problem.text())
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

/// Makes the tables within a transaction, unless they are there. From then on the transaction finds nothing by its `search_path`.
pub async fn make_tables(client: &Client) -> Result<(), Problem> {
    make(client, Making::Once).await
}

/// Whether tables that are there are gone over for what they lack.
#[derive(PartialEq, Eq)]
enum Making {
    Once,
    Again,
}

async fn make(client: &Client, making: Making) -> Result<(), Problem> {
    client.batch_execute(PATH).await?;
    if are_there(&client.query_one(WHOSE, &[]).await?)? && making == Making::Once {
        return Ok(());
    }
    client.batch_execute(TURN).await?;
    client.batch_execute(SCHEMA).await?;
    are_there(&client.query_one(WHOSE, &[]).await?).map(|_| ())
}
