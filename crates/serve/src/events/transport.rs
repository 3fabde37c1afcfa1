//! Streams on their way: as the body of an answer, or over a websocket.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::ws::{close_code, CloseFrame, Message, WebSocket};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::poll_fn;
use tokio::sync::mpsc;

use super::subscription::{News, Subscription};
use super::wire::{status_of_close, Form};

/// Parts of an answer that wait for the client.
const AHEAD: usize = 2;
/// The most bytes that a websocket takes as the reason of its end.
const REASON: usize = 120;

/// Answers with server-sent events.
pub fn over_http(mut subscription: Subscription) -> Response {
    let (sink, mut parts) = mpsc::channel::<Bytes>(AHEAD);
    tokio::spawn(async move {
        let mut out = String::new();
        subscription.push_opening(Form::Lines, &mut out);
        loop {
            if !out.is_empty() && sink.send(std::mem::take(&mut out).into()).await.is_err() {
                return;
            }
            let news = tokio::select! {
                news = subscription.next() => news,
                () = sink.closed() => return,
            };
            subscription.push(&news, Form::Lines, &mut out);
            if matches!(news, News::End(_)) {
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

/// Tells the events over a websocket, until either side ends it.
pub async fn over_socket(mut subscription: Subscription, mut socket: WebSocket) {
    let mut out = String::new();
    subscription.push_opening(Form::Frames, &mut out);
    loop {
        if !out.is_empty() && socket.send(Message::text(std::mem::take(&mut out))).await.is_err() {
            return;
        }
        let news = tokio::select! {
            news = subscription.next() => news,
            // What clients say has no meaning; pings are answered on the way.
            said = socket.recv() => match said {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => continue,
            },
        };
        subscription.push(&news, Form::Frames, &mut out);
        if let News::End(problem) = news {
            let reason = problem.title();
            let reason = &reason[..reason.floor_char_boundary(REASON)];
            let code = status_of_close(&problem).max(close_code::NORMAL);
            let close = CloseFrame { code, reason: reason.into() };
            if socket.send(Message::text(out)).await.is_ok() {
                socket.send(Message::Close(Some(close))).await.ok();
            }
            return;
        }
    }
}
