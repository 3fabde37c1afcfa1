//! Source of a value: the message, an element of a list in it, or its metadata in Kafka.

use serde::{Deserialize, Serialize};
use tally_postgres::suggestion;

/// The source of a value. Paths consist of field names and array indexes: from 0, or from -1 at the end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Source {
    /// A value in the message.
    Field(Vec<String>),
    /// A value in the element that the row is for; the element itself if the path is empty.
    Element(Vec<String>),
    /// The element's index in its array, or its name in its object.
    ElementKey,
    /// The topic's name.
    Topic,
    /// The partition's number.
    Partition,
    /// The message's offset.
    Offset,
    /// The message's timestamp, milliseconds.
    Timestamp,
    /// The message's key, as text.
    Key,
    /// A value in the message's key, which is JSON.
    KeyField(Vec<String>),
}

/// The sources that are not paths.
const WORDS: [(&str, Source); 6] = [
    ("$topic", Source::Topic),
    ("$partition", Source::Partition),
    ("$offset", Source::Offset),
    ("$timestamp", Source::Timestamp),
    ("$key", Source::Key),
    ("@key", Source::ElementKey),
];

impl Source {
    /// Whether the value is in the element of a list, so that it exists only where each element becomes a row.
    pub fn is_of_element(&self) -> bool {
        matches!(self, Self::Element(_) | Self::ElementKey)
    }

    /// Whether a tombstone, a message without a value, has this source.
    pub fn is_of_key(&self) -> bool {
        matches!(self, Self::Key | Self::KeyField(_))
    }
}

/// Splits a path into its steps, at dots; a dot that belongs to a name is written `\.`.
pub fn steps(path: &str) -> Vec<String> {
    let mut steps = vec![String::new()];
    let mut chars = path.chars().peekable();
    while let Some(c) = chars.next() {
        let last = steps.last_mut().expect("there is always one");
        match c {
            '\\' if chars.peek() == Some(&'.') => last.extend(chars.next()),
            '.' => steps.push(String::new()),
            other => last.push(other),
        }
    }
    steps
}

fn path(steps: &[String]) -> String {
    steps.iter().map(|step| step.replace('.', "\\.")).collect::<Vec<_>>().join(".")
}

impl TryFrom<String> for Source {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if let Some((_, word)) = WORDS.iter().find(|(word, _)| *word == text) {
            return Ok(word.clone());
        }
        if let Some(rest) = text.strip_prefix("$key.") {
            return Ok(Self::KeyField(steps(rest)));
        }
        if text == "@" {
            return Ok(Self::Element(Vec::new()));
        }
        if let Some(rest) = text.strip_prefix("@.") {
            return Ok(Self::Element(steps(rest)));
        }
        if text.starts_with('$') {
            let words: Vec<&str> = WORDS.iter().map(|(word, _)| *word).collect();
            return Err(format!("record metadata {text:?} does not exist; {}", suggestion(&text, &words)));
        }
        Ok(Self::Field(steps(&text)))
    }
}

impl From<Source> for String {
    fn from(source: Source) -> Self {
        match source {
            Source::Field(steps) => path(&steps),
            Source::Element(steps) if steps.is_empty() => "@".into(),
            Source::Element(steps) => format!("@.{}", path(&steps)),
            Source::KeyField(steps) => format!("$key.{}", path(&steps)),
            word => {
                let known = WORDS.iter().find(|(_, known)| *known == word);
                known.map(|(text, _)| (*text).into()).expect("all other sources are words")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_as_it_is_read() {
        for text in ["a", "a.b.0", "a\\.b.c", "@", "@.p", "@.-1", "@key", "$key", "$key.id", "$offset"] {
            assert_eq!(String::from(Source::try_from(text.to_string()).unwrap()), text);
        }
        assert_eq!(steps("a\\.b.c"), ["a.b", "c"]);
        assert!(Source::try_from("$ofset".to_string()).unwrap_err().contains("$offset"));
    }
}
