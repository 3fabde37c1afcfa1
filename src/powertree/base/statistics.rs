//! Estimates from PostgreSQL's statistics on the base table, where there are any.

use crate::pg::tables::spi::strings;
use crate::powertree::model::position::Position;
use crate::powertree::model::tree::Tree;
use std::ops::RangeInclusive;

/// Estimates how many rows of one series a leaf holds, as a range, since the number of series is not known: it lies
/// between the number of values of the most varied column and the number of all combinations. None without statistics.
pub fn rows_of_a_leaf(tree: &Tree) -> Option<RangeInclusive<f64>> {
    let (mut extent, mut rows) = (None, 0.0);
    let (mut least_series, mut most_series, mut known) = (1.0_f64, 1.0_f64, 0);
    for column in strings(&query(tree)) {
        let number = |place: usize| column[place].parse::<f64>().ok().filter(|number| number.is_finite());
        rows = number(1)?;
        if column[0] == tree.at.name {
            extent = number(3);
        }
        if tree.series.iter().any(|key| key.column.name == column[0]) {
            // A negative number is a fraction of the rows.
            let distinct = number(2)?;
            let distinct = if distinct < 0.0 { -distinct * rows } else { distinct }.max(1.0);
            least_series = least_series.max(distinct);
            most_series *= distinct;
            known += 1;
        }
    }
    let leaves = (extent? / tree.leaves.width as f64).max(1.0);
    let of_a_leaf = |series: f64| rows / series.min(rows) / leaves;
    (rows > 0.0 && known == tree.series.len()).then(|| of_a_leaf(most_series)..=of_a_leaf(least_series))
}

/// The query for the columns of the tree: name, rows of the table, distinct values, and first and last position.
fn query(tree: &Tree) -> String {
    let at = |bound: &str| match tree.position {
        Position::Timestamp | Position::Timestamptz => format!("extract(epoch FROM {bound}) * 1000000"),
        Position::Date => format!("extract(epoch FROM {bound}) / 86400"),
        Position::Bigint => format!("{bound}::numeric"),
    };
    let literal = |name: &str| format!("'{}'", name.replace('\'', "''"));
    let names: Vec<String> = tree
        .series
        .iter()
        .map(|key| &key.column.name)
        .chain([&tree.at.name])
        .map(|name| literal(name))
        .collect();
    format!(
        "SELECT s.attname, c.reltuples, s.n_distinct, CASE s.attname WHEN {} THEN \
         (SELECT {} - {} FROM unnest(coalesce(s.histogram_bounds::text::{type}[], '{{}}') \
         || coalesce(s.most_common_vals::text::{type}[], '{{}}')) AS b WHERE {finite}) END \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_stats s \
         ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.inherited = (c.relkind = 'p') \
         WHERE c.oid = {} AND s.attname IN ({})",
        literal(&tree.at.name),
        at("max(b)"),
        at("min(b)"),
        tree.base.to_u32(),
        names.join(", "),
        type = tree.position.sql_type(),
        finite = if tree.position == Position::Bigint { "true" } else { "isfinite(b)" },
    )
}
