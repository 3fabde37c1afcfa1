//! The demo's queries of PostgreSQL.

use tally_postgres::Failure;
use tally_rows::config::Database as Address;
use tokio::runtime::Runtime;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error, SimpleQueryMessage};

/// The name of the demo's job and of its schema.
pub const NAME: &str = "tally_demo";

/// The demo's connection.
pub struct Database {
    runtime: Runtime,
    client: Client,
}

/// The answer to a query, as text.
#[derive(Default, PartialEq)]
pub struct Answer {
    /// Names of the columns; none if the statement returns no rows.
    pub columns: Vec<String>,
    /// The rows; NULL is `None`.
    pub rows: Vec<Vec<Option<String>>>,
}

impl Database {
    /// Connects, and prepares an empty schema and the extension.
    pub fn prepare(url: &str) -> Result<Self, Failure> {
        let connector = Address::from(url).connector(NAME)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::new(error).at("runtime"))?;
        let client = runtime.block_on(connector.connect()).map_err(|error| connector.failure(&error))?;
        let database = Self { runtime, client };
        database.execute("SET client_min_messages = warning; SET timezone = 'UTC'")?;
        database
            .execute("CREATE EXTENSION IF NOT EXISTS pg_tally")
            .map_err(|failure| failure.mend("install the extension pg_tally on the server first"))?;
        database.clean()?;
        database.execute(
            "CREATE SCHEMA tally_demo;
             SELECT set_config('search_path', format('tally_demo, %s, public', extnamespace::regnamespace), false)
             FROM pg_extension WHERE extname = 'pg_tally'",
        )?;
        Ok(database)
    }

    /// Removes what a demo leaves behind: its schema, its positions and its dead letters.
    pub fn clean(&self) -> Result<(), Failure> {
        self.execute("DROP SCHEMA IF EXISTS tally_demo CASCADE")?;
        for table in ["offsets", "dead_letters", "schema_history"] {
            let sql = format!("DELETE FROM loader.{table} WHERE job = $1");
            match self.runtime.block_on(self.client.execute(&sql, &[&NAME])) {
                Err(error) if !is_missing(&error) => return Err(explained(&error)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Returns how far each partition is loaded.
    pub fn positions(&self) -> Result<Vec<i64>, Failure> {
        let sql = "SELECT next_offset FROM loader.offsets WHERE job = $1 ORDER BY partition";
        match self.runtime.block_on(self.client.query(sql, &[&NAME])) {
            Ok(rows) => Ok(rows.iter().map(|row| row.get(0)).collect()),
            // The loader has not created the table yet.
            Err(error) if is_missing(&error) => Ok(Vec::new()),
            Err(error) => Err(explained(&error)),
        }
    }

    /// Returns the number of messages in the table, and in the dead letters.
    pub fn stored(&self) -> Result<(u64, u64), Failure> {
        let sql = "SELECT (SELECT count(*) FROM trades), count(*) FROM loader.dead_letters WHERE job = $1";
        let row = self.runtime.block_on(self.client.query_one(sql, &[&NAME]));
        let row = row.map_err(|error| explained(&error))?;
        Ok((row.get::<_, i64>(0).cast_unsigned(), row.get::<_, i64>(1).cast_unsigned()))
    }

    /// Runs one statement.
    pub fn ask(&self, sql: &str) -> Result<Answer, Failure> {
        let mut answer = Answer { columns: Vec::new(), rows: Vec::new() };
        let messages = self.runtime.block_on(self.client.simple_query(sql));
        for message in messages.map_err(|error| explained(&error))? {
            match message {
                SimpleQueryMessage::RowDescription(columns) => {
                    answer.columns = columns.iter().map(|column| column.name().to_owned()).collect();
                }
                SimpleQueryMessage::Row(row) => {
                    answer.rows.push((0..row.len()).map(|i| row.get(i).map(str::to_owned)).collect());
                }
                _ => {}
            }
        }
        Ok(answer)
    }

    fn execute(&self, sql: &str) -> Result<(), Failure> {
        self.runtime.block_on(self.client.batch_execute(sql)).map_err(|error| explained(&error))
    }
}

fn is_missing(error: &Error) -> bool {
    error.code() == Some(&SqlState::UNDEFINED_TABLE)
}

/// Returns the server's own message, or what went wrong on the way to the server.
fn explained(error: &Error) -> Failure {
    let what = error.as_db_error().map_or_else(
        || {
            std::error::Error::source(error)
                .map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
        },
        |server| format!("{} ({})", server.message(), server.code().code()),
    );
    Failure::new(what).at("database")
}
