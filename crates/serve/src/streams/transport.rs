//! Streams on their way: as the body of an answer, or over a websocket.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::ws::{close_code, CloseFrame, Message, WebSocket};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::poll_fn;
use tokio::sync::mpsc;

use super::meter::Meter;
use super::teller::{Form, Teller};
use crate::problem::Problem;

/// Parts of an answer that wait for the client.
const AHEAD: usize = 2;
/// The most bytes that a websocket takes as the reason of its end.
const REASON: usize = 120;

/// Answers with server-sent events.
pub fn over_http<T: Teller>(mut teller: T) -> Response {
    let (sink, mut parts) = mpsc::channel::<Bytes>(AHEAD);
    tokio::spawn(async move {
        let meter = Meter::new(T::KIND, "sse");
        let mut out = String::new();
        teller.push_opening(Form::Lines, &mut out);
        loop {
            if !out.is_empty() && sink.send(std::mem::take(&mut out).into()).await.is_err() {
                return;
            }
            let told = tokio::select! {
                told = teller.push_next(Form::Lines, &mut out) => told,
                () = sink.closed() => return,
            };
            meter.count(&told);
            if told.end.is_some() {
                sink.send(out.into()).await.ok();
                return;
            }
        }
    });
    let body = Body::from_stream(poll_fn(move |context| {
        parts.poll_recv(context).map(|part| part.map(Ok::<_, Infallible>))
    }));
    ([(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store")], body).into_response()
}

/// Tells over a websocket, until either side ends it.
pub async fn over_socket<T: Teller>(mut teller: T, mut socket: WebSocket) {
    let meter = Meter::new(T::KIND, "websocket");
    let mut out = String::new();
    teller.push_opening(Form::Frames, &mut out);
    loop {
        if !out.is_empty() && socket.send(Message::text(std::mem::take(&mut out))).await.is_err() {
            return;
        }
        let told = tokio::select! {
            told = teller.push_next(Form::Frames, &mut out) => told,
            // What clients say has no meaning; pings are answered on the way.
            said = socket.recv() => match said {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => continue,
            },
        };
        meter.count(&told);
        if let Some(problem) = told.end {
            if socket.send(Message::text(out)).await.is_ok() {
                socket.send(Message::Close(Some(farewell(&problem)))).await.ok();
            }
            return;
        }
    }
}

/// Returns what a websocket is closed with: try again, or do not.
fn farewell(problem: &Problem) -> CloseFrame {
    let code = match problem.status() {
        503 => close_code::AGAIN,
        _ => close_code::POLICY,
    };
    let reason = problem.title();
    CloseFrame { code, reason: reason[..reason.floor_char_boundary(REASON)].into() }
}
