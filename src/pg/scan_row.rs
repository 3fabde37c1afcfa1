//! The row on which the expressions of a query are evaluated: the values of a series, and a position.

use crate::pg::executor::{clear, fill};
use crate::pg::expression::Evaluated;
use crate::pg::tree::NodeRef;
use crate::pg::value::{bytes_of, copy};
use crate::powertree::model::tree::Tree;
use pgrx::pg_sys::{self, Datum, ExprContext, MemoryContext, Oid, PlanState, TupleTableSlot};

/// A row of the scan. Columns of aggregates are NULL until the answer is known.
#[derive(Clone, Copy)]
pub struct PlaceRow {
    slot: *mut TupleTableSlot,
    context: *mut ExprContext,
}

impl PlaceRow {
    /// The row of a node.
    ///
    /// # Safety
    /// A node of the plan that is initialised, and its slot for the rows of the scan; both live as long as the row is used.
    pub unsafe fn of(node: *mut PlanState, slot: *mut TupleTableSlot) -> PlaceRow {
        // SAFETY: the caller's node has a context, and its slot as many columns as its descriptor says.
        unsafe {
            let context = (*node).ps_ExprContext;
            clear(slot);
            let count = (*(*slot).tts_tupleDescriptor).natts as usize;
            (0..count).for_each(|place| *(*slot).tts_isnull.add(place) = true);
            fill(slot);
            (*context).ecxt_scantuple = slot;
            PlaceRow { slot, context }
        }
    }

    pub fn descriptor(self) -> pg_sys::TupleDesc {
        // SAFETY: the slot lives as long as the row.
        unsafe { (*self.slot).tts_tupleDescriptor }
    }

    /// The values of all columns, and which of them are NULL.
    pub fn columns(self) -> (*mut Datum, *mut bool) {
        // SAFETY: the slot lives as long as the row.
        unsafe { ((*self.slot).tts_values, (*self.slot).tts_isnull) }
    }

    /// Sets a column, counted from 1; column 0 is none.
    pub fn set(self, column: usize, value: Option<Datum>) {
        if column > 0 {
            // SAFETY: the columns are those of the plan that made the slot.
            unsafe {
                *(*self.slot).tts_values.add(column - 1) = value.unwrap_or(Datum::null());
                *(*self.slot).tts_isnull.add(column - 1) = value.is_none();
            }
        }
    }

    /// The memory of what is evaluated.
    pub fn memory(self) -> MemoryContext {
        // SAFETY: the context is that of the node.
        unsafe { (*self.context).ecxt_per_tuple_memory }
    }

    /// Forgets what was evaluated.
    pub fn forget(self) {
        // SAFETY: nobody keeps what was evaluated before.
        unsafe { pg_sys::MemoryContextReset(self.memory()) }
    }
}

/// An expression of the query.
#[derive(Clone, Copy)]
pub struct Expression {
    pub node: NodeRef<'static>,
    evaluated: Evaluated,
    length: i16,
    by_value: bool,
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
    /// An expression of the plan of the node, whose row is the one that it will be evaluated on.
    pub unsafe fn of(node: NodeRef<'static>, state: *mut PlanState) -> Expression {
        // SAFETY: the caller's expression and node.
        unsafe {
            let initialised = pg_sys::ExecInitExpr(node.pointer().cast(), state);
            let (mut length, mut by_value) = (0, false);
            pg_sys::get_typlenbyval(node.type_oid(), &mut length, &mut by_value);
            Expression {
                node,
                evaluated: Evaluated::new(initialised, (*state).ps_ExprContext),
                length,
                by_value,
            }
        }
    }

    /// The type of the value.
    pub fn type_oid(self) -> Oid {
        self.node.type_oid()
    }

    /// Returns whether two values of the expression have the same bytes.
    pub fn is_alike(self, one: Datum, other: Datum) -> bool {
        self.image_of(one) == self.image_of(other)
    }

    /// Returns the value for the row, which lives until the row forgets it.
    pub fn value(self) -> Option<Datum> {
        // SAFETY: the context has the row since it was made.
        unsafe { self.evaluated.value() }
    }

    /// Returns the value for the row, or the members of an array, without NULL; they live until the row forgets them.
    pub fn values(self, is_array: bool) -> Vec<Datum> {
        let Some(value) = self.value() else { return Vec::new() };
        if !is_array {
            return vec![value];
        }
        // SAFETY: the value is an array, whose type says what its members are.
        unsafe {
            let (mut members, mut nulls, mut count) = (std::ptr::null_mut(), std::ptr::null_mut(), 0);
            let (mut length, mut by_value, mut align) = (0, false, 0);
            let array = pg_sys::pg_detoast_datum(value.cast_mut_ptr()).cast::<pg_sys::ArrayType>();
            let of = (*array).elemtype;
            pg_sys::get_typlenbyvalalign(of, &mut length, &mut by_value, &mut align);
            pg_sys::deconstruct_array(
                array,
                of,
                length.into(),
                by_value,
                align,
                &mut members,
                &mut nulls,
                &mut count,
            );
            (0..count as usize).filter(|&place| !*nulls.add(place)).map(|place| *members.add(place)).collect()
        }
    }

    /// Returns whether the condition holds for the row; NULL is no.
    pub fn holds(self, row: PlaceRow) -> bool {
        let holds = self.value().is_some_and(|value| value.value() != 0);
        row.forget();
        holds
    }

    /// Returns the value for the row, to be compared.
    pub fn image(self, row: PlaceRow) -> Image {
        let image = self.value().map_or(Image::Null, |value| self.image_of(value));
        row.forget();
        image
    }

    fn image_of(self, value: Datum) -> Image {
        if self.by_value {
            return Image::Word(value.value());
        }
        // SAFETY: the value is one of the type, which says how long it is.
        unsafe {
            if self.length > 0 {
                let bytes = value.cast_mut_ptr::<u8>().cast_const();
                Image::of(std::slice::from_raw_parts(bytes, self.length as usize))
            } else {
                Image::of(bytes_of(value))
            }
        }
    }

    /// Returns the value for the row as a copy in this memory context.
    pub fn copied(self, row: PlaceRow, context: MemoryContext) -> Option<Datum> {
        // SAFETY: the value is one of the type; the copy is made before the row forgets it.
        let copied = unsafe {
            self.value().map(|value| {
                let before = pg_sys::MemoryContextSwitchTo(context);
                let copied = copy(value, self.by_value, self.length);
                pg_sys::MemoryContextSwitchTo(before);
                copied
            })
        };
        row.forget();
        copied
    }
}

/// The columns of the scan that a position and a series fill.
pub struct Columns {
    at: usize,
    series: Vec<usize>,
}

impl Columns {
    pub fn of(mut columns: impl Iterator<Item = usize>) -> Columns {
        Columns { at: columns.next().unwrap_or_default(), series: columns.collect() }
    }

    /// Puts a position, or NULL, into the row.
    pub fn set_position(&self, row: PlaceRow, tree: &Tree, position: Option<i64>) {
        row.set(self.at, position.map(|position| tree.position.to_datum(position)));
    }

    /// Puts a series, or NULLs, into the row.
    pub fn set_series(&self, row: PlaceRow, values: Option<&[Datum]>) {
        for (place, &column) in self.series.iter().enumerate() {
            row.set(column, values.and_then(|values| values.get(place)).copied());
        }
    }

    /// Whether it is the column of the position.
    pub fn is_position(&self, column: i16) -> bool {
        self.at > 0 && column as usize == self.at
    }
}
