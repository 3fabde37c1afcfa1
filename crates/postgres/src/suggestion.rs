//! Suggestions for misspelt names.

/// Suggests the nearest valid name, or lists all of them if none is near.
pub fn suggestion(wrong: &str, valid: &[&str]) -> String {
    let nearest = valid.iter().max_by(|a, b| strsim::jaro(wrong, a).total_cmp(&strsim::jaro(wrong, b)));
    match nearest {
        Some(name) if strsim::jaro(wrong, name) > 0.75 => format!("did you mean {name:?}?"),
        _ => format!("valid here: {}", valid.join(", ")),
    }
}
