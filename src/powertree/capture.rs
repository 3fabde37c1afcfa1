//! The trigger: appends to the log what a statement did to each leaf.
//!
//! Statement triggers with transition tables see what ordinary sessions do; a row trigger, which fires only where
//! `session_replication_role` is `replica`, sees what replication does.

use super::catalog::{self, Tables};
use super::definition::{find_column, Definition, Tree};
use super::events::append_extent;
use super::key;
use super::log::{self, Change};
use super::relation::is_in_family;
use super::span::{self, Reach};
use super::spi::connected;
use super::storage::{Snapshot, Table};
use super::transition::Transition;
use crate::error::raise;
use crate::settings;
use pgrx::pg_sys::{self, FunctionCallInfo, Oid, TriggerData};
use pgrx::prelude::*;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::CStr;
use std::rc::Rc;
use tally_stats::Tally;

/// So many leaves are kept in memory before they are written.
const FLUSH: usize = 10_000;

#[pg_extern(sql = false)]
fn powertree_capture(fcinfo: FunctionCallInfo) -> i64 {
    // SAFETY: PostgreSQL calls triggers with the data of the event.
    unsafe {
        let data = (*fcinfo).context.cast::<TriggerData>();
        if data.is_null() || (*data).type_ != pg_sys::NodeTag::T_TriggerData {
            raise(
                PgSqlErrorCode::ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED,
                "powertree_capture() was not called as a trigger",
                "",
                "powertree_create() makes the triggers.",
            );
        }
        let id = (*(*data).tg_trigger).tgargs;
        let id = CStr::from_ptr(*id).to_str().ok().and_then(|id| id.parse().ok()).unwrap_or(0);
        if let Some(tree) = Tree::to_keep(id) {
            capture(&tree, &*data);
        }
    }
    // What an AFTER trigger returns is ignored.
    0
}

/// # Safety
/// The data are those of an event that is being handled.
unsafe fn capture(tree: &Tree, data: &TriggerData) {
    // SAFETY: the caller's; transition tables are of the rows of the relation.
    unsafe {
        let event = data.tg_event & pg_sys::TRIGGER_EVENT_OPMASK;
        let relation = data.tg_relation;
        // A table that was restored from elsewhere may bring triggers that meant another tree.
        let Some(layout) = Layout::of(tree, (*relation).rd_id) else { return };
        if event == pg_sys::TRIGGER_EVENT_TRUNCATE {
            truncate(tree, (*relation).rd_id);
            return;
        }
        let mut changes = Changes::new(tree);
        if data.tg_event & pg_sys::TRIGGER_EVENT_ROW != 0 {
            for slot in [data.tg_trigslot, data.tg_newslot] {
                if !slot.is_null() {
                    if let Some(row) = layout.read(tree, slot, &mut Vec::new()) {
                        changes.spoil(&row);
                    }
                }
            }
        } else if settings::powertree_bulk() {
            let mut leaves: Option<(i64, i64)> = None;
            for table in [data.tg_oldtable, data.tg_newtable] {
                let mut rows = Transition::new(relation, table);
                while let Some(slot) = rows.next() {
                    if let Some(position) = layout.position(tree, slot) {
                        let leaf = tree.leaves.of(position);
                        let (first, last) = leaves.unwrap_or((leaf, leaf));
                        leaves = Some((first.min(leaf), last.max(leaf)));
                    }
                }
            }
            if let Some((first, last)) = leaves {
                span::append(tree.id, first, last, Reach::Later, "pg_tally.powertree_bulk");
            }
        } else if event == pg_sys::TRIGGER_EVENT_INSERT {
            let mut rows = Transition::new(relation, data.tg_newtable);
            let mut key = Vec::new();
            while let Some(slot) = rows.next() {
                if let Some(row) = layout.read(tree, slot, &mut key) {
                    changes.add(&row);
                }
            }
        } else if event == pg_sys::TRIGGER_EVENT_DELETE {
            let mut rows = Transition::new(relation, data.tg_oldtable);
            let mut key = Vec::new();
            while let Some(slot) = rows.next() {
                if let Some(row) = layout.read(tree, slot, &mut key) {
                    changes.spoil(&row);
                }
            }
        } else {
            // Old and new versions come in the same order, so that rows whose columns of interest are as before cancel.
            // Whatever the order is: what remains on either side is dirty.
            let (mut old_rows, mut new_rows) =
                (Transition::new(relation, data.tg_oldtable), Transition::new(relation, data.tg_newtable));
            let (mut old_key, mut new_key) = (Vec::new(), Vec::new());
            let (mut old_image, mut new_image) = (Vec::new(), Vec::new());
            loop {
                let (old_slot, new_slot) = (old_rows.next(), new_rows.next());
                if old_slot.is_none() && new_slot.is_none() {
                    break;
                }
                let old = old_slot.and_then(|slot| layout.read(tree, slot, &mut old_key));
                let new = new_slot.and_then(|slot| layout.read(tree, slot, &mut new_key));
                if let (Some(old), Some(new)) = (&old, &new) {
                    old.image(tree, &mut old_image);
                    new.image(tree, &mut new_image);
                    if old_image == new_image {
                        continue;
                    }
                }
                old.iter().chain(&new).for_each(|row| changes.spoil(row));
            }
        }
        changes.flush();
    }
}

/// Before the base table or a partition is emptied; of a partition that goes with the base table there is nothing to say.
fn truncate(tree: &Tree, relation: Oid) {
    if relation == tree.base {
        span::append_all(tree.id, Reach::Earlier, "TRUNCATE");
    } else if !span::all(&Tables::get(), tree.id, Snapshot::Own).iter().any(span::Span::is_ours_and_all) {
        let definition =
            Definition::all(&Tables::get()).into_iter().find(|definition| definition.id == tree.id);
        if let Some(definition) = definition {
            connected(|| append_extent(&definition, relation, "TRUNCATE"));
        }
    }
}

/// Where a relation, the base table or one of its partitions, has the columns of a tree.
struct Layout {
    at: usize,
    values: Vec<usize>,
    series: Vec<usize>,
    /// As far as a row must be taken apart.
    last: i32,
}

/// By tree and relation.
type Layouts = HashMap<(i32, u32), Option<Rc<Layout>>>;

thread_local! {
    /// With the generation in which they were found.
    static LAYOUTS: RefCell<(u64, Layouts)> = RefCell::default();
}

impl Layout {
    /// None if the relation is not of the tree's table.
    fn of(tree: &Tree, relation: Oid) -> Option<Rc<Layout>> {
        let (generation, place) = (catalog::generation(), (tree.id, relation.to_u32()));
        let known = LAYOUTS
            .with_borrow(|known| (known.0 == generation).then(|| known.1.get(&place).cloned()).flatten());
        known.unwrap_or_else(|| {
            catalog::watch_table(relation);
            let layout = is_in_family(relation, tree.base).then(|| Rc::new(Layout::find(tree, relation)));
            LAYOUTS.with_borrow_mut(|known| {
                if known.0 != generation {
                    *known = (generation, HashMap::new());
                }
                known.1.insert(place, layout.clone());
            });
            layout
        })
    }

    fn find(tree: &Tree, relation: Oid) -> Layout {
        let find = |name: &str| {
            let number = find_column(relation, name).map_or(0, |column| column.number);
            assert!(number > 0, "a partition without a column of its parent");
            number as usize - 1
        };
        let layout = Layout {
            at: find(&tree.at.name),
            values: tree.values.iter().map(|(column, _)| find(&column.name)).collect(),
            series: tree.series.iter().map(|key| find(&key.column.name)).collect(),
            last: 0,
        };
        let all = layout.values.iter().chain(&layout.series);
        let last = all.copied().fold(layout.at, usize::max) as i32 + 1;
        Layout { last, ..layout }
    }

    /// The position of a row, None if it has none.
    ///
    /// # Safety
    /// The slot holds a row of the relation.
    unsafe fn position(&self, tree: &Tree, slot: *mut pg_sys::TupleTableSlot) -> Option<i64> {
        // SAFETY: the row is taken apart at least as far as its position.
        unsafe {
            if i32::from((*slot).tts_nvalid) < self.last {
                pg_sys::slot_getsomeattrs_int(slot, self.last);
            }
            (!*(*slot).tts_isnull.add(self.at)).then(|| tree.position.read(*(*slot).tts_values.add(self.at)))
        }
    }

    /// What the tree wants to know of a row; None if it has no position or no series.
    ///
    /// # Safety
    /// As above.
    unsafe fn read<'a>(
        &'a self,
        tree: &Tree,
        slot: *mut pg_sys::TupleTableSlot,
        key: &'a mut Vec<u8>,
    ) -> Option<RowOf<'a>> {
        // SAFETY: as above, as far as any column of the layout.
        unsafe {
            let position = self.position(tree, slot)?;
            key.clear();
            for (column, &number) in tree.series.iter().zip(&self.series) {
                if *(*slot).tts_isnull.add(number) {
                    return None;
                }
                column.encode(*(*slot).tts_values.add(number), key);
            }
            Some(RowOf { layout: self, slot, position, key })
        }
    }
}

/// A row in its slot.
struct RowOf<'a> {
    layout: &'a Layout,
    slot: *mut pg_sys::TupleTableSlot,
    position: i64,
    key: &'a [u8],
}

impl RowOf<'_> {
    /// The value of a place, None if it is NULL.
    fn value(&self, place: usize) -> Option<pg_sys::Datum> {
        // SAFETY: the slot holds the row, taken apart.
        unsafe {
            let number = self.layout.values[place];
            (!*(*self.slot).tts_isnull.add(number)).then(|| *(*self.slot).tts_values.add(number))
        }
    }

    /// All that the tree sees of the row, as bytes.
    fn image(&self, tree: &Tree, image: &mut Vec<u8>) {
        image.clear();
        image.extend(self.position.to_le_bytes());
        for (place, (_, kind)) in tree.values.iter().enumerate() {
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

/// What a statement did, by series and leaf.
struct Changes<'t> {
    tree: &'t Tree,
    numbers: HashMap<Vec<u8>, usize>,
    series: Vec<Series>,
    /// The series of the last row.
    recent: usize,
    leaves: usize,
}

struct Series {
    key: Vec<u8>,
    hash: i64,
    leaves: HashMap<i64, Change>,
    /// The leaf of the last row that was added, and its sum, which is not in `leaves`.
    recent: Option<(i64, Vec<Tally>)>,
}

impl Series {
    fn put_away(&mut self) {
        if let Some((leaf, tallies)) = self.recent.take() {
            self.change(leaf, Change::Add(tallies));
        }
    }

    fn change(&mut self, leaf: i64, change: Change) {
        match self.leaves.entry(leaf) {
            std::collections::hash_map::Entry::Vacant(vacant) => {
                vacant.insert(change);
            }
            std::collections::hash_map::Entry::Occupied(mut known) => known.get_mut().and(change),
        }
    }
}

impl<'t> Changes<'t> {
    fn new(tree: &'t Tree) -> Self {
        Changes { tree, numbers: HashMap::new(), series: Vec::new(), recent: 0, leaves: 0 }
    }

    fn series(&mut self, key: &[u8]) -> &mut Series {
        if self.series.get(self.recent).is_none_or(|recent| recent.key != key) {
            self.recent = match self.numbers.get(key) {
                Some(&number) => number,
                None => {
                    let (key, hash, number) = (key.to_vec(), key::hash(key), self.series.len());
                    self.numbers.insert(key.clone(), number);
                    self.series.push(Series { key, hash, leaves: HashMap::new(), recent: None });
                    number
                }
            };
        }
        &mut self.series[self.recent]
    }

    fn add(&mut self, row: &RowOf) {
        let tree = self.tree;
        let leaf = tree.leaves.of(row.position);
        let series = self.series(row.key);
        let mut new_leaf = false;
        if series.recent.as_ref().is_none_or(|(recent, _)| *recent != leaf) {
            series.put_away();
            series.recent = Some((leaf, vec![Tally::EMPTY; tree.values.len()]));
            new_leaf = true;
        }
        if let Some((_, tallies)) = &mut series.recent {
            for (place, ((_, kind), tally)) in tree.values.iter().zip(tallies).enumerate() {
                if let Some(datum) = row.value(place) {
                    kind.observe(tally, datum);
                }
            }
        }
        if new_leaf {
            self.count_leaf();
        }
    }

    fn spoil(&mut self, row: &RowOf) {
        let leaf = self.tree.leaves.of(row.position);
        let series = self.series(row.key);
        if !series.leaves.contains_key(&leaf) {
            series.change(leaf, Change::Dirty);
            self.count_leaf();
        }
    }

    fn count_leaf(&mut self) {
        self.leaves += 1;
        if self.leaves >= FLUSH {
            self.flush();
        }
    }

    /// Writes to the log what is in memory. A sum that is still being made may go in parts.
    fn flush(&mut self) {
        if self.series.is_empty() {
            return;
        }
        let tree = self.tree.id;
        let rows = self.series.iter_mut().flat_map(|series| {
            series.put_away();
            // In order, so that neighbours in the index are written together.
            let mut leaves: Vec<_> = series.leaves.drain().collect();
            leaves.sort_unstable_by_key(|(leaf, _)| *leaf);
            let (hash, key) = (series.hash, &series.key);
            leaves.into_iter().map(move |(leaf, change)| log::row(tree, hash, key, leaf, &change))
        });
        Table::write(Tables::get().log).writer().insert_all(rows);
        (self.leaves, self.recent) = (0, 0);
        self.series.clear();
        self.numbers.clear();
    }
}
