//! The text form: `(count,mean,m2,min,max)`, followed by the rest of the bits where there are any.
//!
//! ```text
//! (3,2,2,1,3)                                     1, 2, 3
//! (0,,,,)                                         no values
//! (2,0.15,0.005,0.1,0.2) sum[0.3 5.5e-18] squares[0.05 2.2e-18]
//! (2,2.5,0.5,>=1,<=9)                             minimum and maximum not known, only bounds
//! (2,NaN,NaN,1,1) sum[1] squares[1] nonfinite[1 0 0]
//! ```

use crate::moments::Impossible;
use crate::number::Number;
use crate::parts::Parts;
use crate::tally::Tally;
use std::fmt;
use std::str::FromStr;

/// The reason why a text is not a tally.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextError {
    /// The text does not have the form.
    Syntax,
    /// The text has the form, but no numbers have such a tally.
    Impossible(Impossible),
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = Parts::from(self);
        let plain = |x: Option<Number>| x.map_or(String::new(), |x| x.to_string());
        let bound = |known: Option<Number>, sign: &str, bound: Option<Number>| match bound {
            Some(bound) => format!("{sign}{bound}"),
            None => plain(known),
        };
        write!(f, "({},{},{},", parts.num_vals, plain(parts.avg), plain(parts.m2))?;
        write!(f, "{},", bound(parts.min, ">=", parts.min_bound))?;
        write!(f, "{})", bound(parts.max, "<=", parts.max_bound))?;
        list(f, "sum", &parts.sum)?;
        list(f, "squares", &parts.squares)?;
        list(f, "nonfinite", &parts.nonfinite)?;
        list(f, "scale", parts.scale.as_slice())
    }
}

fn list(f: &mut fmt::Formatter<'_>, name: &str, items: &[impl fmt::Display]) -> fmt::Result {
    if items.is_empty() {
        return Ok(());
    }
    let items: Vec<_> = items.iter().map(ToString::to_string).collect();
    write!(f, " {name}[{}]", items.join(" "))
}

impl FromStr for Tally {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        parse(text).ok_or(TextError::Syntax)?.into_tally().map_err(TextError::Impossible)
    }
}

fn parse(text: &str) -> Option<Parts> {
    let (moments, mut rest) = text.trim().strip_prefix('(')?.split_once(')')?;
    let [count, avg, m2, min, max] = moments.split(',').map(str::trim).collect::<Vec<_>>().try_into().ok()?;
    let mut parts =
        Parts { num_vals: count.parse().ok()?, avg: number(avg)?, m2: number(m2)?, ..Parts::default() };
    match min.strip_prefix(">=") {
        Some(bound) => parts.min_bound = Some(bound.parse().ok()?),
        None => parts.min = number(min)?,
    }
    match max.strip_prefix("<=") {
        Some(bound) => parts.max_bound = Some(bound.parse().ok()?),
        None => parts.max = number(max)?,
    }
    parts.sum = take_list(&mut rest, "sum")?;
    parts.squares = take_list(&mut rest, "squares")?;
    parts.nonfinite = take_list(&mut rest, "nonfinite")?;
    parts.scale = take_list(&mut rest, "scale")?.first().copied();
    rest.trim().is_empty().then_some(parts)
}

/// Reads a number, or an empty text as None.
fn number(text: &str) -> Option<Option<Number>> {
    if text.is_empty() {
        Some(None)
    } else {
        text.parse().ok().map(Some)
    }
}

/// Takes the items of `name[...]` if that comes next; otherwise returns no items.
fn take_list<T: FromStr>(rest: &mut &str, name: &str) -> Option<Vec<T>> {
    let Some(list) = rest.trim_start().strip_prefix(name) else {
        return Some(Vec::new());
    };
    let (items, after) = list.strip_prefix('[')?.split_once(']')?;
    *rest = after;
    items.split_whitespace().map(|item| item.parse().ok()).collect()
}
