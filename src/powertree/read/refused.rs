//! Reasons why the table itself must answer a question about the cells of a tree.

use crate::powertree::model::key::SameHash;

/// A reason why the table itself must answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The tree is not kept in step, or its nodes are of another format, or the snapshot is older than a change of partitions.
    Stale,
    /// A statement of this session is writing the table, and the tree learns of it at its end.
    BeingWritten,
    /// Row security hides rows from the user.
    RowSecurity,
    /// Nodes have rows that are no longer in the table.
    Archived,
    /// The owner of the table may not read all of it.
    Rights,
    /// Two series have the same hash.
    SameHash,
    /// Most of what is asked has to be read from the table until the next compaction.
    ToBeCompacted,
    /// Leaves cut by cells, with most of the rows, which would have to be read one by one.
    Wide,
    /// The answer would take more work than it is worth.
    Laborious,
    /// More would have to be remembered than a query should.
    TooMuch,
}

impl Refused {
    /// Returns the reason, for EXPLAIN.
    pub fn reason(self) -> &'static str {
        match self {
            Refused::Stale => "the tree is stale, or changed since the snapshot was taken",
            Refused::BeingWritten => "the table is being written by this session",
            Refused::RowSecurity => "row security hides rows",
            Refused::Archived => "rows in the range are archived",
            Refused::Rights => "the owner of the table may not read it",
            Refused::SameHash => "two series have the same hash",
            Refused::ToBeCompacted => "leaves wait for compaction",
            Refused::Wide => "leaves are wider than the cells of the query",
            Refused::Laborious => "reading the table costs less",
            Refused::TooMuch => "there are too many cells, series or changed leaves",
        }
    }
}

impl From<SameHash> for Refused {
    fn from(_: SameHash) -> Refused {
        Refused::SameHash
    }
}
