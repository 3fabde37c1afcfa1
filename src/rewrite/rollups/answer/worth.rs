//! The work that an answer is worth: what the ordinary plan would take.

/// Work in the unit of [`work`](crate::powertree::cells::work), of which a part is for each row that the query is about.
#[derive(Clone, Copy, Debug)]
pub struct Worth {
    pub once: f64,
    pub each_row: f64,
}

/// Numbers in a plan are integers: thousandths.
const PARTS: f64 = 1000.0;

impl Worth {
    /// The worth of an answer about this many rows.
    pub fn of_rows(self, rows: f64) -> f64 {
        self.once + self.each_row * rows
    }

    /// Returns the parts as numbers in a plan.
    pub fn numbers(self) -> [i32; 2] {
        [self.once as i32, (self.each_row * PARTS) as i32]
    }

    pub fn from_numbers(once: i32, each_row: i32) -> Worth {
        Worth { once: f64::from(once), each_row: f64::from(each_row) / PARTS }
    }
}
