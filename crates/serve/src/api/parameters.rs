//! Parameters of a request's address: each is known and stands once.

use std::ops::RangeInclusive;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use tally_postgres::suggestion;

use crate::problem::Problem;

/// Names that are no columns unless they are written `series.NAME`.
const RESERVED: [&str; 8] = ["after", "from", "limit", "points", "to", "tree", "tz", "value"];

/// The parameters that are not taken yet, and the names of those that were.
pub struct Parameters {
    left: Vec<(String, String)>,
    known: Vec<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Query(left) = Query::try_from_uri(&parts.uri)
            .map_err(|_| Problem::bad_request("the parameters of the address cannot be read"))?;
        Ok(Self { left, known: Vec::new() })
    }
}

impl Parameters {
    /// Takes a parameter that may be missing.
    pub fn take(&mut self, name: &str) -> Result<Option<String>, Problem> {
        self.known.push(name.into());
        let Some(at) = self.left.iter().position(|(key, _)| key == name) else { return Ok(None) };
        let (_, value) = self.left.swap_remove(at);
        if self.left.iter().any(|(key, _)| key == name) {
            return Err(Problem::bad_request(format!("parameter {name:?} stands twice")));
        }
        Ok(Some(value))
    }

    /// Takes all values of a parameter that may stand several times.
    pub fn take_all(&mut self, name: &str) -> Vec<String> {
        self.known.push(name.into());
        let (taken, left) = std::mem::take(&mut self.left).into_iter().partition(|(key, _)| key == name);
        self.left = left;
        let taken: Vec<(String, String)> = taken;
        taken.into_iter().map(|(_, value)| value).collect()
    }

    /// Takes a parameter that must be there.
    pub fn require(&mut self, name: &str) -> Result<String, Problem> {
        self.take(name)?.ok_or_else(|| Problem::bad_request(format!("parameter {name:?} is missing")))
    }

    /// Takes a number within bounds.
    pub fn number<N>(&mut self, name: &str, default: N, bounds: RangeInclusive<N>) -> Result<N, Problem>
    where
        N: FromStr + PartialOrd + std::fmt::Display,
    {
        let Some(text) = self.take(name)? else { return Ok(default) };
        text.parse().ok().filter(|number| bounds.contains(number)).ok_or_else(|| {
            let (low, high) = bounds.into_inner();
            Problem::unprocessable(format!("parameter {name:?} must be a number from {low} to {high}"))
        })
    }

    /// Takes the values of the first of these columns, as far as they are there.
    pub fn prefix(&mut self, columns: &[String]) -> Result<Vec<String>, Problem> {
        let mut prefix = Vec::new();
        let mut missing = None;
        for column in columns {
            let mut value = self.take(&format!("series.{column}"))?;
            if value.is_none() && !RESERVED.contains(&column.as_str()) {
                value = self.take(column)?;
            }
            match (value, missing) {
                (Some(value), None) => prefix.push(value),
                (Some(_), Some(before)) => {
                    return Err(Problem::bad_request(format!(
                        "{column:?} needs {before:?}, which is before it"
                    )));
                }
                (None, _) => missing = missing.or(Some(column)),
            }
        }
        Ok(prefix)
    }

    /// Takes the values of all of these columns.
    pub fn series(&mut self, columns: &[String]) -> Result<Vec<String>, Problem> {
        let series = self.prefix(columns)?;
        match columns.get(series.len()) {
            None => Ok(series),
            Some(column) => Err(Problem::bad_request(format!("parameter {column:?} is missing"))
                .hint("Name a value of each column of the series.")),
        }
    }

    /// Refuses what nobody has taken.
    pub fn finish(self) -> Result<(), Problem> {
        let Some((name, _)) = self.left.first() else { return Ok(()) };
        let known: Vec<&str> =
            self.known.iter().map(String::as_str).filter(|name| !name.contains('.')).collect();
        Err(Problem::bad_request(format!("unknown parameter {name:?}")).hint(suggestion(name, &known)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(pairs: &[(&str, &str)]) -> Parameters {
        let left = pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        Parameters { left, known: Vec::new() }
    }

    #[test]
    fn columns_of_a_series() {
        let columns = ["exchange".to_string(), "value".to_string()];
        let of =
            |pairs: &[(&str, &str)]| parameters(pairs).prefix(&columns).map_err(|p| p.title().to_string());
        assert_eq!(of(&[("exchange", "x")]).unwrap(), ["x"]);
        assert_eq!(of(&[("exchange", "x"), ("value", "y")]).unwrap(), ["x"], "reserved");
        assert_eq!(of(&[("exchange", "x"), ("series.value", "y")]).unwrap(), ["x", "y"]);
        assert_eq!(
            of(&[("series.value", "y")]).unwrap_err(),
            "\"value\" needs \"exchange\", which is before it"
        );
    }

    #[test]
    fn nothing_is_passed_over() {
        let mut some = parameters(&[("form", "x"), ("points", "7"), ("to", "a"), ("to", "b")]);
        assert_eq!(some.number("points", 5, 2..=9).unwrap(), 7);
        assert!(some.take("to").is_err());
        assert!(some.take("from").unwrap().is_none());
        assert!(some.finish().is_err());
        assert!(parameters(&[("points", "1e9")]).number("points", 5, 2..=9).is_err());
    }
}
