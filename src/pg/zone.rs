//! Time zones.

use super::name::c_string;
use pgrx::pg_sys::{self, pg_time_t, pg_tz};

/// A time zone, which PostgreSQL keeps for ever.
#[derive(Clone, Copy)]
pub struct TimeZone(*mut pg_tz);

/// A zone's change of its offset from UTC, in seconds.
pub struct ZoneTransition {
    pub at: pg_time_t,
    pub before: i64,
    pub after: i64,
}

impl TimeZone {
    /// The zone of a name; None if there is none.
    pub fn named(name: &str) -> Option<TimeZone> {
        // SAFETY: PostgreSQL reads the C string.
        let zone = unsafe { pg_sys::pg_tzset(c_string(name).as_ptr()) };
        (!zone.is_null()).then_some(TimeZone(zone))
    }

    /// The zone of the session.
    pub fn of_session() -> TimeZone {
        // SAFETY: a setting that always has a value.
        TimeZone(unsafe { pg_sys::session_timezone })
    }

    /// The first transition after a moment, in seconds since 1970.
    pub fn next(self, moment: pg_time_t) -> Option<ZoneTransition> {
        let mut transition = ZoneTransition { at: 0, before: 0, after: 0 };
        let (mut summer_before, mut summer_after) = (0, 0);
        // SAFETY: whoever made this has got the zone from PostgreSQL, which fills in what it finds.
        let found = unsafe {
            pg_sys::pg_next_dst_boundary(
                &moment,
                &mut transition.before,
                &mut summer_before,
                &mut transition.at,
                &mut transition.after,
                &mut summer_after,
                self.0,
            )
        };
        (found == 1).then_some(transition)
    }

    /// The offset from UTC at a moment, in seconds; 0 in years that are too large.
    pub fn offset(self, moment: pg_time_t) -> i64 {
        // SAFETY: whoever made this has got the zone from PostgreSQL, which returns memory of its own, or null.
        unsafe { pg_sys::pg_localtime(&moment, self.0).as_ref().map_or(0, |time| time.tm_gmtoff) }
    }
}
