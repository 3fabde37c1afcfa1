//! Writes numbers of Parquet as text.

use parquet::record::Field as Value;
use tally_postgres::pgtype::numeric;

/// Writes a number as PostgreSQL reads it.
pub fn number_text(value: &Value) -> String {
    let float = |number: f64, digits: String| numeric::word(number).map_or(digits, str::to_string);
    match value {
        Value::Decimal(decimal) => {
            numeric::decimal(decimal.data(), usize::try_from(decimal.scale()).unwrap_or(0))
        }
        Value::Float(number) => float(f64::from(*number), number.to_string()),
        Value::Double(number) => float(*number, number.to_string()),
        Value::Float16(number) => float(f64::from(*number), number.to_string()),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use parquet::data_type::Decimal;

    use super::*;

    #[test]
    fn decimals() {
        let text = |value: i64, scale| number_text(&Value::Decimal(Decimal::from_i64(value, 18, scale)));
        assert_eq!(text(1250, 2), "12.50");
        assert_eq!(text(-5, 3), "-0.005");
        assert_eq!(text(7, 0), "7");
        let bytes = Decimal::from_bytes(vec![0xff, 0x38].into(), 38, 24);
        assert_eq!(number_text(&Value::Decimal(bytes)), "-0.000000000000000000000200");
    }
}
