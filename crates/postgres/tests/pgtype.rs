//! Forms of values against PostgreSQL itself: what is read here is read there to the same bits, it goes there and back,
//! and what PostgreSQL writes is read here.

use std::error::Error;
use std::io::{Read, Write};

use bytes::BytesMut;
use postgres::types::{to_sql_checked, IsNull, ToSql, Type};
use postgres::Client;
use tally_postgres::pgtype::copy::{append_field, begin_row, HEADER, TRAILER};
use tally_postgres::pgtype::moment::{days_from_unix, micros_from_unix, midnight, Moment, MICROS_PER_DAY};
use tally_postgres::pgtype::{boolean, hex, numeric, Problem};
use tally_testkit::random::{self, as_postgres_writes, Random};
use tally_testkit::{connect, define_reading};

const TEXTS: usize = 20_000;
const VALUES: usize = 3_000;

/// The types, in the order of the table's columns, and the functions that give their binary form.
const TYPES: [(&str, &str); 7] = [
    ("numeric", "numeric_send"),
    ("date", "date_send"),
    ("time", "time_send"),
    ("timestamp", "timestamp_send"),
    ("timestamptz", "timestamptz_send"),
    ("bytea", "byteasend"),
    ("boolean", "boolsend"),
];

/// The result of reading a text: a type, and the binary form of the value.
type Outcome = Result<(&'static str, Vec<u8>), Problem>;

fn read_number(text: &str) -> Outcome {
    let mut out = Vec::new();
    numeric::encode(text, &mut out).map(|()| ("numeric", out))
}

fn read_moment(text: &str) -> Outcome {
    Moment::parse(text.as_bytes()).map(|moment| match moment {
        Moment::Date(days) => ("date", days.to_be_bytes().into()),
        Moment::Time(micros) => ("time", micros.to_be_bytes().into()),
        Moment::Timestamp(micros) => ("timestamp", micros.to_be_bytes().into()),
        Moment::Timestamptz(micros) => ("timestamptz", micros.to_be_bytes().into()),
    })
}

fn read_bytea(text: &str) -> Outcome {
    hex::parse_bytea(text).map(|bytes| ("bytea", bytes)).ok_or(Problem::Syntax)
}

fn read_boolean(text: &str) -> Outcome {
    boolean(text.as_bytes()).map(|flag| ("boolean", vec![flag.into()])).ok_or(Problem::Syntax)
}

/// A connection with a table of texts and what is read of them.
fn connect_with_table() -> Client {
    let mut client = connect();
    define_reading(&mut client);
    client
        .batch_execute(
            "CREATE TEMP TABLE given (id int8, text text, outcome text, numeric numeric, date date, time time,
                 timestamp timestamp, timestamptz timestamptz, bytea bytea, boolean bool)",
        )
        .unwrap();
    client
}

/// Writes a row of the table.
fn append_row(id: usize, text: &str, outcome: &Outcome, out: &mut Vec<u8>) {
    let word = match outcome {
        Ok((name, _)) => name,
        Err(Problem::Range) => "range",
        Err(Problem::Syntax) => "syntax",
    };
    begin_row(3 + TYPES.len(), out);
    append_field(Some(&(id as i64).to_be_bytes()), out);
    append_field(Some(text.as_bytes()), out);
    append_field(Some(word.as_bytes()), out);
    for (name, _) in TYPES {
        let value = outcome.as_ref().ok().filter(|(of, _)| *of == name);
        append_field(value.map(|(_, bytes)| bytes.as_slice()), out);
    }
}

/// Fails with the rows of a query, of which there should be none.
fn assert_none(client: &mut Client, what: &str, sql: &str) {
    let rows = client.query(&format!("{sql} LIMIT 20"), &[]).unwrap();
    let rows: Vec<Vec<Option<String>>> =
        rows.iter().map(|row| (0..row.len()).map(|i| row.get(i)).collect()).collect();
    assert!(rows.is_empty(), "{what}: {rows:#?}");
}

/// Checks a reader by random texts.
fn check_texts(seed: u64, text: fn(&mut Random) -> String, read: fn(&str) -> Outcome) {
    let mut client = connect_with_table();
    let random = &mut Random::new(seed);
    let mut sent = HEADER.to_vec();
    let mut accepted = 0;
    for id in 0..TEXTS {
        let text = text(random);
        let outcome = read(&text);
        accepted += usize::from(outcome.is_ok());
        append_row(id, &as_postgres_writes(&text), &outcome, &mut sent);
    }
    assert!((TEXTS / 4..TEXTS).contains(&accepted), "{accepted} texts are accepted");
    sent.extend(TRAILER);
    let mut copy = client.copy_in("COPY given FROM STDIN (FORMAT binary)").unwrap();
    copy.write_all(&sent).unwrap();
    copy.finish().unwrap();

    let mut back = Vec::new();
    let mut copy =
        client.copy_out("COPY (SELECT * FROM given ORDER BY id) TO STDOUT (FORMAT binary)").unwrap();
    copy.read_to_end(&mut back).unwrap();
    drop(copy);
    assert!(sent == back, "the server sends back something else");

    for (name, send) in TYPES {
        let sql = format!(
            "SELECT left(text, 200), left({name}::text, 200), left(bytes::text, 200), state
             FROM given, pg_temp.read(text, '{name}', '{send}')
             WHERE outcome = '{name}' AND bytes IS DISTINCT FROM {send}({name})"
        );
        assert_none(&mut client, "another value than PostgreSQL's", &sql);
    }
    // Only numbers and times have a range; of the times the widest type decides.
    let sql = "SELECT left(text, 200), left(bytes::text, 200), state
               FROM given, LATERAL (SELECT CASE WHEN strpos(text, ':') > 0 THEN 'timestamptz' WHEN text ~ '\\d-\\d\\d-\\d\\d'
                   THEN 'date' ELSE 'numeric' END) t(type), pg_temp.read(text, type, type || '_send')
               WHERE outcome = 'range' AND (state IN ('22003', '22008')) IS NOT TRUE";
    assert_none(&mut client, "not out of PostgreSQL's range", sql);
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn texts_of_numbers() {
    check_texts(1, random::number, read_number);
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn texts_of_dates_and_times() {
    check_texts(2, random::moment, read_moment);
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn texts_of_bytes() {
    check_texts(3, random::bytea, read_bytea);
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn texts_of_booleans() {
    check_texts(4, random::boolean, read_boolean);
}

/// The binary form of a value of any type.
#[derive(Debug)]
struct Sent<'a>(&'a [u8]);

impl ToSql for Sent<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.extend_from_slice(self.0);
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// Returns the text that PostgreSQL writes for a binary form, and the form that it sends; none if it refuses.
fn written(client: &mut Client, name: &str, bytes: &[u8]) -> Option<(String, Vec<u8>)> {
    let (_, send) = TYPES.iter().find(|(of, _)| *of == name).unwrap();
    let sql = format!("SELECT $1::{name}::text, {send}($1::{name})");
    let row = client.query_one(&sql, &[&Sent(bytes)]).ok()?;
    Some((row.get(0), row.get(1)))
}

/// Checks that what PostgreSQL writes for a value is read as that value.
fn check_value(client: &mut Client, name: &'static str, bytes: &[u8], read: fn(&str) -> Outcome) {
    let (text, sent) = written(client, name, bytes).unwrap_or_else(|| panic!("{name} {bytes:?} is refused"));
    assert_eq!(read(&text), Ok((name, sent)), "{text}");
}

/// A count of any magnitude, or one near an end.
fn count(random: &mut Random, ends: &[i64]) -> i64 {
    match ends.get(random.up_to(2 * ends.len())) {
        Some(end) => end.saturating_add(random.up_to(4) as i64 - 2),
        None => random.integer(),
    }
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn counts_are_in_range_where_postgresql_has_them() {
    let mut client = connect();
    let random = &mut Random::new(5);
    for _ in 0..VALUES {
        let unix = count(random, &[-2_440_588, 2_145_042_905]) as i32;
        let days = days_from_unix(unix);
        // Its infinities are no days.
        let there = unix.checked_sub(10_957).filter(|days| ![i32::MIN, i32::MAX].contains(days));
        let there = there.filter(|days| written(&mut client, "date", &days.to_be_bytes()).is_some());
        assert_eq!(days, there, "{unix} days since 1970");
        if let Some(days) = days {
            check_value(&mut client, "date", &days.to_be_bytes(), read_moment);
            let first = i128::from(days) * i128::from(MICROS_PER_DAY);
            let first = i64::try_from(first).ok();
            let there =
                first.filter(|micros| written(&mut client, "timestamp", &micros.to_be_bytes()).is_some());
            assert_eq!(midnight(days), there, "midnight of {days} days since 2000");
        }
        let unix = count(random, &[-210_866_803_200_000_000, i64::MAX, i64::MIN, 9_223_371_331_200_000_000]);
        let micros = micros_from_unix(unix.into());
        let there =
            unix.checked_sub(946_684_800_000_000).filter(|micros| ![i64::MIN, i64::MAX].contains(micros));
        let there = there.filter(|micros| written(&mut client, "timestamp", &micros.to_be_bytes()).is_some());
        assert_eq!(micros, there, "{unix} microseconds since 1970");
        if let Some(micros) = micros {
            check_value(&mut client, "timestamp", &micros.to_be_bytes(), read_moment);
            check_value(&mut client, "timestamptz", &micros.to_be_bytes(), read_moment);
        }
        let micros = count(random, &[0, MICROS_PER_DAY]);
        if written(&mut client, "time", &micros.to_be_bytes()).is_some() {
            check_value(&mut client, "time", &micros.to_be_bytes(), read_moment);
        }
    }
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn numbers_are_read_as_postgresql_writes_them() {
    const SIGNS: [u16; 5] = [0, 0x4000, 0xC000, 0xD000, 0xF000];
    let mut client = connect();
    let random = &mut Random::new(6);
    let mut taken = 0;
    for _ in 0..VALUES {
        let sign = if random.one_in(30) { SIGNS[random.up_to(4)] } else { SIGNS[random.up_to(1)] };
        let digits = if sign > SIGNS[1] { 0 } else { random.up_to(12) };
        let weight = count(random, &[0, -4096, 32_767]) as i16;
        let scale = count(random, &[0, 8, 16_383]) as u16;
        let mut bytes: Vec<u8> = [digits as u16, weight as u16, sign, scale].map(u16::to_be_bytes).concat();
        for _ in 0..digits {
            bytes.extend((random.up_to(9_999) as u16).to_be_bytes());
        }
        if written(&mut client, "numeric", &bytes).is_some() {
            taken += 1;
            check_value(&mut client, "numeric", &bytes, read_number);
        }
    }
    assert!(taken > VALUES / 4, "{taken} numbers are taken");
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn decimals_are_products_of_powers_of_ten() {
    let mut client = connect();
    let random = &mut Random::new(7);
    let statement = client.prepare("SELECT ($1::text::numeric * ('1e-' || $2::int)::numeric)::text").unwrap();
    for _ in 0..VALUES {
        let unscaled = i128::from(random.integer()) << random.up_to(64);
        let (scale, extra) = (random.up_to(50), random.up_to(3));
        // Longer than it has to be.
        let mut bytes = vec![if unscaled < 0 { 0xff } else { 0 }; extra];
        bytes.extend(unscaled.to_be_bytes());
        let row = client.query_one(&statement, &[&unscaled.to_string(), &(scale as i32)]).unwrap();
        assert_eq!(numeric::decimal(&bytes, scale), row.get::<_, String>(0), "{unscaled} / 10^{scale}");
    }
}
