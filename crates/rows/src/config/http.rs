//! Settings of the HTTP server for metrics and health.

use serde::Deserialize;

/// The section `[http]`: metrics and health.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// The address and port to listen on.
    pub listen: String,
}
