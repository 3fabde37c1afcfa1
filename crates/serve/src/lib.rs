//! The service: answers of power trees and SQL over HTTP, as the users of the database and with their rights.
//!
//! `http` takes connections and refuses what no request may be; `access` finds the user whom a request is made for;
//! `database` has that user's connections; `api` answers; `reports` runs by itself; `streams` tells what `events` finds in topics
//! and `alerts` in reports. The page is a folder of files, `web`.

mod access;
mod alerts;
mod api;
mod check;
mod config;
mod database;
mod events;
mod http;
mod observe;
mod page;
mod problem;
mod reports;
mod streams;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::{middleware, Extension, Router};
use tally_notify::{Notifier, Origin};
use tally_postgres::Failure;
use tally_program::{systemd, Hangup, Stop};
use tally_rows::config::Database;

use access::Access;
use alerts::Alerts;
use config::ServeConfig;
use events::Events;
use observe::Observer;
use reports::Reports;
use streams::Seats;

pub use check::{check, Checked};
pub use events::{EventSource, Met, PartitionEnds, TopicTables};

/// The way to the topics of a configuration file, if the program has one.
pub type OpenTopics = fn(&Path) -> Result<Arc<dyn EventSource>, Failure>;

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
    /// Make the tables of reports as the role of the database, let the roles of the reports write to them, and end
    #[arg(long, requires = "config")]
    setup: bool,
}

impl ServeArgs {
    /// Serves until it is told to stop.
    pub fn run(self, open: Option<OpenTopics>) -> Result<(), Failure> {
        let is_setup = self.setup;
        let config = self.read()?;
        if is_setup {
            return reports::set_up(&config);
        }
        let source = match (&self.config, open) {
            (Some(path), Some(open)) if !config.events.is_empty() => Some(open(path)?),
            (_, None) if !config.events.is_empty() => {
                return Err(Failure::usage("[[serve.events]]: this program was built without events")
                    .mend("remove the section, or build with the feature `events`"));
            }
            _ => None,
        };
        let runtime =
            tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::new)?;
        let served = runtime.block_on(serve(config, source));
        // Queries that still run are cancelled by the end of their connections' tasks.
        runtime.shutdown_background();
        served
    }

    /// Reads the file; options take precedence over it.
    fn read(&self) -> Result<ServeConfig, Failure> {
        let mut config = match &self.config {
            None => ServeConfig::default(),
            Some(path) => ServeConfig::read(path)?.ok_or_else(|| {
                Failure::usage("no section [serve]").at(path.display()).mend("add one; it may be empty")
            })?,
        };
        if let (None, Some(database)) = (&config.database, &self.database) {
            config.database = Some(Database::from(database.as_str()));
        }
        if let Some(listen) = &self.listen {
            config.listen.clone_from(listen);
        }
        config.validate()?;
        Ok(config)
    }
}

async fn serve(config: ServeConfig, source: Option<Arc<dyn EventSource>>) -> Result<(), Failure> {
    let mut stop = Stop::on_signals(systemd::stopping, Hangup::Passes)?;
    let tls = config.tls.as_ref().map(http::Tls::new).transpose()?;
    let access = Arc::new(Access::new(&config)?);
    let observer = Arc::new(Observer::install(access.clone())?);
    let notifier = notifier(&config)?.map(Arc::new);
    let reports = Reports::new(&config.reports, notifier.as_ref())?;
    for complaint in check::rights(&config).await.unwrap_or_default() {
        tracing::warn!("{complaint}");
    }
    let listener = http::bind(config.address()?).await?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let address = listener.local_addr().map_err(Failure::new)?;
    tracing::info!(address = %format!("{scheme}://{address}"), "serving");
    let seats = Seats::new(config.streams_per_user, access.clone(), stop.clone());
    let events = Arc::new(Events::new(&config, source, seats.clone()));
    let alerts = Arc::new(Alerts::new(&config.reports, seats)?);
    systemd::ready();
    let api = api::routes().layer(Extension(events.clone())).layer(Extension(alerts.clone()));
    let routes = routes(api.with_state(access.clone()), observer.clone(), &config);
    tokio::select! {
        () = http::accept(listener, routes, tls.clone(), stop.clone()) => {}
        never = reload(tls) => match never? {},
        () = access.sweep() => {}
        () = events.sweep() => {}
        () = alerts.listen() => {}
        () = observer.keep_small() => {}
        () = observer.keep_watch(notifier.as_deref()) => {}
        () = reports.run() => {}
    }
    stop.requested().await;
    Ok(())
}

/// Begins to tell the webhook, if there is one. A service is named by the host, or by its address.
fn notifier(config: &ServeConfig) -> Result<Option<Notifier>, Failure> {
    let job = config.hosts.first().unwrap_or(&config.listen).clone();
    let begin = |notify| Notifier::new(notify, Origin { program: "tally serve", job });
    config.notify.as_ref().map(begin).transpose()
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

fn routes(api: Router, observer: Arc<Observer>, config: &ServeConfig) -> Router {
    let hosts = Arc::new(http::Hosts::new(&config.hosts));
    api.merge(observe::routes(observer))
        .fallback(page::file)
        .layer(middleware::from_fn(http::with_etag))
        .layer(middleware::from_fn(http::as_problem))
        .layer(middleware::from_fn(observe::count))
        .layer(middleware::from_fn_with_state(hosts, http::guard))
}
