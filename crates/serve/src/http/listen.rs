//! Connections: a bounded number of them, each of which must ask and take within a time.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use openssl::ssl::Ssl;
use tally_postgres::Failure;
use tally_program::Stop;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;
use tokio_openssl::SslStream;
use tower_service::Service;

use super::tls::Tls;

/// Connections at a time; others wait.
const CONNECTIONS: usize = 700;
/// Time in which a client must have said what it asks, and have agreed on encryption.
const HEAD: Duration = Duration::from_secs(10);
/// Time in which a client must take something of its answer.
const TAKING: Duration = Duration::from_secs(60);
/// Time that answers get when the service stops.
const LAST: Duration = Duration::from_secs(10);

/// A connection's share of all connections, which a websocket goes on to hold.
#[derive(Clone)]
pub struct Held(#[expect(dead_code, reason = "it is there to be dropped")] Arc<OwnedSemaphorePermit>);

/// Listens on an address.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        Failure::new(error)
            .at(format!("[serve] listen {address}"))
            .mend("listen on a free port, such as \"127.0.0.1:8087\"")
    })
}

/// Answers until the service is to stop.
pub async fn accept(listener: TcpListener, routes: Router, tls: Option<Tls>, stop: Stop) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    let mut stopping = stop.clone();
    loop {
        let permit = match permits.clone().acquire_owned().await {
            Ok(permit) => permit,
            Err(error) => unreachable!("the semaphore is never closed: {error}"),
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopping.requested() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                tokio::spawn(answer(stream, peer, routes.clone(), tls.clone(), stop.clone(), permit));
            }
            // Too many descriptors are open, or the other side has gone already.
            Err(_) => sleep(Duration::from_millis(100)).await,
        }
    }
    drop(listener);
    timeout(LAST, permits.acquire_many(CONNECTIONS as u32)).await.ok();
}

/// Answers the requests of a connection.
async fn answer(
    stream: TcpStream,
    peer: SocketAddr,
    routes: Router,
    tls: Option<Tls>,
    stop: Stop,
    permit: OwnedSemaphorePermit,
) {
    stream.set_nodelay(true).ok();
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(TAKING));
    let outcome = match tls {
        None => converse(Box::pin(stream), peer, routes, stop, permit).await,
        Some(tls) => match agree(stream, &tls).await {
            Ok(stream) => converse(Box::pin(stream), peer, routes, stop, permit).await,
            Err(error) => Err(error),
        },
    };
    if let Err(error) = outcome {
        tracing::debug!(%peer, error, "a connection ended");
    }
}

/// Agrees on encryption.
async fn agree(
    stream: TimeoutStream<TcpStream>,
    tls: &Tls,
) -> Result<SslStream<Pin<Box<TimeoutStream<TcpStream>>>>, String> {
    let session = Ssl::new(tls.acceptor().context()).map_err(|error| error.to_string())?;
    let mut stream = SslStream::new(session, Box::pin(stream)).map_err(|error| error.to_string())?;
    match timeout(HEAD, Pin::new(&mut stream).accept()).await {
        Ok(Ok(())) => Ok(stream),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no encryption was agreed on in time".into()),
    }
}

async fn converse<S>(
    stream: Pin<Box<S>>,
    peer: SocketAddr,
    routes: Router,
    mut stop: Stop,
    permit: OwnedSemaphorePermit,
) -> Result<(), String>
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let held = Held(Arc::new(permit));
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        request.extensions_mut().insert(held.clone());
        routes.clone().call(request.map(Body::new))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.requested() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    ended.map_err(|error| error.to_string())
}
