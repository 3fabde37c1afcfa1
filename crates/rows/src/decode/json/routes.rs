//! The routes of a topic of JSON messages into its tables.

use std::str;

use regex::Regex;

use super::plan::{FoundList, JsonPlan};
use crate::config::{Column, Source, Topic, Unmatched};
use crate::decode::node::{Node, Visitor};
use crate::decode::rows::Rows;
use crate::decode::value::Value;
use crate::decode::walk::check;
use crate::decode::{json_text, sqlstate, Record, Reject};
use crate::definition::Definition;

/// The compiled routes.
pub struct Routes {
    routes: Vec<PlannedRoute>,
    /// The values that conditions test.
    looked_at: Node,
    slots: usize,
    unmatched: Unmatched,
    /// Number of rows that each route's table had before the message.
    before: Vec<usize>,
}

struct PlannedRoute {
    plan: JsonPlan,
    /// The place of the route's table among all tables.
    target: usize,
    conditions: Vec<RouteCondition>,
}

struct RouteCondition {
    subject: Subject,
    /// Patterns, one of which must match.
    texts: Vec<Regex>,
}

enum Subject {
    Key,
    Topic,
    /// A value in the message, by its slot number.
    Value(usize),
}

impl Routes {
    /// Compiles the routes of a topic; each has its table's number and definition.
    pub fn new<'d>(topic: &Topic, tables: impl IntoIterator<Item = (usize, &'d Definition)>) -> Self {
        let mut looked_at = Node::default();
        let mut slots = 0;
        let mut routes = Vec::new();
        for (mapping, (target, definition)) in topic.mappings().iter().zip(tables) {
            let mut conditions = Vec::new();
            for (source, wanted) in mapping.route.iter().flat_map(|route| &route.when) {
                let subject = match source {
                    Source::Key => Subject::Key,
                    Source::Field(path) => {
                        looked_at.want(path, slots);
                        slots += 1;
                        Subject::Value(slots - 1)
                    }
                    _ => Subject::Topic,
                };
                let texts = wanted.texts().iter().map(|text| with_stars(text)).collect();
                conditions.push(RouteCondition { subject, texts });
            }
            let columns: &[Column] = mapping.columns.unwrap_or(&definition.columns);
            routes.push(PlannedRoute {
                plan: JsonPlan::new(mapping, columns, definition),
                target,
                conditions,
            });
        }
        Self { routes, looked_at, slots, unmatched: topic.unmatched, before: Vec::new() }
    }

    /// Appends the rows of a message to their tables, or returns why it has none and appends nothing. Returns false if
    /// no route takes the message and such messages are ignored.
    pub fn append_rows(
        &mut self,
        record: &Record,
        message: u32,
        tables: &mut [Rows],
    ) -> Result<bool, Reject> {
        let mut values = vec![None; self.slots];
        if let (1.., Some(value)) = (self.slots, record.value) {
            let json = json_text(value)?;
            // There may be routes for arrays besides conditions on the fields of objects.
            if self.looked_at.fits(json.trim_ascii_start()) {
                self.looked_at.walk(json, &mut Look(&mut values))?;
            }
        }
        self.before.clear();
        self.before.extend(self.routes.iter().map(|route| tables[route.target].len()));
        let outcome = self.take_message(record, message, &values, tables);
        if outcome.is_err() {
            for (route, before) in self.routes.iter().zip(&self.before) {
                tables[route.target].truncate(*before);
            }
        }
        outcome
    }

    fn take_message(
        &mut self,
        record: &Record,
        message: u32,
        values: &[Option<&str>],
        tables: &mut [Rows],
    ) -> Result<bool, Reject> {
        let (mut matched, mut found) = (false, false);
        for PlannedRoute { plan, target, conditions } in &mut self.routes {
            let mut met = true;
            for condition in conditions {
                met = met && condition.is_met(record, values)?;
            }
            if met {
                matched = true;
                found |= plan.append_rows(record, message, &mut tables[*target])? == FoundList::Yes;
            }
        }
        match (matched, self.unmatched) {
            (false, Unmatched::Ignore) => Ok(false),
            (false, Unmatched::Refuse) => {
                record.value.map_or(Ok(()), |value| check(json_text(value)?))?;
                Err(Reject::new(sqlstate::NO_ROUTE, "the message meets the conditions of no route"))
            }
            (true, _) if !found => {
                Err(Reject::new(sqlstate::NULL_VALUE, "there is no list where `for_each` looks for one"))
            }
            (true, _) => Ok(true),
        }
    }
}

impl RouteCondition {
    fn is_met(&self, record: &Record, values: &[Option<&str>]) -> Result<bool, Reject> {
        let fits = |text: &str| self.texts.iter().any(|pattern| pattern.is_match(text));
        Ok(match self.subject {
            Subject::Topic => fits(record.topic),
            Subject::Key => record.key.and_then(|key| str::from_utf8(key).ok()).is_some_and(fits),
            Subject::Value(slot) => match values[slot] {
                None | Some("null") => false,
                Some(raw) => match Value::parse(raw)? {
                    Value::Boolean(flag) => fits(if flag { "true" } else { "false" }),
                    Value::Number(text) | Value::Text(text) => fits(&text),
                    Value::Nested(raw) => fits(raw),
                },
            },
        })
    }
}

/// Returns the regular expression for a text in which `*` stands for any characters.
fn with_stars(text: &str) -> Regex {
    let parts: Vec<String> = text.split('*').map(regex::escape).collect();
    Regex::new(&format!("(?s)^{}$", parts.join(".*"))).expect("an escaped text is a regular expression")
}

/// Notes the values that conditions test.
struct Look<'v, 'm>(&'v mut [Option<&'m str>]);

impl<'m> Visitor<'m> for Look<'_, 'm> {
    fn value(&mut self, slot: usize, raw: &'m str) -> Result<(), Reject> {
        self.0[slot] = Some(raw);
        Ok(())
    }

    fn left_over(&mut self, _: &str, _: &'m str) -> Result<(), Reject> {
        Ok(())
    }

    fn inside(&mut self, _: &str, walk: impl FnOnce(&mut Self) -> Result<(), Reject>) -> Result<(), Reject> {
        walk(self)
    }
}

#[cfg(test)]
mod tests {
    use super::super::trial::rows;

    const ROUTES: &str = "[[topic.route]]
        table = 'a'
        when = { '$key' = 'x_*_a', kind = ['one', '2', 'true'] }
        columns = [{ name = 'v', type = 'text' }]
        [[topic.route]]
        table = 'b'
        when = { '1' = '*' }
        columns = [{ name = 'w', type = 'text', from = '0' }]
        [[topic.route]]
        table = 'a'
        when = { kind = 'one' }
        columns = [{ name = 'v', type = 'text' }, { name = 'n', type = 'bigint', from = 'v' }]";

    fn tables(key: &str, json: &str) -> Result<String, String> {
        let found = rows(ROUTES, key, Some(json)).map_err(|reject| reject.sqlstate)?;
        Ok(found.into_iter().map(|(table, _)| table).collect::<Vec<_>>().join(","))
    }

    #[test]
    fn a_message_takes_each_route_whose_conditions_it_meets() {
        assert_eq!(tables("x_y_a", r#"{"kind": 2, "v": "5"}"#).unwrap(), "a");
        assert_eq!(tables("x_y_a", r#"{"kind": true, "v": "5"}"#).unwrap(), "a");
        assert_eq!(tables("x_y_a", r#"{"kind": "one", "v": "5"}"#).unwrap(), "a,a");
        assert_eq!(tables("x_y_b", r#"{"kind": "one", "v": "5"}"#).unwrap(), "a");
        assert_eq!(tables("k", "[1, 2]").unwrap(), "b");
    }

    #[test]
    fn all_rows_of_a_message_or_none() {
        // The first route takes the message, but the last one cannot.
        assert_eq!(tables("x_y_a", r#"{"kind": "one", "v": "five"}"#).unwrap_err(), "22P02");
    }

    #[test]
    fn what_no_route_takes_is_refused_unless_it_may_be_passed_over() {
        for (json, state) in [("{}", "22023"), ("[1]", "22023"), ("[1, null]", "22023"), ("no", "22032")] {
            assert_eq!(tables("k", json).unwrap_err(), state, "{json}");
        }
        let ignoring = format!("unmatched = 'ignore'\n{ROUTES}");
        assert!(rows(&ignoring, "k", Some("{}")).unwrap().is_empty());
    }
}
