//! Values shared by the features: the datum of type `tally`, wide numbers, and what sliding windows keep of both.

pub mod number;
pub mod sliding;
pub mod tally;
