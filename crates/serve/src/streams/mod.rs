//! Streams: whatever is told as it happens, as server-sent events or over a websocket. A stream is a [`Teller`]; this room has what
//! all of them share: the seats of users, the two ways over the wire, and the metrics.

mod meter;
mod seats;
mod teller;
mod transport;

pub use meter::describe;
pub use seats::{Seat, Seats};
pub use teller::{push_event, push_named, push_quiet, Form, Teller, Telling};
pub use transport::{over_http, over_socket};
