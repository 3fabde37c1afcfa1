//! Tags of objects, which stand for what they hold.

/// Returns a tag as requests for the object itself have it. Listings of Azure leave the quotes out.
pub fn normal(tag: &str) -> String {
    match tag.starts_with('"') || tag.starts_with("W/") {
        true => tag.into(),
        false => format!("\"{tag}\""),
    }
}

/// Returns the tag that a store has answered with; empty if it has none.
pub fn of(answered: Option<&str>) -> String {
    answered.map(normal).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn tags_have_quotes() {
        for (tag, wanted) in [("0x8D", "\"0x8D\""), ("\"0x8D\"", "\"0x8D\""), ("W/\"a\"", "W/\"a\"")] {
            assert_eq!(normal(tag), wanted);
        }
    }
}
