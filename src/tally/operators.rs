//! Subtraction, comparison, hashing, and a tally from moments. Addition is in `transition`.

use crate::datum::number::split_numeric;
use crate::datum::tally::SqlTally;
use crate::pg::server::error::raise;
use crate::pg::values::builtin::HASH_OF_BYTES;
use crate::pg::values::value::Value;
use pgrx::prelude::*;
use tally_stats::{split_integer, Tally};

fn without(whole: &Tally, part: &Tally) -> SqlTally {
    let mut rest = *whole;
    if let Err(error) = rest.unmerge(part) {
        raise(
            PgSqlErrorCode::ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
            error.to_string(),
            format!("The whole has {} values, the part {}.", whole.num_vals(), part.num_vals()),
            "Subtract only a tally whose values were all added before.",
        );
    }
    SqlTally(rest)
}

#[pg_extern(sql = false)]
fn tally_unmerge(whole: &SqlTally, part: &SqlTally) -> SqlTally {
    without(whole, part)
}

#[pg_extern(sql = false)]
fn tally_unobserve_float8(whole: &SqlTally, x: f64) -> SqlTally {
    without(whole, &[x].into_iter().collect())
}

#[pg_extern(sql = false)]
fn tally_unobserve_int8(whole: &SqlTally, x: i64) -> SqlTally {
    without(whole, &of_wide(split_integer(x)))
}

#[pg_extern(sql = false)]
fn tally_unobserve_numeric(whole: &SqlTally, x: AnyNumeric) -> SqlTally {
    without(whole, &of_wide(split_numeric(x)))
}

fn of_wide((hi, lo): (f64, f64)) -> Tally {
    let mut tally = Tally::EMPTY;
    tally.observe_wide(hi, lo);
    tally
}

/// Comparisons by one total order.
macro_rules! comparisons {
    ($($function:ident => $test:ident;)*) => { $(
        #[pg_extern(sql = false)]
        fn $function(a: &SqlTally, b: &SqlTally) -> bool {
            a.compare(b).$test()
        }
    )* };
}

comparisons! {
    tally_lt => is_lt;
    tally_le => is_le;
    tally_ge => is_ge;
    tally_gt => is_gt;
}

#[pg_extern(sql = false)]
fn tally_cmp(a: &SqlTally, b: &SqlTally) -> i32 {
    a.compare(b) as i32
}

#[pg_extern(sql = false)]
fn tally_eq(a: &SqlTally, b: &SqlTally) -> bool {
    a.0 == b.0
}

#[pg_extern(sql = false)]
fn tally_ne(a: &SqlTally, b: &SqlTally) -> bool {
    a.0 != b.0
}

#[pg_extern(sql = false)]
fn tally_hash(t: &SqlTally) -> Option<i32> {
    // With the seed 0 the lower half is the hash without a seed, as of all types of PostgreSQL.
    tally_hash_extended(t, 0).map(|hash| hash as i32)
}

#[pg_extern(sql = false)]
fn tally_hash_extended(t: &SqlTally, seed: i64) -> Option<i64> {
    let (key, seed) = (Value::from(&key_bytes(t)[..]), Value::from(seed));
    HASH_OF_BYTES.call([key.lent(), seed.lent()]).bigint()
}

fn key_bytes(t: &SqlTally) -> Vec<u8> {
    t.key().iter().flat_map(|word| word.to_le_bytes()).collect()
}

#[pg_extern(sql = false)]
fn tally_of(num_vals: i64, mean: f64, m2: f64, min: f64, max: f64) -> SqlTally {
    match Tally::from_moments(num_vals, mean, m2, min, max) {
        Ok(tally) => SqlTally(tally),
        Err(why) => raise(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            format!("no set of values has these moments: {why}"),
            format!("num_vals {num_vals}, mean {mean:?}, m2 {m2:?}, min {min:?}, max {max:?}."),
            "m2 is the sum of squared deviations from the mean: var_samp * (num_vals - 1).",
        ),
    }
}
