//! Slots: hours or days of UTC, each of which has an object.

use jiff::Timestamp;
use tally_postgres::pgtype::copy::fields;
use tally_postgres::Failure;

/// The first second of the year 1, and the last one of 9999.
pub const EVER: (i64, i64) = (-62_135_596_800, 253_402_207_200);

/// Seconds from 1970 to 2000, where PostgreSQL begins to count.
pub const EPOCH: i64 = 946_684_800;

/// The length of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Granularity {
    /// An object an hour
    Hour,
    /// An object a day
    Day,
}

impl Granularity {
    /// Number of seconds of a slot.
    pub fn seconds(self) -> i64 {
        match self {
            Self::Hour => 3600,
            Self::Day => 86_400,
        }
    }
}

/// A stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot {
    /// Start, in seconds since 1970.
    pub from: i64,
    /// Start of the next slot.
    pub to: i64,
}

impl Slot {
    /// Returns the slot with this number.
    pub fn numbered(number: i64, granularity: Granularity) -> Self {
        let from = number.saturating_mul(granularity.seconds());
        Self { from, to: from.saturating_add(granularity.seconds()) }
    }

    /// Returns the slot of a row of binary COPY, whose field at this place is its time.
    pub fn of_row(row: &[u8], at: usize, granularity: Granularity) -> Result<Self, Failure> {
        let field = fields(row).nth(at).flatten().and_then(|field| field.try_into().ok());
        let micros = i64::from_be_bytes(field.ok_or_else(|| Failure::new("row has no time"))?);
        let second = micros.div_euclid(1_000_000).saturating_add(EPOCH);
        Ok(Self::numbered(second.div_euclid(granularity.seconds()), granularity))
    }

    /// Returns the length of the slot.
    pub fn granularity(self) -> Granularity {
        match self.to - self.from == Granularity::Hour.seconds() {
            true => Granularity::Hour,
            false => Granularity::Day,
        }
    }

    /// Returns the name of the object of a table, below the place of the archive.
    pub fn object(self, table: &str) -> Result<String, Failure> {
        let table = one_part(table);
        Ok(format!("{table}/{}/{table}.parquet", self.directory()?))
    }

    /// Returns the name of the directory that objects of the slot are in, as Hive writes it.
    pub fn directory(self) -> Result<String, Failure> {
        let format = match self.granularity() {
            Granularity::Hour => "year=%Y/month=%m/day=%d/hour=%H",
            Granularity::Day => "year=%Y/month=%m/day=%d",
        };
        text(self.from, format)
    }

    /// Returns the name of the manifest of a table, below the place of the archive.
    pub fn manifest(self, table: &str) -> Result<String, Failure> {
        Ok(format!("{}/_tally/{}.json", one_part(table), self.name()?))
    }

    /// Returns its start and its end as times, such as `2026-03-01T05:00Z`.
    pub fn ends(self) -> Result<(String, String), Failure> {
        let format = "%Y-%m-%dT%H:%MZ";
        Ok((text(self.from, format)?, text(self.to, format)?))
    }

    /// Returns the name of the slot in messages, such as `2026-03-01T05`.
    pub fn name(self) -> Result<String, Failure> {
        match self.granularity() {
            Granularity::Hour => text(self.from, "%Y-%m-%dT%H"),
            Granularity::Day => text(self.from, "%Y-%m-%d"),
        }
    }
}

/// Returns the name of a table as one part of an object's name: a slash would put the objects among those of another table.
fn one_part(table: &str) -> String {
    table.replace('%', "%25").replace('/', "%2F")
}

/// Returns a time of UTC as a literal of SQL.
pub fn literal(second: i64, has_zone: bool) -> Result<String, Failure> {
    let (zone, kind) = if has_zone { ("+00", "timestamptz") } else { ("", "timestamp") };
    Ok(format!("'{}{zone}'::pg_catalog.{kind}", text(second, "%Y-%m-%d %H:%M:%S")?))
}

fn text(second: i64, format: &str) -> Result<String, Failure> {
    let beyond = || Failure::usage("time is out of range").mend("only the years 1 to 9999 can be archived");
    let time = Timestamp::from_second(second).map_err(|_| beyond())?;
    match second >= EVER.0 {
        true => Ok(time.strftime(format).to_string()),
        false => Err(beyond()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_literals() -> Result<(), Failure> {
        let hour = Slot::numbered(492_293, Granularity::Hour);
        assert_eq!(hour.name()?, "2026-02-28T05");
        assert_eq!(hour.object("trades")?, "trades/year=2026/month=02/day=28/hour=05/trades.parquet");
        assert_eq!(hour.manifest("trades")?, "trades/_tally/2026-02-28T05.json");
        assert_eq!(hour.manifest("a/%")?, "a%2F%25/_tally/2026-02-28T05.json");
        assert!(
            hour.object("a/b")?.starts_with("a%2Fb/year=") && hour.object("a/b")?.ends_with("/a%2Fb.parquet")
        );
        let day = Slot::numbered(-1, Granularity::Day);
        assert_eq!(day.object("t")?, "t/year=1969/month=12/day=31/t.parquet");
        assert_eq!(literal(day.to, true)?, "'1970-01-01 00:00:00+00'::pg_catalog.timestamptz");
        assert_eq!(literal(day.from, false)?, "'1969-12-31 00:00:00'::pg_catalog.timestamp");
        assert!(literal(i64::MIN, true).is_err() && literal(-62_135_596_801, true).is_err());
        Ok(())
    }
}
