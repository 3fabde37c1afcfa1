//! Functions that are monotone in time: those of PostgreSQL, whose OIDs are the same in all versions (pg_proc.dat).
//!
//! Monotone means that the result never returns to a value that it has left while the position grows, be it rising or
//! falling, as long as no time zone changes its offset.

/// A function that is monotone in one of its arguments as long as the others stay as they are.
#[derive(Clone, Copy, Debug)]
pub struct Monotone {
    /// The arguments that may depend on the position, by their place: one of them at a time.
    pub of: &'static [usize],
    /// Whether there are many positions with one result.
    pub is_stepped: bool,
    pub zone: Zone,
    /// The place of an interval, which must be a constant without months unless it is what depends on the position.
    pub interval: Option<usize>,
    /// Whether results beyond 31 bits are an error, which rows that the query leaves out must not cause.
    pub narrows: bool,
    /// Whether the other argument must be a constant that is not zero.
    pub divides: bool,
}

/// The time zone that a function takes into account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    None,
    /// The session's own.
    Session,
    /// The one whose name is at this place in the arguments.
    Named(usize),
}

const SMOOTH: Monotone = Monotone {
    of: &[0],
    is_stepped: false,
    zone: Zone::None,
    interval: None,
    narrows: false,
    divides: false,
};
const STEPPED: Monotone = Monotone { is_stepped: true, ..SMOOTH };
const NARROW: Monotone = Monotone { narrows: true, ..STEPPED };
const SECOND: Monotone = Monotone { of: &[1], ..SMOOTH };
const EITHER: Monotone = Monotone { of: &[0, 1], ..SMOOTH };
const DIVISION: Monotone = Monotone { divides: true, ..SMOOTH };
const WHOLE_DIVISION: Monotone = Monotone { is_stepped: true, ..DIVISION };

/// Finds out how a function depends on the position; None if it is not known to be monotone.
pub fn monotone(function: u32) -> Option<Monotone> {
    Some(match function {
        // date_trunc(text, timestamp), (text, timestamptz), (text, timestamptz, text); date_bin
        2020 => Monotone { is_stepped: true, ..SECOND },
        1217 => Monotone { is_stepped: true, zone: Zone::Session, ..SECOND },
        1284 => Monotone { is_stepped: true, zone: Zone::Named(2), ..SECOND },
        6177 | 6178 => Monotone { is_stepped: true, ..SECOND },
        // Casts between date, timestamp and timestamptz.
        1178 => Monotone { zone: Zone::Session, ..STEPPED },
        2029 => STEPPED,
        2024 => SMOOTH,
        2027 | 2028 | 1174 => Monotone { zone: Zone::Session, ..SMOOTH },
        // To fewer digits of the seconds.
        1961 | 1967 | 1968 => STEPPED,
        // AT TIME ZONE, by name and by interval; AT LOCAL.
        1159 | 2069 => Monotone { zone: Zone::Named(0), ..SECOND },
        1026 | 2070 => SECOND,
        6334 | 6335 => Monotone { zone: Zone::Session, ..SMOOTH },
        // Sums with an interval, and with days.
        1189 | 1190 => Monotone { of: &[0, 1], zone: Zone::Session, interval: Some(1), ..SMOOTH },
        2549 => Monotone { of: &[0, 1], zone: Zone::Session, interval: Some(0), ..SMOOTH },
        2032 | 2033 | 2071 | 2072 => Monotone { interval: Some(1), ..EITHER },
        2548 | 2546 => Monotone { interval: Some(0), ..EITHER },
        1141 | 1142 | 2550 => EITHER,
        // Differences, which are intervals or days.
        2031 | 1188 | 1140 => EITHER,
        // Multiples of an interval.
        1618 => Monotone { of: &[1], interval: Some(0), ..SMOOTH },
        1624 => Monotone { of: &[0], interval: Some(1), ..SMOOTH },
        // to_timestamp(double precision)
        1158 => SMOOTH,
        // Casts between numbers, which round where the result is whole.
        481 | 754 | 313 | 482 | 316 | 235 | 1781 | 1740 | 1782 | 1743 | 1746 | 311 | 1742 => SMOOTH,
        483 | 653 | 1779 | 1703 => STEPPED,
        480 | 314 | 714 | 317 | 237 | 319 | 238 | 1744 | 1783 => NARROW,
        // floor, ceil, round, trunc
        2309 | 1712 | 2308 | 2320 | 1711 | 2167 | 1342 | 1708 | 1707 | 1343 | 1710 | 1709 => STEPPED,
        // Sums, differences and products.
        218 | 219 | 216 | 1724 | 1725 | 1726 | 463 | 464 | 465 | 177 | 181 | 141 => EITHER,
        1274 | 1275 | 1276 | 1278 | 1279 | 1280 => EITHER,
        // Quotients; those of integers are whole.
        217 | 1727 => DIVISION,
        466 | 154 | 1277 | 1973 | 1980 => WHOLE_DIVISION,
        _ => return None,
    })
}

/// A part of a date or a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The result grows with the time and has a value for each moment.
    Smooth,
    /// The result grows with the time, in steps.
    Stepped,
    /// The result is the same as long as `date_trunc` of this unit is.
    Within(&'static str),
    /// The result grows with the time as long as `date_trunc` of this unit is the same.
    SmoothWithin(&'static str),
    /// The result is the same as long as no time zone changes its offset.
    Fixed,
}

/// The function that takes a part out of the type of its second argument.
pub fn takes_field(function: u32) -> bool {
    matches!(function, 6199 | 6202 | 6203 | 6204 | 1384 | 2021 | 1171 | 1172)
}

/// The part that a name means; None if it is unknown.
pub fn field(name: &str) -> Option<Field> {
    Some(match name.to_ascii_lowercase().as_str() {
        "epoch" | "julian" => Field::Smooth,
        "century" | "millennium" | "decade" | "year" | "isoyear" => Field::Stepped,
        "quarter" => Field::Within("quarter"),
        "month" => Field::Within("month"),
        "week" | "day" | "dow" | "isodow" | "doy" => Field::Within("day"),
        "hour" => Field::Within("hour"),
        "minute" => Field::Within("minute"),
        "second" | "seconds" | "milliseconds" | "microseconds" => Field::SmoothWithin("minute"),
        "timezone" | "timezone_hour" | "timezone_minute" => Field::Fixed,
        _ => return None,
    })
}

/// Whether the result of a part, or of `date_trunc` to a unit, is the same within a month.
pub fn is_of_months(name: &str) -> bool {
    const UNITS: [&str; 6] = ["month", "quarter", "year", "decade", "century", "millennium"];
    UNITS.iter().any(|unit| name.eq_ignore_ascii_case(unit))
}

/// Whether it is a cast between date, timestamp and timestamptz, on one and the same calendar.
pub fn keeps_month(function: u32) -> bool {
    matches!(function, 1178 | 2029 | 2024 | 2027 | 2028 | 1174)
}

/// Whether it is `date_trunc` on the calendar of its argument, or of the session.
pub fn truncates(function: u32) -> bool {
    matches!(function, 2020 | 1217)
}

/// Whether it is `to_char(timestamp, text)` or `to_char(timestamptz, text)`.
pub fn formats_time(function: u32) -> bool {
    matches!(function, 2049 | 1770)
}

/// Whether it is the cast of a timestamp or a timestamptz to time, or to time with time zone.
pub fn takes_time_of_day(function: u32) -> bool {
    matches!(function, 1316 | 2019 | 1388)
}

/// The unit within which a pattern of `to_char` prints the same; None if it prints fractions of seconds.
pub fn unit_of(pattern: &str) -> Option<&'static str> {
    let pattern = pattern.to_ascii_uppercase();
    let has = |parts: &[&str]| parts.iter().any(|part| pattern.contains(part));
    match () {
        () if has(&["US", "MS", "FF"]) => None,
        () if has(&["SS"]) => Some("second"),
        () if has(&["MI"]) => Some("minute"),
        () if has(&["HH", "AM", "PM", "A.M.", "P.M."]) => Some("hour"),
        () => Some("day"),
    }
}

/// `date_trunc` for a type, and whether it takes the session's time zone into account.
pub fn date_trunc(type_oid: u32) -> Option<u32> {
    match type_oid {
        1114 => Some(2020),
        1184 => Some(1217),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_print_the_same_within_their_unit() {
        for (pattern, unit) in [
            ("YYYY-MM", Some("day")),
            ("FMMonth", Some("day")),
            ("YYYY-MM-DD HH24", Some("hour")),
            ("HH12 am", Some("hour")),
            ("hh24:mi", Some("minute")),
            ("HH24:MI:SS", Some("second")),
            ("SSSS", Some("second")),
            ("SS.US", None),
            ("SS.FF3", None),
        ] {
            assert_eq!(unit_of(pattern), unit, "{pattern}");
        }
    }
}
