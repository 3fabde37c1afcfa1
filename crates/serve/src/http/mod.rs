//! The ground of the service: connections, encryption, and what every request and answer must have.

mod etag;
mod guard;
mod listen;
mod shape;
mod tls;

pub use etag::with_etag;
pub use guard::{guard, Hosts};
pub use listen::{accept, bind, Held};
pub use shape::as_problem;
pub use tls::Tls;
