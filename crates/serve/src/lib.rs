//! The service: answers of power trees and SQL over HTTP, as the users of the database and with their rights.
//!
//! `http` takes connections and refuses what no request may be; `access` finds the user whom a request is made for;
//! `database` has that user's connections; `api` answers. The page is a folder of files, `web`.

mod access;
mod api;
mod check;
mod config;
mod database;
mod http;
mod observe;
mod page;
mod problem;

use std::path::PathBuf;
use std::sync::Arc;

use axum::{middleware, Router};
use tally_postgres::Failure;
use tally_program::{systemd, Hangup, Stop};
use tally_rows::config::Database;

use access::Access;
use config::ServeConfig;
use observe::Observer;

pub use check::{check, Checked};

/// Serve answers of power trees and SQL over HTTP, with the rights of the database's users
#[derive(Debug, clap::Args)]
pub struct ServeArgs {
    /// Configuration file (TOML) with a section [serve]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// PostgreSQL connection URL or key=value string; users connect with names and passwords of their own
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database: Option<String>,
    /// Address and port to listen on [default: 127.0.0.1:8087]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
}

impl ServeArgs {
    /// Serves until it is told to stop.
    pub fn run(self) -> Result<(), Failure> {
        let config = self.read()?;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::new)?;
        let served = runtime.block_on(serve(config));
        // Queries that still run are cancelled by the end of their connections' tasks.
        runtime.shutdown_background();
        served
    }

    /// Reads the file; options take precedence over it.
    fn read(self) -> Result<ServeConfig, Failure> {
        let mut config = match &self.config {
            None => ServeConfig::default(),
            Some(path) => ServeConfig::read(path)?.ok_or_else(|| {
                Failure::usage("no section [serve]").at(path.display()).mend("add one; it may be empty")
            })?,
        };
        if let (None, Some(database)) = (&config.database, &self.database) {
            config.database = Some(Database::from(database.as_str()));
        }
        if let Some(listen) = self.listen {
            config.listen = listen;
        }
        config.validate()?;
        Ok(config)
    }
}

async fn serve(config: ServeConfig) -> Result<(), Failure> {
    let mut stop = Stop::on_signals(systemd::stopping, Hangup::Passes)?;
    let tls = config.tls.as_ref().map(http::Tls::new).transpose()?;
    let access = Arc::new(Access::new(&config)?);
    let observer = Arc::new(Observer::install(access.clone())?);
    for complaint in check::rights(&config).await.unwrap_or_default() {
        tracing::warn!("{complaint}");
    }
    let listener = http::bind(config.address()?).await?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let address = listener.local_addr().map_err(Failure::new)?;
    tracing::info!(address = %format!("{scheme}://{address}"), "serving");
    systemd::ready();
    let routes = routes(access.clone(), observer.clone(), &config);
    tokio::select! {
        () = http::accept(listener, routes, tls.clone(), stop.clone()) => {}
        never = reload(tls) => match never? {},
        () = access.sweep() => {}
        () = observer.keep_small() => {}
    }
    stop.requested().await;
    Ok(())
}

/// Reads the certificate again at each SIGHUP.
async fn reload(tls: Option<http::Tls>) -> Result<std::convert::Infallible, Failure> {
    use tokio::signal::unix::{signal, SignalKind};
    let mut hangup = signal(SignalKind::hangup()).map_err(|e| Failure::new(e).at("listening for signals"))?;
    loop {
        hangup.recv().await;
        if let Some(tls) = &tls {
            tls.reload();
        }
    }
}

fn routes(access: Arc<Access>, observer: Arc<Observer>, config: &ServeConfig) -> Router {
    let hosts = Arc::new(http::Hosts::new(&config.hosts));
    api::routes()
        .with_state(access)
        .merge(observe::routes(observer))
        .fallback(page::file)
        .layer(middleware::from_fn(http::with_etag))
        .layer(middleware::from_fn(http::as_problem))
        .layer(middleware::from_fn(observe::count))
        .layer(middleware::from_fn_with_state(hosts, http::guard))
}
