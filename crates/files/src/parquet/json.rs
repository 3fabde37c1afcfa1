//! Writes nested values as JSON: numbers with all their digits, bytes as `\x` and hexadecimal, times as text, NaN and
//! the infinities as strings.

use parquet::record::Field as Value;
use tally_postgres::pgtype::hex;
use tally_rows::config::Unit;
use tally_rows::decode::{time, Reject};

use super::number::number_text;
use super::schema;

/// Appends a value.
pub fn append_json(value: &Value, out: &mut String) -> Result<(), Reject> {
    if let Some(text) = schema::text(value) {
        append_text(text?, out);
        return Ok(());
    }
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Bytes(bytes) => {
            append_text(&hex::bytea(bytes.data()), out);
        }
        // A time outside the calendar stays a number.
        Value::Date(days) => append_text(&time::date_text(*days).unwrap_or_else(|| days.to_string()), out),
        Value::TimeMillis(millis) => append_time(i64::from(*millis) * 1000, out),
        Value::TimeMicros(micros) => append_time(*micros, out),
        Value::TimestampMillis(count) => append_instant(*count, Unit::Ms, out),
        Value::TimestampMicros(count) => append_instant(*count, Unit::Us, out),
        Value::Group(row) => {
            let fields = row.get_column_iter().map(|(name, value)| (name.clone(), value));
            append_object(fields, out)?;
        }
        Value::ListInternal(list) => {
            out.push('[');
            for (i, element) in list.elements().iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                append_json(element, out)?;
            }
            out.push(']');
        }
        Value::MapInternal(map) => {
            let key = |key: &Value| match schema::text(key) {
                Some(text) => text.map(str::to_string),
                None => {
                    let mut text = String::new();
                    append_json(key, &mut text)?;
                    Ok(text.trim_matches('"').to_string())
                }
            };
            let entries = map.entries().iter().map(|(name, value)| Ok((key(name)?, value)));
            append_object(entries.collect::<Result<Vec<_>, Reject>>()?.into_iter(), out)?;
        }
        number => {
            let text = number_text(number);
            if text.ends_with(|c: char| c.is_ascii_digit()) {
                out.push_str(&text);
            } else {
                append_text(&text, out); // NaN, Infinity
            }
        }
    }
    Ok(())
}

fn append_object<'v>(
    fields: impl Iterator<Item = (String, &'v Value)>,
    out: &mut String,
) -> Result<(), Reject> {
    out.push('{');
    for (i, (name, value)) in fields.enumerate() {
        if i > 0 {
            out.push(',');
        }
        append_text(&name, out);
        out.push(':');
        append_json(value, out)?;
    }
    out.push('}');
    Ok(())
}

fn append_text(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

fn append_time(micros: i64, out: &mut String) {
    append_text(&time::time_text(micros).unwrap_or_else(|| micros.to_string()), out);
}

fn append_instant(count: i64, unit: Unit, out: &mut String) {
    append_text(&time::instant_text(count, unit).unwrap_or_else(|| count.to_string()), out);
}
