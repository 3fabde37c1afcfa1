//! Built-in aggregates over moving frames, computed in constant time per row.
//!
//! For `avg(x) OVER (… ROWS 999 PRECEDING)` core adds up a thousand rows for every row. Here it becomes
//! `core_avg(tally(x) OVER (…))`, and of types that a tally does not hold exactly, `min(x)` becomes
//! `moving_min(x)`. The executor computes equal window functions once, so all statistics of one argument share one
//! state. It happens after planning: views, subqueries, prepared statements and inlined functions are all reached, and
//! the rest of the plan is as it would have been.

use super::catalog;
use super::plan::items;
use pgrx::pg_sys::{self, Node, NodeTag, Oid, WindowAgg, WindowFunc};
use pgrx::{pg_guard, PgBox};
use std::ffi::{c_void, CStr};

/// Built-in aggregates, whose OIDs are the same in all versions (pg_proc.dat), and the function of a tally that equals
/// each, over double precision and over real.
const OF_TALLY: [(u32, &CStr); 20] = [
    (2105, c"core_avg"),
    (2104, c"core_avg"),
    (2111, c"core_sum"),
    (2110, c"core_sum"),
    (2152, c"core_var_samp"),
    (2151, c"core_var_samp"),
    (2645, c"core_var_samp"),
    (2644, c"core_var_samp"),
    (2722, c"core_var_pop"),
    (2721, c"core_var_pop"),
    (2158, c"core_stddev_samp"),
    (2157, c"core_stddev_samp"),
    (2716, c"core_stddev_samp"),
    (2715, c"core_stddev_samp"),
    (2728, c"core_stddev_pop"),
    (2727, c"core_stddev_pop"),
    (2136, c"min"),
    (2135, c"min"),
    (2120, c"max"),
    (2119, c"max"),
];

/// Minimum and maximum of bigint, integer, smallint, numeric, date, timestamp, timestamptz.
const MIN: [u32; 7] = [2131, 2132, 2133, 2146, 2138, 2142, 2143];
const MAX: [u32; 7] = [2115, 2116, 2117, 2130, 2122, 2126, 2127];

/// count(x), which costs nothing where there is a tally of the same values.
const COUNT: u32 = 2147;

/// A frame of so few rows is added up faster than it is kept.
const WORTH_IT: i64 = 4;

/// What the rewriting of one WindowAgg needs to know.
struct Rewriting {
    schema: Option<Oid>,
    /// The aggregates that became a tally.
    tallied: Vec<*mut WindowFunc>,
    /// Is it the turn of count(x), after all others?
    counting: bool,
    /// The functions that the plan now depends on.
    used: Vec<Oid>,
}

impl Rewriting {
    /// Is there a tally of the values that this aggregate counts?
    unsafe fn is_tallied(&self, count: *mut WindowFunc) -> bool {
        // SAFETY: the functions are those of the node that is being rewritten.
        self.counting
            && self.tallied.iter().any(|&other| unsafe {
                pg_sys::equal((*count).args.cast(), (*other).args.cast())
                    && pg_sys::equal((*count).aggfilter.cast(), (*other).aggfilter.cast())
            })
    }
}

/// Rewrites the window functions of one node, if its frame moves.
///
/// # Safety
/// Statement and node are of a plan that the planner just made.
pub unsafe fn accelerate(statement: *mut pg_sys::PlannedStmt, window: *mut WindowAgg) {
    // SAFETY: see above; what is written is the node's own target list.
    unsafe {
        if !moves(window) {
            return;
        }
        let mut rewriting =
            Rewriting { schema: None, tallied: Vec::new(), counting: false, used: Vec::new() };
        for counting in [false, true] {
            rewriting.counting = counting;
            let context = (&raw mut rewriting).cast::<c_void>();
            for entry in items::<pg_sys::TargetEntry>((*window).plan.targetlist) {
                (*entry).expr = rewritten((*entry).expr.cast(), context).cast();
            }
        }
        for function in rewriting.used {
            depend(statement, function);
        }
    }
}

/// Does the frame's start move, so that core begins anew for every row, and does it hold more than a few rows?
unsafe fn moves(window: *const WindowAgg) -> bool {
    // SAFETY: the caller's node.
    unsafe {
        let has = |option: u32| (*window).frameOptions & option as i32 != 0;
        let starts =
            !has(pg_sys::FRAMEOPTION_START_UNBOUNDED_PRECEDING) && !has(pg_sys::FRAMEOPTION_EXCLUSION);
        let few = has(pg_sys::FRAMEOPTION_ROWS)
            && has(pg_sys::FRAMEOPTION_END_CURRENT_ROW)
            && (has(pg_sys::FRAMEOPTION_START_CURRENT_ROW)
                || constant((*window).startOffset).is_some_and(|rows| rows < WORTH_IT));
        starts && !few
    }
}

/// The value of a constant frame offset of ROWS.
unsafe fn constant(offset: *mut Node) -> Option<i64> {
    // SAFETY: a node's tag says which structure it begins; the offset of ROWS is a bigint.
    unsafe {
        let constant = offset.cast::<pg_sys::Const>();
        let known = !offset.is_null() && (*offset).type_ == NodeTag::T_Const && !(*constant).constisnull;
        known.then(|| (*constant).constvalue.value() as i64)
    }
}

/// A copy of the expression with the window functions replaced; the same where there are none.
#[pg_guard]
unsafe extern "C-unwind" fn rewritten(node: *mut Node, context: *mut c_void) -> *mut Node {
    if node.is_null() {
        return node;
    }
    // SAFETY: `context` is what `accelerate` gave; a node's tag says which structure it begins.
    unsafe {
        if (*node).type_ == NodeTag::T_WindowFunc {
            let replaced = replacement(node.cast(), &mut *context.cast::<Rewriting>());
            // Window functions cannot be nested.
            return replaced.unwrap_or(node);
        }
        mutate(node, context)
    }
}

unsafe fn mutate(node: *mut Node, context: *mut c_void) -> *mut Node {
    // SAFETY: PostgreSQL copies the node and calls back for its children.
    unsafe {
        #[cfg(feature = "pg15")]
        {
            // Before version 16 the callback was declared without its arguments.
            type Declared = unsafe extern "C-unwind" fn() -> *mut Node;
            type Callback = unsafe extern "C-unwind" fn(*mut Node, *mut c_void) -> *mut Node;
            let callback = std::mem::transmute::<Callback, Declared>(rewritten);
            pg_sys::expression_tree_mutator(node, Some(callback), context)
        }
        #[cfg(not(feature = "pg15"))]
        pg_sys::expression_tree_mutator_impl(node, Some(rewritten), context)
    }
}

unsafe fn replacement(function: *mut WindowFunc, rewriting: &mut Rewriting) -> Option<*mut Node> {
    // SAFETY: the caller's node; what is made refers to its parts.
    unsafe {
        let aggregate = (*function).winfnoid.to_u32();
        let of_tally = match aggregate {
            COUNT => rewriting.is_tallied(function).then_some(c"num_vals"),
            _ => OF_TALLY.iter().find(|(oid, _)| *oid == aggregate).map(|(_, accessor)| *accessor),
        };
        let moving = match () {
            _ if of_tally.is_some() => c"tally",
            _ if MIN.contains(&aggregate) => c"moving_min",
            _ if MAX.contains(&aggregate) => c"moving_max",
            _ => return None,
        };
        // The executor does not use the moving mode for these.
        if pg_sys::contain_volatile_functions(function.cast()) || pg_sys::contain_subplans(function.cast()) {
            return None;
        }
        if rewriting.schema.is_none() {
            rewriting.schema = catalog::extension_schema();
        }
        let schema = rewriting.schema?;

        let argument = items::<Node>((*function).args).next()?;
        let given = pg_sys::exprType(argument);
        let (taken, up, down) = conversion(given)?;
        let aggregate = catalog::function(schema, moving, taken)?;
        let state = pg_sys::get_func_rettype(aggregate);

        let mut window = PgBox::<WindowFunc>::alloc_node(NodeTag::T_WindowFunc);
        window.winfnoid = aggregate;
        window.wintype = state;
        window.args = list(converted(argument, up, taken));
        window.aggfilter = (*function).aggfilter;
        window.winref = (*function).winref;
        window.winagg = true;
        window.location = (*function).location;
        let mut result = window.into_pg().cast::<Node>();
        rewriting.used.push(aggregate);
        if let Some(accessor) = of_tally {
            let accessor = catalog::function(schema, accessor, state)?;
            result = call(accessor, pg_sys::get_func_rettype(accessor), result);
            rewriting.used.push(accessor);
            rewriting.tallied.push(function);
        }
        let results_differ = pg_sys::exprType(result) != (*function).wintype;
        Some(if results_differ { converted(result, down, (*function).wintype) } else { result })
    }
}

/// Built-in casts (pg_proc.dat).
const INT2_TO_INT8: u32 = 754;
const INT8_TO_INT2: u32 = 714;
const INT4_TO_INT8: u32 = 481;
const INT8_TO_INT4: u32 = 480;
const FLOAT4_TO_FLOAT8: u32 = 311;
const FLOAT8_TO_FLOAT4: u32 = 312;

/// How a value changes its type.
#[derive(Clone, Copy)]
enum Conversion {
    None,
    /// The same bits under another name.
    Relabel,
    /// By a built-in function.
    Call(u32),
    /// From date, whose bits are those of an integer, to bigint.
    DateToBigint,
    /// And back.
    BigintToDate,
}

/// The type that the moving aggregate takes in place of this one, and how to get there and back.
fn conversion(given: Oid) -> Option<(Oid, Conversion, Conversion)> {
    use Conversion::{BigintToDate, Call, DateToBigint, None as Same, Relabel};
    Some(match given {
        pg_sys::FLOAT8OID => (pg_sys::FLOAT8OID, Same, Same),
        pg_sys::FLOAT4OID => (pg_sys::FLOAT8OID, Call(FLOAT4_TO_FLOAT8), Call(FLOAT8_TO_FLOAT4)),
        pg_sys::INT8OID => (pg_sys::INT8OID, Same, Same),
        pg_sys::INT4OID => (pg_sys::INT8OID, Call(INT4_TO_INT8), Call(INT8_TO_INT4)),
        pg_sys::INT2OID => (pg_sys::INT8OID, Call(INT2_TO_INT8), Call(INT8_TO_INT2)),
        pg_sys::NUMERICOID => (pg_sys::NUMERICOID, Same, Same),
        pg_sys::DATEOID => (pg_sys::INT8OID, DateToBigint, BigintToDate),
        pg_sys::TIMESTAMPOID | pg_sys::TIMESTAMPTZOID => (pg_sys::INT8OID, Relabel, Relabel),
        _ => return None,
    })
}

unsafe fn converted(node: *mut Node, how: Conversion, to: Oid) -> *mut Node {
    // SAFETY: makes a node over another.
    unsafe {
        match how {
            Conversion::None => node,
            Conversion::Call(function) => call(Oid::from(function), to, node),
            Conversion::DateToBigint => {
                call(Oid::from(INT4_TO_INT8), to, converted(node, Conversion::Relabel, pg_sys::INT4OID))
            }
            Conversion::BigintToDate => {
                converted(call(Oid::from(INT8_TO_INT4), pg_sys::INT4OID, node), Conversion::Relabel, to)
            }
            Conversion::Relabel => {
                let format = pg_sys::CoercionForm::COERCE_IMPLICIT_CAST;
                pg_sys::makeRelabelType(node.cast(), to, -1, Oid::INVALID, format).cast()
            }
        }
    }
}

unsafe fn call(function: Oid, result: Oid, argument: *mut Node) -> *mut Node {
    // SAFETY: makes a node over another.
    unsafe {
        let format = pg_sys::CoercionForm::COERCE_EXPLICIT_CALL;
        pg_sys::makeFuncExpr(function, result, list(argument), Oid::INVALID, Oid::INVALID, format).cast()
    }
}

unsafe fn list(node: *mut Node) -> *mut pg_sys::List {
    // SAFETY: makes a list of one.
    unsafe { pg_sys::lappend(std::ptr::null_mut(), node.cast()) }
}

/// Lets a cached plan be made anew when a function that it calls changes or goes, as the planner does for its own.
unsafe fn depend(statement: *mut pg_sys::PlannedStmt, function: Oid) {
    // SAFETY: appends to the statement's list in the memory context of the plan.
    unsafe {
        let zero = pg_sys::Datum::from(0);
        let cache = pg_sys::SysCacheIdentifier::PROCOID as i32;
        let mut item = PgBox::<pg_sys::PlanInvalItem>::alloc_node(NodeTag::T_PlanInvalItem);
        item.cacheId = cache;
        item.hashValue = pg_sys::GetSysCacheHashValue(cache, function.into(), zero, zero, zero);
        (*statement).invalItems = pg_sys::lappend((*statement).invalItems, item.into_pg().cast());
    }
}
