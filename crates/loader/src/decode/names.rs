//! Names of columns for fields of messages.

use std::collections::HashSet;

use crate::config::plain_name;

/// Names that PostgreSQL keeps for itself in every table.
const SYSTEM_COLUMNS: [&str; 6] = ["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];

/// The names of a table's columns so far.
pub struct Names(HashSet<String>);

impl Names {
    /// Those that are taken in every table, and one more.
    pub fn new(reserved: &str) -> Self {
        Self(SYSTEM_COLUMNS.iter().chain([&reserved]).map(|name| name.to_string()).collect())
    }

    /// Takes the names that columns have.
    pub fn take<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        self.0.extend(names.into_iter().map(str::to_string));
    }

    /// A name for a field: plain, and if that is taken, with the first number that makes it unique.
    pub fn free(&mut self, field: &str) -> String {
        let name = plain_name(field);
        let candidates = std::iter::once(name.clone())
            .chain((2..).map(|n| format!("{}_{n}", &name[..name.len().min(55)])));
        let free = candidates
            .into_iter()
            .find(|candidate| !self.0.contains(candidate))
            .expect("numbers do not run out");
        self.0.insert(free.clone());
        free
    }
}
