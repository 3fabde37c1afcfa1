//! The row on which the expressions of a node are evaluated, which the node fills itself.

use super::column::base_type;
use super::error::defect;
use super::executor::{clear, evaluate, fill};
use super::kept_function::Hashing;
use super::passing::type_at;
use super::region::Region;
use super::tree::NodeRef;
use super::value::{Storage, Value};
use pgrx::pg_sys::{self, Datum, ExprContext, ExprState, Oid, PlanState, TupleDesc, TupleTableSlot};

/// A row of the node's scan.
#[derive(Clone, Copy)]
pub struct ScanRow {
    node: *mut PlanState,
    slot: *mut TupleTableSlot,
    /// The types of the columns; for domains, their base types.
    types: *const Oid,
    count: usize,
}

impl ScanRow {
    /// The row of a node, all columns of which are NULL.
    ///
    /// # Safety
    /// A node of the plan that is initialised, and its slot for the rows of the scan; both live as long as the row is used.
    pub unsafe fn of(node: *mut PlanState, slot: *mut TupleTableSlot) -> ScanRow {
        // SAFETY: the caller's node has a context, and its slot as many columns as its descriptor says. The array lives as long as the query.
        unsafe {
            let descriptor = (*slot).tts_tupleDescriptor;
            let count = (*descriptor).natts as usize;
            let query = Region::new((*(*node).state).es_query_cxt);
            let types = query.within(|| pg_sys::palloc0(count * size_of::<Oid>())).cast::<Oid>();
            clear(slot);
            for place in 0..count {
                *(*slot).tts_isnull.add(place) = true;
                let type_oid = type_at(descriptor, place).unwrap_or_default();
                types.add(place).write(if type_oid == Oid::INVALID { type_oid } else { base_type(type_oid) });
            }
            fill(slot);
            (*(*node).ps_ExprContext).ecxt_scantuple = slot;
            ScanRow { node, slot, types, count }
        }
    }

    fn context(self) -> *mut ExprContext {
        // SAFETY: whoever made the row promises that its node lives.
        unsafe { (*self.node).ps_ExprContext }
    }

    /// The number of columns.
    pub fn count(self) -> usize {
        self.count
    }

    /// Sets a column, counted from 1; column 0 is none.
    #[inline]
    pub fn set(self, column: usize, value: Option<Value>) {
        if column == 0 {
            return;
        }
        if column > self.count {
            defect("a row with fewer columns than are set");
        }
        // SAFETY: the row has this column.
        let type_oid = unsafe { *self.types.add(column - 1) };
        if value.is_some_and(|value| value.type_oid() != type_oid && base_type(value.type_oid()) != type_oid)
        {
            defect("a value of another type than its column's");
        }
        // SAFETY: the value is of the type.
        unsafe { self.set_datum(column, value.map(Value::datum)) }
    }

    /// Sets a column, counted from 1.
    ///
    /// # Safety
    /// The row has this column, and the value is of its type.
    #[inline]
    pub unsafe fn set_datum(self, column: usize, value: Option<Datum>) {
        // SAFETY: the slot lives as long as the row, and has the column.
        unsafe {
            *(*self.slot).tts_values.add(column - 1) = value.unwrap_or(Datum::null());
            *(*self.slot).tts_isnull.add(column - 1) = value.is_none();
        }
    }

    /// The memory of what is evaluated.
    pub fn memory(self) -> Region {
        // SAFETY: the context is that of the node, and is there as long as the node.
        unsafe { Region::new((*self.context()).ecxt_per_tuple_memory) }
    }

    /// Forgets what was evaluated.
    pub fn forget(self) {
        // SAFETY: whoever has asked for a value promises not to use it any more.
        unsafe { self.memory().empty() }
    }

    pub(super) fn descriptor(self) -> TupleDesc {
        // SAFETY: the slot lives as long as the row.
        unsafe { (*self.slot).tts_tupleDescriptor }
    }

    /// The values of all columns, and which of them are NULL.
    pub(super) fn columns(self) -> (*mut Datum, *mut bool) {
        // SAFETY: the slot lives as long as the row.
        unsafe { ((*self.slot).tts_values, (*self.slot).tts_isnull) }
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

    /// Returns the value for the row.
    ///
    /// # Safety
    /// The value is not used after the row forgets it, as it does whenever another expression is asked.
    #[inline]
    pub unsafe fn value(self) -> Option<Value> {
        let (state, context) = (self.state, self.row.context());
        // SAFETY: the context has the row since that was made. The boundary turns an error of PostgreSQL into a panic; the frames in
        // between own nothing.
        unsafe {
            let value = pg_sys::ffi::pg_guard_ffi_boundary(|| evaluate(state, context));
            value.map(|value| Value::new(self.storage.type_oid(), value))
        }
    }

    /// Returns what `read` makes of the value for the row; None if it is NULL.
    ///
    /// # Safety
    /// The function keeps nothing of the value.
    pub unsafe fn read<R>(self, read: impl FnOnce(Value) -> R) -> Option<R> {
        // SAFETY: the value is used before the row forgets it, and not kept, as the caller promises.
        let result = unsafe { self.value() }.map(read);
        self.row.forget();
        result
    }

    /// Returns the text that the value for the row is; None if it is NULL.
    pub fn text(self) -> Option<String> {
        // SAFETY: the text is a copy.
        unsafe { self.read(Value::text) }.flatten()
    }

    /// Returns the value for the row if it is passed by value; 0 if it is NULL.
    pub fn word(self) -> usize {
        // SAFETY: what is passed by value points nowhere.
        unsafe { self.read(|value| self.storage.stored(&value).word()) }.flatten().unwrap_or_default()
    }

    /// Returns the hash of the value for the row.
    pub fn hash(self, hashing: &Hashing) -> u64 {
        // SAFETY: a hash has nothing of the value.
        unsafe { self.read(|value| hashing.hash(Some(value))) }.unwrap_or_else(|| hashing.hash(None))
    }

    /// Returns whether the condition holds for the row; NULL is no.
    pub fn holds(self) -> bool {
        self.word() != 0
    }

    /// Returns the value for the row, to be compared.
    pub fn image(self) -> Image {
        let image = |value: Value| {
            let stored = self.storage.stored(&value);
            stored.word().map_or_else(|| stored.read(Image::of), Image::Word)
        };
        // SAFETY: the image is a copy.
        unsafe { self.read(image) }.unwrap_or(Image::Null)
    }

    /// Returns the value for the row as a copy in this memory.
    pub fn copied(self, region: Region) -> Option<Value> {
        // SAFETY: the copy is in memory of its own.
        unsafe { self.read(|value| region.within(|| self.storage.copied(value))) }
    }
}
