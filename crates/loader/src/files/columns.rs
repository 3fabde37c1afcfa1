//! Assigns the fields of files to columns.

use std::collections::HashMap;

use tally_files::format::{Contents, Input};
use tally_files::infer::Evidence;
use tally_postgres::Failure;
use tally_rows::config::{Column, ColumnType, SqlType};
use tally_rows::decode::{Digits, Names};

use crate::pg::{FoundColumn, FoundTable};

/// Column types given on the command line, by name.
pub type DeclaredTypes = HashMap<String, SqlType>;

/// Reads `name=type,...`; a type may have commas in parentheses.
pub fn declared_types(text: &str) -> Result<DeclaredTypes, String> {
    let mut depth = 0;
    let is_between = |c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    };
    let one = |text: &str| {
        let (name, wanted) = text.split_once('=').ok_or("must be NAME=TYPE")?;
        let wanted = wanted.parse().map_err(|what: String| match what.starts_with("unknown") {
            true => format!("unsupported type {}", wanted.trim()),
            false => what,
        })?;
        Ok((name.trim().into(), wanted))
    };
    text.split(is_between).map(one).collect()
}

/// Returns the columns of a new table for the files: those of all files, in the order of their first occurrence.
pub fn for_new_table(
    inputs: &[(&dyn Input, Contents)],
    declared: &DeclaredTypes,
) -> Result<Vec<Column>, Failure> {
    Ok(for_conversion(inputs, declared)?.into_iter().map(|(column, _)| column).collect())
}

/// Returns the same columns, each with the digits of its numbers, as far as they are known.
pub fn for_conversion(
    inputs: &[(&dyn Input, Contents)],
    declared: &DeclaredTypes,
) -> Result<Vec<(Column, Option<Digits>)>, Failure> {
    let mut kinds: Vec<(String, Seen)> = Vec::new();
    for (input, contents) in inputs {
        let found: Option<Vec<String>> = match input.self_named() {
            Some(_) => contents.columns.iter().map(|column| column.name.clone()).collect(),
            None => input.names().map(<[String]>::to_vec),
        };
        for (i, name) in names(found.as_deref(), input.fields()).into_iter().enumerate() {
            let seen = match input.types() {
                Some(types) => Seen::Type(types[i]),
                None => Seen::Values(contents.columns.get(i).map(|c| c.evidence.clone()).unwrap_or_default()),
            };
            match kinds.iter_mut().find(|(known, _)| *known == name) {
                Some(_) if declared.contains_key(&name) => {}
                Some((_, known)) => known.merge(&name, seen).map_err(|what| {
                    let mend = format!("use --types {name}=TYPE with a type that holds both");
                    Failure::usage(format!("column {name:?}: {what}")).at(input.name()).mend(mend)
                })?,
                None => kinds.push((name, seen)),
            }
        }
    }
    if let Some(name) = declared.keys().find(|name| !kinds.iter().any(|(known, _)| known == *name)) {
        return Err(Failure::usage(format!("--types names column {name:?}, which no file has")));
    }
    let column = |(name, seen): (String, Seen)| {
        let wanted = declared.get(&name).cloned().unwrap_or_else(|| seen.column_type(&name).into());
        let digits = seen.digits(&name);
        (Column::plain(name, wanted, None), digits)
    };
    Ok(kinds.into_iter().map(column).collect())
}

/// Facts that are known of a column.
enum Seen {
    Values(Evidence),
    Type(ColumnType),
}

impl Seen {
    fn merge(&mut self, name: &str, other: Self) -> Result<(), String> {
        match (self, other) {
            (Self::Values(known), Self::Values(other)) => known.merge(&other),
            (known, other) => {
                let (one, another) = (known.column_type(name), other.column_type(name));
                let both = wider(one, another);
                *known = Self::Type(both.ok_or_else(|| format!("{one} in one file, {another} in another"))?);
            }
        }
        Ok(())
    }

    fn digits(&self, name: &str) -> Option<Digits> {
        match self {
            // Where not all values are numbers, not all were looked at.
            Self::Values(evidence) if evidence.column_type(name).is_number() => Some(evidence.digits()),
            Self::Values(_) => None,
            Self::Type(_) => None,
        }
    }

    fn column_type(&self, name: &str) -> ColumnType {
        match self {
            Self::Values(evidence) => evidence.column_type(name),
            Self::Type(kind) => *kind,
        }
    }
}

/// Returns the type that holds the values of both.
fn wider(one: ColumnType, another: ColumnType) -> Option<ColumnType> {
    use ColumnType::*;
    let orders: [&[ColumnType]; 2] = [&[Smallint, Integer, Bigint, Numeric], &[Real, DoublePrecision]];
    let in_order = |order: &&[ColumnType]| {
        let place = |kind| order.iter().position(|k| *k == kind);
        Some(order[place(one)?.max(place(another)?)])
    };
    if one == another {
        Some(one)
    } else {
        orders.iter().find_map(in_order)
    }
}

/// Returns the names of a file's fields as columns of a new table.
fn names(fields: Option<&[String]>, count: usize) -> Vec<String> {
    let mut names = Names::new("");
    match fields {
        Some(fields) => {
            let name = |(n, field): (usize, &String)| match field.trim() {
                "" => names.free(&format!("column_{}", n + 1)),
                field => names.free(field),
            };
            fields.iter().enumerate().map(name).collect()
        }
        None => (1..=count).map(|n| format!("column_{n}")).collect(),
    }
}

/// Returns the columns for the fields of a file, among those of all files, in the order in which the file is read.
pub fn of_file(input: &dyn Input, all: &[Column]) -> Vec<Column> {
    let names = names(input.names(), input.fields());
    let find = |name: &String| all.iter().find(|column| column.name == *name);
    let mut found: Vec<&Column> = names.iter().filter_map(find).collect();
    if let Some(place) = input.self_named() {
        let others: Vec<&Column> = all.iter().filter(|column| !names.contains(&column.name)).collect();
        found.splice(place..place, others);
    }
    found.into_iter().cloned().collect()
}

/// Returns the columns of an existing table that a file's fields go to: by name, or else by position.
pub fn in_table(
    input: &dyn Input,
    table: &FoundTable,
    declared: &DeclaredTypes,
) -> Result<Vec<Column>, Failure> {
    let columns = table.columns();
    let at = |failure: Failure| failure.at(input.name());
    let mut found: Vec<&FoundColumn> = Vec::with_capacity(input.fields());
    match input.names() {
        Some(fields) => {
            for (field, name) in fields.iter().zip(names(Some(fields), 0)) {
                let free = |wanted: &str| {
                    let is_taken = |column: &FoundColumn| found.iter().any(|c| c.name == column.name);
                    columns.iter().find(|column| column.name == wanted && !is_taken(column))
                };
                found.push(free(field.trim()).or_else(|| free(&name)).ok_or_else(|| {
                    let what = format!("the table has no column {name:?} for field {field:?}");
                    at(Failure::usage(what).mend("add it to the table, or name the columns with --columns"))
                })?);
            }
        }
        None if input.fields() == columns.len() => found.extend(columns),
        None => {
            let what = format!("{} fields without names for {} columns", input.fields(), columns.len());
            return Err(at(Failure::usage(what).mend("name the columns of the fields with --columns")));
        }
    }
    if let Some(place) = input.self_named() {
        let is_other = |column: &&FoundColumn| {
            !column.fills_itself && column.insertable && !found.iter().any(|taken| taken.name == column.name)
        };
        let others: Vec<&FoundColumn> = columns.iter().filter(is_other).collect();
        found.splice(place..place, others);
    }
    let is_filled = |name: &str| found.iter().any(|column| column.name == name);
    if let Some(column) = columns.iter().find(|c| c.must_be_given && !is_filled(&c.name)) {
        let what = format!("column {:?} is NOT NULL without a default, and no field fills it", column.name);
        return Err(at(Failure::usage(what).mend("add a default to the column, or a field to the file")));
    }
    found
        .into_iter()
        .map(|column| {
            if declared.get(&column.name).is_some_and(|wanted| !column.is(wanted)) {
                let what = format!(
                    "--types contradicts the table, where column {:?} is {}",
                    column.name, column.declared
                );
                return Err(Failure::usage(what).mend("omit it from --types, or ALTER the table"));
            }
            Ok(column.filled(column.must_be_given))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_by_name() {
        let shown = |text: &str| {
            let declared = declared_types(text)?;
            let mut shown: Vec<String> = declared.iter().map(|(name, of)| format!("{name} {of}")).collect();
            shown.sort();
            Ok::<_, String>(shown.join("; "))
        };
        assert_eq!(shown("a=int8"), Ok("a bigint".into()));
        assert_eq!(
            shown("a = Double Precision,b=NUMERIC(10, 2),c=int"),
            Ok("a double precision; b numeric(10,2); c integer".into())
        );
        assert!(shown("a").is_err() && shown("a=money").unwrap_err().contains("money"));
        assert_eq!(shown("a=int(3)"), Err("type integer takes no modifier (3)".into()));
    }

    #[test]
    fn wider_types() {
        use ColumnType::*;
        for (one, another, both) in [
            (Smallint, Bigint, Some(Bigint)),
            (Numeric, Integer, Some(Numeric)),
            (Real, DoublePrecision, Some(DoublePrecision)),
            (Text, Text, Some(Text)),
            (Integer, Text, None),
            (Integer, DoublePrecision, None),
        ] {
            assert_eq!((wider(one, another), wider(another, one)), (both, both), "{one} and {another}");
        }
    }
}
