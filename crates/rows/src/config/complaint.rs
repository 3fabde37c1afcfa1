//! Turns errors of the TOML parser into one line with file, line, key and the nearest valid key.

use tally_postgres::suggestion;
use tally_postgres::Failure;

/// Creates a failure for an error of the TOML parser.
pub fn from_toml(name: &str, text: &str, error: &toml::de::Error) -> Failure {
    let message = error.message();
    let (what, mend) = explain(message);
    // A missing key has no place of its own: its span is the whole section.
    let start = error.span().map(|span| span.start).filter(|_| !message.starts_with("missing field"));
    let Some(start) = start else {
        return Failure::usage(what).at(name).mend(mend);
    };
    let line_number = text[..start].matches('\n').count() + 1;
    let key =
        text.lines().nth(line_number - 1).and_then(|line| line.split_once('=')).map(|(key, _)| key.trim());
    let what = match key {
        Some(key) if message.starts_with("invalid") => format!("key {key:?}: {what}"),
        _ => what,
    };
    Failure::usage(what).at(format!("{name}:{line_number}")).mend(mend)
}

/// Splits an error of the parser into what is wrong and what to do about it.
fn explain(message: &str) -> (String, String) {
    // serde quotes the wrong name first and then the valid ones.
    let mut quoted = message.split('`').skip(1).step_by(2);
    let first = quoted.next().unwrap_or_default();
    let valid: Vec<&str> = quoted.collect();
    match message.split_whitespace().next() {
        Some("unknown") => {
            let kind = if message.starts_with("unknown field") { "key" } else { "value" };
            (format!("unknown {kind} {first:?}"), suggestion(first, &valid))
        }
        Some("missing") if message.starts_with("missing field") => {
            (format!("missing key {first:?}"), "add the key".into())
        }
        _ if message.ends_with("usize") || message.ends_with("u64") => {
            let what = message.split(", expected").next().unwrap_or(message);
            (format!("{what}, expected a non-negative integer"), "correct the value".into())
        }
        _ => (message.to_string(), "see the configuration reference, docs/loader.md".into()),
    }
}
