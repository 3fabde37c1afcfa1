//! Rows as triggers see them: where a table or partition has the tree's columns, and their values.

use crate::pg::server::error::defect;
use crate::pg::server::kept::{kept, Kept};
use crate::pg::tables::catalog::is_partitioned;
use crate::pg::tables::column::{find_column, generated};
use crate::pg::tables::relation::is_in_family;
use crate::pg::tables::slot::{RowColumns, Slot};
use crate::pg::tables::transition::{TransitionReader, TransitionTable};
use crate::pg::values::row::HasColumns;
use crate::powertree::model::tree::Tree;
use crate::powertree::model::value::ValueType;
use crate::powertree::store::generation;
use pgrx::pg_sys::{Datum, Oid};
use std::collections::HashMap;
use std::rc::Rc;

/// The places of a tree's columns in a relation, the base table or one of its partitions.
pub struct Layout {
    pub tree: Rc<Tree>,
    at: usize,
    values: Vec<usize>,
    series: Vec<usize>,
    /// The number of columns of a row up to the last of these.
    num_columns: usize,
    /// Values that are generated columns in the relation's partitions. Where a partition has a different order of
    /// columns, PostgreSQL shows triggers outdated values of these: NULL, or those before an UPDATE.
    generated: Vec<usize>,
    /// Whether the position or a column of the series is generated in that way.
    pub place_is_generated: bool,
}

/// Layouts by tree and relation.
type Layouts = HashMap<(i32, u32), Option<Rc<Layout>>>;

thread_local! {
    /// The known layouts, and the generation in which they were found.
    static LAYOUTS: Kept<(u64, Layouts)> = kept(Default::default());
}

impl Layout {
    /// Finds the layout of a relation; None if triggers need not keep the tree in step, or the relation is not in its
    /// table's family.
    pub fn to_keep(tree: i32, relation: Oid) -> Option<Rc<Layout>> {
        let (generation, place) = (generation::current(), (tree, relation.to_u32()));
        let known = LAYOUTS
            .with_borrow(|known| (known.0 == generation).then(|| known.1.get(&place).cloned()).flatten());
        if let Some(layout) = known {
            return layout;
        }
        let tree = Tree::to_keep(tree)?;
        generation::watch_table(relation);
        let layout = is_in_family(relation, tree.base).then(|| Rc::new(Layout::find(tree, relation)));
        remember(generation, place, &layout);
        layout
    }

    fn find(tree: Rc<Tree>, relation: Oid) -> Layout {
        let find = |name: &str| {
            let number = find_column(relation, name).map_or(0, |column| column.number);
            usize::try_from(number - 1).unwrap_or_else(|_| defect("a partition lacks a column of its parent"))
        };
        let layout = Layout {
            at: find(&tree.at.name),
            values: tree.values.iter().map(|(column, _)| find(&column.name)).collect(),
            series: tree.series.iter().map(|key| find(&key.column.name)).collect(),
            num_columns: 0,
            generated: Vec::new(),
            place_is_generated: false,
            tree,
        };
        let partitioned = is_partitioned(relation);
        let computed = |number: &usize| partitioned && generated(relation, *number as i16 + 1) != 0;
        let generated = (0..layout.values.len()).filter(|&place| computed(&layout.values[place])).collect();
        let place_is_generated = computed(&layout.at) || layout.series.iter().any(computed);
        let all = layout.values.iter().chain(&layout.series);
        let num_columns = all.copied().fold(layout.at, usize::max) + 1;
        Layout { num_columns, generated, place_is_generated, ..layout }
    }

    /// Whether partitions of the relation compute any of the values.
    pub fn has_generated(&self) -> bool {
        !self.generated.is_empty()
    }

    /// Takes the columns of the tree out of a row of the relation.
    fn columns<'r>(&self, row: Slot<'r>) -> RowColumns<'r> {
        row.columns(self.num_columns)
    }

    /// Returns the position of a row; None if it is NULL.
    fn position(&self, columns: RowColumns) -> Option<i64> {
        columns.get(self.at).map(|datum| self.tree.position.read(datum))
    }

    /// Reads the columns of the tree in a row; None if the position or a column of the series is NULL.
    pub fn read<'a>(&'a self, row: Slot<'a>, key: &'a mut Vec<u8>) -> Option<RowOf<'a>> {
        let columns = self.columns(row);
        let position = self.position(columns)?;
        key.clear();
        for (column, &place) in self.tree.series.iter().zip(&self.series) {
            column.encode(columns.stored_at(place)?, key);
        }
        Some(RowOf { layout: self, columns, position, key })
    }
}

/// The rows of a transition table, read as a tree needs them.
pub struct TransitionRows<'l> {
    layout: &'l Layout,
    /// The reader; None where there is no such table.
    rows: Option<TransitionReader<'l>>,
    key: Vec<u8>,
}

impl<'l> TransitionRows<'l> {
    /// Begins to read a transition table of the layout's relation, if there is one.
    pub fn new(layout: &'l Layout, table: Option<TransitionTable<'l>>) -> TransitionRows<'l> {
        TransitionRows { layout, rows: table.map(TransitionTable::reader), key: Vec::new() }
    }

    /// Reads the next row; None after the last. The inner None is a row without a position or a series.
    pub fn next(&mut self) -> Option<Option<RowOf<'_>>> {
        let row = self.rows.as_mut()?.next()?;
        Some(self.layout.read(row, &mut self.key))
    }

    /// Reads the position of the next row; None after the last. The inner None is a row without a position.
    pub fn next_position(&mut self) -> Option<Option<i64>> {
        let row = self.rows.as_mut()?.next()?;
        Some(self.layout.position(self.layout.columns(row)))
    }
}

/// Remembers what was found in `generation`, unless a newer one has begun.
fn remember(generation: u64, place: (i32, u32), layout: &Option<Rc<Layout>>) {
    if generation::current() != generation {
        return;
    }
    let outdated = LAYOUTS.with_borrow_mut(|known| {
        let outdated =
            (known.0 != generation).then(|| std::mem::replace(&mut **known, (generation, HashMap::new())));
        known.1.insert(place, layout.clone());
        outdated
    });
    // Dropped outside of the borrow, since freeing the plans of a tree calls PostgreSQL.
    drop(outdated);
}

/// A row in its slot.
pub struct RowOf<'a> {
    layout: &'a Layout,
    columns: RowColumns<'a>,
    pub position: i64,
    pub key: &'a [u8],
}

impl RowOf<'_> {
    /// The value at a place; None if it is NULL.
    pub fn value(&self, place: usize) -> Option<Datum> {
        self.columns.get(self.layout.values[place])
    }

    /// Whether there may be values that triggers do not see.
    pub fn lacks_values(&self) -> bool {
        self.layout.generated.iter().any(|&place| self.value(place).is_none())
    }

    /// Writes position, values and key of the row as bytes, for comparison with another row.
    pub fn image(&self, image: &mut Vec<u8>) {
        image.clear();
        image.extend(self.position.to_le_bytes());
        for &place in &self.layout.values {
            match self.columns.stored_at(place) {
                Some(value) => {
                    image.push(1);
                    ValueType::image(value, image);
                }
                None => image.push(0),
            }
        }
        image.extend(self.key);
    }
}
