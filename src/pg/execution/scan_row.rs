//! The row on which the expressions of a node are evaluated, which the node fills itself.

use super::executor::{clear, evaluate, fill};
use crate::pg::memory::region::Region;
use crate::pg::nodes::tree::NodeRef;
use crate::pg::server::error::defect;
use crate::pg::server::lookup::caught;
use crate::pg::tables::column::base_type;
use crate::pg::tables::slot::{RowColumns, Slot};
use crate::pg::values::kept_function::Hashing;
use crate::pg::values::row::{HasColumns, RowType};
use crate::pg::values::value::{copied_all, LentValue, Storage, Value};
use pgrx::pg_sys::{self, Datum, ExprContext, ExprState, Oid, PlanState, TupleTableSlot};
use std::cell::Cell;
use std::slice;

/// A row of the node's scan. What it refers to lives as long as the row is used, as whoever made it promises.
#[derive(Clone, Copy)]
pub struct ScanRow {
    node: *mut PlanState,
    context: *mut ExprContext,
    memory: Region,
    slot: Slot<'static>,
    row_type: RowType<'static>,
    values: &'static [Cell<Datum>],
    nulls: &'static [Cell<bool>],
    /// The types of the columns; for domains, their base types.
    types: &'static [Oid],
}

impl ScanRow {
    /// The row of a node, all columns of which are NULL.
    ///
    /// # Safety
    /// A node of the plan that is initialised, and its slot for the rows of the scan; both live as long as the row is used.
    pub unsafe fn of(node: *mut PlanState, slot: *mut TupleTableSlot) -> ScanRow {
        // SAFETY: the caller's node has a context, and its slot as many columns as its descriptor says, whose values nobody refers
        // to otherwise while Rust runs. The array lives as long as the query.
        unsafe {
            let row_type = RowType::new((*slot).tts_tupleDescriptor);
            let (context, count) = ((*node).ps_ExprContext, row_type.count());
            let query = Region::new((*(*node).state).es_query_cxt);
            let base = |type_oid| if type_oid == Oid::INVALID { type_oid } else { base_type(type_oid) };
            let types: Vec<Oid> = row_type.types().map(base).collect();
            let types = query.within(|| copied_all(&types)).cast_mut_ptr();
            clear(slot);
            let row = ScanRow {
                node,
                context,
                memory: Region::new((*context).ecxt_per_tuple_memory),
                slot: Slot::new(slot),
                row_type,
                values: slice::from_raw_parts((*slot).tts_values.cast(), count),
                nulls: slice::from_raw_parts((*slot).tts_isnull.cast(), count),
                types: slice::from_raw_parts(types, count),
            };
            row.nulls.iter().for_each(|null| null.set(true));
            fill(slot);
            (*context).ecxt_scantuple = slot;
            row
        }
    }

    /// The number of columns.
    pub fn count(self) -> usize {
        self.types.len()
    }

    /// Sets a column, counted from 1; column 0 is none.
    #[inline]
    pub fn set(self, column: usize, value: Option<Value>) {
        let Some(place) = column.checked_sub(1) else { return };
        let Some(&type_oid) = self.types.get(place) else { defect("a row with fewer columns than are set") };
        if value.is_some_and(|value| value.type_oid() != type_oid && base_type(value.type_oid()) != type_oid)
        {
            defect("a value of another type than its column's");
        }
        self.put(place, value.map(Value::datum));
    }

    /// Sets a column, counted from 1.
    ///
    /// # Safety
    /// The value is of the column's type.
    #[inline]
    pub unsafe fn set_datum(self, column: usize, value: Option<Datum>) {
        self.put(column - 1, value);
    }

    /// Puts a value of a column's type into it, counted from 0.
    #[inline]
    fn put(self, place: usize, value: Option<Datum>) {
        self.values[place].set(value.unwrap_or(Datum::null()));
        self.nulls[place].set(value.is_none());
    }

    /// Takes over the values of another row of this type, which live as long as that row is there.
    pub(in crate::pg) fn show(self, other: RowColumns) {
        if other.row_type() != Some(self.row_type) {
            defect("a row of another node");
        }
        (0..self.count()).for_each(|place| self.put(place, other.get(place)));
    }

    /// The memory of what is evaluated.
    pub fn memory(self) -> Region {
        self.memory
    }

    /// Forgets what was evaluated.
    pub fn forget(self) {
        // SAFETY: whoever has asked for a value promises not to use it any more.
        unsafe { self.memory.empty() }
    }

    pub(in crate::pg) fn row_type(self) -> RowType<'static> {
        self.row_type
    }

    /// The slot that holds the row.
    pub(in crate::pg) fn slot(self) -> Slot<'static> {
        self.slot
    }
}

/// An expression of the node, which frames of Rust may evaluate.
#[derive(Clone, Copy)]
pub struct Expression {
    pub node: NodeRef<'static>,
    state: *mut ExprState,
    row: ScanRow,
    storage: Storage,
}

/// A value that can be compared with another one of the same expression, byte by byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Image {
    Null,
    Word(usize),
    /// Few bytes and their number, since positions are mostly compared by numerics.
    Short(u8, [u8; SHORT]),
    Bytes(Vec<u8>),
}

const SHORT: usize = 22;

impl Image {
    fn of(bytes: &[u8]) -> Image {
        let mut short = [0; SHORT];
        match short.get_mut(..bytes.len()) {
            Some(part) => {
                part.copy_from_slice(bytes);
                Image::Short(bytes.len() as u8, short)
            }
            None => Image::Bytes(bytes.to_vec()),
        }
    }
}

impl Expression {
    /// Initialises an expression of a node.
    ///
    /// # Safety
    /// An expression of the plan of the row's node, which is being initialised, about columns of the row.
    pub unsafe fn of(node: NodeRef<'static>, row: ScanRow) -> Expression {
        // SAFETY: the caller's expression and node.
        let state = unsafe { pg_sys::ExecInitExpr(node.pointer().cast(), row.node) };
        Expression { node, state, row, storage: Storage::of(node.type_oid()) }
    }

    /// The type of the value.
    pub fn type_oid(self) -> Oid {
        self.storage.type_oid()
    }

    /// Returns whether two values of the expression have the same bytes.
    pub fn is_alike(self, one: Value, other: Value) -> bool {
        self.storage.is_alike(one, other)
    }

    /// Returns what `read` makes of the value for the row; None if it is NULL.
    #[inline]
    pub fn read<R>(self, read: impl FnOnce(LentValue<'_>) -> R) -> Option<R> {
        let (state, context, memory) = (self.state, self.row.context, self.row.memory.context());
        // SAFETY: the context has the row since that was made; the frames in between own nothing. The value lives until the row
        // forgets it, and the function cannot keep it longer.
        let value = unsafe {
            let value = caught(|| evaluate(state, context, memory));
            value.map(|value| LentValue::new(Value::new(self.storage.type_oid(), value)))
        };
        let result = value.map(read);
        self.row.forget();
        result
    }

    /// Returns the text that the value for the row is; None if it is NULL.
    pub fn text(self) -> Option<String> {
        self.read(|value| value.text()).flatten()
    }

    /// Returns the value for the row if it is passed by value; 0 if it is NULL.
    pub fn word(self) -> usize {
        self.read(|value| value.stored_as(self.storage).word()).flatten().unwrap_or_default()
    }

    /// Returns the hash of the value for the row.
    pub fn hash(self, hashing: &Hashing) -> u64 {
        self.read(|value| hashing.hash(Some(value))).unwrap_or_else(|| hashing.hash(None))
    }

    /// Returns whether the condition holds for the row; NULL is no.
    pub fn holds(self) -> bool {
        self.word() != 0
    }

    /// Returns the value for the row, to be compared.
    pub fn image(self) -> Image {
        let image = |value: LentValue| {
            let stored = value.stored_as(self.storage);
            stored.word().map_or_else(|| stored.read(Image::of), Image::Word)
        };
        self.read(image).unwrap_or(Image::Null)
    }

    /// Returns the value for the row as a copy in this memory.
    pub fn copied(self, region: Region) -> Option<Value> {
        self.read(|value| value.copied(self.storage, region))
    }
}
