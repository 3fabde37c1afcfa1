//! Events: messages as their readers see them, encoded once for all.

use std::sync::Arc;

/// A message, or what else is to be told of a partition.
#[derive(Debug)]
pub struct Event {
    /// The number of the partition.
    pub partition: i32,
    /// The offset of the message, or the last one of a gap.
    pub offset: i64,
    /// The news in it.
    pub content: Content,
}

/// The content of an event.
#[derive(Debug)]
pub enum Content {
    /// The rows of the message.
    Rows(Vec<EventRow>),
    /// The message cannot be decoded.
    Refused(Refusal),
    /// The broker no longer has the messages from this offset on.
    Gap(i64),
    /// Silence up to this offset.
    Passed,
}

/// The reason why a message cannot be decoded.
#[derive(Debug)]
pub struct Refusal {
    /// The SQLSTATE that PostgreSQL would report.
    pub sqlstate: String,
    /// The column that could not be filled.
    pub column: Option<String>,
    /// The reason, which may quote the message.
    pub title: String,
}

/// A table and its columns, as rows were decoded for it.
#[derive(Debug)]
pub struct EventTable {
    /// The table's schema.
    pub schema: String,
    /// The table's own name.
    pub name: String,
    /// The columns, in the order of their values.
    pub columns: Vec<String>,
    /// The place of the column by which events are chosen.
    pub key: Option<usize>,
}

/// A row as JSON.
#[derive(Debug)]
pub struct EventRow {
    /// The table.
    pub table: Arc<EventTable>,
    /// The value of the key as text.
    pub key: Option<Box<str>>,
    /// The begin of an object, and the fields of the row with a comma after each.
    text: Box<str>,
    /// The end of the begin, and that of each field.
    ends: Box<[u32]>,
}

impl EventRow {
    /// Appends the row with all of its columns, or with those at these places.
    pub fn push(&self, seen: Option<&[usize]>, out: &mut String) {
        match seen {
            None => out.push_str(&self.text),
            Some(places) => {
                let part =
                    |from: usize, to: usize| &self.text[self.ends[from] as usize..self.ends[to] as usize];
                out.push_str(&self.text[..self.ends[0] as usize]);
                places.iter().for_each(|place| out.push_str(part(*place, place + 1)));
            }
        }
        if out.ends_with(',') {
            out.pop();
        }
        out.push_str("}}");
    }
}

/// A row that gets its fields.
pub struct GrowingRow {
    table: Arc<EventTable>,
    key: Option<Box<str>>,
    text: String,
    ends: Vec<u32>,
}

impl GrowingRow {
    /// Creates a row without fields.
    pub fn new(table: &Arc<EventTable>, (partition, offset): (i32, i64), is_gone: bool) -> Self {
        let name = serde_json::to_string(&table.name).unwrap_or_default();
        let gone = if is_gone { "\"gone\":true," } else { "" };
        let text = format!("{{\"id\":\"{partition}:{offset}\",\"table\":{name},{gone}\"row\":{{");
        let ends = vec![text.len() as u32];
        Self { table: table.clone(), key: None, text, ends }
    }

    /// Appends the next field, whose value `show` writes.
    pub fn push(&mut self, show: impl FnOnce(&mut String)) {
        let place = self.ends.len() - 1;
        self.text.push_str(&serde_json::to_string(&self.table.columns[place]).unwrap_or_default());
        self.text.push(':');
        let start = self.text.len();
        show(&mut self.text);
        let shown = &self.text[start..];
        if self.table.key == Some(place) && shown != "null" {
            // A text without its quotes, all else as it is.
            self.key = Some(serde_json::from_str::<Box<str>>(shown).unwrap_or_else(|_| shown.into()));
        }
        self.text.push(',');
        self.ends.push(self.text.len() as u32); // a message has less than 4 GiB
    }

    /// Returns the row.
    pub fn finish(self) -> EventRow {
        EventRow { table: self.table, key: self.key, text: self.text.into(), ends: self.ends.into() }
    }
}

impl Event {
    /// The memory that the event takes, about.
    pub fn bytes(&self) -> usize {
        const EACH: usize = 160;
        match &self.content {
            Content::Rows(rows) => {
                EACH + rows.iter().map(|row| EACH + row.text.len() + 4 * row.ends.len()).sum::<usize>()
            }
            Content::Refused(refusal) => EACH + refusal.title.len(),
            Content::Gap(_) | Content::Passed => EACH,
        }
    }
}
