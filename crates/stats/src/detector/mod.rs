//! Bayesian online detection of changes: one pass, row by row, in bounded memory, without settings.

mod brief;
mod calibration;
mod candidates;
mod codec;

mod explain;
mod noise;
mod path;
mod reading;
mod segment;
mod settings;
mod state;
mod views;

pub use codec::{CodecError, MOST_BYTES, VERSION};
pub use reading::{Change, Forecast, Kind};
pub use settings::Settings;
pub use state::{Detector, Options, Refused};
