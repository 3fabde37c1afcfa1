//! Explanations of failed connections, in one line that says what to do.

use std::error::Error as _;

use tokio_postgres::error::SqlState;
use tokio_postgres::Error;

use super::tls::Mode;
use crate::failure::Failure;
use crate::server_error::explain;

/// Explains an error of connecting to `place`.
pub fn failure(place: &str, mode: Mode, error: &Error) -> Failure {
    match error.code() {
        Some(code) => refused(place, mode, error, code),
        None => broken(place, error),
    }
}

/// Explains the refusal of a server that answered.
fn refused(place: &str, mode: Mode, error: &Error, code: &SqlState) -> Failure {
    let failure = Failure::new(explain(error)).at(place);
    if let Some(hint) = error.as_db_error().and_then(|error| error.hint()) {
        return failure.mend(hint);
    }
    let routine = error.as_db_error().and_then(|error| error.routine()).unwrap_or_default();
    match *code {
        SqlState::INVALID_PASSWORD => failure.mend(
            "check the user, and the password in `password` of [database], the URL, PGPASSWORD or the password file",
        ),
        SqlState::INVALID_CATALOG_NAME => failure.mend("run CREATE DATABASE, or correct its name in `database`"),
        // Two reasons share an SQLSTATE; unlike the message, the routine's name is never translated.
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION if routine == "InitializeSessionUserId" => {
            failure.mend("run CREATE ROLE with LOGIN, or correct the user in `database`")
        }
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION if mode == Mode::Disable => {
            failure.mend("set sslmode=require in `database`, or let the server's pg_hba.conf accept this user without TLS")
        }
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            failure.mend("let the server's pg_hba.conf accept this user from this machine, or set the sslcert that it asks for")
        }
        SqlState::INSUFFICIENT_PRIVILEGE => failure.mend("GRANT CONNECT ON the database to this role"),
        SqlState::TOO_MANY_CONNECTIONS => failure.mend("end other connections, or raise max_connections"),
        SqlState::CANNOT_CONNECT_NOW => failure.mend("try again when the server is up"),
        _ => failure,
    }
}

/// Explains an error where PostgreSQL did not answer.
fn broken(place: &str, error: &Error) -> Failure {
    let what = explain(error);
    let what = what.strip_prefix("error connecting to server: ").unwrap_or(&what);
    let because = |what: &str, mend: &str| Failure::new(what).at(place).mend(mend);
    if let Some((_, reason)) = what.split_once("certificate verify failed") {
        // OpenSSL puts its file and line before the reason.
        let reason = reason.rsplit(": ").next().unwrap_or(reason);
        let what = format!("the server's certificate is not accepted: {reason}");
        return if reason.contains("mismatch") {
            because(&what, "connect to the server by the name in its certificate, or set sslmode=verify-ca")
        } else {
            because(&what, "set sslrootcert in `database` to the file of the authority that signed it")
        };
    }
    if what.ends_with("server does not support TLS") {
        return because(
            "the server does not offer TLS",
            "set ssl = on at the server, or sslmode=disable in `database`",
        );
    }
    if what.ends_with("password missing") {
        return because(
            "the server asks for a password",
            "set `password` of [database], PGPASSWORD or a line in the password file",
        );
    }
    let refused = error.source().and_then(|cause| cause.downcast_ref::<std::io::Error>());
    match refused.map(std::io::Error::kind) {
        Some(std::io::ErrorKind::ConnectionRefused | std::io::ErrorKind::NotFound) => {
            because(what, "check host and port in `database`, and that the server is running")
        }
        _ if what.contains("lookup address") => because(what, "check the host in `database`"),
        _ => because(what, "check that `database` in the configuration is right and the server is running"),
    }
}
