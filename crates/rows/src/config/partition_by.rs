//! The division of a table into partitions by time.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A table's partitions, which are made when rows for them come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartitionBy {
    /// The column of the time, by whose range the table is partitioned.
    pub column: String,
    /// The time that a partition holds.
    pub step: Step,
}

/// The time that a partition holds, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A day.
    Day,
    /// A month of the calendar.
    Month,
}

impl FromStr for PartitionBy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let step = |step: &str| match step {
            "day" => Some(Step::Day),
            "month" => Some(Step::Month),
            _ => None,
        };
        let parts = text.split_once(':').and_then(|(first, column)| Some((step(first)?, column)));
        match parts {
            Some((step, column)) if !column.is_empty() => Ok(Self { column: column.into(), step }),
            _ => Err("must be day:COLUMN or month:COLUMN".into()),
        }
    }
}
