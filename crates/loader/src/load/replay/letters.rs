//! The dead letters in the database.

use serde_json::Value as Json;
use tally_rows::decode::headers;
use tally_rows::raw::KeptMessage;
use tokio_postgres::types::{Json as AsJson, ToSql};
use tokio_postgres::{Client, Error, Transaction};

use super::condition::LetterCondition;

/// Returns the topics of which the job has dead letters.
pub async fn topics(client: &Client, job: &str) -> Result<Vec<String>, Error> {
    let exists = "SELECT to_regclass('loader.dead_letters') IS NOT NULL";
    if !client.query_one(exists, &[]).await?.get::<_, bool>(0) {
        return Ok(Vec::new());
    }
    let sql = "SELECT DISTINCT topic FROM loader.dead_letters WHERE job = $1 ORDER BY 1";
    Ok(client.query(sql, &[&job]).await?.iter().map(|row| row.get(0)).collect())
}

/// Returns the next letters after one, ordered by topic, partition and offset.
pub async fn after(
    client: &Client,
    job: &str,
    topics: &[String],
    conditions: &[LetterCondition],
    last: Option<&KeptMessage>,
    limit: i64,
) -> Result<Vec<KeptMessage>, Error> {
    let (topic, partition, offset) = last.map_or(("", -1, -1), |l| (l.topic.as_str(), l.partition, l.offset));
    let mut sql = String::from(
        "SELECT topic, partition, \"offset\", floor(extract(epoch FROM ts) * 1000)::bigint, key, value, headers
         FROM loader.dead_letters
         WHERE job = $1 AND topic = ANY ($2) AND (topic, partition, \"offset\") > ($3, $4, $5)",
    );
    let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![&job, &topics, &topic, &partition, &offset, &limit];
    for condition in conditions {
        let (condition, value) = condition.sql(parameters.len() + 1);
        sql = format!("{sql} AND {condition}");
        parameters.push(value);
    }
    sql.push_str(" ORDER BY topic, partition, \"offset\" LIMIT $6");
    let rows = client.query(&sql, &parameters).await?;
    let letter = |row: &tokio_postgres::Row| KeptMessage {
        topic: row.get(0),
        partition: row.get(1),
        offset: row.get(2),
        timestamp: row.get(3),
        key: row.get(4),
        value: row.get(5),
        headers: row.get::<_, Option<AsJson<Json>>>(6).map(|json| headers::from_json(&json.0)),
    };
    Ok(rows.iter().map(letter).collect())
}

/// The coordinates of letters and the number of their attempts, as the columns of an `unnest`.
#[derive(Default)]
pub struct Tried {
    topics: Vec<String>,
    partitions: Vec<i32>,
    offsets: Vec<i64>,
    attempts: Vec<i32>,
}

/// Deletes letters; returns none if another replay has already deleted some of them.
pub async fn delete(
    tx: &Transaction<'_>,
    job: &str,
    letters: &[KeptMessage],
) -> Result<Option<Tried>, Error> {
    let sql = "DELETE FROM loader.dead_letters d
               USING unnest($2::text[], $3::integer[], $4::bigint[]) AS l(topic, partition, \"offset\")
               WHERE d.job = $1 AND d.topic = l.topic AND d.partition = l.partition AND d.\"offset\" = l.\"offset\"
               RETURNING d.topic, d.partition, d.\"offset\", d.attempts";
    let topics: Vec<&str> = letters.iter().map(|l| l.topic.as_str()).collect();
    let partitions: Vec<i32> = letters.iter().map(|l| l.partition).collect();
    let offsets: Vec<i64> = letters.iter().map(|l| l.offset).collect();
    let mut tried = Tried::default();
    for row in tx.query(sql, &[&job, &topics, &partitions, &offsets]).await? {
        tried.topics.push(row.get(0));
        tried.partitions.push(row.get(1));
        tried.offsets.push(row.get(2));
        tried.attempts.push(row.get(3));
    }
    Ok((tried.topics.len() == letters.len()).then_some(tried))
}

/// Counts one more attempt for messages that are dead letters again.
pub async fn count_attempt(tx: &Transaction<'_>, job: &str, tried: &Tried) -> Result<(), Error> {
    let sql = "UPDATE loader.dead_letters d SET attempts = l.attempts + 1
               FROM unnest($2::text[], $3::integer[], $4::bigint[], $5::integer[])
                    AS l(topic, partition, \"offset\", attempts)
               WHERE d.job = $1 AND d.topic = l.topic AND d.partition = l.partition AND d.\"offset\" = l.\"offset\"";
    let Tried { topics, partitions, offsets, attempts } = tried;
    tx.execute(sql, &[&job, topics, partitions, offsets, attempts]).await?;
    Ok(())
}
