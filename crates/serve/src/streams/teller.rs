//! A stream as its transport sees it, and the parts of its text that all streams share.

use std::fmt::Write;
use std::future::Future;

use serde_json::Value;

use crate::problem::Problem;

/// The form of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A JSON object in each frame of a websocket.
    Frames,
    /// `text/event-stream`.
    Lines,
}

/// News for a client, as far as those who count want to know.
#[derive(Debug, Default)]
pub struct Telling {
    /// The number of events.
    pub events: u64,
    /// The number of events that the client will never be told.
    pub missed: u64,
    /// Whether some are missed because the client was too slow.
    pub is_late: bool,
    /// The reason why this was the last.
    pub end: Option<Problem>,
}

/// A stream.
pub trait Teller: Send + 'static {
    /// The name of its kind.
    const KIND: &'static str;

    /// Appends what a client is told first.
    fn push_opening(&mut self, form: Form, out: &mut String);

    /// Waits for what is next, and appends it. Nothing is lost, nor appended, if the wait is given up.
    fn push_next(&mut self, form: Form, out: &mut String) -> impl Future<Output = Telling> + Send;
}

/// Appends a value that is no event, with its name and the position after which the client goes on.
pub fn push_named(form: Form, name: &str, value: &Value, after: &str, out: &mut String) {
    let _ = match form {
        Form::Frames => write!(out, "{{\"{name}\":{value},\"after\":\"{after}\"}}"),
        Form::Lines => write!(out, "event: {name}\nid: {after}\ndata: {value}\n\n"),
    };
}

/// Appends that nothing has happened.
pub fn push_quiet(form: Form, after: &str, out: &mut String) {
    match form {
        Form::Frames => push_named(form, "quiet", &Value::Bool(true), after, out),
        Form::Lines => {
            let _ = write!(out, ": quiet\nid: {after}\n\n");
        }
    }
}

/// Appends the end of an event of server-sent ones, with the position after which the client goes on if it is whole.
pub fn push_event(after: Option<&str>, out: &mut String) {
    if let Some(after) = after {
        let _ = write!(out, "\nid: {after}");
    }
    out.push_str("\n\n");
}
