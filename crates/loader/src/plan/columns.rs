//! Prints inferred columns as sections of the configuration, for the user to edit.

use tally_rows::config::{Column, Source, Unit};
use tally_rows::definition::Definition;
use toml::Value;

/// Returns a section of the configuration with these columns.
pub fn section(topic: &str, definition: &Definition) -> String {
    let quoted = |text: &str| Value::from(text).to_string();
    let table = String::from(definition.table.clone());
    let columns: Vec<String> =
        definition.columns.iter().map(|c| format!("    {{ {} }},\n", keys(c))).collect();
    format!(
        "[[topic]]\nname = {}\ntable = {}\ncolumns = [\n{}]\n",
        quoted(topic),
        quoted(&table),
        columns.concat()
    )
}

fn keys(column: &Column) -> String {
    let mut keys =
        vec![("name", Value::from(column.name.as_str())), ("type", column.declared.to_string().into())];
    let plain = Source::Field(vec![column.name.clone()]);
    keys.extend(
        column.from.clone().filter(|from| *from != plain).map(|from| ("from", String::from(from).into())),
    );
    keys.extend(column.unit.map(|unit| ("unit", short(unit).into())));
    keys.extend(column.cast.as_deref().map(|cast| ("cast", cast.into())));
    if !column.null.is_empty() {
        keys.push(("null", column.null.clone().into()));
    }
    if column.required {
        keys.push(("required", true.into()));
    }
    keys.iter().map(|(key, value)| format!("{key} = {value}")).collect::<Vec<_>>().join(", ")
}

/// Lists guesses other than types, one line per column.
pub fn guesses(definition: &Definition) -> Vec<String> {
    let guess = |column: &Column| {
        let unit = column.unit.map(|unit| format!("numbers count {} since 1970", long(unit)));
        let null = (!column.null.is_empty()).then(|| "empty strings mean NULL".to_string());
        let all: Vec<String> = unit.into_iter().chain(null).collect();
        (!all.is_empty()).then(|| format!("column {:?}: {}", column.name, all.join(", ")))
    };
    definition.columns.iter().filter_map(guess).collect()
}

fn short(unit: Unit) -> &'static str {
    match unit {
        Unit::S => "s",
        Unit::Ms => "ms",
        Unit::Us => "us",
        Unit::Ns => "ns",
    }
}

fn long(unit: Unit) -> &'static str {
    match unit {
        Unit::S => "seconds",
        Unit::Ms => "milliseconds",
        Unit::Us => "microseconds",
        Unit::Ns => "nanoseconds",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tally_rows::config::{ColumnType, Config, TableName};

    #[test]
    fn the_section_is_a_configuration() {
        let text = "job='j'\ndatabase='d'\nbrokers='b'\n";
        let topic = |more: &str| Config::parse("t.toml", &format!("{text}{more}")).unwrap().topics.remove(0);
        let from = |field: &str| Some(Source::Field(vec![field.into()]));
        let columns = vec![
            Column { unit: Some(Unit::Ms), ..Column::plain("e_upper", ColumnType::Timestamptz, from("E")) },
            Column { null: vec![String::new()], ..Column::plain("p", ColumnType::Numeric, from("p")) },
            Column::plain("a\"b", ColumnType::DoublePrecision, from("a.\"b")),
        ];
        let inferred = topic("[[topic]]\nname='t.x'");
        let layout = inferred.mappings()[0].layout;
        let definition = Definition::new(layout, TableName::for_topic("t.x"), columns.clone());
        let read = topic(&section("t.x", &definition));
        let plain = Column { from: None, ..columns[1].clone() };
        assert_eq!(read.columns.unwrap(), [columns[0].clone(), plain, columns[2].clone()]);
        assert_eq!(read.table.unwrap(), definition.table);
        let guesses = guesses(&definition);
        assert_eq!(guesses[0], "column \"e_upper\": numbers count milliseconds since 1970");
        assert_eq!(guesses[1..], ["column \"p\": empty strings mean NULL"]);
    }
}
