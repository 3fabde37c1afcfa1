//! The shape of an expression: what it depends on, and where it may change with time.

/// The things that an expression depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Whether it depends on the series.
    pub series: bool,
    pub time: Time,
}

/// The way in which an expression depends on the position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    Free,
    /// Changes in steps, at those of the carriers.
    Steps,
    /// Stays in one month for all positions of a month, and is of no use but for that month.
    Months,
    /// Monotone, in many steps or smoothly; `after` says that it is monotone between the steps of other carriers only.
    Monotone {
        is_stepped: bool,
        after: bool,
    },
}

impl Shape {
    pub const FREE: Shape = Shape { series: false, time: Time::Free };
    pub const SERIES: Shape = Shape { series: true, time: Time::Free };
    pub const TIME: Shape = Shape { series: false, time: Time::Steps };
    pub const BOTH: Shape = Shape { series: true, time: Time::Steps };

    /// The shape of what depends on both.
    pub fn and(self, other: Shape) -> Shape {
        let time = if self.time == Time::Free { other.time } else { self.time };
        Shape { series: self.series || other.series, time }
    }

    pub fn depends_on_time(self) -> bool {
        self.time != Time::Free
    }

    /// Returns the shape as a number in a plan.
    pub fn number(self) -> i32 {
        i32::from(self.series) + 2 * i32::from(self.depends_on_time())
    }

    pub fn from_number(number: i32) -> Shape {
        Shape { series: number & 1 != 0, time: if number & 2 != 0 { Time::Steps } else { Time::Free } }
    }
}
