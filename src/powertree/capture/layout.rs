//! Rows as triggers see them: where a table or partition has the tree's columns, and their values.

use super::transition::Transition;
use crate::pg::catalog::is_partitioned;
use crate::pg::column::{find_column, generated};
use crate::pg::error::defect;
use crate::pg::kept::{kept, Kept};
use crate::pg::relation::is_in_family;
use crate::powertree::model::tree::Tree;
use crate::powertree::store::generation;
use pgrx::pg_sys::{self, Oid, Relation, Tuplestorestate};
use std::collections::HashMap;
use std::rc::Rc;

/// The places of a tree's columns in a relation, the base table or one of its partitions.
pub struct Layout {
    pub tree: Rc<Tree>,
    at: usize,
    values: Vec<usize>,
    series: Vec<usize>,
    /// The last column up to which a row must be deformed.
    last: i32,
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
            last: 0,
            generated: Vec::new(),
            place_is_generated: false,
            tree,
        };
        let partitioned = is_partitioned(relation);
        let computed = |number: &usize| partitioned && generated(relation, *number as i16 + 1) != 0;
        let generated = (0..layout.values.len()).filter(|&place| computed(&layout.values[place])).collect();
        let place_is_generated = computed(&layout.at) || layout.series.iter().any(computed);
        let all = layout.values.iter().chain(&layout.series);
        let last = all.copied().fold(layout.at, usize::max) as i32 + 1;
        Layout { last, generated, place_is_generated, ..layout }
    }

    /// Whether partitions of the relation compute any of the values.
    pub fn has_generated(&self) -> bool {
        !self.generated.is_empty()
    }

    /// Returns the position of a row; None if it is NULL.
    ///
    /// # Safety
    /// The slot holds a row of the relation.
    unsafe fn position(&self, slot: *mut pg_sys::TupleTableSlot) -> Option<i64> {
        // SAFETY: the caller's row is deformed up to the last column of the layout.
        unsafe {
            if i32::from((*slot).tts_nvalid) < self.last {
                pg_sys::slot_getsomeattrs_int(slot, self.last);
            }
            (!*(*slot).tts_isnull.add(self.at))
                .then(|| self.tree.position.read(*(*slot).tts_values.add(self.at)))
        }
    }

    /// Reads the columns of the tree in a row; None if the position or a column of the series is NULL.
    ///
    /// # Safety
    /// The slot holds a row of the relation.
    pub unsafe fn read<'a>(
        &'a self,
        slot: *mut pg_sys::TupleTableSlot,
        key: &'a mut Vec<u8>,
    ) -> Option<RowOf<'a>> {
        // SAFETY: `position` has deformed the caller's row up to the last column of the layout.
        unsafe {
            let position = self.position(slot)?;
            key.clear();
            for (column, &number) in self.tree.series.iter().zip(&self.series) {
                if *(*slot).tts_isnull.add(number) {
                    return None;
                }
                column.encode(*(*slot).tts_values.add(number), key);
            }
            Some(RowOf { layout: self, slot, position, key })
        }
    }
}

/// The rows of a transition table, read as a tree needs them.
pub struct TransitionRows<'l> {
    layout: &'l Layout,
    rows: Transition,
    key: Vec<u8>,
}

impl<'l> TransitionRows<'l> {
    /// Begins to read a transition table, which has no rows if `table` is null.
    ///
    /// # Safety
    /// `table` is null or a transition table of the layout's relation, and outlives the reader.
    pub unsafe fn new(
        layout: &'l Layout,
        relation: Relation,
        table: *mut Tuplestorestate,
    ) -> TransitionRows<'l> {
        // SAFETY: the caller promises that the table outlives the reader.
        TransitionRows { layout, rows: unsafe { Transition::new(relation, table) }, key: Vec::new() }
    }

    /// Reads the next row; None after the last. The inner None is a row without a position or a series.
    pub fn next(&mut self) -> Option<Option<RowOf<'_>>> {
        let slot = self.rows.next()?;
        // SAFETY: the slot holds a row of the table, which is of the layout's relation.
        Some(unsafe { self.layout.read(slot, &mut self.key) })
    }

    /// Reads the position of the next row; None after the last. The inner None is a row without a position.
    pub fn next_position(&mut self) -> Option<Option<i64>> {
        let slot = self.rows.next()?;
        // SAFETY: the slot holds a row of the table, which is of the layout's relation.
        Some(unsafe { self.layout.position(slot) })
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
    slot: *mut pg_sys::TupleTableSlot,
    pub position: i64,
    pub key: &'a [u8],
}

impl RowOf<'_> {
    /// The value at a place; None if it is NULL.
    pub fn value(&self, place: usize) -> Option<pg_sys::Datum> {
        // SAFETY: `read`, which alone makes these, has deformed the row up to the last column of the layout.
        unsafe {
            let number = self.layout.values[place];
            (!*(*self.slot).tts_isnull.add(number)).then(|| *(*self.slot).tts_values.add(number))
        }
    }

    /// Whether there may be values that triggers do not see.
    pub fn lacks_values(&self) -> bool {
        self.layout.generated.iter().any(|&place| self.value(place).is_none())
    }

    /// Writes position, values and key of the row as bytes, for comparison with another row.
    pub fn image(&self, image: &mut Vec<u8>) {
        image.clear();
        image.extend(self.position.to_le_bytes());
        for (place, (_, kind)) in self.layout.tree.values.iter().enumerate() {
            match self.value(place) {
                Some(datum) => {
                    image.push(1);
                    kind.image(datum, image);
                }
                None => image.push(0),
            }
        }
        image.extend(self.key);
    }
}
