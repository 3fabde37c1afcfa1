//! What every test of the matrix needs: servers that can be broken, a proxy that breaks connections, a loader
//! process, and a scene, which is a topic with its table and the check of what must hold between them.

pub mod loader;
pub mod proxy;
pub mod scene;
pub mod server;

pub use loader::Loader;
pub use proxy::{Hold, Message, Proxy};
pub use scene::{wait_until, Scene};
pub use server::{environment, Server};
