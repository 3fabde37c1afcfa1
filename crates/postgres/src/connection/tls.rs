//! TLS connections to PostgreSQL, with the modes of libpq.

use std::path::{Path, PathBuf};

use openssl::error::ErrorStack;
use openssl::pkey::PKey;
use openssl::ssl::{SslConnector, SslFiletype, SslMethod, SslVerifyMode, SslVersion};
use openssl::x509::store::X509StoreBuilder;
use postgres_openssl::{set_postgresql_alpn, MakeTlsConnector};
use tokio_postgres::config::SslMode;

use super::conninfo::Conninfo;
use crate::failure::Failure;
use crate::suggestion::suggestion;

/// `sslmode`: whether to encrypt, and which servers to trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Never encrypt.
    Disable,
    /// Encrypt if the server can.
    Prefer,
    /// Encrypt, and trust any server; with a root certificate, the same as `VerifyCa`.
    Require,
    /// Encrypt, and trust only a server whose certificate a trusted authority has signed.
    VerifyCa,
    /// Encrypt as `VerifyCa` does, and trust only a server whose certificate names the host.
    VerifyFull,
}

const MODES: [(&str, Mode); 5] = [
    ("disable", Mode::Disable),
    ("prefer", Mode::Prefer),
    ("require", Mode::Require),
    ("verify-ca", Mode::VerifyCa),
    ("verify-full", Mode::VerifyFull),
];

impl Mode {
    /// Reads the mode that a connection string asks for.
    pub fn of(conninfo: &Conninfo) -> Result<Self, Failure> {
        let Some(text) = conninfo.get("sslmode") else { return Ok(Self::Prefer) };
        match MODES.iter().find(|(name, _)| *name == text) {
            Some((_, mode)) => Ok(*mode),
            None => Err(Failure::usage(format!("unknown value {text:?}"))
                .at("`database`, sslmode")
                .mend(suggestion(text, &MODES.map(|(name, _)| name)))),
        }
    }

    /// The corresponding mode of tokio-postgres; certificates decide the rest.
    pub fn negotiation(self) -> SslMode {
        match self {
            Self::Disable => SslMode::Disable,
            Self::Prefer => SslMode::Prefer,
            Self::Require | Self::VerifyCa | Self::VerifyFull => SslMode::Require,
        }
    }
}

/// Creates the TLS connector, with the certificates of both sides. `home` is the directory of libpq's own files,
/// `~/.postgresql`.
pub fn connector(conninfo: &Conninfo, mode: Mode, home: Option<&Path>) -> Result<MakeTlsConnector, Failure> {
    let file = |key: &str, default: &str| {
        let named = conninfo.get(key).filter(|path| !path.is_empty()).map(PathBuf::from);
        named.or_else(|| home.map(|home| home.join(default)).filter(|path| path.exists()))
    };
    let cannot = |error: ErrorStack| Failure::new(error).at("TLS");
    let mut builder = SslConnector::builder(SslMethod::tls_client()).map_err(cannot)?;
    builder.set_min_proto_version(Some(SslVersion::TLS1_2)).map_err(cannot)?;
    set_postgresql_alpn(&mut builder).map_err(cannot)?;

    let root = file("sslrootcert", "root.crt");
    let system = root.as_deref() == Some(Path::new("system"));
    if system && mode != Mode::VerifyFull {
        // Anybody can get a certificate from a public authority: only the name in it identifies the server.
        return Err(Failure::usage("sslrootcert=system needs sslmode=verify-full")
            .at("`database`")
            .mend("set it, or name the file of your own authority"));
    }
    let mode = if mode == Mode::Require && root.is_some() { Mode::VerifyCa } else { mode };
    match &root {
        _ if mode < Mode::VerifyCa => builder.set_verify(SslVerifyMode::NONE),
        Some(path) if !system => {
            // The given authorities replace those that the system trusts.
            let none = X509StoreBuilder::new().map_err(cannot)?.build();
            builder.set_cert_store(none);
            builder.set_ca_file(path).map_err(|error| unusable("sslrootcert", path, &error))?;
        }
        None if mode == Mode::VerifyCa => {
            return Err(Failure::usage("sslmode=verify-ca needs sslrootcert")
                .at("`database`")
                .mend("name the file of the authority that signed the server's certificate"));
        }
        _ => {}
    }
    if let Some(path) = file("sslcert", "postgresql.crt") {
        builder.set_certificate_chain_file(&path).map_err(|error| unusable("sslcert", &path, &error))?;
        let key = file("sslkey", "postgresql.key").unwrap_or(path);
        let read = match conninfo.get("sslpassword") {
            None => builder.set_private_key_file(&key, SslFiletype::PEM),
            Some(password) => std::fs::read(&key)
                .map_err(|error| Failure::usage(error).at(format!("sslkey {}", key.display())))
                .map(|pem| PKey::private_key_from_pem_passphrase(&pem, password.as_bytes()))?
                .and_then(|key| builder.set_private_key(&key)),
        };
        read.and_then(|()| builder.check_private_key()).map_err(|error| unusable("sslkey", &key, &error))?;
    }
    let mut connector = MakeTlsConnector::new(builder.build());
    connector.set_callback(move |connection, _| {
        connection.set_verify_hostname(mode == Mode::VerifyFull);
        Ok(())
    });
    Ok(connector)
}

fn unusable(key: &str, path: &Path, error: &ErrorStack) -> Failure {
    let reason = error.errors().first().and_then(|error| error.reason()).unwrap_or("it cannot be read");
    Failure::usage(reason)
        .at(format!("{key} {}", path.display()))
        .mend("name a PEM file that the loader's user can read")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        let conninfo = Conninfo::parse(&format!("host=h {text}"), |_| None).unwrap();
        let made = Mode::of(&conninfo).and_then(|mode| connector(&conninfo, mode, None).map(|_| ()));
        made.unwrap_err().to_string()
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert_eq!(
            refused("sslmode=verify-fall"),
            "`database`, sslmode: unknown value \"verify-fall\"; did you mean \"verify-full\"?"
        );
        assert!(refused("sslmode=verify-ca").contains("needs sslrootcert"));
        assert!(refused("sslmode=require sslrootcert=system").contains("needs sslmode=verify-full"));
        let missing = refused("sslmode=verify-full sslrootcert=/no/such.pem");
        assert!(missing.starts_with("sslrootcert /no/such.pem: "), "{missing}");
        let missing = refused("sslcert=/no/such.pem");
        assert!(missing.starts_with("sslcert /no/such.pem: "), "{missing}");
    }
}
