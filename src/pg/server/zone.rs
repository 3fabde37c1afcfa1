//! Time zones.

use super::ctext::CText;
use super::error::defect;
use super::lookup::caught;
use super::name::c_string;
use pgrx::pg_sys::{pg_time_t, pg_tm, pg_tz};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

/// A time zone, which PostgreSQL keeps for ever.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct TimeZone(NonNull<pg_tz>);

// PostgreSQL defines these functions with these arguments, and the variable, which only the one thread of this process changes. Of the
// functions only `pg_tzset` raises errors.
unsafe extern "C-unwind" {
    safe static session_timezone: AtomicPtr<pg_tz>;
    safe fn pg_tzset(name: CText) -> Option<TimeZone>;
    safe fn pg_next_dst_boundary(
        after: &pg_time_t,
        before_offset: &mut i64,
        before_summer: &mut i32,
        boundary: &mut pg_time_t,
        after_offset: &mut i64,
        after_summer: &mut i32,
        zone: TimeZone,
    ) -> i32;
    safe fn pg_localtime<'m>(moment: &'m pg_time_t, zone: TimeZone) -> Option<&'m pg_tm>;
}

/// A zone's change of its offset from UTC, in seconds.
pub struct ZoneTransition {
    pub at: pg_time_t,
    pub before: i64,
    pub after: i64,
}

impl TimeZone {
    /// The zone of a name; None if there is none.
    pub fn named(name: &str) -> Option<TimeZone> {
        let name = c_string(name);
        let name = CText::from(name.as_c_str());
        caught(|| pg_tzset(name))
    }

    /// The zone of the session.
    pub fn of_session() -> TimeZone {
        let zone = NonNull::new(session_timezone.load(Relaxed));
        TimeZone(zone.unwrap_or_else(|| defect("a session without a time zone")))
    }

    /// The first transition after a moment, in seconds since 1970.
    pub fn next(self, moment: pg_time_t) -> Option<ZoneTransition> {
        let mut transition = ZoneTransition { at: 0, before: 0, after: 0 };
        let ZoneTransition { at, before, after } = &mut transition;
        let (mut summer_before, mut summer_after) = (0, 0);
        let found =
            pg_next_dst_boundary(&moment, before, &mut summer_before, at, after, &mut summer_after, self);
        (found == 1).then_some(transition)
    }

    /// The offset from UTC at a moment, in seconds; 0 in years that are too large.
    pub fn offset(self, moment: pg_time_t) -> i64 {
        // PostgreSQL next writes to the time that it returns in another call.
        pg_localtime(&moment, self).map_or(0, |time| time.tm_gmtoff)
    }
}
