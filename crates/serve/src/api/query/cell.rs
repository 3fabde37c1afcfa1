//! One value as JSON, given PostgreSQL's text of it.

use tokio_postgres::types::Type;

/// The greatest whole number up to which doubles, and so JavaScript, know all.
const EXACT: u64 = 1 << 53;

/// Adds a value: numbers, booleans and JSON as they are, all others as text.
pub fn push_json(out: &mut String, kind: &Type, value: Option<&str>, big_as_text: bool) {
    let Some(text) = value else {
        out.push_str("null");
        return;
    };
    match *kind {
        Type::BOOL => out.push_str(if text.starts_with('t') { "true" } else { "false" }),
        Type::INT2 | Type::INT4 | Type::INT8 | Type::OID | Type::FLOAT4 | Type::FLOAT8 | Type::NUMERIC
            if is_number(text) && !(big_as_text && is_big(text)) =>
        {
            out.push_str(text);
        }
        Type::JSON | Type::JSONB if !text.is_empty() => {
            // Line breaks are only between its parts, and would end a line of NDJSON.
            out.extend(text.chars().map(|c| if matches!(c, '\n' | '\r') { ' ' } else { c }));
        }
        _ => push_text(out, text),
    }
}

/// Whether a number is one for JSON too: NaN and the infinities are not.
fn is_number(text: &str) -> bool {
    text.ends_with(|c: char| c.is_ascii_digit())
}

/// Whether a whole number is beyond what doubles know.
fn is_big(text: &str) -> bool {
    let digits = text.trim_start_matches('-');
    digits.bytes().all(|byte| byte.is_ascii_digit())
        && digits.parse::<u64>().map_or(true, |number| number > EXACT)
}

fn push_text(out: &mut String, text: &str) {
    // A text can always be written.
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(kind: Type, text: &str, big_as_text: bool) -> String {
        let mut out = String::new();
        push_json(&mut out, &kind, Some(text), big_as_text);
        out
    }

    #[test]
    fn values() {
        assert_eq!(json(Type::INT8, "9007199254740993", false), "9007199254740993");
        assert_eq!(json(Type::INT8, "-9007199254740993", true), "\"-9007199254740993\"");
        assert_eq!(json(Type::INT8, "9007199254740992", true), "9007199254740992");
        assert_eq!(json(Type::FLOAT8, "1e+20", true), "1e+20");
        assert_eq!(json(Type::FLOAT8, "-Infinity", false), "\"-Infinity\"");
        assert_eq!(json(Type::NUMERIC, "NaN", false), "\"NaN\"");
        assert_eq!(json(Type::BOOL, "t", false), "true");
        assert_eq!(json(Type::JSON, "{\"a\":\n1}", false), "{\"a\": 1}");
        assert_eq!(json(Type::TEXT, "<a \"b\">\n", false), r#""<a \"b\">\n""#);
        assert_eq!(json(Type::TIMESTAMPTZ, "2026-03-01 00:00:00+00", false), "\"2026-03-01 00:00:00+00\"");
    }
}
