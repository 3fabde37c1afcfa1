//! Names of columns for fields of messages.

use std::collections::HashSet;

use crate::config::plain_name;

/// Names of the system columns of every table.
const SYSTEM_COLUMNS: [&str; 6] = ["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];

/// Words that SQL accepts as a column's name only in quotes, or that mean something else: `SELECT user` returns the
/// role.
const RESERVED: &str = "all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate \
    collation column concurrently constraint create cross current_catalog current_date current_role current_schema current_time \
    current_timestamp current_user default deferrable desc distinct do else end except false fetch for foreign freeze from \
    full grant group having ilike in initially inner intersect into is isnull join lateral leading left like limit localtime \
    localtimestamp natural not notnull null offset on only or order outer overlaps placing primary references returning \
    right select session_user similar some symmetric system_user table tablesample then to trailing true union unique user \
    using variadic verbose when where window with";

/// The names of a table's columns so far.
pub struct Names(HashSet<String>);

impl Names {
    /// Begins with the names that are taken in every table, and one more.
    pub fn new(reserved: &str) -> Self {
        Self(SYSTEM_COLUMNS.iter().chain([&reserved]).map(|name| name.to_string()).collect())
    }

    /// Marks the names of existing columns as taken.
    pub fn take_names<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        self.0.extend(names.into_iter().map(str::to_string));
    }

    /// Returns a name for a field: plain, or, if that is taken, with the first number that makes it unique.
    pub fn free(&mut self, field: &str) -> String {
        let name = unquoted(field);
        let candidates = std::iter::once(name.clone())
            .chain((2..).map(|n| format!("{}_{n}", &name[..name.floor_char_boundary(55)])));
        self.first_free(candidates)
    }

    /// Returns names for fields, in their order. Of fields that differ only by case, the one in lower case keeps its
    /// name, and one in upper case gets a suffix: `e` and `E` become `e` and `e_upper`.
    pub fn free_for_all<'a>(&mut self, fields: impl Iterator<Item = &'a str> + Clone) -> Vec<String> {
        let has_lower = |field: &str| {
            let lower = field.to_lowercase();
            lower != field && fields.clone().any(|other| other == lower)
        };
        let as_they_are: Vec<Option<String>> =
            fields.clone().map(|field| (!has_lower(field)).then(|| self.free(field))).collect();
        let named = fields.clone().zip(as_they_are).map(|(field, name)| {
            name.unwrap_or_else(|| match field.chars().any(char::is_lowercase) {
                true => self.free(field),
                false => self.free(&format!("{}_upper", field.to_lowercase())),
            })
        });
        named.collect()
    }

    fn first_free(&mut self, mut candidates: impl Iterator<Item = String>) -> String {
        let free = candidates.find(|candidate| !self.0.contains(candidate)).expect("numbers do not run out");
        self.0.insert(free.clone());
        free
    }
}

/// Returns a plain name, with `_` after a reserved word.
fn unquoted(field: &str) -> String {
    let name = plain_name(field);
    match RESERVED.split_ascii_whitespace().any(|word| word == name) {
        true => format!("{name}_"),
        false => name,
    }
}
