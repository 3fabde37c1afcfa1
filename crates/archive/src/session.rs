//! Ground of the commands: a connection, the table, and the ledger.

use std::sync::Arc;

use tally_postgres::own_tables::Owner;
use tally_postgres::{Connector, Failure};
use tokio_postgres::Client;

use crate::ledger::{self, Entry};
use crate::server::of_server;
use crate::table::SourceTable;
use crate::tree::PowerTrees;

/// Options of all commands.
#[derive(Debug, Clone, clap::Args)]
pub struct SessionArgs {
    // Optional only in their types: a subcommand has its own.
    /// PostgreSQL connection URL or key=value string
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, required = true)]
    pub database: Option<String>,
    /// Table whose rows are archived
    #[arg(long, required = true)]
    pub table: Option<String>,
    /// Column that says when a row was [default: the only timestamp]
    #[arg(long, value_name = "COLUMN")]
    pub at: Option<String>,
}

/// Connects to the database of an archive.
pub async fn connect(database: &str) -> Result<Client, Failure> {
    let connector = connector(database)?;
    connector.connect().await.map_err(|e| connector.failure(&e))
}

fn connector(database: &str) -> Result<Connector, Failure> {
    Ok(Connector::new(database, None, "tally archive")?.keeping("loader", Owner::User))
}

/// A connection with what it is about.
pub struct Session {
    pub connector: Connector,
    pub client: Client,
    pub table: Arc<SourceTable>,
}

impl Session {
    /// Connects, and finds the table; `series` are the columns by which objects are sorted.
    pub async fn begin(args: &SessionArgs, series: &[String]) -> Result<Self, Failure> {
        let (Some(database), Some(table)) = (&args.database, &args.table) else {
            return Err(Failure::usage("no table was named").mend("see `tally archive --help`"));
        };
        let connector = connector(database)?;
        let client = connector.connect().await.map_err(|e| connector.failure(&e))?;
        let mut table = SourceTable::find(&client, table, args.at.as_deref(), series).await?;
        settle(&client).await?;
        table.trees = trees(&client, &table).await?.description();
        Ok(Self { connector, client, table: Arc::new(table) })
    }

    /// Begins a session that may change the archive: no other one of this table does meanwhile.
    pub async fn begin_alone(args: &SessionArgs, series: &[String]) -> Result<Self, Failure> {
        let mut session = Self::begin(args, series).await?;
        ledger::ensure(&mut session.client).await?;
        ledger::claim(&session.client, &session.table).await?;
        Ok(session)
    }

    /// Returns the entries of the table between two times; none without a ledger.
    pub async fn entries(&self, from: i64, to: i64) -> Result<Vec<Entry>, Failure> {
        match ledger::exists(&self.client).await? {
            true => ledger::entries(&self.client, &self.table, from, to).await,
            false => Ok(Vec::new()),
        }
    }
}

/// Returns the power trees of a table.
pub async fn trees(client: &Client, table: &SourceTable) -> Result<PowerTrees, Failure> {
    PowerTrees::find(client, table).await.map_err(|e| of_server(&e).at(format!("table {}", table.sql())))
}

/// Connects once more, for work beside the session's.
pub async fn connect_beside(connector: &Connector) -> Result<Client, Failure> {
    let client = connector.connect().await.map_err(|e| connector.failure(&e))?;
    settle(&client).await?;
    Ok(client)
}

/// Prepares a connection: it finds nothing by its `search_path`, sees all rows or fails, and asks no trees for them; nor does it compile
/// queries, which are many and alike.
async fn settle(client: &Client) -> Result<(), Failure> {
    let sql = "SET search_path = pg_catalog; SET row_security = off; SET pg_tally.answer_from_trees = off; SET jit = off";
    client.batch_execute(sql).await.map_err(|e| of_server(&e))
}
