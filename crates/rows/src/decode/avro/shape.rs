//! A writer's schema, with references and logical types resolved.

use std::collections::HashMap;

use apache_avro::schema::{InnerDecimalSchema, Name, UuidSchema};
use apache_avro::Schema;

use crate::config::Unit;

/// The type of the next value in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    Text,
    Enum(Vec<String>),
    Fixed(usize),
    /// The unscaled number, of a fixed size if one is given, and the number of its digits after the point.
    Decimal {
        size: Option<usize>,
        scale: usize,
    },
    /// A UUID, as text or as sixteen bytes.
    Uuid {
        is_text: bool,
        is_sized: bool,
    },
    Days,
    /// The time of day, in milliseconds or microseconds.
    Time(Unit),
    /// An instant, or a local time counted as if it were UTC.
    Timestamp {
        unit: Unit,
        is_local: bool,
    },
    Record(Vec<(String, Type)>),
    Array(Box<Type>),
    Map(Box<Type>),
    Union(Vec<Type>),
    /// A named type, by its index.
    Named(usize),
}

/// A schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvroShape {
    root: Type,
    named: Vec<Type>,
}

impl AvroShape {
    /// Whether the schema is that of a record with a field of this name.
    pub fn has_field(&self, name: &str) -> bool {
        matches!(self.root(), Type::Record(fields) if fields.iter().any(|(field, _)| field == name))
    }

    /// Parses a schema and those that it refers to, as the registry returns them.
    pub fn parse(schema: &str, references: &[String]) -> Result<AvroShape, String> {
        let (schema, others) =
            Schema::parse_str_with_list(schema, references).map_err(|error| error.to_string())?;
        let mut compiler = Compiler { places: HashMap::new(), named: Vec::new() };
        for other in &others {
            compiler.compile(other)?;
        }
        let root = compiler.compile(&schema)?;
        if compiler.named.contains(&None) {
            return Err("the schema refers to a type that it does not define".into());
        }
        Ok(AvroShape { root, named: compiler.named.into_iter().flatten().collect() })
    }

    /// The type of the whole message.
    pub fn root(&self) -> &Type {
        self.resolved(&self.root)
    }

    /// The type behind a name.
    pub fn resolved<'s>(&'s self, mut kind: &'s Type) -> &'s Type {
        while let Type::Named(place) = kind {
            kind = &self.named[*place];
        }
        kind
    }
}

struct Compiler {
    places: HashMap<String, usize>,
    /// The named types; None while a type is being compiled, since types may contain themselves.
    named: Vec<Option<Type>>,
}

impl Compiler {
    fn compile(&mut self, schema: &Schema) -> Result<Type, String> {
        Ok(match schema {
            Schema::Null => Type::Null,
            Schema::Boolean => Type::Boolean,
            Schema::Int => Type::Int,
            Schema::Long => Type::Long,
            Schema::Float => Type::Float,
            Schema::Double => Type::Double,
            Schema::Bytes | Schema::BigDecimal => Type::Bytes,
            Schema::String => Type::Text,
            Schema::Date => Type::Days,
            Schema::TimeMillis => Type::Time(Unit::Ms),
            Schema::TimeMicros => Type::Time(Unit::Us),
            Schema::TimestampMillis => Type::Timestamp { unit: Unit::Ms, is_local: false },
            Schema::TimestampMicros => Type::Timestamp { unit: Unit::Us, is_local: false },
            Schema::TimestampNanos => Type::Timestamp { unit: Unit::Ns, is_local: false },
            Schema::LocalTimestampMillis => Type::Timestamp { unit: Unit::Ms, is_local: true },
            Schema::LocalTimestampMicros => Type::Timestamp { unit: Unit::Us, is_local: true },
            Schema::LocalTimestampNanos => Type::Timestamp { unit: Unit::Ns, is_local: true },
            Schema::Uuid(UuidSchema::String) => Type::Uuid { is_text: true, is_sized: false },
            Schema::Uuid(UuidSchema::Bytes) => Type::Uuid { is_text: false, is_sized: false },
            Schema::Uuid(UuidSchema::Fixed(fixed)) => {
                self.name(&fixed.name, |_| Ok(Type::Uuid { is_text: false, is_sized: true }))?
            }
            Schema::Decimal(decimal) => match &decimal.inner {
                InnerDecimalSchema::Bytes => Type::Decimal { size: None, scale: decimal.scale },
                InnerDecimalSchema::Fixed(fixed) => self.name(&fixed.name, |_| {
                    Ok(Type::Decimal { size: Some(fixed.size), scale: decimal.scale })
                })?,
            },
            Schema::Fixed(fixed) | Schema::Duration(fixed) => {
                self.name(&fixed.name, |_| Ok(Type::Fixed(fixed.size)))?
            }
            Schema::Enum(symbols) => self.name(&symbols.name, |_| Ok(Type::Enum(symbols.symbols.clone())))?,
            Schema::Record(record) => self.name(&record.name, |this| {
                let fields = record.fields.iter();
                let fields = fields.map(|field| Ok((field.name.clone(), this.compile(&field.schema)?)));
                fields.collect::<Result<_, String>>().map(Type::Record)
            })?,
            Schema::Array(array) => Type::Array(Box::new(self.compile(&array.items)?)),
            Schema::Map(map) => Type::Map(Box::new(self.compile(&map.types)?)),
            Schema::Union(union) => {
                Type::Union(union.variants().iter().map(|one| self.compile(one)).collect::<Result<_, _>>()?)
            }
            Schema::Ref { name } => Type::Named(self.place(name)),
        })
    }

    /// Compiles a type that has a name.
    fn name(
        &mut self,
        name: &Name,
        compile: impl FnOnce(&mut Self) -> Result<Type, String>,
    ) -> Result<Type, String> {
        let place = self.place(name);
        let kind = compile(self)?;
        self.named[place] = Some(kind);
        Ok(Type::Named(place))
    }

    fn place(&mut self, name: &Name) -> usize {
        let named = &mut self.named;
        *self.places.entry(name.to_string()).or_insert_with(|| {
            named.push(None);
            named.len() - 1
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_resolved_also_within_themselves() {
        let schema = r#"{"type": "record", "name": "n", "namespace": "a.b", "fields": [
            {"name": "id", "type": {"type": "fixed", "name": "hash", "size": 4}},
            {"name": "again", "type": "hash"},
            {"name": "next", "type": ["null", "n"]}]}"#;
        let shape = AvroShape::parse(schema, &[]).unwrap();
        let Type::Record(fields) = shape.root() else { panic!("{shape:?}") };
        assert_eq!(shape.resolved(&fields[1].1), &Type::Fixed(4));
        let Type::Union(variants) = &fields[2].1 else { panic!("{shape:?}") };
        assert_eq!(shape.resolved(&variants[1]), shape.root());
    }

    #[test]
    fn references_come_beside() {
        let address =
            r#"{"type": "record", "name": "x.Address", "fields": [{"name": "city", "type": "string"}]}"#;
        let person =
            r#"{"type": "record", "name": "x.Person", "fields": [{"name": "home", "type": "x.Address"}]}"#;
        let shape = AvroShape::parse(person, &[address.to_string()]).unwrap();
        let Type::Record(fields) = shape.root() else { panic!("{shape:?}") };
        assert_eq!(shape.resolved(&fields[0].1), &Type::Record(vec![("city".into(), Type::Text)]));
        assert!(AvroShape::parse(person, &[]).is_err());
        assert!(AvroShape::parse("{", &[]).is_err());
    }
}
