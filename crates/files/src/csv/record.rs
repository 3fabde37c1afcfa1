//! Parses a block of text into records and fields.
//!
//! The rules are those of PostgreSQL's `COPY (FORMAT csv)`: quotes open and close anywhere in a field, an unquoted
//! empty field is not the same as a quoted one. Two needs rule out a library: the byte and line at which each record
//! begins, and records that can still be read after an unclosed quote.

use std::ops::Range;

use memchr::{memchr, memchr2, memchr3, memchr_iter};

use super::dialect::Dialect;

/// A field of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CsvField<'a> {
    /// Bytes of the field, without quotes and escapes.
    pub bytes: &'a [u8],
    /// Whether a part of it was quoted.
    pub quoted: bool,
}

/// The place of a record, and whether it is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRecord {
    /// Bytes of the record in the block, with the end of the line.
    pub range: Range<usize>,
    /// Number of lines before it in the block.
    pub line: u64,
    /// Whether its last quote was closed. If not, it ends with its first line, so that the next ones are not lost.
    pub closed: bool,
}

/// Reads the records of a block, which begins with a record.
pub struct Records<'b> {
    text: &'b [u8],
    dialect: Dialect,
    at: usize,
    line: u64,
    fields: Vec<FieldSpan>,
    /// The contents of fields whose quotes or escapes were removed.
    unquoted: Vec<u8>,
}

#[derive(Clone)]
struct FieldSpan {
    range: Range<usize>,
    in_text: bool,
    quoted: bool,
}

impl<'b> Records<'b> {
    /// Reads from the start of the block.
    pub fn new(text: &'b [u8], dialect: Dialect) -> Self {
        Self { text, dialect, at: 0, line: 0, fields: Vec::new(), unquoted: Vec::new() }
    }

    /// Goes to the next record; blank lines are skipped where records have several fields.
    pub fn next(&mut self) -> Option<FoundRecord> {
        loop {
            if self.at == self.text.len() {
                return None;
            }
            if self.dialect.comment.is_some_and(|comment| comment.begins(&self.text[self.at..])) {
                self.at = memchr(b'\n', &self.text[self.at..]).map_or(self.text.len(), |n| self.at + n + 1);
                self.line += 1;
                continue;
            }
            let found = self.read();
            let blank = found.range.len() <= 2 && matches!(&self.text[found.range.clone()], b"\n" | b"\r\n");
            if !(blank && self.dialect.skip_blank_lines) {
                return Some(found);
            }
        }
    }

    /// The fields of the record that was found last.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = CsvField<'_>> {
        self.fields.iter().map(|span| self.field(span))
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    fn field(&self, span: &FieldSpan) -> CsvField<'_> {
        let of = if span.in_text { self.text } else { &self.unquoted };
        CsvField { bytes: &of[span.range.clone()], quoted: span.quoted }
    }

    fn read(&mut self) -> FoundRecord {
        let (begin, line) = (self.at, self.line);
        self.fields.clear();
        self.unquoted.clear();
        loop {
            match self.read_field() {
                Ended::Field => {}
                Ended::Record { lines } => {
                    self.line += lines;
                    return FoundRecord { range: begin..self.at, line, closed: true };
                }
                Ended::Nowhere => {
                    self.at = memchr(b'\n', &self.text[begin..]).map_or(self.text.len(), |n| begin + n + 1);
                    self.line = line + 1;
                    self.fields.clear();
                    return FoundRecord { range: begin..self.at, line, closed: false };
                }
            }
        }
    }

    /// Reads a field and the byte that ends it.
    fn read_field(&mut self) -> Ended {
        let Dialect { delimiter, quote, .. } = self.dialect;
        let from = self.at;
        let rest = &self.text[from..];
        match memchr3(delimiter, b'\n', quote, rest).map(|n| (n, rest[n])) {
            Some((n, byte)) if byte == quote => self.read_quoted(from + n),
            Some((n, byte)) => {
                self.at = from + n + 1;
                let end = if byte == b'\n' { without_return(self.text, from, from + n) } else { from + n };
                self.push_plain(from..end);
                if byte == b'\n' {
                    Ended::Record { lines: 1 }
                } else {
                    Ended::Field
                }
            }
            None => {
                self.at = self.text.len();
                self.push_plain(from..self.text.len());
                Ended::Record { lines: 1 }
            }
        }
    }

    fn push_plain(&mut self, range: Range<usize>) {
        self.fields.push(FieldSpan { range, in_text: true, quoted: false });
    }

    /// Reads a field in which there is a quote at `at`.
    fn read_quoted(&mut self, first_quote: usize) -> Ended {
        let Dialect { delimiter, quote, escape, .. } = self.dialect;
        let start = self.unquoted.len();
        self.unquoted.extend(&self.text[self.at..first_quote]);
        let mut at = first_quote + 1;
        let mut quoted = true;
        loop {
            let rest = &self.text[at..];
            let end =
                if quoted { memchr2(quote, escape, rest) } else { memchr3(delimiter, b'\n', quote, rest) };
            let Some(n) = end else {
                if quoted {
                    return Ended::Nowhere;
                }
                self.unquoted.extend(rest);
                return self.end_quoted(start, self.text.len(), self.text.len());
            };
            self.unquoted.extend(&rest[..n]);
            let byte = rest[n];
            at += n + 1;
            match self.text.get(at) {
                Some(next) if quoted && byte == escape && (*next == quote || *next == escape) => {
                    self.unquoted.push(*next);
                    at += 1;
                }
                _ if byte == quote => quoted = !quoted,
                _ if quoted => self.unquoted.push(byte), // an escape that escapes nothing
                _ => return self.end_quoted(start, at - 1, at),
            }
        }
    }

    /// Ends the field whose bytes were gathered since `start`, at a delimiter, a newline or the end of the text.
    fn end_quoted(&mut self, start: usize, end: usize, next: usize) -> Ended {
        let begin = self.at;
        self.at = next;
        let at_delimiter = self.text.get(end) == Some(&self.dialect.delimiter);
        if !at_delimiter && self.unquoted.len() > start && self.text[end - 1] == b'\r' {
            self.unquoted.pop();
        }
        self.fields.push(FieldSpan { range: start..self.unquoted.len(), in_text: false, quoted: true });
        let lines_within = memchr_iter(b'\n', &self.text[begin..end]).count() as u64;
        if at_delimiter {
            self.line += lines_within;
            Ended::Field
        } else {
            Ended::Record { lines: lines_within + 1 }
        }
    }
}

enum Ended {
    Field,
    Record {
        lines: u64,
    },
    /// A quote is open at the end of the text.
    Nowhere,
}

/// The end of a line's content, before a carriage return if there is one.
fn without_return(text: &[u8], from: usize, end: usize) -> usize {
    if end > from && text[end - 1] == b'\r' {
        end - 1
    } else {
        end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, dialect: Dialect) -> Vec<String> {
        let mut records = Records::new(text.as_bytes(), dialect);
        let mut all = Vec::new();
        while let Some(found) = records.next() {
            let fields: Vec<String> = records
                .fields()
                .map(|f| {
                    let text = String::from_utf8_lossy(f.bytes).into_owned();
                    if f.quoted {
                        format!("<{text}>")
                    } else {
                        text
                    }
                })
                .collect();
            let mark = if found.closed { "" } else { "!" };
            all.push(format!("{}{mark}:{}", found.line, fields.join("|")));
        }
        all
    }

    #[test]
    fn fields_and_lines() {
        let read = |text| read(text, Dialect::default());
        assert_eq!(read("a,b\n1,\r\n\n\r\n,\n"), ["0:a|b", "1:1|", "4:|"]);
        assert_eq!(read("a,b"), ["0:a|b"]);
        assert_eq!(read("a,"), ["0:a|"]);
        assert_eq!(read("\"\",\"x\"\r\n\"y\"\r\n"), ["0:<>|<x>", "1:<y>"]);
        assert_eq!(read("\"a\"\"b\",\"c\nd\"\n2,3\n"), ["0:<a\"b>|<c\nd>", "2:2|3"]);
        assert_eq!(read("\"a\nb\",\"c\nd\nx\",e\n2\n"), ["0:<a\nb>|<c\nd\nx>|e", "4:2"]);
        assert_eq!(read("a\"b,c\"d,e\n"), ["0:<ab,cd>|e"]);
        assert_eq!(read("\"a\"x\"b\""), ["0:<axb>"]);
        assert_eq!(read("\"a\r\"\r\nb\r,c\r"), ["0:<a\r>", "1:b\r|c\r"]);
    }

    #[test]
    fn open_quotes_cost_one_line() {
        let read = |text| read(text, Dialect::default());
        assert_eq!(read("1,2\n3,\"4\n5,6\n7,8"), ["0:1|2", "1!:", "2:5|6", "3:7|8"]);
        assert_eq!(read("\"x\ny\",\"z\nw\n"), ["0!:", "1:<y,z>", "2:w"]);
    }

    #[test]
    fn comments_are_no_records() {
        let dialect = |comment: &str| Dialect { comment: comment.parse().ok(), ..Dialect::default() };
        assert_eq!(read("# \"a\n1,#2\n#\n\"#\n#\",3\n# end", dialect("#")), ["1:1|#2", "3:<#\n#>|3"]);
        assert_eq!(read("// \"a\n/,//2\n//", dialect("//")), ["1:/|//2"]);
    }

    #[test]
    fn other_dialects() {
        let dialect = Dialect { delimiter: b';', quote: b'\'', escape: b'\\', ..Dialect::default() };
        assert_eq!(read("'a\\'b';'c\\\\';'\\n'\n", dialect), ["0:<a'b>|<c\\>|<\\n>"]);
        let one_column = Dialect { skip_blank_lines: false, ..Dialect::default() };
        assert_eq!(read("a\n\nb\n", one_column), ["0:a", "1:", "2:b"]);
    }

    #[test]
    fn agrees_with_another_reader() {
        use rand_chacha::rand_core::{Rng, SeedableRng};
        let mut random = rand_chacha::ChaCha12Rng::seed_from_u64(7);
        for _ in 0..2000 {
            let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
            let mut written = Vec::new();
            for _ in 0..1 + random.next_u32() % 5 {
                let piece = |n: u32| ["", "a", "\"", ",", "\n", "\r\n", "é", "x y", "\"\""][n as usize % 9];
                let field = |random: &mut rand_chacha::ChaCha12Rng| {
                    (0..random.next_u32() % 4).map(|_| piece(random.next_u32())).collect::<String>()
                };
                let record: Vec<String> =
                    (0..2 + random.next_u32() % 3).map(|_| field(&mut random)).collect();
                writer.write_record(&record).unwrap();
                written.push(record);
            }
            let text = writer.into_inner().unwrap();
            let mut records = Records::new(&text, Dialect::default());
            let mut found = Vec::new();
            while let Some(FoundRecord { closed, line, range }) = records.next() {
                assert!(closed);
                assert_eq!(line as usize, memchr_iter(b'\n', &text[..range.start]).count());
                let of = |f: CsvField| String::from_utf8(f.bytes.to_vec()).unwrap();
                found.push(records.fields().map(of).collect::<Vec<_>>());
            }
            assert_eq!(found, written, "{}", String::from_utf8_lossy(&text));
        }
    }
}
