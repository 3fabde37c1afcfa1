//! Kinds of joins of the table with others.

/// The way in which the rows of a dimension are joined with those of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinKind {
    Inner,
    /// LEFT JOIN, the table on the left: its rows are kept.
    Left,
    /// EXISTS and IN.
    Semi,
    /// NOT EXISTS.
    Anti,
    /// LEFT JOIN, the table on the right: the rows of the dimension are kept.
    Gaps,
}

impl JoinKind {
    const ALL: [JoinKind; 5] =
        [JoinKind::Inner, JoinKind::Left, JoinKind::Semi, JoinKind::Anti, JoinKind::Gaps];

    /// Returns the kind as a number in a plan.
    pub fn number(self) -> i32 {
        self as i32
    }

    pub fn from_number(number: i32) -> JoinKind {
        JoinKind::ALL.get(number as usize).copied().unwrap_or(JoinKind::Inner)
    }

    /// Whether rows of the table that match nothing are left out.
    pub fn needs_match(self) -> bool {
        matches!(self, JoinKind::Inner | JoinKind::Semi | JoinKind::Gaps)
    }

    /// Whether its conditions are conditions of all rows as well.
    pub fn is_inner(self) -> bool {
        matches!(self, JoinKind::Inner | JoinKind::Semi)
    }
}
