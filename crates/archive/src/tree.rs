//! Power trees of the table: they keep the tallies of rows that are dropped, and forget them when the rows come back.

use serde_json::{json, Value};
use tally_postgres::{quoted, Failure};
use tally_stats::tree::least_multiple;
use tally_stats::Tally;
use tokio_postgres::{Error, GenericClient, Row};

use crate::ledger::{KeptTrees, Written};
use crate::server::of_server;
use crate::slot::{literal, Slot, EPOCH, EVER};
use crate::table::SourceTable;

const MICROS: i64 = 1_000_000;

/// The power trees of a table.
#[derive(Debug, Default)]
pub struct PowerTrees {
    /// The schema of the extension, for SQL.
    schema: String,
    /// Whether the extension is too old to keep rows that go.
    pub is_outdated: bool,
    trees: Vec<PowerTree>,
}

#[derive(Debug)]
struct PowerTree {
    name: String,
    values: Vec<String>,
    series: Vec<String>,
    leaf: String,
    /// Microseconds of a leaf; none if the tree is of another column than the archive.
    micros: Option<i64>,
}

impl PowerTrees {
    /// Finds the trees of a table.
    pub async fn find(client: &impl GenericClient, table: &SourceTable) -> Result<Self, Error> {
        let Some(extension) = &table.extension else { return Ok(Self::default()) };
        let schema = quoted(extension);
        let sql = format!(
            "SELECT name, \"values\", series, leaf,
                    CASE WHEN at = $2 THEN (extract(epoch FROM leaf::interval) * {MICROS})::int8 END,
                    to_regprocedure('{}.powertree_archive(text, regclass)') IS NULL
             FROM {schema}.powertrees WHERE base = $1::oid::regclass ORDER BY name",
            schema.replace('\'', "''")
        );
        let at = &table.columns[table.at_place()].name;
        let rows = client.query(&sql, &[&table.oid, at]).await?;
        let is_outdated = rows.first().is_some_and(|row| row.get(5));
        let tree = |row: &Row| PowerTree {
            name: row.get(0),
            values: row.get(1),
            series: row.get(2),
            leaf: row.get(3),
            micros: row.get(4),
        };
        Ok(Self { schema, is_outdated, trees: rows.iter().map(tree).collect() })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.trees.is_empty()
    }

    /// Returns what manifests say of the trees.
    pub fn description(&self) -> Value {
        let one = |PowerTree { name, values, series, leaf, .. }: &PowerTree| json!({"name": name, "values": values, "series": series, "leaf": leaf});
        self.trees.iter().map(one).collect()
    }

    /// Returns the least stretch of time around a slot that begins and ends where leaves of all trees do.
    pub fn around(&self, slot: Slot) -> Slot {
        let widths = self.trees.iter().filter_map(|tree| tree.micros);
        let seconds = widths.fold((slot.to - slot.from).saturating_mul(MICROS), least_multiple) / MICROS;
        let from = (slot.from - EPOCH).div_euclid(seconds).saturating_mul(seconds).saturating_add(EPOCH);
        Slot { from: from.max(EVER.0), to: from.saturating_add(seconds).min(EVER.1) }
    }

    /// Keeps the leaves of a partition, and detaches it.
    pub async fn keep(&self, tx: &impl GenericClient, partition: u32) -> Result<(), Error> {
        // For all trees of the table.
        let Some(PowerTree { name, .. }) = self.trees.first() else { return Ok(()) };
        let sql = format!("SELECT {}.powertree_archive($1, $2::oid::regclass)", self.schema);
        tx.query_one(&sql, &[name, &partition]).await?;
        Ok(())
    }

    /// Forgets the leaves of a stretch of time, whose rows come back.
    pub async fn forget(
        &self,
        tx: &impl GenericClient,
        table: &SourceTable,
        range: Slot,
    ) -> Result<(), Failure> {
        let Some(PowerTree { name, .. }) = self.trees.first().filter(|_| !self.is_outdated) else {
            return Ok(());
        };
        let (from, to) = ends(table, range)?;
        let sql = format!("SELECT {}.powertree_unarchive($1, {from}, {to})", self.schema);
        tx.query_one(&sql, &[name]).await.map_err(|e| of_server(&e).at(format!("power tree {name:?}")))?;
        Ok(())
    }

    /// Returns the values of each tree that all these objects have tallies of.
    pub fn tallied(&self, objects: &[&Written]) -> KeptTrees {
        let has_all = |value: &&String| objects.iter().all(|object| object.tallies.contains_key(*value));
        let of = |tree: &PowerTree| tree.values.iter().filter(has_all).cloned().collect();
        self.trees.iter().map(|tree| (tree.name.clone(), of(tree))).collect()
    }

    /// Returns the first tree that has other tallies of a stretch of time than objects and rows that are in the table; `kept` says what
    /// each tree has of each object.
    pub async fn difference(
        &self,
        client: &impl GenericClient,
        table: &SourceTable,
        range: Slot,
        kept: &[(&Written, &KeptTrees)],
    ) -> Result<Option<&str>, Failure> {
        for PowerTree { name, values, .. } in &self.trees {
            for value in values {
                let has = |trees: &KeptTrees| trees.get(name).is_some_and(|values| values.contains(value));
                let objects = kept.iter().filter(|(_, trees)| has(trees)).map(|(object, _)| *object);
                let objects: Vec<&Written> = objects.collect();
                if objects.is_empty() {
                    continue;
                }
                match (self.tallies(client, table, name, value, range).await?, sum(&objects, value)) {
                    (Some((tree, rows)), Some(mut sum)) => {
                        sum.merge(&rows);
                        if !tree.agrees_with(&sum) {
                            return Ok(Some(name));
                        }
                    }
                    _ => return Ok(Some(name)),
                }
            }
        }
        Ok(None)
    }

    /// Returns the tallies of a value in a stretch of time: that of a tree, and that of the rows in its table; none if it is no column of numbers.
    async fn tallies(
        &self,
        client: &impl GenericClient,
        table: &SourceTable,
        tree: &str,
        value: &str,
        range: Slot,
    ) -> Result<Option<(Tally, Tally)>, Failure> {
        let Some(term) = table.tally_of(value) else { return Ok(None) };
        let (schema, name, within) = (&self.schema, table.sql(), table.within(range)?);
        let (from, to) = ends(table, range)?;
        let sql = format!(
            "SELECT (SELECT {schema}.tally(t.tally)::text FROM {schema}.powertree_tallies($1, $2, {from}, {to}) AS t),
                    (SELECT {term} FROM {name} WHERE {within})"
        );
        let row = client.query_one(&sql, &[&tree, &value]).await.map_err(|e| of_server(&e).at(&name))?;
        let tally = |at: usize| row.get::<_, &str>(at).parse::<Tally>().ok();
        Ok(tally(0).zip(tally(1)))
    }
}

fn sum(objects: &[&Written], value: &str) -> Option<Tally> {
    let tally = |object: &&Written| object.tallies.get(value)?.parse::<Tally>().ok();
    objects.iter().try_fold(Tally::EMPTY, |mut sum, object| {
        sum.merge(&tally(object)?);
        Some(sum)
    })
}

fn ends(table: &SourceTable, range: Slot) -> Result<(String, String), Failure> {
    Ok((literal(range.from, table.has_zone())?, literal(range.to, table.has_zone())?))
}
