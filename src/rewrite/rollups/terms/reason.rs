//! Reasons why a grouped query of a table with a power tree is answered from the table.

use super::results::Uncertified;
use crate::powertree::cells::Refused;

/// A reason, which is known when the query is planned or only when it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The tree is not kept in step.
    Stale,
    /// The setting, turned off after the query was planned.
    Off,
    /// DISTINCT ON without an order that says which row, or by more than keys and position.
    DistinctOn,
    /// Grouping sets with a constant, or with one expression as two keys.
    GroupingSets,
    /// A function that returns rows, in the list of results.
    SetReturning,
    /// FOR UPDATE and the like.
    RowLocks,
    /// TABLESAMPLE.
    Sample,
    /// Policies or a view with a security barrier.
    RowSecurity,
    /// A partition or a child, or a table without its children.
    Part,
    /// A volatile function.
    Volatile,
    /// A subquery that depends on the row.
    Subquery,
    /// A column that is neither the position nor of the series, where only those may be.
    Column(String),
    /// A value that rows must have, where other things are asked of them than that value and their number.
    Present(String),
    /// A condition on a value that does not hold for all rows of a cell, or for none.
    Partial(String),
    /// A column of the tree, which may be NULL, where the tree has no rows.
    Nullable(String),
    /// The bare position, or a function of it, that has as many values as there are moments.
    Continuous,
    /// A function of the position whose steps cannot be found.
    Unknown(String),
    /// A time zone or an interval that depends on the row.
    Varying,
    /// A column of the series whose values may have any number of spaces behind them.
    Padding(String),
    /// Whole rows as one value, or columns of the system.
    Whole,
    /// The argument of `array_agg`, of which only a column is known not to fail for other rows.
    Bare,
    /// A grouping key that cannot be hashed.
    Key,
    /// An aggregate that a tally does not have.
    Aggregate(String),
    /// An aggregate over floating-point numbers, which the setting leaves to PostgreSQL.
    Inexact(String),
    /// An argument of an aggregate that is not a value of the tree.
    Argument(String),
    /// No index on the series and the position, by which to find the rows at the ends of groups.
    NoIndex,
    /// Ends of groups of joined rows.
    EndsOfJoins,
    /// A FULL JOIN with the table.
    FullJoin,
    /// Outer joins whose order matters, or conditions above them that could not be below.
    Nested,
    /// Other tables that are joined with one another only by way of the table.
    Apart,
    /// A subquery in FROM that depends on the table.
    Lateral,
    /// An expression of the optional side of an outer join, which is NULL above it.
    Optional,
    /// The ordinary plan is cheaper.
    Cost,

    /// The tree has been dropped or made again.
    Gone,
    /// The tree is not in step with the table in this snapshot, or its rows are hidden from the caller.
    Unreadable(String),
    /// More cells than rows are worth.
    ManyCells,
    /// Rows at the end of a group that share their position and differ.
    Tie,
    /// More keys of groups than memory.
    Memory,
    /// More rows joined with the table than memory.
    JoinedRows,
    /// A time zone whose transitions are not known.
    Zone(String),
    /// Positions for which a function of the query may fail: beyond the years 1 to 9999, 1902 to 2037, or 53 or 31 bits.
    Far,
}

use Reason::*;

impl Reason {
    /// Returns the reason, to stand behind "because".
    pub fn text(&self) -> String {
        let fixed = match self {
            Column(name) => return format!("column {name} is neither the position nor of the series"),
            Present(name) => {
                return format!("of rows where {name} is not NULL a tree knows {name} and their number only")
            }
            Partial(name) => {
                return format!("the condition on {name} holds for some rows and not for others")
            }
            Nullable(name) => return format!("column {name} may be NULL"),
            Unknown(name) => return format!("the steps of {name} in time are not known"),
            Aggregate(name) => return format!("aggregate {name} does not follow from a tally"),
            Inexact(name) => return format!("{name} over floating-point numbers is rounded otherwise"),
            Argument(name) => return format!("the argument of {name} is not a value of the tree"),
            Padding(name) => return format!("column {name} of type character has no length"),
            Unreadable(why) => return why.clone(),
            Zone(name) => return format!("the transitions of {name} are not known"),
            Whole => "the query shows whole rows as one value, or a column of the system",
            Bare => "the argument of array_agg() is not a column",
            Stale => "the tree is stale",
            Gone => "the tree is gone",
            Off => "pg_tally.answer_from_trees is off",
            DistinctOn => "DISTINCT ON is not followed by the position in ORDER BY",
            GroupingSets => "grouping sets have keys that results do not tell apart",
            SetReturning => "the query has a function that returns rows",
            RowLocks => "the query locks rows",
            Sample => "the query takes a sample of the table",
            RowSecurity => "row security or a security barrier hides rows",
            Part => "the query is about a part of the table",
            Volatile => "a function is volatile",
            Subquery => "a subquery depends on the row",
            Continuous => "the query groups or chooses by the exact position",
            Varying => "an interval or a time zone is not a constant",
            Key => "a grouping key cannot be hashed",
            NoIndex => "no index finds rows by series and position",
            Tie => "rows at the end of a group share their position",
            EndsOfJoins => "the first or last of joined rows is wanted",
            FullJoin => "the table is in a FULL JOIN",
            Nested => "outer joins or conditions above them depend on one another",
            Apart => "the joined tables are compared with one another and the table at once",
            Lateral => "a subquery in FROM depends on the row of another table",
            Optional => "an expression of the optional side of an outer join is more than a column",
            Cost => "reading the table costs less",
            ManyCells => "the groups are as many as the rows",
            Memory => "the keys of the groups need more memory than a hash table may have",
            JoinedRows => "the joined tables need more memory than a hash table may have",
            Far => "positions are too far away for the functions of the query",
        };
        fixed.to_owned()
    }
}

impl From<Refused> for Reason {
    fn from(refused: Refused) -> Reason {
        Unreadable(refused.reason().to_owned())
    }
}

impl From<Uncertified> for Reason {
    fn from(uncertain: Uncertified) -> Reason {
        Unreadable(uncertain.reason().to_owned())
    }
}

/// The result of understanding something, or the reason why it was not understood.
pub type Understood<T> = Result<T, Reason>;
