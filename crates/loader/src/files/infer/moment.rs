//! Dates and times as PostgreSQL and ISO 8601 write them, in PostgreSQL's own counts.
//!
//! A table's worth of them is read, so that it is done on bytes, without allocating, and over PostgreSQL's whole range.

use crate::decode::MICROS_PER_DAY;

/// 4714-11-24 BC and 5874898-01-01, PostgreSQL's ends of days, counted from 2000-01-01.
const MIN_DAYS: i64 = -2_451_545;
const END_DAYS: i64 = 2_145_031_949;
/// 4714-11-24 BC and 294277-01-01, its ends of time in microseconds.
const MIN_MICROS: i64 = -211_813_488_000_000_000;
const END_MICROS: i64 = 9_223_371_331_200_000_000;
/// PostgreSQL's offsets from UTC end before 16 hours.
const MAX_OFFSET_HOURS: i64 = 15;

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Days since 2000-01-01.
    Date(i32),
    /// Microseconds since midnight.
    Time(i64),
    /// Microseconds since 2000-01-01, in no particular zone.
    Timestamp(i64),
    /// Microseconds since 2000-01-01 UTC.
    Timestamptz(i64),
}

impl Moment {
    /// Reads `2024-02-29`, `23:59:59.5`, `2024-02-29 23:59:59`, `2024-02-29T23:59+01:00`; dates may end with ` BC`.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut rest = Cursor(text);
        if text.len() > 2 && text[2] == b':' {
            let time = rest.time_of_day()?;
            return (rest.is_empty() && time < MICROS_PER_DAY).then_some(Self::Time(time));
        }
        let (year, month, day) = rest.date()?;
        let time = match rest.0 {
            [b' ' | b'T' | b't', b'0'..=b'9', ..] => {
                rest.skip(1);
                let time = rest.time_of_day()?;
                Some((time, rest.offset()?))
            }
            _ => None,
        };
        let before_christ = matches!(rest.0, b" BC" | b" bc");
        if before_christ {
            rest.skip(3);
        }
        if !rest.is_empty() || year == 0 {
            return None;
        }
        let days = days(if before_christ { 1 - year } else { year }, month, day)?;
        let Some((time, offset)) = time else {
            return (MIN_DAYS..END_DAYS).contains(&days).then_some(Self::Date(days as i32));
        };
        let local = days.checked_mul(MICROS_PER_DAY)?.checked_add(time)?;
        let micros = local.checked_sub(offset.unwrap_or(0))?;
        (MIN_MICROS..END_MICROS).contains(&micros).then_some(match offset {
            Some(_) => Self::Timestamptz(micros),
            None => Self::Timestamp(micros),
        })
    }
}

/// Days from 2000-01-01 to a day of the Gregorian calendar, year 0 being 1 BC; none if there is no such day.
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
    // Years that begin in March put the leap day at their end.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let of_years = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    Some(of_years + day_of_year - 730_425)
}

/// The bytes not read yet.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn skip(&mut self, bytes: usize) {
        self.0 = &self.0[bytes..];
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.0.first() == Some(&byte);
        if found {
            self.skip(1);
        }
        found
    }

    /// A number of exactly two digits, at most `most`.
    fn two(&mut self, most: i64) -> Option<i64> {
        let [a @ b'0'..=b'9', b @ b'0'..=b'9', ..] = *self.0 else { return None };
        self.skip(2);
        let number = i64::from(a - b'0') * 10 + i64::from(b - b'0');
        (number <= most).then_some(number)
    }

    /// Year of four to seven digits, month, day.
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

    /// Hours and minutes, perhaps seconds and a fraction; like PostgreSQL, takes 24:00 and a leap second.
    fn time_of_day(&mut self) -> Option<i64> {
        let hours = self.two(24)?;
        let minutes = self.take(b':').then(|| self.two(59))??;
        let seconds = if self.take(b':') { self.two(60)? } else { 0 };
        let fraction = if self.take(b'.') { self.fraction()? } else { 0 };
        let micros = ((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + fraction;
        (micros <= MICROS_PER_DAY).then_some(micros)
    }

    /// Digits after the point as microseconds; more than six are rounded.
    fn fraction(&mut self) -> Option<i64> {
        let digits = self.0.iter().take_while(|b| b.is_ascii_digit()).count();
        let digit = |i: usize| if i < digits { i64::from(self.0[i] - b'0') } else { 0 };
        let micros = (0..6).fold(0, |micros, i| micros * 10 + digit(i)) + i64::from(digit(6) >= 5);
        self.skip(digits);
        (digits > 0).then_some(micros)
    }

    /// Microseconds east of UTC, if there is an offset at all: `Z`, ` UTC`, `+01`, `+0130`, `+01:30`, `+01:30:15`.
    fn offset(&mut self) -> Option<Option<i64>> {
        if matches!(self.0, [b'Z' | b'z', ..]) {
            self.skip(1);
            return Some(Some(0));
        }
        if matches!(self.0, [b' ', b'U', b'T', b'C', ..]) {
            self.skip(4);
            return Some(Some(0));
        }
        if matches!(self.0, [b' ', b'+' | b'-', ..]) {
            self.skip(1);
        }
        let sign = match self.0 {
            [b'+', ..] => 1,
            [b'-', ..] => -1,
            _ => return Some(None),
        };
        self.skip(1);
        let mut seconds = self.two(MAX_OFFSET_HOURS)? * 3600;
        let colon = self.take(b':');
        if colon || matches!(self.0, [b'0'..=b'9', ..]) {
            seconds += self.two(59)? * 60;
        }
        if colon && self.take(b':') {
            seconds += self.two(59)?;
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
        Moment::parse(text.as_bytes())
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
        for text in ["24:00", "1:00", "12:60", "12:00:61", "12:00:00.", "12:00Z", "12:00 PM"] {
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
        for text in ["2000-01-01T", "2000-01-01 00:00:00+16", "2000-01-01 00:00:00 CET", "2000-01-01 00:00+1"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
