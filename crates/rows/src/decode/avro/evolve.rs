//! Changes of a table as a new version of a schema requires.

use tally_postgres::quoted;

use super::columns::columns;
use super::shape::AvroShape;
use crate::config::{Column, ColumnType, Source};
use crate::decode::Names;
use crate::definition::Definition;

/// Returns the definition with added columns for new fields and wider types for wider values, and the ALTER TABLE
/// statement; `None` if no change is needed.
///
/// Nothing is dropped or narrowed. Columns are added at the end.
pub fn evolved(definition: &Definition, shape: &AvroShape) -> Option<(Definition, String)> {
    let mut next = definition.clone();
    let mut changes = Vec::new();
    let reserved = definition.overflow.as_deref().unwrap_or_default();
    for suggested in columns(shape, reserved) {
        let Source::Field(path) = suggested.source() else { continue };
        let uses_it =
            |source: Source| matches!(source, Source::Field(known) if known.first() == path.first());
        let takes_it = |source: Source| matches!(source, Source::Field(known) if known == path);
        if let Some(known) = next.columns.iter_mut().find(|column| takes_it(column.source())) {
            if is_wider(suggested.kind(), known.kind()) {
                known.declared = suggested.declared.clone();
                changes.push(format!("ALTER COLUMN {} TYPE {}", quoted(&known.name), known.declared));
            }
        } else if !next.columns.iter().any(|column| uses_it(column.source())) {
            let mut names = Names::new(reserved);
            names.take_names(next.columns.iter().map(|known| known.name.as_str()));
            changes.push(next.add(Column { name: names.free(&suggested.name), ..suggested }));
        }
    }
    let statement = format!("ALTER TABLE {} {}", definition.table, changes.join(", "));
    (!changes.is_empty()).then_some((next, statement))
}

fn is_wider(new: ColumnType, old: ColumnType) -> bool {
    use ColumnType::*;
    matches!((new, old), (Bigint, Smallint | Integer) | (Integer, Smallint) | (DoublePrecision, Real))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, TableName};

    fn schema(fields: &str) -> AvroShape {
        let text = format!(r#"{{"type": "record", "name": "t", "fields": [{fields}]}}"#);
        AvroShape::parse(&text, &[]).unwrap()
    }

    #[test]
    fn columns_are_added_and_widened_and_never_dropped() {
        let text = "job='j'\ndatabase='d'\nbrokers='b'\n[registry]\nurl='http://r'\n[[topic]]\nname='t'\nformat='avro'\n";
        let topic = Config::parse("t.toml", text).unwrap().topics.remove(0);
        let first = schema(r#"{"name": "a", "type": "int"}, {"name": "gone", "type": "string"}"#);
        let definition = Definition::new(
            topic.mappings()[0].layout,
            TableName::for_topic("t"),
            columns(&first, "overflow"),
        );
        assert!(evolved(&definition, &first).is_none());
        let second = schema(r#"{"name": "a", "type": "long"}, {"name": "b", "type": ["null", "double"]}"#);
        let (next, statement) = evolved(&definition, &second).unwrap();
        assert_eq!(
            statement,
            "ALTER TABLE \"t\" ALTER COLUMN \"a\" TYPE bigint, ADD COLUMN IF NOT EXISTS \"b\" double precision"
        );
        assert_eq!(next.columns.len(), 3);
        assert!(evolved(&next, &second).is_none());
        assert!(evolved(&next, &first).is_none(), "the older version still fits");
    }
}
