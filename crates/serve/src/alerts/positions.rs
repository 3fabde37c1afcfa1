//! Positions in the alerts: of each report the number of the last change that was told.

use std::collections::BTreeMap;

use percent_encoding::{percent_decode_str, utf8_percent_encode, NON_ALPHANUMERIC};

/// The number of the last change that was told, by report.
pub type AlertPositions = BTreeMap<String, i64>;

/// Writes positions as `report:change`, separated by commas. Names are encoded as in an address, so that they are one line and
/// have no marks of ours.
pub fn write(positions: &AlertPositions) -> String {
    let each = positions
        .iter()
        .map(|(report, change)| format!("{}:{change}", utf8_percent_encode(report, NON_ALPHANUMERIC)));
    each.collect::<Vec<_>>().join(",")
}

/// Reads what `write` has written.
pub fn read(text: &str) -> Option<AlertPositions> {
    if text.is_empty() {
        return Some(AlertPositions::new());
    }
    let each = |part: &str| {
        let (report, change) = part.trim().split_once(':')?;
        let report = percent_decode_str(report).decode_utf8().ok()?.into_owned();
        let change = change.parse().ok().filter(|change| *change >= 0)?;
        // No report has such a name, and the database would not take it.
        (!report.contains('\0')).then_some((report, change))
    };
    text.split(',').map(each).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_come_back() {
        let positions = AlertPositions::from([("a:b, c\n'é".into(), 7), ("sales".into(), 0)]);
        assert_eq!(write(&positions), "a%3Ab%2C%20c%0A%27%C3%A9:7,sales:0");
        assert_eq!(read(&write(&positions)), Some(positions));
        assert_eq!(read(""), Some(AlertPositions::new()));
        for wrong in ["x", "x:", "x:-1", "x:1,,", "%00:1", "%ff:1", "x:9999999999999999999"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
