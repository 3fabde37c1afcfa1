//! Transitions of time zones, around which functions of local time are not monotone.

use crate::pg::server::zone::{TimeZone, ZoneTransition};
use crate::powertree::model::position::Position;
use crate::rewrite::rollups::terms::reason::Reason;

const DAY: i64 = 86_400;
/// Seconds from 1970 to 2000, where PostgreSQL begins to count.
const MILLENNIUM: i64 = 946_684_800;
const MICROS: i64 = 1_000_000;
/// More transitions than any zone has between the years 1 and 9999.
const MOST: usize = 100_000;

/// The time zone of a name.
pub fn named(name: &str) -> Result<TimeZone, Reason> {
    TimeZone::named(name).ok_or_else(|| Reason::Zone(format!("time zone {name}")))
}

/// The time zone of the session.
pub fn of_session() -> TimeZone {
    TimeZone::of_session()
}

/// Returns the positions between which functions of local time are monotone: those of all transitions from `first` to `last`,
/// seen from UTC and from each of the zones, and from `days` before them.
pub fn cuts(
    position: Position,
    first: i64,
    last: i64,
    zones: &[TimeZone],
    days: &[i32],
) -> Result<Vec<i64>, Reason> {
    let unit = match position {
        Position::Timestamptz | Position::Timestamp => MICROS,
        Position::Date => {
            return days_of(cuts(
                Position::Timestamp,
                first.saturating_mul(DAY * MICROS),
                last.saturating_mul(DAY * MICROS),
                zones,
                days,
            )?)
        }
        // What moment a number means is not known.
        Position::Bigint if zones.iter().any(|&zone| zone.next(0).is_some()) => {
            return Err(Reason::Zone("time zones for bigint positions".to_owned()))
        }
        Position::Bigint => return Ok(Vec::new()),
    };
    let margin = days.iter().map(|day| i64::from(day.unsigned_abs())).max().unwrap_or_default() + 2;
    let mut cuts = Vec::new();
    for &zone in zones {
        let mut moment = first.div_euclid(unit) + MILLENNIUM - margin * DAY;
        let end = last.div_euclid(unit) + MILLENNIUM + margin * DAY;
        while let Some(transition) = zone.next(moment).filter(|transition| transition.at <= end) {
            moment = transition.at;
            around(&transition, zones, days, |moment| cuts.push((moment - MILLENNIUM) * unit));
            if cuts.len() > MOST {
                return Err(Reason::ManyCells);
            }
        }
    }
    cuts.sort_unstable();
    cuts.dedup();
    cuts.retain(|&cut| first < cut && cut <= last);
    Ok(cuts)
}

/// The moment of a transition as the clocks of all zones show it, before and after.
fn around(transition: &ZoneTransition, zones: &[TimeZone], days: &[i32], mut add: impl FnMut(i64)) {
    let mut offsets = vec![0, transition.before, transition.after];
    for &zone in zones {
        let moments = [transition.at - DAY, transition.at - 1, transition.at, transition.at + DAY];
        offsets.extend(moments.map(|moment| zone.offset(moment)));
    }
    offsets.sort_unstable();
    offsets.dedup();
    let mut differences: Vec<i64> =
        offsets.iter().flat_map(|one| offsets.iter().map(move |other| one - other)).collect();
    differences.sort_unstable();
    differences.dedup();
    for difference in differences {
        for day in days.iter().copied().chain([0]) {
            add(transition.at + difference + i64::from(day) * DAY);
        }
    }
}

/// The days of moments, given as microseconds, and those after.
fn days_of(cuts: Vec<i64>) -> Result<Vec<i64>, Reason> {
    let mut days: Vec<i64> =
        cuts.into_iter().map(|cut| cut.div_euclid(DAY * MICROS)).flat_map(|day| [day, day + 1]).collect();
    days.sort_unstable();
    days.dedup();
    Ok(days)
}
