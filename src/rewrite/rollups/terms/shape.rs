//! The shape of an expression: what it depends on, and where it may change with time.

/// The things that an expression depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Whether it depends on the series.
    pub series: bool,
    /// Whether it depends on rows that are joined with those of the table.
    pub joined: bool,
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
    pub const FREE: Shape = Shape { series: false, joined: false, time: Time::Free };
    pub const SERIES: Shape = Shape { series: true, ..Shape::FREE };
    pub const TIME: Shape = Shape { time: Time::Steps, ..Shape::FREE };
    pub const JOINED: Shape = Shape { joined: true, ..Shape::FREE };

    /// The shape of what depends on nothing but time.
    pub fn of_time(time: Time) -> Shape {
        Shape { time, ..Shape::FREE }
    }

    /// The shape of what depends on both.
    pub fn and(self, other: Shape) -> Shape {
        let time = if self.time == Time::Free { other.time } else { self.time };
        Shape { series: self.series || other.series, joined: self.joined || other.joined, time }
    }

    pub fn depends_on_time(self) -> bool {
        self.time != Time::Free
    }

    /// Whether nothing but time matters, if anything does.
    pub fn is_of_time_alone(self) -> bool {
        !self.series && !self.joined
    }

    /// Whether nothing but the series matters, if anything does.
    pub fn is_of_series_alone(self) -> bool {
        !self.joined && !self.depends_on_time()
    }

    /// Returns the shape as a number in a plan.
    pub fn number(self) -> i32 {
        i32::from(self.series) + 2 * i32::from(self.depends_on_time()) + 4 * i32::from(self.joined)
    }

    pub fn from_number(number: i32) -> Shape {
        let time = if number & 2 != 0 { Time::Steps } else { Time::Free };
        Shape { series: number & 1 != 0, joined: number & 4 != 0, time }
    }
}
