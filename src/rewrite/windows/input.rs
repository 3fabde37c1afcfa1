//! The node's input, as the executor handles it: the half of the node that does what the motion of the frame asks for.
//!
//! The functions are plain frames by the contract of `pg::plain`, unless they say otherwise. Their slots, expressions and
//! contexts live as long as the query.

use super::ask::{ArgumentValue, Ask, KeyPair, Outcome, Side};
use super::definition::FrameDefinition;
use crate::pg::execution::alike::Alike;
use crate::pg::execution::executor::{
    clear, column, evaluate, fill, holds, in_memory, next_row, project, FunctionCall5Coll, MemoryContextReset,
};
use crate::pg::execution::queue::{KeptRows, RowQueue, Turn};
use crate::pg::memory::region::Region;
use crate::pg::nodes::tree::{NodeList, NodeRef};
use crate::pg::server::plain::guarded;
use crate::pg::tables::slot::Slot;
use crate::pg::values::kept_function::find;
use crate::pg::values::row::RowType;
use crate::pg::values::value::{Storage, Value};
use pgrx::pg_sys::{
    self, Datum, ExprContext, ExprState, FmgrInfo, MemoryContext, Oid, PlanState, TargetEntry,
    TupleTableSlot, WindowAgg, WindowFunc,
};
use std::ptr::null_mut;

/// The input of a node.
pub struct Input {
    /// The node itself.
    node: *mut PlanState,
    /// The node that returns the rows.
    rows: *mut PlanState,
    /// The context in which expressions are evaluated for each row that is read.
    context: *mut ExprContext,
    /// The memory of what is evaluated there for one row.
    memory: MemoryContext,
    definition: FrameDefinition,
    ends: [FrameEnd; 2],
    /// The comparison by partition; None if all rows are in one.
    partition: Option<Alike>,
    /// The comparison by order; None if all rows are peers, or the frame does not depend on it.
    peers: Option<Alike>,
    /// The ordering column where the frame depends on its values.
    ordering: Option<OrderingColumn>,
    arguments: Vec<ArgumentInput>,
    /// The values of the arguments on the row that was evaluated last.
    evaluated: Vec<ArgumentValue>,
    /// Rows that were read before they are current, where that happens.
    queue: Option<RowQueue>,
    /// The rows that such a queue keeps.
    kept: KeptRows,
    /// The largest file that earlier queues have taken, in bytes.
    most_file_bytes: usize,
    /// The row that was read last.
    last: *mut TupleTableSlot,
    /// Whether that row is the first of the next partition.
    last_is_next: bool,
}

/// An end of the frame.
struct FrameEnd {
    /// The expression of its offset; null if there is none.
    offset: *mut ExprState,
    value: Datum,
    /// The function that tells whether a value is in range, where the frame depends on values.
    in_range: FmgrInfo,
}

/// The ordering column: its number, counted from one, and how its values are stored.
type OrderingColumn = (i16, Storage);

/// The expressions of an argument under a FILTER; null pointers where there are none.
struct ArgumentInput {
    filter: *mut ExprState,
    argument: *mut ExprState,
    /// The type of its values; INVALID where there is no argument.
    type_oid: Oid,
}

impl Input {
    /// Initialises the expressions of a node, and of the arguments of these functions. No plain frame.
    ///
    /// # Safety
    /// The node was made of the WindowAgg, to which the functions belong, and is being initialised, after its input.
    pub unsafe fn new(
        node: *mut PlanState,
        definition: FrameDefinition,
        functions: impl Iterator<Item = NodeRef<'static, WindowFunc>>,
    ) -> Input {
        // SAFETY: the expressions and columns of the caller's WindowAgg and its functions refer to the node's input.
        unsafe {
            if definition.is_delayed() {
                // Arguments are evaluated on rows as the queue returns them, not as the input does.
                (*node).outeropsset = true;
                (*node).outeropsfixed = false;
            }
            let initialised = |tree: Option<NodeRef>| {
                tree.map_or(null_mut(), |tree| pg_sys::ExecInitExpr(tree.pointer().cast(), node))
            };
            let end = |side| FrameEnd {
                offset: initialised(definition.offset(side)),
                value: Datum::null(),
                in_range: FmgrInfo::default(),
            };
            let argument = |function: NodeRef<WindowFunc>| {
                let argument = function.list(|function| &function.args).iter().next();
                ArgumentInput {
                    filter: initialised(function.node(|function| &function.aggfilter)),
                    argument: initialised(argument),
                    type_oid: argument.map_or(Oid::INVALID, |argument| argument.type_oid()),
                }
            };
            let WindowAgg { partNumCols, partColIdx, partOperators, partCollations, .. } = *definition.window;
            let WindowAgg { ordNumCols, ordColIdx, ordOperators, ordCollations, .. } = *definition.window;
            let peers = || Alike::new(node, ordNumCols, ordColIdx, ordOperators, ordCollations);
            let rows = (*node).lefttree;
            let arguments: Vec<ArgumentInput> = functions.map(argument).collect();
            let targets = NodeRef::new((*(*rows).plan).targetlist.cast()).map(NodeList::of);
            let context = pg_sys::CreateExprContext((*node).state);
            Input {
                node,
                rows,
                context,
                memory: (*context).ecxt_per_tuple_memory,
                definition,
                ends: [end(Side::Start), end(Side::End)],
                partition: Alike::new(node, partNumCols, partColIdx, partOperators, partCollations),
                peers: if definition.has_groups() { peers() } else { None },
                // A WindowAgg with such a frame has one ordering column, which is a target of the input's plan.
                ordering: definition.has_keys().then(|| ordering_column(*ordColIdx, targets)),
                evaluated: vec![ArgumentValue { counts: false, value: None }; arguments.len()],
                arguments,
                queue: None,
                kept: KeptRows {
                    row_type: RowType::new((*rows).ps_ResultTupleDesc),
                    query: Region::new((*(*node).state).es_query_cxt),
                },
                most_file_bytes: 0,
                last: null_mut(),
                last_is_next: false,
            }
        }
    }

    /// The memory in which the outcomes are.
    pub fn memory(&self) -> MemoryContext {
        self.memory
    }

    /// Evaluates the offsets of the frame.
    ///
    /// # Safety
    /// The node begins to run; the contract of `pg::plain`.
    pub unsafe fn offsets(&mut self) -> Outcome<'_> {
        let [start, end] = [self.definition.window.startInRangeFunc, self.definition.window.endInRangeFunc];
        // SAFETY: the offsets refer to no rows; what is found for them lives as long as the query.
        unsafe {
            let context = (*self.node).ps_ExprContext;
            let mut values = [None; 2];
            for ((end, value), function) in self.ends.iter_mut().zip(&mut values).zip([start, end]) {
                if end.offset.is_null() {
                    continue;
                }
                *value = evaluate(end.offset, context, (*context).ecxt_per_query_memory);
                end.value = value.unwrap_or(Datum::null());
                if self.ordering.is_some() {
                    let query = Region::new((*context).ecxt_per_query_memory);
                    guarded(|| find(function, &mut end.in_range, query));
                }
            }
            Outcome::Offsets(values)
        }
    }

    /// Keeps rows in a queue from now on, before any row is read. No plain frame.
    pub fn begin_queue(&mut self) {
        self.queue = Some(RowQueue::new(self.kept, self.definition.is_delayed()));
    }

    /// Reads the next row, of a partition of which this many have been read, and evaluates the arguments as is asked.
    ///
    /// # Safety
    /// The node runs, and a row that enters has been read; the contract of `pg::plain`.
    #[inline]
    pub unsafe fn read(&mut self, count: i64, ask: Ask) -> Outcome<'_> {
        // SAFETY: slots and contexts belong to the node; the row is one of its input, and has the ordering column.
        unsafe {
            let enters_before = ask == Ask::EnterAndRead;
            if enters_before {
                MemoryContextReset(self.memory);
                self.evaluate_on(self.last);
            }
            if self.last_is_next {
                self.last_is_next = false;
            } else {
                let Some(row) = next_row(self.rows) else {
                    return Outcome::Complete { is_last: true, arguments: self.evaluated_if(enters_before) };
                };
                self.last = row;
                if !enters_before {
                    MemoryContextReset(self.memory);
                }
            }
            let (row, context) = (self.last, self.context);
            if let Some(partition) = &self.partition {
                if count == 0 {
                    partition.begin_group(row);
                } else if !partition.include(row, context) {
                    self.last_is_next = true;
                    return Outcome::Complete { is_last: false, arguments: self.evaluated_if(enters_before) };
                }
            }
            let starts_group = count == 0 || self.peers.is_some_and(|peers| !peers.include(row, context));
            if let (true, Some(peers)) = (starts_group, &self.peers) {
                peers.begin_group(row);
            }
            if let Some(queue) = &mut self.queue {
                queue.put(Slot::new(row));
            }
            let key = self
                .ordering
                .and_then(|(number, storage)| column(row, number).map(|value| storage.of_type(value)));
            let enters = ask == Ask::ReadToEnter;
            if enters {
                self.evaluate_on(row);
            }
            Outcome::Row { starts_group, key, arguments: self.evaluated_if(enters || enters_before) }
        }
    }

    /// The values of the arguments on the row that was evaluated last, if they are to be handed on.
    #[inline]
    fn evaluated_if(&self, is_wanted: bool) -> Option<&[ArgumentValue]> {
        is_wanted.then_some(&self.evaluated[..])
    }

    /// Evaluates all arguments on the row that enters next, or only passes over it. Without a delay it is the last one.
    ///
    /// # Safety
    /// The row has been read; the contract of `pg::plain`.
    #[inline]
    pub unsafe fn enter(&mut self, is_wanted: bool) -> Outcome<'_> {
        // SAFETY: the row comes from the node's input, and was put into the queue when it was read; there is a second reader with a
        // delay.
        unsafe {
            let row = match &mut self.queue {
                Some(queue) if self.definition.is_delayed() => queue.take_row(Turn::Second),
                _ => self.last,
            };
            if !is_wanted {
                return Outcome::Done;
            }
            MemoryContextReset(self.memory);
            self.evaluate_on(row);
        }
        Outcome::Entered(&self.evaluated)
    }

    /// Evaluates all arguments on a row.
    ///
    /// # Safety
    /// The row comes from the node's input; the contract of `pg::plain`.
    #[inline]
    unsafe fn evaluate_on(&mut self, row: *mut TupleTableSlot) {
        let (context, memory) = (self.context, self.memory);
        // SAFETY: the expressions belong to the node, and refer to the row of its input that is put into the context.
        unsafe {
            (*context).ecxt_outertuple = row;
            for (one, evaluated) in self.arguments.iter().zip(&mut self.evaluated) {
                let passes = one.filter.is_null() || holds(evaluate(one.filter, context, memory));
                let has_value = passes && !one.argument.is_null();
                let value = if has_value { evaluate(one.argument, context, memory) } else { None };
                evaluated.counts = if one.argument.is_null() { passes } else { value.is_some() };
                evaluated.value = value.map(|value| Value::new(one.type_oid, value));
            }
        }
    }

    /// Whether a value of the ordering column is in range of the current row's.
    ///
    /// # Safety
    /// Both are values of that column, for an end with an offset; the contract of `pg::plain`.
    #[inline]
    pub unsafe fn is_in_range(&mut self, pair: &KeyPair) -> bool {
        let &KeyPair { side, key, base } = pair;
        let window = self.definition.window;
        let preceding = match side {
            Side::Start => pg_sys::FRAMEOPTION_START_OFFSET_PRECEDING,
            Side::End => pg_sys::FRAMEOPTION_END_OFFSET_PRECEDING,
        };
        // A descending order reverses both directions.
        let ascending = window.inRangeAsc;
        let subtract = Datum::from(self.definition.has(preceding) == ascending);
        let less = Datum::from((side == Side::End) == ascending);
        let end = &mut self.ends[side as usize];
        // SAFETY: the function was found for the type of the caller's values and of the offset.
        let result = unsafe {
            let (function, offset) = (&raw mut end.in_range, end.value);
            in_memory(self.memory, || {
                FunctionCall5Coll(function, window.inRangeColl, key, base, offset, subtract, less)
            })
        };
        result.value() != 0
    }

    /// The output for the current row, with these results in the node's own slot.
    ///
    /// # Safety
    /// The row has been read, and the slot has a column for each result, of its type; the contract of `pg::plain`.
    #[inline]
    pub unsafe fn output(
        &mut self,
        slot: *mut TupleTableSlot,
        results: &[Option<Datum>],
    ) -> *mut TupleTableSlot {
        // SAFETY: the caller's slot has the columns; the projection refers to it and to the current row.
        unsafe {
            clear(slot);
            for (index, value) in results.iter().enumerate() {
                *(*slot).tts_isnull.add(index) = value.is_none();
                *(*slot).tts_values.add(index) = value.unwrap_or(Datum::null());
            }
            fill(slot);
            let context = (*self.node).ps_ExprContext;
            (*context).ecxt_scantuple = slot;
            (*context).ecxt_outertuple = match &mut self.queue {
                Some(queue) => queue.take_row(Turn::First),
                None => self.last,
            };
            project(self.node, slot)
        }
    }

    /// Forgets the rows of the partition.
    ///
    /// # Safety
    /// Nobody uses the last output; the contract of `pg::plain`.
    pub unsafe fn next_partition(&mut self) -> Outcome<'_> {
        if let Some(queue) = &mut self.queue {
            // SAFETY: the caller promises that nobody uses the rows.
            unsafe { queue.clear() }
        }
        Outcome::Done
    }

    /// Forgets everything that was read. No plain frame.
    pub fn restart(&mut self) {
        self.last_is_next = false;
        self.most_file_bytes = self.file_bytes();
        if let Some(queue) = self.queue.take() {
            queue.end();
        }
    }

    /// The largest file that the rows have taken, in bytes.
    pub fn file_bytes(&self) -> usize {
        self.most_file_bytes.max(self.queue.as_ref().map_or(0, RowQueue::file_bytes))
    }
}

/// The ordering column of this number.
fn ordering_column(number: i16, targets: Option<NodeList>) -> OrderingColumn {
    let column = targets.and_then(|targets| targets.all::<TargetEntry>().nth(number as usize - 1));
    let value = column.and_then(|column| column.node(|column| &column.expr));
    (number, Storage::of(value.map_or(Oid::INVALID, |value| value.type_oid())))
}
