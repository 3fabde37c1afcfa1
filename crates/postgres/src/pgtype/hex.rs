//! Hexadecimal digits, in which PostgreSQL writes bytea.

/// Appends two digits for each byte.
pub fn append(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |byte: u8| DIGITS[usize::from(byte)];
    out.reserve(2 * bytes.len());
    out.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
}

/// Writes a bytea: `\x` and two digits for each byte.
pub fn bytea(bytes: &[u8]) -> String {
    let mut text = b"\\x".to_vec();
    append(bytes, &mut text);
    String::from_utf8(text).expect("hexadecimal digits are ASCII")
}

/// Reads a bytea in the form that [`bytea`] writes.
pub fn parse_bytea(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x")?.as_bytes();
    let digit = |c: u8| char::from(c).to_digit(16);
    let pair = |pair: &[u8]| match *pair {
        [high, low] => Some((digit(high)? * 16 + digit(low)?) as u8), // at most 255
        _ => None,
    };
    digits.chunks(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(parse_bytea(&bytea(&all)), Some(all));
        assert_eq!(bytea(&[0, 255]), "\\x00ff");
        assert_eq!(parse_bytea("\\x00fF"), Some(vec![0, 255]));
        for text in ["x00", "\\x0", "\\x0g", ""] {
            assert_eq!(parse_bytea(text), None, "{text}");
        }
    }
}
