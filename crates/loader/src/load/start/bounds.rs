//! The bounds of a backfill: offsets or times, between which a job of its own reads.

use std::str::FromStr;

use jiff::Timestamp;
use tally_postgres::Failure;

use crate::kafka::{self, JobConsumer, Partition};
use crate::load::assignment::AssignedPartition;
use crate::load::read::end::EndOffsets;

/// One bound, the same for all partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// An offset.
    Offset(i64),
    /// The first message that is not older than this; milliseconds since 1970.
    Time(i64),
}

impl FromStr for Bound {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(offset @ 0..) = text.parse() {
            return Ok(Self::Offset(offset));
        }
        let time: Timestamp = text
            .parse()
            .map_err(|_| "expected an offset or a time such as 2026-01-31T00:00:00Z".to_string())?;
        // Rounded up: nothing older may be read.
        Ok(Self::Time(-(-time.as_microsecond()).div_euclid(1000)))
    }
}

impl Bound {
    /// Returns the bound's offset in each partition, within what the broker has.
    fn offsets(self, metadata_client: &JobConsumer, partitions: &[Partition]) -> Result<Vec<i64>, Failure> {
        let found = match self {
            Self::Offset(offset) => vec![offset; partitions.len()],
            Self::Time(millis) => kafka::offsets_at(metadata_client, partitions, millis)
                .map_err(|e| Failure::new(e).at("looking for the offsets of a time"))?,
        };
        Ok(found.iter().zip(partitions).map(|(offset, p)| (*offset).clamp(p.low, p.high)).collect())
    }
}

/// Makes partitions that the job has never read begin at the bound.
pub fn begin_at(
    from: Bound,
    metadata_client: &JobConsumer,
    partitions: &mut [Partition],
) -> Result<(), Failure> {
    let offsets = from.offsets(metadata_client, partitions)?;
    for (partition, offset) in partitions.iter_mut().zip(offsets) {
        partition.begin = offset;
    }
    Ok(())
}

/// Returns the ends of a run that stops at the bound.
pub fn end_at(
    to: Bound,
    metadata_client: &JobConsumer,
    topics: &[&str],
    partitions: &[Partition],
    assigned: &[AssignedPartition],
) -> Result<EndOffsets, Failure> {
    let offsets = to.offsets(metadata_client, partitions)?;
    let end = |a: &AssignedPartition| {
        let is_it = |p: &&(&Partition, &i64)| p.0.topic == topics[a.topic] && p.0.number == a.number;
        let pairs: Vec<(&Partition, &i64)> = partitions.iter().zip(&offsets).collect();
        pairs.iter().find(is_it).map_or(a.high, |(_, offset)| **offset)
    };
    Ok(EndOffsets::exactly(assigned, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_and_times() {
        assert_eq!("12".parse(), Ok(Bound::Offset(12)));
        assert_eq!("1970-01-01T00:00:01Z".parse(), Ok(Bound::Time(1000)));
        assert_eq!("1970-01-01T01:00:00.0001+01:00".parse(), Ok(Bound::Time(1)));
        assert_eq!("1969-12-31T23:59:59.9999Z".parse(), Ok(Bound::Time(0)));
        for wrong in ["-1", "yesterday", "2026-01-31", ""] {
            assert!(wrong.parse::<Bound>().is_err(), "{wrong}");
        }
    }
}
