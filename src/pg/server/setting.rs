//! Settings that hold for a while.

use super::ctext::CText;
use super::lookup::caught;
use pgrx::pg_sys::{GucAction, GucContext, GucSource};
use std::ffi::CStr;

// PostgreSQL defines these functions with these arguments.
unsafe extern "C-unwind" {
    safe fn NewGUCNestLevel() -> i32;
    safe fn AtEOXact_GUC(is_commit: bool, level: i32);
    safe fn set_config_option(
        name: CText,
        value: CText,
        context: GucContext::Type,
        source: GucSource::Type,
        action: GucAction::Type,
        is_change: bool,
        error_level: i32,
        is_reload: bool,
    ) -> i32;
}

/// Sets a parameter for as long as the process runs, whatever sources of less weight say.
pub fn set_for_process(name: &CStr, value: &CStr) {
    let (name, value) = (CText::from(name), CText::from(value));
    let (context, source) = (GucContext::PGC_SUSET, GucSource::PGC_S_OVERRIDE);
    let action = GucAction::GUC_ACTION_SET;
    caught(|| set_config_option(name, value, context, source, action, true, 0, false));
}

/// Settings that are what they were before when this is dropped.
pub struct Settings {
    level: i32,
}

impl Settings {
    /// Sets these to values that may be set by any user.
    pub fn of(settings: &[(&CStr, &CStr)]) -> Settings {
        let level = caught(|| NewGUCNestLevel());
        let before = Settings { level };
        for &(name, value) in settings {
            let (name, value) = (CText::from(name), CText::from(value));
            let (context, source) = (GucContext::PGC_USERSET, GucSource::PGC_S_SESSION);
            let action = GucAction::GUC_ACTION_SAVE;
            caught(|| set_config_option(name, value, context, source, action, true, 0, false));
        }
        before
    }
}

impl Drop for Settings {
    fn drop(&mut self) {
        // An error that unwinds will end the transaction or subtransaction, which restores them; until then PostgreSQL must not be
        // called.
        if !std::thread::panicking() {
            let level = self.level;
            caught(|| AtEOXact_GUC(false, level));
        }
    }
}
