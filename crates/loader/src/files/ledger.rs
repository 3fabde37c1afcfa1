//! The table `loader.files`: the only record of how much of each file is stored.

use std::collections::HashMap;

use tally_files::format::Input;
use tally_files::input::FileIdentity;
use tally_files::part::Part;
use tally_postgres::own_tables::{OwnTables, Owner};
use tally_postgres::Failure;
use tokio_postgres::{Client, Error, GenericClient, Row, Transaction};

const OURS: OwnTables = OwnTables {
    schema: "loader",
    owner: Owner::User,
    tables: &["files", "file_dead_letters"],
    create: include_str!("schema.sql"),
};

/// A row of `loader.files`.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The part.
    pub part: Part,
    /// The next position to read, and its line.
    pub next: (i64, i64),
    /// Whether all of it is stored.
    pub done: bool,
    table: String,
    identity: FileIdentity,
}

impl Entry {
    /// Whether the rows went to this table.
    pub fn is_of(&self, table: &str) -> bool {
        self.table == table
    }
}

/// The key of a row of `loader.files`.
#[derive(Debug, Clone, Copy)]
pub struct PartKey<'a> {
    /// The job.
    pub job: &'a str,
    /// The file.
    pub path: &'a str,
    /// Start of the part.
    pub from: i64,
}

/// A file, compared with what the job has loaded of it before.
#[derive(Debug, PartialEq, Eq)]
pub enum FileState {
    /// The file is new.
    New,
    /// The file is unchanged since it was loaded, in part or whole.
    Same,
    /// The file has more text after its old end.
    Grown,
}

/// Creates the missing tables of the loader's schema.
pub async fn ensure_schema(tx: &Transaction<'_>) -> Result<(), Error> {
    OURS.ensure(tx).await
}

const COLUMNS: &str = "from_position, to_position, next_position, next_line, done, table_name, size,
                       (extract(epoch FROM modified) * 1000000)::bigint, hash";

fn entry(row: &Row, at: usize) -> Entry {
    Entry {
        part: Part { from: row.get(at), to: row.get(at + 1), line: row.get(at + 3) },
        next: (row.get(at + 2), row.get(at + 3)),
        done: row.get(at + 4),
        table: row.get(at + 5),
        identity: FileIdentity {
            size: row.get(at + 6),
            modified: row.get(at + 7),
            hash: row.get(at + 8),
            is_dated: true,
        },
    }
}

/// Returns what is stored of these files, in the order of their parts.
pub async fn entries(
    tx: &Transaction<'_>,
    job: &str,
    paths: &[String],
) -> Result<HashMap<String, Vec<Entry>>, Error> {
    let sql = format!(
        "SELECT path, {COLUMNS} FROM loader.files WHERE job = $1 AND path = ANY ($2::text[])
         ORDER BY path, from_position"
    );
    let mut found: HashMap<String, Vec<Entry>> = HashMap::new();
    for row in tx.query(&sql, &[&job, &paths]).await? {
        found.entry(row.get(0)).or_default().push(entry(&row, 1));
    }
    Ok(found)
}

/// Compares a file with its entries.
pub fn compare(input: &dyn Input, entries: &[Entry], table: &str, job: &str) -> Result<FileState, Failure> {
    let Some(last) = entries.last() else { return Ok(FileState::New) };
    let refuse = |what: String, mend: &str| Err(Failure::new(what).at(input.name()).mend(mend));
    if last.table != table {
        let what = format!("job {job:?} has loaded the file into {}, not {table}", last.table);
        return refuse(what, "choose another --job");
    }
    let (old, new) = (&last.identity, input.source().identity());
    if new.is_same_as(old) {
        return Ok(FileState::Same);
    }
    let grown = || Ok(input.source().begins_with(old)? && input.ends_with_line(last.next.0)?);
    let grown: std::io::Result<bool> =
        if input.may_grow() && new.size > old.size { grown() } else { Ok(false) };
    if grown.map_err(|e| Failure::new(e).at(input.name()))? {
        return Ok(FileState::Grown);
    }
    let what =
        format!("file has changed since job {job:?} loaded it ({} bytes then, {} now)", old.size, new.size);
    refuse(
        what,
        "load it under another name or --job; or delete its rows from the table and from loader.files first",
    )
}

/// Enters a file's parts. Deletes dead letters of an earlier load whose entries somebody has deleted.
pub async fn enter(
    tx: &Transaction<'_>,
    job: &str,
    input: &dyn Input,
    parts: &[Part],
    table: &str,
) -> Result<(), Error> {
    let sql = "INSERT INTO loader.files (job, path, from_position, to_position, next_position, next_line, table_name,
                                         size, modified, hash)
               SELECT $1, $2, f, t, f, l, $6, $7, to_timestamp(0) + $8 * interval '1 microsecond', $9
               FROM unnest($3::bigint[], $4::bigint[], $5::bigint[]) AS part(f, t, l)";
    let from: Vec<i64> = parts.iter().map(|part| part.from).collect();
    let to: Vec<Option<i64>> = parts.iter().map(|part| part.to).collect();
    let lines: Vec<i64> = parts.iter().map(|part| part.line).collect();
    let FileIdentity { size, modified, hash, .. } = input.source().identity();
    tx.execute(sql, &[&job, &input.name(), &from, &to, &lines, &table, size, &(*modified as f64), hash])
        .await?;
    let sql = "DELETE FROM loader.file_dead_letters WHERE job = $1 AND path = $2";
    tx.execute(sql, &[&job, &input.name()]).await.map(|_| ())
}

/// Extends the last part of a file that has grown to its new end.
pub async fn extend(tx: &Transaction<'_>, job: &str, input: &dyn Input) -> Result<(), Error> {
    let FileIdentity { size, modified, hash, .. } = input.source().identity();
    let sql = "UPDATE loader.files
               SET size = $3, modified = to_timestamp(0) + $4 * interval '1 microsecond', hash = $5, updated_at = now()
               WHERE job = $1 AND path = $2";
    tx.execute(sql, &[&job, &input.name(), size, &(*modified as f64), hash]).await?;
    let sql = "UPDATE loader.files SET to_position = $3, done = false
               WHERE job = $1 AND path = $2
                 AND from_position = (SELECT max(from_position) FROM loader.files WHERE job = $1 AND path = $2)";
    tx.execute(sql, &[&job, &input.name(), size]).await?;
    Ok(())
}

/// Locks a part; waits while another run holds the lock.
///
/// The lock only avoids wasted work; [`stand`] keeps rows from being stored twice.
pub async fn lock(client: &Client, key: PartKey<'_>) -> Result<(), Error> {
    let sql = format!("SELECT pg_try_advisory_lock({LOCK})");
    if !client.query_one(&sql, &[&key.job, &key.path, &key.from]).await?.get::<_, bool>(0) {
        tracing::info!(file = key.path, "waiting for another run that is loading the file");
        client
            .execute(&format!("SELECT pg_advisory_lock({LOCK})"), &[&key.job, &key.path, &key.from])
            .await?;
    }
    Ok(())
}

/// Releases the lock on a part.
pub async fn unlock(client: &Client, key: PartKey<'_>) -> Result<(), Error> {
    let sql = format!("SELECT pg_advisory_unlock({LOCK})");
    client.execute(&sql, &[&key.job, &key.path, &key.from]).await.map(|_| ())
}

const LOCK: &str = "hashtextextended(format('tally file %L %L %s', $1::text, $2::text, $3::bigint), 0)";

/// Reads the entry of a part, and locks it until the transaction ends.
pub async fn stand(tx: &Transaction<'_>, key: PartKey<'_>) -> Result<Option<Entry>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM loader.files WHERE job = $1 AND path = $2 AND from_position = $3 FOR UPDATE"
    );
    Ok(tx.query_opt(&sql, &[&key.job, &key.path, &key.from]).await?.map(|row| entry(&row, 0)))
}

/// Moves the position of a part.
pub async fn advance(
    tx: &Transaction<'_>,
    key: PartKey<'_>,
    next: (i64, i64),
    rows: u64,
    dead_letters: u64,
) -> Result<(), Error> {
    let sql = "UPDATE loader.files
               SET next_position = $4, next_line = $5, rows = rows + $6, dead_letters = dead_letters + $7,
                   updated_at = now()
               WHERE job = $1 AND path = $2 AND from_position = $3";
    let (rows, dead_letters) = (rows as i64, dead_letters as i64);
    tx.execute(sql, &[&key.job, &key.path, &key.from, &next.0, &next.1, &rows, &dead_letters]).await?;
    Ok(())
}

/// Notes that a part has been read to its end.
pub async fn finish(client: &impl GenericClient, key: PartKey<'_>, next: i64) -> Result<(), Error> {
    let sql = "UPDATE loader.files SET done = true, to_position = next_position, updated_at = now()
               WHERE job = $1 AND path = $2 AND from_position = $3 AND next_position = $4";
    client.execute(sql, &[&key.job, &key.path, &key.from, &next]).await.map(|_| ())
}
