//! The rows of objects with messages in `loader.files`.

use std::io::{self, BufRead, BufReader};

use tally_files::format::{FileFormat, Input};
use tally_files::input::{FileSource, Form, Location};
use tally_files::limits::Limits;
use tally_files::ndjson::{Ndjson, NdjsonOptions};
use tally_files::part::Part;
use tally_postgres::Failure;
use tally_rows::config::Config;
use tokio_postgres::{Client, Error, Transaction};

use crate::files::ledger::{self, FileState, PartKey};
use crate::pg;

/// Growth by decompression that is taken for intended.
const LIMITS: Limits = Limits { max_inflation: 1000 };

/// An object that was looked at.
pub struct Opened {
    input: Box<dyn Input>,
    /// Number of its messages, once they are read.
    pub messages: u64,
}

impl Opened {
    /// Looks at an object.
    pub fn of(location: &Location) -> Result<Self, Failure> {
        let format = Ndjson(NdjsonOptions { wait_for_newline: false }, LIMITS);
        Ok(Self { input: format.open(location.open()?)?, messages: 0 })
    }

    /// The bytes of the object.
    pub fn source(&self) -> &FileSource {
        self.input.source()
    }

    /// Opens the lines of the object.
    pub fn lines(&self) -> io::Result<impl BufRead> {
        let source = self.source();
        Form::detect(source, None, LIMITS)?.open(source, 0).map(BufReader::new)
    }
}

/// Claims a job for this session: one load of messages by it is at work at a time.
pub async fn claim(client: &Client, job: &str) -> Result<(), Failure> {
    let sql = "SELECT pg_try_advisory_lock(hashtext('pg_tally messages'), hashtext($1))";
    let claimed = client.query_one(sql, &[&job]).await.map_err(|e| pg::failure("database", &e))?;
    match claimed.get(0) {
        true => Ok(()),
        false => Err(Failure::transient("another load of messages by this job is at work")
            .at(format!("job {job:?}"))
            .mend("wait until it has ended")),
    }
}

/// Makes the ledger; fails if the job has loaded one of the topics from the broker.
pub async fn begin(client: &mut Client, config: &Config) -> Result<(), Failure> {
    let failed = |error: Error| pg::failure(pg::OUR_SCHEMA, &error);
    let tx = client.transaction().await.map_err(failed)?;
    ledger::ensure_schema(&tx).await.map_err(failed)?;
    let topics: Vec<&str> = config.topics.iter().map(|topic| topic.name.as_str()).collect();
    let sql = "SELECT topic FROM loader.offsets WHERE job = $1 AND topic = ANY ($2) LIMIT 1";
    if let Some(row) = tx.query_opt(sql, &[&config.job, &topics]).await.map_err(failed)? {
        let topic: &str = row.get(0);
        return Err(Failure::usage(
            "the job loads this topic from the broker: its messages would be stored twice",
        )
        .at(format!("job {:?} topic {topic:?}", config.job))
        .mend("choose another --job"));
    }
    tx.commit().await.map_err(failed)
}

/// Returns those objects that the job has not loaded, and the number of the others.
pub async fn look(
    client: &mut Client,
    job: &str,
    table: &str,
    mut opened: Vec<Opened>,
) -> Result<(Vec<Opened>, usize), Failure> {
    let failed = |error: Error| pg::failure("table loader.files", &error);
    let paths: Vec<String> = opened.iter().map(|object| object.input.name().to_string()).collect();
    let tx = client.transaction().await.map_err(failed)?;
    let entries = ledger::entries(&tx, job, &paths).await.map_err(failed)?;
    tx.commit().await.map_err(failed)?;
    for object in &opened {
        let known = entries.get(object.input.name()).map_or(&[][..], Vec::as_slice);
        if ledger::compare(&*object.input, known, table, job)? == FileState::Grown {
            return Err(Failure::new("object has changed since the job loaded it").at(object.input.name()));
        }
    }
    opened.retain(|object| !entries.contains_key(object.input.name()));
    let known = paths.len() - opened.len();
    Ok((opened, known))
}

/// Enters objects whose messages are stored in the same transaction.
pub async fn enter(tx: &Transaction<'_>, job: &str, table: &str, objects: &[Opened]) -> Result<(), Error> {
    let whole = [Part { from: 0, to: None, line: 1 }];
    for Opened { input, messages } in objects {
        ledger::enter(tx, job, &**input, &whole, table).await?;
        let key = PartKey { job, path: input.name(), from: 0 };
        let size = input.source().identity().size;
        ledger::advance(tx, key, (size, *messages as i64 + 1), *messages, 0).await?;
        ledger::finish(tx, key, size).await?;
    }
    Ok(())
}
