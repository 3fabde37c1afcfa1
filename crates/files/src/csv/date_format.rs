//! Formats of dates and times other than ISO 8601.

use std::str::FromStr;

use jiff::civil::{date, DateTime, Time};
use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::SignedDuration;
use tally_postgres::pgtype::moment::{midnight, Moment};

/// A format such as `DD.MM.YYYY HH24:MI` or `%d.%m.%Y %H:%M`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateFormat {
    /// The format in terms of strftime.
    strftime: String,
    has_date: bool,
    has_time: bool,
    has_offset: bool,
}

/// The first year that is read: where four digits are expected, `24` is not the year 24.
const FIRST_YEAR: i16 = 1000;

/// The parts of a template, the longer before those that they begin with, and their meaning for strftime.
const PARTS: [(&str, &str); 23] = [
    ("YYYY", "%Y"),
    ("YY", "%y"),
    ("MONTH", "%B"),
    ("MON", "%b"),
    ("MI", "%M"),
    ("MM", "%m"),
    ("M", "%m"),
    ("DAY", "%A"),
    ("DY", "%a"),
    ("DD", "%d"),
    ("D", "%d"),
    ("HH24", "%H"),
    ("HH12", "%I"),
    ("HH", "%H"),
    ("H", "%H"),
    ("SS", "%S%.f"),
    ("S", "%S%.f"),
    ("AM", "%p"),
    ("PM", "%p"),
    ("TZH:TZM", "%:z"),
    ("TZH", "%z"),
    ("TZ", "%z"),
    ("T", "T"),
];
/// The specifiers of strftime that are understood.
const SPECIFIERS: &str = "YymbBhdeHIMSpzFTRDaA%.:f";

impl FromStr for DateFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let strftime = match text.contains('%') {
            true => text.to_string(),
            false => translated(text)?,
        };
        let mut specifiers = String::new();
        let mut letters = strftime.chars();
        while let Some(letter) = letters.next() {
            if letter == '%' {
                let specifier = letters.find(|letter| !matches!(letter, '.' | ':' | '-' | '0'..='9'));
                specifiers.extend(specifier);
            }
        }
        if let Some(unknown) = specifiers.chars().find(|letter| !SPECIFIERS.contains(*letter)) {
            return Err(format!("unsupported specifier %{unknown}"));
        }
        let any = |letters: &str| specifiers.contains(|letter| letters.contains(letter));
        let has_date = any("YyFD") && any("mbBhFD") && any("deFD");
        let has_time = any("HITR") && any("MTR");
        let format = Self { has_date, has_time, has_offset: any("z"), strftime };
        let is_whole = |has: bool, letters: &str| has || !any(letters);
        let is_sound = is_whole(has_date, "YymbBhdeFD") && is_whole(has_time, "HIMSpzTR");
        match is_sound && (has_date || has_time) {
            true => Ok(format),
            false => {
                Err("must have year, month and day, or hour and minute, or both, as in DD.MM.YYYY HH24:MI"
                    .into())
            }
        }
    }
}

impl DateFormat {
    /// Reads a date or time; none if it is written in another way.
    pub fn parse(&self, text: &[u8]) -> Option<Moment> {
        let parsed = strtime::parse(&self.strftime, text).ok()?;
        let days = || days(&parsed);
        let time = || Some(micros(parsed.to_time().ok()?));
        match (self.has_date, self.has_time) {
            (true, false) => days().map(Moment::Date),
            (false, _) => time().map(Moment::Time),
            (true, true) => {
                let local = midnight(days()?)? + time()?;
                match self.has_offset {
                    false => Some(Moment::Timestamp(local)),
                    true => {
                        Some(Moment::Timestamptz(local - i64::from(parsed.offset()?.seconds()) * 1_000_000))
                    }
                }
            }
        }
    }

    /// Whether it begins with the year, as ISO 8601 does, so that its values could be taken for that.
    pub fn resembles_iso(&self) -> bool {
        self.strftime.starts_with("%Y") || self.strftime.starts_with("%F") || self.strftime.starts_with("%y")
    }
}

fn days(parsed: &BrokenDownTime) -> Option<i32> {
    let day: DateTime = parsed.to_date().ok().filter(|day| day.year() >= FIRST_YEAR)?.into();
    let since: SignedDuration = day.duration_since(DateTime::from(date(2000, 1, 1)));
    i32::try_from(since.as_hours() / 24).ok()
}

/// Returns the microseconds since midnight; nanoseconds are rounded.
fn micros(time: Time) -> i64 {
    let since: SignedDuration = time.duration_since(Time::midnight());
    ((since.as_nanos() + 500) / 1000) as i64
}

/// Translates a template into terms of strftime. `MM` after the hour means minutes, since many write that.
fn translated(template: &str) -> Result<String, String> {
    let (mut strftime, mut rest) = (String::new(), template);
    while let Some(letter) = rest.chars().next() {
        if !letter.is_ascii_alphabetic() {
            strftime.push(letter);
            rest = &rest[letter.len_utf8()..];
            continue;
        }
        let upper = rest.to_ascii_uppercase();
        let found = PARTS.iter().find(|(part, _)| upper.starts_with(part));
        let (part, meaning) = found
            .ok_or_else(|| format!("unknown part {rest:?}; parts are such as YYYY, MM, DD, HH24, MI, SS"))?;
        let is_after_hour =
            strftime.rfind('%').is_some_and(|at| matches!(&strftime[at..=at + 1], "%H" | "%I"));
        strftime.push_str(match *meaning {
            "%m" if is_after_hour => "%M",
            meaning => meaning,
        });
        rest = &rest[part.len()..];
    }
    Ok(strftime)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(format: &str, text: &str) -> Option<Moment> {
        format.parse::<DateFormat>().unwrap().parse(text.as_bytes())
    }

    #[test]
    fn templates_and_strftime() {
        let iso = |text: &str| Moment::parse(text.as_bytes()).ok();
        for (format, text, expected) in [
            ("DD.MM.YYYY", "29.02.2024", "2024-02-29"),
            ("DD.MM.YYYY", "1.3.2024", "2024-03-01"),
            ("dd/mm/yyyy", "01/12/1999", "1999-12-01"),
            ("MM/DD/YYYY", "12/01/1999", "1999-12-01"),
            ("YYYYMMDD", "20240229", "2024-02-29"),
            ("DD-Mon-YYYY", "05-Mar-2024", "2024-03-05"),
            ("DD Month YYYY", "5 March 2024", "2024-03-05"),
            ("MM/DD/YY", "12/31/99", "1999-12-31"),
            ("MM/DD/YY", "12/31/24", "2024-12-31"),
            ("DD.MM.YYYY HH24:MI", "29.02.2024 23:59", "2024-02-29 23:59"),
            ("DD.MM.YYYY HH:mm:ss", "29.02.2024 23:59:58", "2024-02-29 23:59:58"),
            ("DD.MM.YYYY HH24:MI:SS", "29.02.2024 23:59:58.1234567", "2024-02-29 23:59:58.123457"),
            ("MM/DD/YYYY HH12:MI AM", "02/29/2024 12:30 PM", "2024-02-29 12:30"),
            ("MM/DD/YYYY HH12:MI AM", "02/29/2024 12:30 am", "2024-02-29 00:30"),
            ("HH24.MI", "23.59", "23:59"),
            ("HH:MM DD/MM/YYYY", "23:59 29/02/2024", "2024-02-29 23:59"),
            ("YYYY/MM/DDTHH24:MI:SSTZH:TZM", "2024/02/29T12:00:00+01:00", "2024-02-29 11:00:00Z"),
            ("%d.%m.%y", "29.02.24", "2024-02-29"),
            ("%d/%b/%Y:%H:%M:%S %z", "10/Oct/2000:13:55:36 -0700", "2000-10-10 20:55:36Z"),
        ] {
            assert_eq!(read(format, text), iso(expected), "{format} {text}");
            assert!(iso(expected).is_some());
        }
        for (format, text) in [
            ("DD.MM.YYYY", "29.02.2023"),
            ("DD.MM.YYYY", "29.02.24"),
            ("DD.MM.YYYY", "29.02.2024 12:00"),
            ("DD.MM.YYYY", "2024-02-29"),
            ("MM/DD/YYYY", "29/02/2024"),
            ("DD.MM.YYYY", ""),
        ] {
            assert_eq!(read(format, text), None, "{format} {text}");
        }
    }

    #[test]
    fn formats_that_name_no_day_and_no_time_are_refused() {
        for format in ["MM.YYYY", "YYYY", "", "DD.MM.YYYY HH24", "%s", "%Y-%j", "DD.MM.YYYY Q", "MI:SS"] {
            assert!(format.parse::<DateFormat>().is_err(), "{format}");
        }
    }
}
