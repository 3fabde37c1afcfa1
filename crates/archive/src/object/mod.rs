//! One object: the rows of a slot as a Parquet file, and the rows of such a file again.

mod decode;
mod encode;
mod file;
mod sink;
mod stamp;

pub use decode::ObjectDecoder;
pub use encode::ObjectEncoder;
pub use sink::ObjectSink;
pub use stamp::Stamp;
