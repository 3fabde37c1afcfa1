//! Lists that the plan consists of, which PostgreSQL can copy.

/// The lists of expressions, in their order.
#[derive(Clone, Copy)]
pub enum ExpressionList {
    Conditions,
    Comparisons,
    Carriers,
    Zones,
    Keys,
    Filters,
    Lookups,
    Arguments,
    Ends,
    /// Conditions on values, and the bounds of each.
    ValueConditions,
    Bounds,
    /// Columns of joined rows, each once.
    JoinedColumns,
    /// Conditions of joins.
    JoinedBy,
    /// Both sides of those that say that something is equal.
    OfTable,
    OfDimension,
    /// Comparisons of the position with what joined rows have.
    RowComparisons,
}

/// The lists of numbers, in their order.
#[derive(Clone, Copy)]
pub enum Numbers {
    /// The tree, the user, whether the time zone of the session matters, whether something fails where it has more than 31 bits,
    /// the only value that conditions and aggregates are about, counted from 1, and two numbers for what the answer is worth.
    Question,
    /// Shapes of the conditions, negative for ranges.
    Conditions,
    Keys,
    Equalities,
    Collations,
    Filters,
    Days,
    /// The column of the scan in which the position is, and those of the series; 0 where it is not needed.
    Columns,
    /// Three for each aggregate: two for the argument, and the filter, counted from 1.
    Aggregates,
    /// The sources of lookups.
    Lookups,
    Operands,
    /// Shapes of the arguments of operands.
    Arguments,
    /// Five for each value of a row at an end: the column of the scan, whether it is of the last row, the filter, counted from 1, the
    /// function, and how many tie-breakers it has.
    Ends,
    /// Two for each column of the table that these values are about: its number, and the column of the scan.
    EndColumns,
    /// Four for each tie-breaker: the column of the table, the operator, the collation, and whether NULL comes first.
    Ties,
    /// For each grouping set the number of its keys, and their places.
    Sets,
    /// For each call of GROUPING() the number of keys that it asks about, and their places.
    Calls,
    /// Four for each condition on a value: its place in the tree, the column of the scan, the kind, and the number of bounds.
    ValueConditions,
    /// Kinds of joins, one for each dimension.
    Dimensions,
    /// Two for each column: the dimension, and the column of its plan.
    JoinedColumns,
    /// Two for each condition: the dimension and the shape.
    JoinedBy,
    /// Four for each pair of sides: the dimension, the operator, the collation, and whether the table is on its left.
    Sides,
    /// The dimensions of comparisons.
    RowComparisons,
}
