//! What the demo asks of PostgreSQL.

use postgres::error::SqlState;
use postgres::{Client, SimpleQueryMessage};

use crate::config;
use crate::failure::Failure;
use crate::pg::Connector;

/// The name of the demo's job and of its schema.
pub const NAME: &str = "tally_demo";

/// The demo's connection.
pub struct Database {
    client: Client,
}

/// The answer to a query, as text.
pub struct Answer {
    /// Names of the columns; none if the statement returns no rows.
    pub columns: Vec<String>,
    /// The rows; NULL is `None`.
    pub rows: Vec<Vec<Option<String>>>,
}

impl Database {
    /// Connects, and prepares an empty schema and the extension.
    pub fn prepare(url: &str) -> Result<Self, Failure> {
        let client = Connector::new(&config::Database::from(url), NAME)?.connect_and_wait()?;
        let mut database = Self { client };
        database.execute("SET client_min_messages = warning; SET timezone = 'UTC'")?;
        let extension = database.client.batch_execute("CREATE EXTENSION IF NOT EXISTS pg_tally");
        extension
            .map_err(|error| explained(&error).mend("install the extension pg_tally on the server first"))?;
        database.clean()?;
        database.execute(
            "CREATE SCHEMA tally_demo;
             SELECT set_config('search_path', format('tally_demo, %s, public', extnamespace::regnamespace), false)
             FROM pg_extension WHERE extname = 'pg_tally'",
        )?;
        Ok(database)
    }

    /// Removes what a demo leaves: its schema and its positions and dead letters.
    pub fn clean(&mut self) -> Result<(), Failure> {
        self.execute("DROP SCHEMA IF EXISTS tally_demo CASCADE")?;
        for table in ["offsets", "dead_letters", "schema_history"] {
            let deleted =
                self.client.execute(&format!("DELETE FROM loader.{table} WHERE job = $1"), &[&NAME]);
            match deleted {
                Err(error) if !is_missing(&error) => return Err(explained(&error)),
                _ => {}
            }
        }
        Ok(())
    }

    /// How far each partition is loaded.
    pub fn positions(&mut self) -> Result<Vec<i64>, Failure> {
        let sql = "SELECT next_offset FROM loader.offsets WHERE job = $1 ORDER BY partition";
        match self.client.query(sql, &[&NAME]) {
            Ok(rows) => Ok(rows.iter().map(|row| row.get(0)).collect()),
            // The loader has yet to create it.
            Err(error) if is_missing(&error) => Ok(Vec::new()),
            Err(error) => Err(explained(&error)),
        }
    }

    /// How many messages are in the table, and how many in the dead letters.
    pub fn stored(&mut self) -> Result<(u64, u64), Failure> {
        let sql = "SELECT (SELECT count(*) FROM trades), count(*) FROM loader.dead_letters WHERE job = $1";
        let row = self.client.query_one(sql, &[&NAME]).map_err(|error| explained(&error))?;
        Ok((row.get::<_, i64>(0).cast_unsigned(), row.get::<_, i64>(1).cast_unsigned()))
    }

    /// Runs one statement.
    pub fn ask(&mut self, sql: &str) -> Result<Answer, Failure> {
        let mut answer = Answer { columns: Vec::new(), rows: Vec::new() };
        for message in self.client.simple_query(sql).map_err(|error| explained(&error))? {
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

    fn execute(&mut self, sql: &str) -> Result<(), Failure> {
        self.client.batch_execute(sql).map_err(|error| explained(&error))
    }
}

fn is_missing(error: &postgres::Error) -> bool {
    error.code() == Some(&SqlState::UNDEFINED_TABLE)
}

/// The server's own words, or what went wrong on the way to it.
fn explained(error: &postgres::Error) -> Failure {
    let what = error.as_db_error().map_or_else(
        || {
            std::error::Error::source(error)
                .map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
        },
        |server| format!("{} ({})", server.message(), server.code().code()),
    );
    Failure::new(what).at("database")
}
