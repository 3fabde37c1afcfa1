//! Values shared by the features: the datum of type `tally`, wide numbers, and the summaries of both in sliding
//! windows.

pub mod number;
pub mod sliding;
pub mod tally;
