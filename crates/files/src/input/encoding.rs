//! Decodes text in encodings other than UTF-8.

use std::io::{self, Read};

use encoding_rs::{CoderResult, Decoder, Encoding, UTF_16BE, UTF_16LE, UTF_8};

/// Detects the encoding of a file from its beginning, with the length of the byte order mark if there is one.
///
/// Without a mark, text in which most other bytes are zero is UTF-16; anything else is taken as UTF-8, which is checked
/// record by record.
pub fn detect(begin: &[u8]) -> (&'static Encoding, usize) {
    if let Some(found) = Encoding::for_bom(begin) {
        return found;
    }
    let pairs = begin.len() / 2;
    let zeros = |offset: usize| begin.iter().skip(offset).step_by(2).filter(|b| **b == 0).count();
    let mostly = |most: usize, few: usize| pairs > 1 && most * 10 > pairs * 7 && few * 10 < pairs;
    if mostly(zeros(1), zeros(0)) {
        return (UTF_16LE, 0);
    }
    if mostly(zeros(0), zeros(1)) {
        return (UTF_16BE, 0);
    }
    (UTF_8, 0)
}

/// A reader of an input's text as UTF-8.
pub struct Decoded<R> {
    input: R,
    decoder: Decoder,
    name: String,
    raw: Vec<u8>,
    text: Vec<u8>,
    given: usize,
    ended: bool,
    warned: bool,
}

impl<R: Read> Decoded<R> {
    /// Creates a decoder. The file's name is only for the warning about invalid bytes, which become U+FFFD.
    pub fn new(input: R, encoding: &'static Encoding, name: &str) -> Self {
        Self {
            input,
            decoder: encoding.new_decoder_without_bom_handling(),
            name: name.into(),
            raw: Vec::new(),
            text: Vec::new(),
            given: 0,
            ended: false,
            warned: false,
        }
    }

    fn decode_more(&mut self) -> io::Result<()> {
        self.raw.clear();
        self.ended = self.input.by_ref().take(64 << 10).read_to_end(&mut self.raw)? == 0;
        let room = self.decoder.max_utf8_buffer_length(self.raw.len());
        self.text.resize(room.ok_or_else(|| io::Error::other("text is too long"))?, 0);
        let (result, _, written, malformed) =
            self.decoder.decode_to_utf8(&self.raw, &mut self.text, self.ended);
        debug_assert_eq!(result, CoderResult::InputEmpty);
        self.text.truncate(written);
        self.given = 0;
        if malformed && !self.warned {
            self.warned = true;
            let encoding = self.decoder.encoding().name();
            tracing::warn!(
                file = self.name,
                encoding,
                "bytes that are invalid in this encoding were replaced by U+FFFD"
            );
        }
        Ok(())
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.given == self.text.len() && !self.ended {
            self.decode_more()?;
        }
        let n = out.len().min(self.text.len() - self.given);
        out[..n].copy_from_slice(&self.text[self.given..self.given + n]);
        self.given += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use encoding_rs::{SHIFT_JIS, WINDOWS_1252};

    use super::*;

    #[test]
    fn detection() {
        assert_eq!(detect(b"\xef\xbb\xbfa,b"), (UTF_8, 3));
        assert_eq!(detect(b"\xff\xfea\0,\0"), (UTF_16LE, 2));
        assert_eq!(detect(b"\xfe\xff\0a\0,"), (UTF_16BE, 2));
        assert_eq!(detect(b"a\0,\0b\0\n\0"), (UTF_16LE, 0));
        assert_eq!(detect(b"\0a\0,\0b\0\n"), (UTF_16BE, 0));
        assert_eq!(detect(b"a,b\n\0,\0\n"), (UTF_8, 0));
        assert_eq!(detect(b""), (UTF_8, 0));
    }

    #[test]
    fn decoding() {
        for (encoding, bytes, text) in [
            (WINDOWS_1252, &b"caf\xe9 \x80"[..], "café €"),
            (UTF_16LE, b"a\0\xac\x20\x3d\xd8\0\xde", "a€😀"),
            (SHIFT_JIS, b"\x93\xfa\x96\x7b", "日本"),
        ] {
            let mut decoded = String::new();
            Decoded::new(bytes, encoding, "x").read_to_string(&mut decoded).unwrap();
            assert_eq!(decoded, text);
        }
        let long = "é€😀".repeat(50_000);
        let bytes: Vec<u8> = long.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut decoded = String::new();
        Decoded::new(&bytes[..], UTF_16LE, "x").read_to_string(&mut decoded).unwrap();
        assert_eq!(decoded, long);
    }
}
