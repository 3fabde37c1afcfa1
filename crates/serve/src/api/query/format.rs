//! Forms of an answer, and how a row is written in each.

use super::cell::push_json;
use super::row::{Column, TextRow};
use crate::problem::Problem;
use tokio_postgres::types::Type;

/// A form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// All rows in one object.
    Json,
    /// An object a line.
    Ndjson,
    /// A line with the names of the columns, and one for each row.
    Csv,
}

impl Format {
    /// Returns the form that a header `Accept` asks for.
    pub fn of_accept(accept: &str) -> Self {
        let named = |name: &str| {
            accept.split(',').any(|range| range.split(';').next().is_some_and(|r| r.trim() == name))
        };
        if named("application/x-ndjson") {
            Self::Ndjson
        } else if named("text/csv") {
            Self::Csv
        } else {
            Self::Json
        }
    }

    /// The media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8",
        }
    }

    /// Checks that the columns can be written; returns what is before the first row.
    pub fn begin(self, columns: &[Column]) -> Result<String, Problem> {
        let mut head = String::new();
        match self {
            Self::Json => {}
            Self::Ndjson => {
                for (at, column) in columns.iter().enumerate() {
                    if columns[..at].iter().any(|before| before.name == column.name) {
                        return Err(Problem::unprocessable(format!(
                            "two columns are called {:?}",
                            column.name
                        ))
                        .hint("Name one with AS."));
                    }
                }
            }
            Self::Csv => {
                for (at, column) in columns.iter().enumerate() {
                    push_field(&mut head, at, Some(&column.name));
                }
                head.push('\n');
            }
        }
        Ok(head)
    }

    /// Adds a row.
    pub fn push_row(self, out: &mut String, columns: &[Column], row: &TextRow, big_as_text: bool) {
        match self {
            Self::Json => {
                for (at, column) in columns.iter().enumerate() {
                    out.push(if at == 0 { '[' } else { ',' });
                    push_json(out, &column.kind, row.get(at), big_as_text);
                }
                out.push(']');
            }
            Self::Ndjson => {
                for (at, column) in columns.iter().enumerate() {
                    out.push(if at == 0 { '{' } else { ',' });
                    push_json(out, &Type::TEXT, Some(&column.name), false);
                    out.push(':');
                    push_json(out, &column.kind, row.get(at), big_as_text);
                }
                out.push_str("}\n");
            }
            Self::Csv => {
                for (at, column) in columns.iter().enumerate() {
                    let value = row.get(at);
                    // A query with parameters spells booleans out.
                    let value =
                        if column.kind == Type::BOOL { value.and_then(|text| text.get(..1)) } else { value };
                    push_field(out, at, value);
                }
                out.push('\n');
            }
        }
    }
}

/// Adds a field of CSV as COPY writes it: NULL is nothing, and empty text is quoted.
fn push_field(out: &mut String, at: usize, value: Option<&str>) {
    if at > 0 {
        out.push(',');
    }
    let Some(text) = value else { return };
    let is_plain = !text.is_empty() && text != "\\." && !text.contains(['"', ',', '\n', '\r']);
    if is_plain {
        out.push_str(text);
    } else {
        out.push('"');
        out.push_str(&text.replace('"', "\"\""));
        out.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields() {
        let mut line = String::new();
        for (at, value) in [Some("a"), None, Some(""), Some("a\"b,c"), Some("\\.")].into_iter().enumerate() {
            push_field(&mut line, at, value);
        }
        assert_eq!(line, r#"a,,"","a""b,c","\.""#);
    }

    #[test]
    fn accepted() {
        assert_eq!(Format::of_accept("text/html, text/csv;q=0.9"), Format::Csv);
        assert_eq!(Format::of_accept("application/x-ndjson"), Format::Ndjson);
        assert_eq!(Format::of_accept("*/*"), Format::Json);
    }
}
