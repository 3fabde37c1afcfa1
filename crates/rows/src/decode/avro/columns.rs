//! Inference of columns from a schema.

use super::shape::{AvroShape, Type};
use crate::config::{Column, ColumnType, Source};
use crate::decode::names::Names;

/// Returns a column for each field of the record, in order; no columns if the schema is not that of a record.
///
/// No column is required: the next version of a schema may omit a field.
pub fn columns(shape: &AvroShape, reserved: &str) -> Vec<Column> {
    let Type::Record(fields) = shape.root() else { return Vec::new() };
    let mut names = Names::new(reserved);
    let fields = fields.iter().filter_map(|(name, kind)| Some((name, column_type(shape, kind)?)));
    fields
        .map(|(field, kind)| Column::plain(names.free(field), kind, Some(Source::Field(vec![field.clone()]))))
        .collect()
}

/// Returns the type that holds all values of a field; None for a field that is always null.
fn column_type(shape: &AvroShape, kind: &Type) -> Option<ColumnType> {
    Some(match shape.resolved(kind) {
        Type::Null => return None,
        Type::Boolean => ColumnType::Boolean,
        Type::Int => ColumnType::Integer,
        Type::Long => ColumnType::Bigint,
        Type::Float => ColumnType::Real,
        Type::Double => ColumnType::DoublePrecision,
        Type::Bytes | Type::Fixed(_) => ColumnType::Bytea,
        Type::Text | Type::Enum(_) => ColumnType::Text,
        Type::Decimal { .. } => ColumnType::Numeric,
        Type::Uuid { .. } => ColumnType::Uuid,
        Type::Days => ColumnType::Date,
        Type::Time(_) => ColumnType::Time,
        Type::Timestamp { is_local: false, .. } => ColumnType::Timestamptz,
        Type::Timestamp { is_local: true, .. } => ColumnType::Timestamp,
        Type::Union(variants) => {
            let mut kinds = variants.iter().filter_map(|variant| column_type(shape, variant));
            let first = kinds.next()?;
            match kinds.next() {
                None => first,
                Some(_) => ColumnType::Jsonb,
            }
        }
        Type::Record(_) | Type::Array(_) | Type::Map(_) | Type::Named(_) => ColumnType::Jsonb,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_has_its_column() {
        let schema = r#"{"type": "record", "name": "t", "fields": [
            {"name": "tradeId", "type": "string"}, {"name": "n", "type": "null"}, {"name": "i", "type": ["null", "int"]},
            {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
            {"name": "local", "type": {"type": "long", "logicalType": "local-timestamp-micros"}},
            {"name": "day", "type": {"type": "int", "logicalType": "date"}},
            {"name": "clock", "type": {"type": "int", "logicalType": "time-millis"}},
            {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 24}},
            {"name": "id", "type": {"type": "string", "logicalType": "uuid"}},
            {"name": "side", "type": {"type": "enum", "name": "s", "symbols": ["buy", "sell"]}},
            {"name": "either", "type": ["string", "long"]}, {"name": "raw", "type": "bytes"},
            {"name": "levels", "type": {"type": "array", "items": "double"}}]}"#;
        let shape = AvroShape::parse(schema, &[]).unwrap();
        let found: Vec<_> =
            columns(&shape, "overflow").into_iter().map(|c| format!("{} {}", c.name, c.declared)).collect();
        assert_eq!(
            found,
            [
                "trade_id text",
                "i integer",
                "at timestamptz",
                "local timestamp",
                "day date",
                "clock time",
                "amount numeric",
                "id uuid",
                "side text",
                "either jsonb",
                "raw bytea",
                "levels jsonb"
            ]
        );
        assert!(columns(&AvroShape::parse("\"string\"", &[]).unwrap(), "overflow").is_empty());
    }
}
