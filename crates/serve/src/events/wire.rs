//! News as clients read them: frames of a websocket, or the lines of server-sent events.

use std::fmt::Write;
use std::sync::Arc;

use serde_json::json;

use super::event::{Content, Event, EventRow, EventTable, Refusal};
use super::recent::Positions;
use super::rights::Columns;
use super::subscription::{News, Subscription};
use crate::streams::{push_event, push_named, push_quiet, Form, Teller, Telling};

/// An event on its way: its form, the place in the text where the first one of a frame begins, partition and offset.
#[derive(Clone, Copy)]
struct Part {
    form: Form,
    empty: usize,
    place: (i32, i64),
}

impl Part {
    /// Begins the event.
    fn open(self, out: &mut String) {
        match self.form {
            Form::Lines => out.push_str("data: "),
            Form::Frames if out.len() > self.empty => out.push(','),
            Form::Frames => {}
        }
    }
}

impl Teller for Subscription {
    const KIND: &'static str = "events";

    /// Appends what the client sees, and the positions from which it is told more.
    fn push_opening(&mut self, form: Form, out: &mut String) {
        let feed = self.feed();
        let tables: serde_json::Map<_, _> = self
            .sight
            .listed(&feed.tables())
            .into_iter()
            .map(|(table, columns)| (table, json!(columns)))
            .collect();
        let opened = json!({ "topic": feed.config.topic, "key": feed.config.key, "tables": tables });
        self.push_named(form, "opened", &opened, out);
    }

    async fn push_next(&mut self, form: Form, out: &mut String) -> Telling {
        let news = self.next().await;
        let mut told = Telling::default();
        match news {
            News::Events(events) => self.push_events(&events, form, out, &mut told),
            News::Missed { count, offsets, is_late } => {
                (told.missed, told.is_late) = (count, is_late);
                self.push_missed(count, &offsets, form, out);
            }
            News::Quiet => push_quiet(form, &after(&self.positions), out),
            News::End(problem) => {
                self.push_named(form, "end", &json!(problem), out);
                told.end = Some(problem);
            }
        }
        told
    }
}

impl Subscription {
    /// Appends those events that the client may see.
    fn push_events(&mut self, events: &[Arc<Event>], form: Form, out: &mut String, told: &mut Telling) {
        let begin = out.len();
        if form == Form::Frames {
            out.push_str("{\"events\":[");
        }
        let empty = out.len();
        let mut seen = None;
        for event in events {
            let next = self.positions.entry(event.partition).or_insert(event.offset);
            *next = (*next).max(event.offset + 1);
            let part = Part { form, empty, place: (event.partition, event.offset) };
            match &event.content {
                Content::Passed => {}
                Content::Gap(from) => {
                    told.missed += (event.offset - from + 1) as u64;
                    self.push_gap(part, *from, out);
                }
                Content::Refused(refusal) => {
                    told.events += 1;
                    self.push_refusal(part, refusal, out);
                }
                Content::Rows(rows) => told.events += self.push_rows(part, rows, &mut seen, out),
            }
        }
        match form {
            Form::Lines => {}
            Form::Frames if out.len() == empty => out.truncate(begin),
            Form::Frames => {
                let _ = write!(out, "],\"after\":\"{}\"}}", after(&self.positions));
            }
        }
    }

    /// Appends the rows of a message that were asked for, as far as the client may see them; returns how many. `seen` has the
    /// columns of the table that the row before was of.
    fn push_rows<'e>(
        &self,
        part: Part,
        rows: &'e [EventRow],
        seen: &mut Option<(&'e EventTable, Columns)>,
        out: &mut String,
    ) -> u64 {
        let mut count = 0;
        let is_chosen = |key: &Option<Box<str>>| {
            self.keys.is_empty() || key.as_ref().is_some_and(|key| self.keys.contains(&**key))
        };
        let mut chosen = rows.iter().filter(|row| is_chosen(&row.key)).peekable();
        while let Some(row) = chosen.next() {
            if !seen.as_ref().is_some_and(|(table, _)| std::ptr::eq(*table, &*row.table)) {
                *seen = Some((&row.table, self.sight.columns(&row.table)));
            }
            let places = match seen {
                Some((_, Columns::All)) => None,
                Some((_, Columns::Some(places))) => Some(places.as_slice()),
                _ => continue,
            };
            part.open(out);
            row.push(places, out);
            self.close(part, chosen.peek().is_none(), out);
            count += 1;
        }
        count
    }

    /// Appends why a message is no event. The reason may quote columns that the client may not see.
    fn push_refusal(&self, part: Part, refusal: &Refusal, out: &mut String) {
        let (title, column) = match self.sight.is_whole {
            true => (refusal.title.as_str(), refusal.column.as_deref()),
            false => ("the message cannot be decoded", None),
        };
        let error = json!({ "title": title, "sqlstate": refusal.sqlstate, "column": column });
        let (partition, offset) = part.place;
        part.open(out);
        let _ = write!(out, "{{\"id\":\"{partition}:{offset}\",\"error\":{error}}}");
        self.close(part, true, out);
    }

    /// Appends that messages were gone before they could be read.
    fn push_gap(&self, part: Part, from: i64, out: &mut String) {
        let (partition, to) = part.place;
        part.open(out);
        let _ = write!(out, "{{\"id\":\"{partition}:{to}\",\"missed\":{{\"from\":{from},\"to\":{to}}}}}");
        self.close(part, true, out);
    }

    /// Ends an event. Only the last row of a message has its position: a client that goes on there has all of them.
    fn close(&self, part: Part, is_last: bool, out: &mut String) {
        if part.form == Form::Lines {
            let after = is_last.then(|| after(&self.positions));
            push_event(after.as_deref(), out);
        }
    }

    fn push_missed(&self, count: u64, offsets: &[(i32, i64, i64)], form: Form, out: &mut String) {
        let partitions: Vec<_> = offsets
            .iter()
            .map(|(partition, from, to)| json!({ "partition": partition, "from": from, "to": to }))
            .collect();
        let missed = json!({ "count": count, "offsets": partitions });
        self.push_named(form, "missed", &missed, out);
    }

    fn push_named(&self, form: Form, name: &str, value: &serde_json::Value, out: &mut String) {
        push_named(form, name, value, &after(&self.positions), out);
    }
}

/// Writes positions as `partition:offset` of the last events, separated by commas.
pub fn after(positions: &Positions) -> String {
    let each: Vec<String> =
        positions.iter().map(|(partition, next)| format!("{partition}:{}", next - 1)).collect();
    each.join(",")
}

/// Reads positions that `after` has written.
pub fn read_after(text: &str) -> Option<Positions> {
    let each = |part: &str| {
        let (partition, offset) = part.trim().split_once(':')?;
        let (partition, offset) = (partition.parse().ok()?, offset.parse::<i64>().ok()?);
        let next = offset.checked_add(1).filter(|next| *next >= 0)?;
        Some((partition, next))
    };
    text.split(',').map(each).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_come_back() {
        let positions = Positions::from([(0, 18), (3, 0)]);
        assert_eq!(after(&positions), "0:17,3:-1");
        assert_eq!(read_after(" 0:17, 3:-1"), Some(positions));
        for wrong in ["", "5", "0:", "a:1", "0:-2", "0:9223372036854775807", "0:1,,"] {
            assert_eq!(read_after(wrong), None, "{wrong}");
        }
    }
}
