//! Sizes on the command line.

/// Reads a number of bytes, such as `200MB` or `2GB`.
pub fn bytes(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "B" => 1,
        "kB" | "KB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return Err("must be a number with kB, MB or GB".into()),
    };
    digits.parse::<u64>().ok().and_then(|n| n.checked_mul(unit)).ok_or_else(|| "not a size".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        assert_eq!((bytes("2GB"), bytes("10"), bytes("2TB").is_err()), (Ok(2_000_000_000), Ok(10), true));
        assert!(bytes("99999999999GB").is_err());
    }
}
