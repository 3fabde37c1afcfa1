//! The work of an ordinary plan.
//!
//! The planner's costs are those of disks, and of functions of which it knows nothing; where a tree is compared with the table, a page in memory and
//! a call of date_trunc() count as what they were measured to take. Only steps of other kinds are taken for what the planner thinks of them.

use crate::pg::planning::path::{Act, PathRef};
use crate::pg::server::costs::Costs;
use crate::powertree::cells::work;

// In the unit of `work`: the time in which PostgreSQL reads a row and passes it to an aggregate.
/// A row that is passed on, and each aggregate of it; its group being found, and each key of that. A new group takes either side the same.
const ROW: f64 = 0.15;
const AGGREGATE: f64 = 0.15;
const GROUP: f64 = 1.0;
const KEY: f64 = 0.3;
/// A row that an index finds.
const FOUND: f64 = 1.0;
/// The work of expressions and of sorting, over what the planner thinks.
const EXPRESSIONS: f64 = 4.0;
const SORTING: f64 = 0.4;

/// Returns the work for a row that is grouped by this many keys, for this many aggregates.
pub fn of_row(aggregates: usize, keys: usize) -> f64 {
    let group = if keys > 0 { GROUP } else { 0.0 };
    ROW + AGGREGATE * aggregates as f64 + group + KEY * keys as f64
}

/// Returns the work to read a table by this path: what it takes however many rows are found, and that of each of them.
pub fn of_table(path: PathRef, costs: Costs) -> (f64, f64) {
    let (rows, pages) = path.table();
    let expressions = path.cost_of_expressions() / costs.row * EXPRESSIONS;
    match path.act() {
        Act::Scan => (work::scan(rows, pages), expressions),
        Act::Append | Act::Other if !path.below().is_empty() => {
            let parts = path.below().into_iter().map(|below| of_table(below, costs));
            parts.fold((0.0, 0.0), |(once, each), part| (once + part.0, part.1.max(each)))
        }
        _ => (0.0, work::scan(1.0, pages / rows.max(1.0)) + FOUND + expressions),
    }
}

/// Returns the work of a path with all below it, in which each group has this many aggregates.
pub fn work(path: PathRef, aggregates: usize, costs: Costs) -> f64 {
    let below = path.below();
    let processes = path.processes();
    let inputs: f64 = below.iter().map(|&below| work(below, aggregates, costs)).sum();
    let planned = (path.cost() - below.iter().map(|below| below.cost()).sum::<f64>()).max(0.0) / costs.row;
    let (rows, pages) = path.table();
    match path.act() {
        Act::Scan => {
            let (once, each) = of_table(path, costs);
            once / processes + path.rows() * each
        }
        Act::Find(share) | Act::Visit(share) => {
            let (_, each) = of_table(path, costs);
            let passed = (rows * share / processes - path.rows()).max(0.0);
            let found = if matches!(path.act(), Act::Find(_)) { FOUND } else { 0.0 };
            passed * (work::scan(1.0, pages / rows.max(1.0)) + found) + path.rows() * each
        }
        Act::Group { keys } => {
            let rows: f64 = below.iter().map(|below| below.rows()).sum();
            inputs + rows * of_row(aggregates, keys)
        }
        Act::Append => inputs,
        Act::Join => inputs + planned,
        Act::Other if below.is_empty() => (planned - costs.saved(pages) / costs.row).max(0.0),
        Act::Other => inputs + planned * SORTING,
    }
}
