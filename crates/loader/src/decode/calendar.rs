//! Texts of dates and times in all of PostgreSQL's range, which is far wider than that of other calendars: 4714 BC to 294276,
//! for dates 5874897.

/// A day, and perhaps a time in it and a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Since 1970-01-01.
    pub days: i64,
    /// Microseconds since midnight.
    pub micros: Option<i64>,
    /// Seconds east of UTC.
    pub zone: Option<i64>,
}

/// Reads texts such as `9999-12-31T23:59:59Z`, `10000-01-01 00:00:00.5+05:30`, `-0043-03-15` and `0044-03-15 BC`.
pub fn parse(text: &str) -> Option<Moment> {
    let (text, is_bc) = text.strip_suffix(" BC").map_or((text, false), |text| (text, true));
    let mut rest = Rest(text.as_bytes());
    let sign = rest.one_of(b"+-");
    let year = rest.number(4, 7)?;
    rest.one_of(b"-")?;
    let month = rest.number(2, 2)?;
    rest.one_of(b"-")?;
    let day = rest.number(2, 2)?;
    // There is no year 0 before the year 1 of the Lord; with a sign, as ISO 8601 counts, there is.
    let year = match (sign, is_bc) {
        (None, true) if year > 0 => 1 - year,
        (None, false) if year > 0 => year,
        (Some(b'-'), false) => -year,
        (Some(_), false) => year,
        _ => return None,
    };
    let days = days_since_1970(year, month, day)?;
    let mut moment = Moment { days, micros: None, zone: None };
    if rest.one_of(b"Tt ").is_some() {
        moment.micros = Some(rest.time_of_day()?);
        rest.one_of(b" ");
        moment.zone = rest.zone()?;
    }
    rest.0.is_empty().then_some(moment)
}

impl Moment {
    /// Microseconds since 1970-01-01 00:00, there or, with a zone, in UTC.
    pub fn micros_since_1970(&self) -> i128 {
        let seconds = i128::from(self.days) * 86_400 - i128::from(self.zone.unwrap_or(0));
        seconds * 1_000_000 + i128::from(self.micros.unwrap_or(0))
    }
}

/// What is left of a text.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    /// The next character, if it is one of these.
    fn one_of(&mut self, wanted: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        wanted.contains(first).then(|| {
            self.0 = rest;
            *first
        })
    }

    /// The next digits as a number.
    fn number(&mut self, least: usize, most: usize) -> Option<i64> {
        let digits = self.0.iter().take(most).take_while(|c| c.is_ascii_digit()).count();
        if digits < least {
            return None;
        }
        let (number, rest) = self.0.split_at(digits);
        self.0 = rest;
        Some(number.iter().fold(0, |sum, digit| 10 * sum + i64::from(digit - b'0')))
    }

    fn time_of_day(&mut self) -> Option<i64> {
        let hour = self.number(2, 2)?;
        self.one_of(b":")?;
        let minute = self.number(2, 2)?;
        let (mut second, mut nanos) = (0, 0);
        if self.one_of(b":").is_some() {
            second = self.number(2, 2)?;
            if self.one_of(b".,").is_some() {
                let before = self.0.len();
                nanos = self.number(1, 9)?;
                nanos *= 10i64.pow(9 - (before - self.0.len()) as u32); // at most nine digits were read
            }
        }
        let micros = ((hour * 60 + minute) * 60 + second) * 1_000_000 + (nanos + 500) / 1000;
        (minute < 60 && second <= 60 && micros <= 86_400_000_000).then_some(micros)
    }

    /// The zone, if there is one.
    fn zone(&mut self) -> Option<Option<i64>> {
        match self.one_of(b"Zz+-") {
            None => Some(None),
            Some(b'Z' | b'z') => Some(Some(0)),
            Some(sign) => {
                let mut seconds = self.number(2, 2)? * 3600;
                for unit in [60, 1] {
                    let colon = self.one_of(b":").is_some();
                    match self.number(2, 2) {
                        Some(number) if number < 60 => seconds += number * unit,
                        None if !colon => break,
                        _ => return None,
                    }
                }
                (seconds < 16 * 3600).then_some(Some(if sign == b'-' { -seconds } else { seconds }))
            }
        }
    }
}

/// The days from 1970-01-01 to a date of the Gregorian calendar, which is taken to have been in force always.
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_leap = year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0);
    let length = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    // Years that begin in March have their leap day at the end.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days_of_years = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    Some(days_of_years + (153 * month + 2) / 5 + day - 1 - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days() {
        for (text, days) in [
            ("1970-01-01", 0),
            ("2000-03-01", 11_017),
            ("1969-12-31", -1),
            ("9999-12-31", 2_932_896),
            ("10000-01-01", 2_932_897),
            ("0001-01-01", -719_162),
            ("0001-12-31 BC", -719_163),
            ("+0000-12-31", -719_163),
            ("-0001-12-31", -719_163 - 366),
        ] {
            assert_eq!(parse(text).map(|moment| moment.days), Some(days), "{text}");
        }
        for wrong in [
            "2023-02-29",
            "2000-13-01",
            "2000-00-01",
            "0000-01-01",
            "20-01-01",
            "2000-01-01x",
            "-0001-01-01 BC",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn times_and_zones() {
        let micros = |text: &str| parse(text).map(|moment| (moment.micros_since_1970(), moment.zone));
        assert_eq!(micros("1970-01-01T00:00:01.5Z"), Some((1_500_000, Some(0))));
        assert_eq!(micros("1970-01-01 05:30+05:30"), Some((0, Some(19_800))));
        assert_eq!(micros("1970-01-01 00:00:00-0100"), Some((3_600_000_000, Some(-3600))));
        assert_eq!(micros("1970-01-01 24:00:00"), Some((86_400_000_000, None)));
        assert_eq!(micros("1970-01-01T00:00:00.0000005"), Some((1, None)));
        for wrong in [
            "1970-01-01T",
            "1970-01-01T25:00",
            "1970-01-01T00:60",
            "1970-01-01T00:00+1:00",
            "1970-01-01T00:00+01:",
        ] {
            assert_eq!(micros(wrong), None, "{wrong}");
        }
    }
}
