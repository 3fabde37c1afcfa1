//! Dates and times, read in the forms of PostgreSQL and ISO 8601 into PostgreSQL's own counts.
//!
//! Parsing does not allocate, since there are millions of values, and covers PostgreSQL's whole range, which is far
//! wider than that of calendar libraries.

use super::Problem;

/// Microseconds in a day.
pub const MICROS_PER_DAY: i64 = 86_400_000_000;
/// Days from 1970-01-01, where Unix begins to count, to 2000-01-01, where PostgreSQL does.
const DAYS_TO_2000: i64 = 10_957;
/// PostgreSQL's first day, 4714-11-24 BC, and the end of its range, 5874898-01-01, in days since 2000-01-01.
const MIN_DAYS: i64 = -2_451_545;
const END_DAYS: i64 = 2_145_031_949;
/// PostgreSQL's first instant, 4714-11-24 BC, and the end of its range, 294277-01-01, in microseconds since 2000-01-01.
const MIN_MICROS: i64 = -211_813_488_000_000_000;
const END_MICROS: i64 = 9_223_371_331_200_000_000;
/// PostgreSQL's offsets from UTC end before 16 hours.
const MAX_OFFSET_HOURS: i64 = 15;

/// Converts days since 1970-01-01 to days since 2000-01-01; None if PostgreSQL has no such day.
pub fn days_from_unix(days: i32) -> Option<i32> {
    days_in_range(i64::from(days) - DAYS_TO_2000)
}

/// Converts microseconds since 1970-01-01 to microseconds since 2000-01-01; None if PostgreSQL has no such instant.
pub fn micros_from_unix(micros: i128) -> Option<i64> {
    micros_in_range(micros.checked_sub(i128::from(DAYS_TO_2000 * MICROS_PER_DAY))?)
}

/// Returns the midnight at which a day begins; None if PostgreSQL has no such instant.
pub fn midnight(days: i32) -> Option<i64> {
    micros_in_range(i128::from(days) * i128::from(MICROS_PER_DAY))
}

fn days_in_range(days: i64) -> Option<i32> {
    (MIN_DAYS..END_DAYS).contains(&days).then_some(days as i32)
}

/// Narrows microseconds since 2000-01-01; None if PostgreSQL has no such instant.
pub fn micros_in_range(micros: i128) -> Option<i64> {
    (i128::from(MIN_MICROS)..i128::from(END_MICROS)).contains(&micros).then_some(micros as i64)
}

/// A date or time, of the kind that its text contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Days since 2000-01-01.
    Date(i32),
    /// Microseconds since midnight.
    Time(i64),
    /// Microseconds since 2000-01-01, without a time zone.
    Timestamp(i64),
    /// Microseconds since 2000-01-01 UTC.
    Timestamptz(i64),
}

impl Moment {
    /// Reads `2024-02-29`, `23:59:59.5`, `2024-02-29 23:59:59`, `2024-02-29T23:59+01:00`; a year may have seven digits,
    /// and a sign in front or ` BC` at the end.
    pub fn parse(text: &[u8]) -> Result<Self, Problem> {
        Self::read(text).ok_or(Problem::Syntax)?
    }

    /// Reads a text; None if it has another form.
    fn read(text: &[u8]) -> Option<Result<Self, Problem>> {
        let mut rest = Cursor(text);
        if text.len() > 2 && text[2] == b':' {
            let time = rest.time_of_day()?;
            return rest.is_empty().then_some(Ok(Self::Time(time)));
        }
        let sign = rest.one_of(b"+-");
        let (year, month, day) = rest.date()?;
        let time = match rest.0 {
            [b' ' | b'T' | b't', b'0'..=b'9', ..] => {
                rest.skip(1);
                let time = rest.time_of_day()?;
                Some((time, rest.offset()?))
            }
            _ => None,
        };
        let is_bc = matches!(rest.0, b" BC" | b" bc");
        if is_bc {
            rest.skip(3);
        }
        if !rest.is_empty() {
            return None;
        }
        // There is no year 0 between 1 BC and 1 AD, except with a sign, as ISO 8601 counts.
        let year = match (sign, is_bc) {
            (None, true) if year > 0 => 1 - year,
            (None, false) if year > 0 => year,
            (Some(b'-'), false) => -year,
            (Some(_), false) => year,
            _ => return None,
        };
        let days = days(year, month, day)?;
        let Some((time, offset)) = time else {
            return Some(days_in_range(days).map(Self::Date).ok_or(Problem::Range));
        };
        let local = i128::from(days) * i128::from(MICROS_PER_DAY) + i128::from(time);
        let micros = micros_in_range(local - i128::from(offset.unwrap_or(0)));
        let moment = match offset {
            Some(_) => micros.map(Self::Timestamptz),
            None => micros.map(Self::Timestamp),
        };
        Some(moment.ok_or(Problem::Range))
    }
}

/// Days from 2000-01-01 to a day of the Gregorian calendar, year 0 being 1 BC; None if there is no such day.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    // Counting years from March puts the leap day at the end.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let of_years = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    Some(of_years + day_of_year - 730_425)
}

/// The bytes that are not read yet.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn skip(&mut self, bytes: usize) {
        self.0 = &self.0[bytes..];
    }

    /// Takes the next byte if it is one of these.
    fn one_of(&mut self, wanted: &[u8]) -> Option<u8> {
        let byte = *self.0.first()?;
        wanted.contains(&byte).then(|| {
            self.skip(1);
            byte
        })
    }

    fn take(&mut self, byte: u8) -> bool {
        self.one_of(&[byte]).is_some()
    }

    /// Takes a number of exactly two digits, at most `most`.
    fn two(&mut self, most: i64) -> Option<i64> {
        let [a @ b'0'..=b'9', b @ b'0'..=b'9', ..] = *self.0 else { return None };
        self.skip(2);
        let number = i64::from(a - b'0') * 10 + i64::from(b - b'0');
        (number <= most).then_some(number)
    }

    /// Takes a year of four to seven digits, a month and a day.
    fn date(&mut self) -> Option<(i64, i64, i64)> {
        let digits = self.0.iter().take(8).take_while(|b| b.is_ascii_digit()).count();
        if !(4..8).contains(&digits) {
            return None;
        }
        let year = self.0[..digits].iter().fold(0, |year, b| year * 10 + i64::from(b - b'0'));
        self.skip(digits);
        let month = self.take(b'-').then(|| self.two(12))??;
        let day = self.take(b'-').then(|| self.two(31))??;
        Some((year, month, day))
    }

    /// Takes hours and minutes, and seconds with a fraction if there are any; like PostgreSQL, accepts 24:00 and a leap
    /// second. A fraction after minutes is refused, since PostgreSQL reads it as one of seconds and ISO 8601 as one of
    /// minutes.
    fn time_of_day(&mut self) -> Option<i64> {
        let hours = self.two(24)?;
        let minutes = self.take(b':').then(|| self.two(59))??;
        let (seconds, fraction) = if self.take(b':') { (self.two(60)?, self.fraction()?) } else { (0, 0) };
        let micros = ((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + fraction;
        (micros <= MICROS_PER_DAY).then_some(micros)
    }

    /// Takes a point and digits, if there are any, as microseconds. More than six digits are rounded as PostgreSQL
    /// does: as the nearest double, and ties to even.
    fn fraction(&mut self) -> Option<i64> {
        let Some(b'.' | b',') = self.0.first() else { return Some(0) };
        let digits = self.0[1..].iter().take_while(|b| b.is_ascii_digit()).count();
        let (text, rest) = self.0.split_at(1 + digits);
        self.0 = rest;
        match digits {
            0 => None,
            1..=6 => {
                let digit = |i: usize| text.get(i).map_or(0, |b| i64::from(b - b'0'));
                Some((1..=6).fold(0, |micros, i| micros * 10 + digit(i)))
            }
            _ => {
                let seconds: f64 = str::from_utf8(text).ok()?.replace(',', ".").parse().ok()?;
                Some((seconds * 1e6).round_ties_even() as i64) // at most 1,000,000
            }
        }
    }

    /// Takes an offset, if there is one, as microseconds east of UTC: `Z`, ` UTC`, `+01`, `+0130`, `+01:30`,
    /// `+01:30:15`.
    fn offset(&mut self) -> Option<Option<i64>> {
        if self.0.starts_with(b" UTC") {
            self.skip(4);
            return Some(Some(0));
        }
        if matches!(self.0, [b' ', b'+' | b'-' | b'Z' | b'z', ..]) {
            self.skip(1);
        }
        if self.one_of(b"Zz").is_some() {
            return Some(Some(0));
        }
        let Some(sign) = self.one_of(b"+-") else { return Some(None) };
        let sign = if sign == b'-' { -1 } else { 1 };
        let mut seconds = self.two(MAX_OFFSET_HOURS)? * 3600;
        if self.take(b':') {
            seconds += self.two(59)? * 60;
            if self.take(b':') {
                seconds += self.two(59)?;
            }
        } else if matches!(self.0, [b'0'..=b'9', ..]) {
            seconds += self.two(59)? * 60;
        }
        Some(Some(sign * seconds * 1_000_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Moment::*;

    const HOUR: i64 = 3_600_000_000;

    fn parse(text: &str) -> Option<Moment> {
        Moment::parse(text.as_bytes()).ok()
    }

    #[test]
    fn dates() {
        // The numbers are those of `date - date '2000-01-01'` in PostgreSQL.
        for (text, days) in [
            ("2000-01-01", 0),
            ("1999-12-31", -1),
            ("2000-02-29", 59),
            ("2024-02-29", 8825),
            ("1900-03-01", -36465),
            ("0001-01-01", -730_119),
            ("0001-12-31 BC", -730_120),
            ("0044-03-15 BC", -746_117),
            ("4714-11-24 BC", -2_451_545),
            ("9999-12-31", 2_921_939),
            ("10000-01-01", 2_921_940),
            ("5874897-12-31", 2_145_031_948),
            ("+0000-12-31", -730_120),
            ("-0001-12-31", -730_120 - 366),
        ] {
            assert_eq!(parse(text), Some(Date(days)), "{text}");
        }
        for text in [
            "2023-02-29",
            "1900-02-29",
            "2024-13-01",
            "2024-00-10",
            "2024-01-32",
            "2024-04-31",
            "0000-01-01",
            "4714-11-23 BC",
            "5874898-01-01",
            "24-01-01",
            "2024-1-1",
            "2024/01/01",
            "20240101",
            "2024-01-01 ",
            "2024-01-01x",
            "-0001-01-01 BC",
            "",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut expected = days(-4713, 11, 24).unwrap();
        assert_eq!(expected, MIN_DAYS);
        for year in -4712..2800 {
            for month in 1..=12 {
                for day in 1..=31 {
                    if let Some(found) = days(year, month, day) {
                        if (year, month, day) == (-4712, 1, 1) {
                            expected = found - 1;
                        }
                        expected += 1;
                        assert_eq!(found, expected, "{year}-{month}-{day}");
                    }
                }
            }
        }
    }

    #[test]
    fn times() {
        assert_eq!(parse("00:00"), Some(Time(0)));
        assert_eq!(parse("13:05:00.25"), Some(Time(13 * HOUR + 300_250_000)));
        assert_eq!(parse("23:59:59.9999994"), Some(Time(24 * HOUR - 1)));
        assert_eq!(parse("23:59:59.9999995"), Some(Time(24 * HOUR)));
        assert_eq!(parse("24:00"), Some(Time(24 * HOUR)));
        for text in ["24:00:01", "12:00.5", "1:00", "12:60", "12:00:61", "12:00:00.", "12:00Z", "12:00 PM"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn timestamps() {
        assert_eq!(parse("2000-01-01 00:00"), Some(Timestamp(0)));
        assert_eq!(parse("2000-01-01T01:00:00"), Some(Timestamp(HOUR)));
        assert_eq!(parse("1999-12-31 24:00:00"), Some(Timestamp(0)));
        assert_eq!(parse("1999-12-31 23:59:60"), Some(Timestamp(0)));
        assert_eq!(parse("2000-01-01 00:00:00.1234567"), Some(Timestamp(123_457)));
        assert_eq!(parse("294276-12-31 23:59:59.999999"), Some(Timestamp(END_MICROS - 1)));
        assert_eq!(parse("294277-01-01 00:00:00"), None);
        assert_eq!(parse("4714-11-24 00:00:00 BC"), Some(Timestamp(MIN_MICROS)));
        for (text, micros) in [
            ("2000-01-01T00:00:00Z", 0),
            ("2000-01-01 00:00:00 UTC", 0),
            ("2000-01-01 02:00:00+02", 0),
            ("2000-01-01 00:00:00-0330", 3 * HOUR + HOUR / 2),
            ("2000-01-01T00:00:00 +05:45", -5 * HOUR - 3 * HOUR / 4),
            ("2000-01-01 00:00:00+00:00:01", -1_000_000),
            ("0001-01-01 00:00:00+00 BC", -730_485 * MICROS_PER_DAY),
        ] {
            assert_eq!(parse(text), Some(Timestamptz(micros)), "{text}");
        }
        // Years as ISO 8601 counts them, other separators, and less common zones.
        assert_eq!(parse("1970-01-01 24:00:00"), Some(Timestamp(-10_956 * MICROS_PER_DAY)));
        assert_eq!(parse("2000-01-01T00:00:00.0000015"), Some(Timestamp(2)));
        assert_eq!(parse("2000-01-01 00:00:00,5 Z"), Some(Timestamptz(500_000)));
        assert_eq!(parse("1999-12-31 22:00:00-02:00:01"), Some(Timestamptz(1_000_000)));
        for text in ["1970-01-01T25:00", "1970-01-01T00:60", "1970-01-01T00:00+1:00", "1970-01-01T00:00+01:"]
        {
            assert_eq!(Moment::parse(text.as_bytes()), Err(Problem::Syntax), "{text}");
        }
        for text in ["294277-01-01 00:00:00", "4714-11-23 23:59:59 BC", "5874898-01-01", "4714-11-23 BC"] {
            assert_eq!(Moment::parse(text.as_bytes()), Err(Problem::Range), "{text}");
        }
        for text in [
            "2000-01-01T",
            "2000-01-01 00:00:00+16",
            "2000-01-01 00:00:00 CET",
            "2000-01-01 00:00+1",
            "2000-01-01 00:00+000438",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
