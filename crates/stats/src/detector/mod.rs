//! Bayesian online detection of changes: one pass, row by row, in bounded memory, without settings.

mod alert;
mod brief;
mod calibration;
mod candidates;
mod change;
mod codec;
mod comparison;
mod counts;
mod evidence;
mod explain;
mod forecast;
mod noise;
mod path;
mod possible;
mod reading;
mod scale;
mod segment;
mod settings;
mod single;
mod state;
mod views;

pub use change::{Change, Kind};
pub use codec::{CodecError, MOST_BYTES, VERSION};
pub use forecast::Forecast;
pub use settings::Settings;
pub use state::{Detector, Options, Refused};
