//! The executor node that takes the place of a WindowAgg: it reads each row once and computes the statistics of its
//! frame.

use super::ask::{Ask, Outcome};
use super::definition::FrameDefinition;
use super::explain;
use super::input::Input;
use super::motion::Motion;
use super::scan::{definition, functions};
use crate::pg::execution::copies::Copies;
use crate::pg::execution::custom::{kept, plan_of, state, Calls, CustomNode};
use crate::pg::execution::executor::{in_memory, ExecInitNode, MemoryContextReset};
use crate::pg::execution::explain::Explanation;
use crate::pg::memory::region::Region;
use crate::pg::nodes::tree::NodeRef;
use crate::pg::server::error::defect;
use crate::pg::server::function::require_execute;
use crate::pg::server::plain::{guarded, plain};
use pgrx::pg_sys::{CustomScan, CustomScanState, EState, TupleTableSlot};
use std::ffi::CStr;
use std::ptr::null_mut;

/// The node's own state: the input, and the frame that moves over it.
pub struct Window {
    input: Input,
    motion: Motion,
}

impl CustomNode for Window {
    const NAME: &'static CStr = c"pg_tally moving window";
    const CALLS: Calls = Calls { begin, execute };

    fn explain(&mut self, plan: NodeRef<'static, CustomScan>, explanation: Explanation) {
        explain::frame(&defined(plan), explanation);
        if explanation.is_analysed() {
            explain::extent(self.motion.most_memory(), self.input.file_bytes(), explanation);
        }
    }

    fn restart(&mut self, _is_changed: bool) {
        self.input.restart();
        self.motion.restart();
    }

    fn end(&mut self) {
        self.restart(false);
    }
}

/// The frame that the plan of a node describes.
fn defined(scan: NodeRef<'static, CustomScan>) -> FrameDefinition {
    let window = definition(scan).unwrap_or_else(|| defect("a plan without its window"));
    FrameDefinition { window }
}

/// Initialises the input, and then the state, which is without any rows, as PostgreSQL's own nodes do.
unsafe extern "C-unwind" fn begin(node: *mut CustomScanState, estate: *mut EState, flags: i32) {
    // SAFETY: PostgreSQL passes what `create` made, once, before any other call for the node, whose functions are its plan's. Deleting
    // the context of the query deletes the one below it.
    unsafe {
        let ps = &raw mut (*node).ss.ps;
        let below = guarded(|| {
            let scan = plan_of(node);
            functions(scan).for_each(|(function, _)| require_execute(function.winfnoid));
            scan.scan.plan.lefttree
        });
        (*ps).lefttree = ExecInitNode(below, estate, flags);
        guarded(|| {
            let (scan, query) = (plan_of(node), Region::new((*estate).es_query_cxt));
            let (definition, copies) = (defined(scan), Copies::new(query));
            let mut motion = Motion::new(definition, functions(scan), copies);
            let input = Input::new(ps, definition, motion.arguments());
            // Dropped before the copies, which it refers to, are freed.
            (*state(node)).own = kept(Window { input, motion }, copies.region());
        });
    }
}

/// Returns the next row; a null pointer after the last.
unsafe extern "C-unwind" fn execute(node: *mut CustomScanState) -> *mut TupleTableSlot {
    // SAFETY: PostgreSQL passes what `begin` prepared, and nobody else uses it during the call. The values that the
    // motion compares are of the ordering column, and its results of the types of the slot's columns.
    unsafe {
        let Window { input, motion } = &mut *(*state::<Window>(node)).own;
        let memory = input.memory();
        MemoryContextReset((*(*node).ss.ps.ps_ExprContext).ecxt_per_tuple_memory);
        let mut ask = motion.begin();
        loop {
            let outcome = plain(match ask {
                Ask::Nothing => Outcome::Done,
                Ask::Offsets => input.offsets(),
                Ask::Queue => {
                    guarded(|| input.begin_queue());
                    Outcome::Done
                }
                Ask::Read | Ask::ReadToEnter | Ask::EnterAndRead => input.read(motion.count(), ask),
                Ask::Enter => input.enter(true),
                Ask::Skip => input.enter(false),
                Ask::Compare => {
                    while let Some(pair) = motion.to_compare() {
                        motion.learn(pair.side, input.is_in_range(&pair));
                    }
                    Outcome::Done
                }
                Ask::NextPartition => input.next_partition(),
                Ask::Return => return input.output((*node).ss.ss_ScanTupleSlot, motion.results()),
                Ask::End => return null_mut(),
            });
            ask = in_memory(memory, || guarded(|| motion.step(&outcome)));
        }
    }
}
