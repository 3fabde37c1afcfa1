//! The certificate of the service, which can be renewed while it runs.

use std::sync::{Arc, PoisonError, RwLock};

use openssl::error::ErrorStack;
use openssl::ssl::{SslAcceptor, SslFiletype, SslMethod};
use tally_postgres::Failure;

use crate::config::TlsFiles;

/// The certificate that is used for new connections.
#[derive(Clone)]
pub struct Tls {
    files: TlsFiles,
    acceptor: Arc<RwLock<SslAcceptor>>,
}

impl Tls {
    /// Reads the files.
    pub fn new(files: &TlsFiles) -> Result<Self, Failure> {
        Ok(Self { files: files.clone(), acceptor: Arc::new(RwLock::new(read(files)?)) })
    }

    /// Reads the files again; where they cannot be used, the certificate stays.
    pub fn reload(&self) {
        match read(&self.files) {
            Ok(acceptor) => {
                *self.acceptor.write().unwrap_or_else(PoisonError::into_inner) = acceptor;
                tracing::info!("read the certificate again");
            }
            Err(failure) => tracing::error!("{failure}"),
        }
    }

    /// The certificate as it is now.
    pub fn acceptor(&self) -> SslAcceptor {
        self.acceptor.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn read(files: &TlsFiles) -> Result<SslAcceptor, Failure> {
    let unusable = |place: &std::path::Path, error: &ErrorStack| {
        let reason = error.errors().first().and_then(|error| error.reason()).unwrap_or("it cannot be read");
        Failure::usage(reason)
            .at(format!("[serve.tls] {}", place.display()))
            .mend("name a PEM file that the service's user can read")
    };
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).map_err(Failure::new)?;
    builder
        .set_certificate_chain_file(&files.certificate)
        .map_err(|error| unusable(&files.certificate, &error))?;
    builder
        .set_private_key_file(&files.key, SslFiletype::PEM)
        .map_err(|error| unusable(&files.key, &error))?;
    builder.check_private_key().map_err(|error| unusable(&files.key, &error))?;
    Ok(builder.build())
}
