//! The ledger of topics: how far each partition is archived, and in which objects.

use tally_postgres::own_tables::{OwnTables, Owner};
use tally_postgres::Failure;
use tokio_postgres::{Client, Row, Transaction};

use super::chunk::HourObject;
use super::source::SourcePartition;
use crate::server;

const OURS: OwnTables = OwnTables {
    schema: "loader",
    owner: Owner::User,
    tables: &["archive_positions", "archive_messages", "archive_gaps"],
    create: CREATE,
};
const CREATE: &str = "
CREATE SCHEMA IF NOT EXISTS loader;

-- Where the archive of each partition of a topic stands.
CREATE TABLE IF NOT EXISTS loader.archive_positions (
    job         text NOT NULL,
    topic       text NOT NULL,
    partition   integer NOT NULL,
    next_offset bigint NOT NULL,
    topic_id    text,            -- the broker's; a topic that is recreated has another
    url         text NOT NULL,   -- the place that the objects are below
    changed_at  timestamptz NOT NULL DEFAULT pg_catalog.now(),
    PRIMARY KEY (job, topic, partition)
);

-- The objects of topics. Those of one range of offsets, a chunk, are planned, and verified, together.
CREATE TABLE IF NOT EXISTS loader.archive_messages (
    job         text NOT NULL,
    topic       text NOT NULL,
    partition   integer NOT NULL,
    from_offset bigint NOT NULL,
    to_offset   bigint NOT NULL, -- not included
    object      text NOT NULL,   -- the name below the place
    url         text NOT NULL,
    state       text NOT NULL DEFAULT 'planned' CHECK (state IN ('planned', 'verified')),
    messages    bigint NOT NULL,
    bytes       bigint NOT NULL,
    hash        text NOT NULL,   -- of the lines
    changed_at  timestamptz NOT NULL DEFAULT pg_catalog.now(),
    PRIMARY KEY (job, topic, object)
);

-- The offsets that retention removed before they were archived, and that on_gap = 'skip' passed over.
CREATE TABLE IF NOT EXISTS loader.archive_gaps (
    job         text NOT NULL,
    topic       text NOT NULL,
    partition   integer NOT NULL,
    from_offset bigint NOT NULL,
    to_offset   bigint NOT NULL,
    at          timestamptz NOT NULL DEFAULT pg_catalog.now()
)";

/// The partition that a row is about.
#[derive(Debug, Clone, Copy)]
pub struct PartitionKey<'a> {
    /// The job.
    pub job: &'a str,
    /// The topic.
    pub topic: &'a str,
    /// The partition.
    pub number: i32,
}

impl std::fmt::Display for PartitionKey<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "topic {:?} partition {}", self.topic, self.number)
    }
}

/// Position of a partition.
#[derive(Debug)]
pub struct Position {
    /// The first offset that is not archived.
    pub next: i64,
    /// The topic's id, if it is known.
    pub topic_id: Option<String>,
    /// The place of the archive.
    pub url: String,
}

/// An object as the ledger knows it.
#[derive(Debug)]
pub struct KnownObject {
    /// The job.
    pub job: String,
    /// The range of offsets of its chunk.
    pub range: (i64, i64),
    /// Name below the place.
    pub name: String,
    /// The place of the archive.
    pub url: String,
    /// Whether it has been read back.
    pub is_verified: bool,
    /// Number of messages.
    pub messages: i64,
    /// Number of its bytes.
    pub bytes: i64,
    /// Hash of its lines.
    pub hash: String,
}

impl KnownObject {
    fn of(row: &Row) -> Result<Self, Failure> {
        let get = || -> Result<Self, tokio_postgres::Error> {
            Ok(Self {
                job: row.try_get("job")?,
                range: (row.try_get("from_offset")?, row.try_get("to_offset")?),
                name: row.try_get("object")?,
                url: row.try_get("url")?,
                is_verified: row.try_get::<_, &str>("state")? == "verified",
                messages: row.try_get("messages")?,
                bytes: row.try_get("bytes")?,
                hash: row.try_get("hash")?,
            })
        };
        get().map_err(of_server)
    }
}

fn of_server(error: tokio_postgres::Error) -> Failure {
    server::of_server(&error).at("loader.archive_messages")
}

/// Whether the ledger is there.
pub async fn exists(client: &Client) -> Result<bool, Failure> {
    OURS.are_there(client).await.map_err(of_server)
}

/// Creates the ledger unless it is there. From then on the session finds nothing by its `search_path`.
pub async fn ensure(client: &mut Client) -> Result<(), Failure> {
    client.batch_execute("SET search_path = pg_catalog").await.map_err(of_server)?;
    let tx = client.transaction().await.map_err(of_server)?;
    OURS.ensure(&tx).await.map_err(of_server)?;
    tx.commit().await.map_err(of_server)
}

/// Claims a topic of a job for this session: one archive of it is at work at a time.
pub async fn claim(client: &Client, job: &str, topic: &str) -> Result<(), Failure> {
    let sql = "SELECT pg_catalog.pg_try_advisory_lock(pg_catalog.hashtext('pg_tally archive topic'),
                                                      pg_catalog.hashtext(pg_catalog.format('%L %L', $1::text, $2::text)))";
    let is_claimed: bool = client.query_one(sql, &[&job, &topic]).await.map_err(of_server)?.get(0);
    match is_claimed {
        true => Ok(()),
        false => Err(Failure::transient("another archive of this topic is at work")
            .at(format!("job {job:?} topic {topic:?}"))
            .mend("wait until it has ended")),
    }
}

/// Returns the position of a partition; one that is archived for the first time begins with its oldest message.
pub async fn position(
    client: &Client,
    job: &str,
    partition: &SourcePartition,
    url: &str,
) -> Result<Position, Failure> {
    let SourcePartition { topic, topic_id, number, low, .. } = partition;
    let sql = "INSERT INTO loader.archive_positions (job, topic, partition, next_offset, topic_id, url)
               VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (job, topic, partition) DO NOTHING";
    client.execute(sql, &[&job, topic, number, low, topic_id, &url]).await.map_err(of_server)?;
    let sql = "SELECT next_offset, topic_id, url FROM loader.archive_positions
               WHERE job = $1 AND topic = $2 AND partition = $3";
    let row = client.query_one(sql, &[&job, topic, number]).await.map_err(of_server)?;
    Ok(Position { next: row.get(0), topic_id: row.get(1), url: row.get(2) })
}

/// Returns the objects of a partition's chunk that was planned, and is not verified.
pub async fn planned(client: &Client, key: PartitionKey<'_>) -> Result<Vec<KnownObject>, Failure> {
    let sql = "SELECT * FROM loader.archive_messages
               WHERE job = $1 AND topic = $2 AND partition = $3 AND state = 'planned' ORDER BY object";
    let rows = client.query(sql, &[&key.job, &key.topic, &key.number]).await.map_err(of_server)?;
    rows.iter().map(KnownObject::of).collect()
}

/// Plans objects of a chunk, perhaps again.
pub async fn plan(
    client: &Client,
    key: PartitionKey<'_>,
    (from, to): (i64, i64),
    url: &str,
    objects: &[HourObject],
) -> Result<(), Failure> {
    let sql = "INSERT INTO loader.archive_messages
                   (job, topic, partition, from_offset, to_offset, url, object, messages, bytes, hash)
               SELECT $1, $2, $3, $4, $5, $6, o.*
               FROM unnest($7::text[], $8::bigint[], $9::bigint[], $10::text[]) AS o
               ON CONFLICT (job, topic, object)
               DO UPDATE SET messages = excluded.messages, bytes = excluded.bytes, hash = excluded.hash,
                             changed_at = pg_catalog.now()";
    let names: Vec<&str> = objects.iter().map(|object| object.name.as_str()).collect();
    let messages: Vec<i64> = objects.iter().map(|object| object.messages).collect();
    let bytes: Vec<i64> = objects.iter().map(|object| object.file.len() as i64).collect();
    let hashes: Vec<&str> = objects.iter().map(|object| object.hash.as_str()).collect();
    let PartitionKey { job, topic, number } = key;
    client
        .execute(sql, &[&job, &topic, &number, &from, &to, &url, &names, &messages, &bytes, &hashes])
        .await
        .map_err(of_server)?;
    Ok(())
}

/// Counts the planned objects of the chunk that begins at an offset, and moves the position behind it.
pub async fn verified(
    client: &mut Client,
    key: PartitionKey<'_>,
    from: i64,
    (next, to): (i64, i64),
) -> Result<(), Failure> {
    let tx = client.transaction().await.map_err(of_server)?;
    let sql = "UPDATE loader.archive_messages SET state = 'verified', changed_at = pg_catalog.now()
               WHERE job = $1 AND topic = $2 AND partition = $3 AND from_offset = $4 AND state = 'planned'";
    tx.execute(sql, &[&key.job, &key.topic, &key.number, &from]).await.map_err(of_server)?;
    if !advance(&tx, key, next, to).await? {
        return Err(Failure::new("the position was moved by someone else")
            .at(key)
            .mend("let one archive of a topic run at a time"));
    }
    tx.commit().await.map_err(of_server)
}

/// Passes over offsets that the broker no longer has, and records that.
pub async fn skip(client: &mut Client, key: PartitionKey<'_>, (from, to): (i64, i64)) -> Result<(), Failure> {
    let tx = client.transaction().await.map_err(of_server)?;
    advance(&tx, key, from, to).await?;
    let sql = "INSERT INTO loader.archive_gaps (job, topic, partition, from_offset, to_offset)
               VALUES ($1, $2, $3, $4, $5)";
    tx.execute(sql, &[&key.job, &key.topic, &key.number, &from, &to]).await.map_err(of_server)?;
    tx.commit().await.map_err(of_server)
}

/// Moves a position; returns false if it stood elsewhere.
async fn advance(tx: &Transaction<'_>, key: PartitionKey<'_>, from: i64, to: i64) -> Result<bool, Failure> {
    let sql = "UPDATE loader.archive_positions SET next_offset = $5, changed_at = pg_catalog.now()
               WHERE job = $1 AND topic = $2 AND partition = $3 AND next_offset = $4";
    let moved = tx.execute(sql, &[&key.job, &key.topic, &key.number, &from, &to]).await;
    Ok(moved.map_err(of_server)? == 1)
}

/// Returns all objects of a topic, in the order of partitions and offsets.
pub async fn objects(client: &Client, topic: &str) -> Result<Vec<KnownObject>, Failure> {
    let sql =
        "SELECT * FROM loader.archive_messages WHERE topic = $1 ORDER BY job, partition, from_offset, object";
    let rows = client.query(sql, &[&topic]).await.map_err(of_server)?;
    rows.iter().map(KnownObject::of).collect()
}

/// Returns the columns of `tally archive status` for the partitions of a topic.
pub async fn partitions(client: &Client, topic: &str) -> Result<Vec<[String; 9]>, Failure> {
    let sql = "SELECT p.job, p.partition::text, p.next_offset::text, count(m.object)::text,
                      coalesce(pg_catalog.sum(m.messages), 0)::text, coalesce(pg_catalog.sum(m.bytes), 0)::text,
                      (SELECT count(*) FROM loader.archive_messages AS o
                       WHERE o.job = p.job AND o.topic = p.topic AND o.partition = p.partition AND o.state = 'planned')::text,
                      (SELECT coalesce(pg_catalog.sum(g.to_offset - g.from_offset), 0) FROM loader.archive_gaps AS g
                       WHERE g.job = p.job AND g.topic = p.topic AND g.partition = p.partition)::text,
                      pg_catalog.to_char(p.changed_at, 'YYYY-MM-DD HH24:MI:SS OF')
               FROM loader.archive_positions AS p LEFT JOIN loader.archive_messages AS m
                    ON m.job = p.job AND m.topic = p.topic AND m.partition = p.partition AND m.state = 'verified'
               WHERE p.topic = $1 GROUP BY p.job, p.topic, p.partition ORDER BY p.job, p.partition";
    let rows = client.query(sql, &[&topic]).await.map_err(of_server)?;
    Ok(rows.iter().map(|row| std::array::from_fn(|at| row.get(at))).collect())
}
