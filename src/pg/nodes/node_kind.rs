//! Kinds of nodes: the structure that each tag stands for, and the pointers of it that may be followed.

use pgrx::pg_sys::{self, NodeTag};
use std::mem::offset_of;

/// A structure that begins with a tag of its own.
///
/// # Safety
/// All nodes with this tag are of the type.
pub unsafe trait Tagged {
    const TAG: NodeTag;
}

/// A structure whose pointers may be followed.
///
/// # Safety
/// What its fields of type pointer to a node point to are nodes that live as long; lists have nodes as members, or numbers.
pub unsafe trait Linked {
    /// The fields of which that is true, by their offsets; None if it is of all.
    const ONLY: Option<&'static [usize]> = None;
}

/// A type to which a field may point that leads to a node.
///
/// # Safety
/// All that PostgreSQL points to as this type begins with a tag.
pub unsafe trait Pointee {}

// SAFETY: a structure with a tag of its own begins with it.
unsafe impl<T: Tagged> Pointee for T {}

macro_rules! beginnings {
    ($($type:ident),* $(,)?) => { $(
        // SAFETY: PostgreSQL's header lets structures with tags of their own begin with this one.
        unsafe impl Pointee for pg_sys::$type {}
    )* };
}

beginnings! { Expr, Node, Path, Plan }

// SAFETY: the beginning of a node has no pointers.
unsafe impl Linked for pg_sys::Node {}
// SAFETY: the list of a path has nodes as members.
unsafe impl Linked for pg_sys::Path {}
// SAFETY: the lists of a plan have nodes as members.
unsafe impl Linked for pg_sys::Plan {}

macro_rules! tagged {
    ($($type:ident $tag:ident),* $(,)?) => { $(
        // SAFETY: PostgreSQL's header defines the structure and its tag.
        unsafe impl Tagged for pg_sys::$type {
            const TAG: NodeTag = NodeTag::$tag;
        }
    )* };
}

macro_rules! linked_by {
    ($($type:ident $tag:ident [$($($field:ident).+),*]),* $(,)?) => {
        tagged! { $($type $tag),* }
        $(
            // SAFETY: PostgreSQL's header says that these fields lead to nodes, or to lists of them.
            unsafe impl Linked for pg_sys::$type {
                const ONLY: Option<&'static [usize]> = Some(&[$(offset_of!(pg_sys::$type, $($field).+)),*]);
            }
        )*
    };
}

macro_rules! linked {
    ($($type:ident $tag:ident),* $(,)?) => {
        tagged! { $($type $tag),* }
        $(
            // SAFETY: PostgreSQL's header says of which type the members of its lists are.
            unsafe impl Linked for pg_sys::$type {}
        )*
    };
}

#[cfg(not(feature = "pg15"))]
tagged! { Bitmapset T_Bitmapset }

// These have lists of what is no node in some version, and paths, which the planner frees.
linked_by! {
    PlannerGlobal T_PlannerGlobal [subroots],
    PlannerInfo T_PlannerInfo [glob, parse, processed_tlist, eq_classes, join_info_list],
    RelOptInfo T_RelOptInfo [baserestrictinfo, joininfo],
    RestrictInfo T_RestrictInfo [clause],
}

// A path keeps those below it, and its conditions, for as long as it is there itself.
linked_by! {
    AggPath T_AggPath [subpath, groupClause],
    AppendPath T_AppendPath [subpaths],
    BitmapHeapPath T_BitmapHeapPath [bitmapqual],
    GatherMergePath T_GatherMergePath [subpath],
    GatherPath T_GatherPath [subpath],
    GroupPath T_GroupPath [subpath, groupClause],
    GroupingSetsPath T_GroupingSetsPath [subpath],
    HashPath T_HashPath [jpath.outerjoinpath, jpath.innerjoinpath],
    IndexPath T_IndexPath [indexinfo],
    IncrementalSortPath T_IncrementalSortPath [spath.subpath],
    MaterialPath T_MaterialPath [subpath],
    MergeAppendPath T_MergeAppendPath [subpaths],
    MergePath T_MergePath [jpath.outerjoinpath, jpath.innerjoinpath],
    NestPath T_NestPath [jpath.outerjoinpath, jpath.innerjoinpath],
    ProjectionPath T_ProjectionPath [subpath],
    SortPath T_SortPath [subpath],
    SubqueryScanPath T_SubqueryScanPath [subpath],
    UpperUniquePath T_UpperUniquePath [subpath],
}

tagged! {
    BitmapAndPath T_BitmapAndPath,
    BitmapOrPath T_BitmapOrPath,
    CustomPath T_CustomPath,
    ForeignPath T_ForeignPath,
    GroupResultPath T_GroupResultPath,
    IndexOptInfo T_IndexOptInfo,
}

linked! {
    Aggref T_Aggref,
    AlterTableCmd T_AlterTableCmd,
    AlterTableStmt T_AlterTableStmt,
    BoolExpr T_BoolExpr,
    CallContext T_CallContext,
    CaseExpr T_CaseExpr,
    CaseWhen T_CaseWhen,
    CoalesceExpr T_CoalesceExpr,
    Const T_Const,
    CustomScan T_CustomScan,
    DropStmt T_DropStmt,
    EquivalenceClass T_EquivalenceClass,
    EquivalenceMember T_EquivalenceMember,
    EventTriggerData T_EventTriggerData,
    FuncExpr T_FuncExpr,
    GroupingFunc T_GroupingFunc,
    List T_List,
    NullTest T_NullTest,
    OpExpr T_OpExpr,
    Param T_Param,
    PartitionBoundSpec T_PartitionBoundSpec,
    PartitionCmd T_PartitionCmd,
    PartitionRangeDatum T_PartitionRangeDatum,
    PathTarget T_PathTarget,
    PlaceHolderVar T_PlaceHolderVar,
    Query T_Query,
    RangeTblEntry T_RangeTblEntry,
    RangeVar T_RangeVar,
    RelabelType T_RelabelType,
    RowExpr T_RowExpr,
    ScalarArrayOpExpr T_ScalarArrayOpExpr,
    SortGroupClause T_SortGroupClause,
    SpecialJoinInfo T_SpecialJoinInfo,
    SubPlan T_SubPlan,
    SubscriptingRef T_SubscriptingRef,
    TargetEntry T_TargetEntry,
    TriggerData T_TriggerData,
    Var T_Var,
    WindowAgg T_WindowAgg,
    WindowFunc T_WindowFunc,
}
