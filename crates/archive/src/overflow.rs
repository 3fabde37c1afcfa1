//! Rows of slots that do not fit into memory: in files, until all rows of their slot are there.

use std::collections::BTreeMap;
use std::sync::Arc;

use tally_postgres::Failure;

use crate::beside::{Beside, Helpers};
use crate::key::SortedRows;
use crate::rows::Rows;
use crate::spill::{Run, Spill};
use crate::table::SourceTable;

/// Rows in files, by the starts of their slots. They are sorted and written while others come, if there is a helper for it.
pub struct Overflow {
    table: Arc<SourceTable>,
    helpers: Helpers,
    runs: Beside<Runs>,
}

#[derive(Default)]
struct Runs {
    spill: Spill,
    of_slots: BTreeMap<i64, Vec<Run>>,
}

impl Overflow {
    /// No rows of a table yet.
    pub fn new(table: Arc<SourceTable>, helpers: Helpers) -> Self {
        Self { table, helpers, runs: Beside::Here(Runs::default()) }
    }

    /// Adds rows of slots.
    pub fn add(&mut self, rows: Vec<(i64, Rows)>) -> Result<(), Failure> {
        let table = self.table.clone();
        self.runs.work(&self.helpers, move |runs| {
            for (slot, rows) in rows {
                let run = runs.spill.write(SortedRows::new(&table, &rows).with_keys())?;
                runs.of_slots.entry(slot).or_default().push(run);
            }
            Ok(())
        })
    }

    /// Returns the rows of a slot, in runs of which each is sorted, for good.
    pub fn take(&mut self, slot: i64) -> Result<Vec<Run>, Failure> {
        Ok(self.runs.here()?.of_slots.remove(&slot).unwrap_or_default())
    }
}
