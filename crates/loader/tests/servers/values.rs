//! Random texts of every type, loaded as files and as messages: what is stored is what PostgreSQL itself reads, and all
//! that it writes is stored.

use std::fmt::Write;

use postgres::Client;
use tally_testkit::random::{self, as_postgres_writes, Random};
use tally_testkit::{define_reading, Files, World};

const TEXTS_PER_TYPE: usize = 1_000;

/// A type of column: the type as which PostgreSQL is to read it, the function that sends its binary form, and texts.
struct Column {
    name: &'static str,
    read_as: &'static str,
    send: &'static str,
    text: fn(&mut Random) -> String,
}

const fn column(name: &'static str, send: &'static str, text: fn(&mut Random) -> String) -> Column {
    Column { name, read_as: name, send, text }
}

/// An integer that may be written `1.0` or `1e3`.
const fn integer(name: &'static str, read_as: &'static str, send: &'static str) -> Column {
    Column { name, read_as, send, text: random::integer }
}

const COLUMNS: [Column; 16] = [
    integer("smallint", "numeric::smallint", "int2send"),
    integer("integer", "numeric::integer", "int4send"),
    integer("bigint", "numeric::bigint", "int8send"),
    column("real", "float4send", random::double),
    column("double precision", "float8send", random::double),
    column("numeric", "numeric_send", random::number),
    column("date", "date_send", random::moment),
    column("time", "time_send", random::moment),
    column("timestamp", "timestamp_send", random::moment),
    column("timestamptz", "timestamptz_send", random::moment),
    column("boolean", "boolsend", random::boolean),
    column("bytea", "byteasend", random::bytea),
    column("uuid", "uuid_send", random::uuid),
    column("jsonb", "jsonb_send", random::json),
    column("text", "textsend", random::any_text),
    column("bigint[]", "array_send", random::array),
];

/// Texts, each with its number and the column that it is for.
type Texts = Vec<(usize, usize, String)>;

fn texts(seed: u64) -> Texts {
    let random = &mut Random::new(seed);
    let mut texts = Vec::new();
    for number in 0..COLUMNS.len() * TEXTS_PER_TYPE {
        let column = number % COLUMNS.len();
        texts.push((number, column, (COLUMNS[column].text)(random)));
    }
    // An empty field is NULL.
    texts.retain(|(_, _, text)| !text.trim().is_empty());
    texts
}

/// Makes the table to load, and one of the texts as PostgreSQL is to read them.
fn make_tables(client: &mut Client, schema: &str) {
    define_reading(client);
    let columns: Vec<String> = COLUMNS.iter().enumerate().map(|(i, c)| format!("c{i} {}", c.name)).collect();
    let sql = format!(
        "CREATE TABLE {schema}.t (id bigint, {}, overflow jsonb); CREATE TEMP TABLE given (id bigint, col int, text text)",
        columns.join(", ")
    );
    client.batch_execute(&sql).unwrap();
}

fn give(client: &mut Client, texts: &Texts) {
    client.batch_execute("TRUNCATE given").unwrap();
    let insert = client.prepare("INSERT INTO given VALUES ($1, $2, $3)").unwrap();
    let mut transaction = client.transaction().unwrap();
    for (id, column, text) in texts {
        let is_time = COLUMNS[*column].send.starts_with(['d', 't']) && COLUMNS[*column].name != "text";
        let text = if is_time { as_postgres_writes(text) } else { text.clone() };
        transaction.execute(&insert, &[&(*id as i64), &(*column as i32), &text]).unwrap();
    }
    transaction.commit().unwrap();
}

/// The rows of the table that hold another value than PostgreSQL reads.
fn wrong_values(
    client: &mut Client,
    schema: &str,
    read_as: impl Fn(&Column) -> &str,
    only: &str,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for (i, column) in COLUMNS.iter().enumerate() {
        let sql = format!(
            "SELECT format('{name} %s is %s, but %s', left(text, 200), left(c{i}::text, 200), coalesce(left(written, 200), state))
             FROM given JOIN {schema}.t USING (id), pg_temp.read(text, '{read_as}', '{send}')
             WHERE col = {i} AND {send}(c{i}) IS DISTINCT FROM bytes AND {only} LIMIT 10",
            name = column.name,
            read_as = read_as(column),
            send = column.send
        );
        wrong.extend(client.query(&sql, &[]).unwrap().iter().map(|row| row.get::<_, String>(0)));
    }
    wrong
}

/// The texts that PostgreSQL itself writes for the values that it reads.
fn written(client: &mut Client) -> Texts {
    let mut texts = Vec::new();
    for (i, column) in COLUMNS.iter().enumerate() {
        let sql = format!(
            "SELECT id, written FROM given, pg_temp.read(text, '{}', '{}') WHERE col = {i} AND trim(written) <> ''",
            column.name, column.send
        );
        let rows = client.query(&sql, &[]).unwrap();
        texts.extend(rows.iter().map(|row| (row.get::<_, i64>(0) as usize, i, row.get(1))));
        if matches!(column.name, "date" | "timestamp" | "timestamptz") {
            texts.push((1_000_000 + i, i, "infinity".to_string()));
            texts.push((2_000_000 + i, i, "-infinity".to_string()));
        }
    }
    texts
}

/// Texts that are not in the table.
fn missing(client: &mut Client, schema: &str) -> Vec<String> {
    let sql = format!(
        "SELECT col, left(text, 200) FROM given WHERE id NOT IN (SELECT id FROM {schema}.t) LIMIT 20"
    );
    let rows = client.query(&sql, &[]).unwrap();
    rows.iter()
        .map(|row| format!("{} {}", COLUMNS[row.get::<_, i32>(0) as usize].name, row.get::<_, String>(1)))
        .collect()
}

/// A file with each text in a row of its own.
fn csv(texts: &Texts) -> String {
    let mut file = String::from("id");
    (0..COLUMNS.len()).for_each(|i| write!(file, ",c{i}").unwrap());
    for (id, column, text) in texts {
        let quoted = text.replace('"', "\"\"");
        let (before, after) = (",".repeat(column + 1), ",".repeat(COLUMNS.len() - column - 1));
        write!(file, "\n{id}{before}\"{quoted}\"{after}").unwrap();
    }
    file + "\n"
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn files_are_read_as_postgresql_reads_them() {
    let mut world = Files::new("values_files", "csv");
    make_tables(&mut world.database, "values_files");
    let texts = texts(1);
    give(&mut world.database, &texts);
    world.write("a.csv", csv(&texts));
    world.command(&["--max-bad-rows", "100000"]).output().unwrap();
    let stored: usize = world.one("SELECT count(*) FROM $t").parse().unwrap();
    assert!((texts.len() / 2..texts.len()).contains(&stored), "{stored} texts are stored");
    let wrong = wrong_values(&mut world.database, "values_files", |column| column.read_as, "true");
    assert!(wrong.is_empty(), "{wrong:#?}");

    let texts = written(&mut world.database);
    give(&mut world.database, &texts);
    world.write("b.csv", csv(&texts));
    world.database.batch_execute("TRUNCATE values_files.t").unwrap();
    world.command(&["--max-bad-rows", "100000"]).output().unwrap();
    let missing = missing(&mut world.database, "values_files");
    assert!(missing.is_empty(), "{missing:#?}");
    let wrong = wrong_values(&mut world.database, "values_files", |column| column.name, "true");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Messages may also have times as only ISO 8601 writes them, and null. A leap second of an instant that becomes a time
/// of day is the second before it.
const COMPARABLE: &str = r"state IS NULL AND written <> 'null' AND text !~ '[+-]\d{6}' AND text !~ '-.*:60'";

/// A message for each text, as it is if it is JSON; in quotes otherwise.
fn produce(world: &World, texts: &Texts) {
    let messages: Vec<String> = texts
        .iter()
        .map(|(id, column, text)| match COLUMNS[*column].name {
            "jsonb" => format!("{{\"id\":{id},\"c{column}\":{text}}}"),
            _ => serde_json::json!({ "id": id, (format!("c{column}")): text }).to_string(),
        })
        .collect();
    world.produce(&messages.iter().map(String::as_bytes).collect::<Vec<_>>());
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn messages_are_read_as_postgresql_reads_them() {
    let mut world = World::new("values_messages");
    make_tables(&mut world.database, "values_messages");
    let texts = texts(2);
    give(&mut world.database, &texts);
    produce(&world, &texts);
    world.load("max_dead_letters_in_a_row = 0");
    let stored: i64 = world.database.query_one("SELECT count(*) FROM values_messages.t", &[]).unwrap().get(0);
    assert!((texts.len() / 2..texts.len()).contains(&(stored as usize)), "{stored} texts are stored");
    // A timestamp whose text has a zone is stored in UTC.
    let wrong = wrong_values(
        &mut world.database,
        "values_messages",
        |column| match column.name {
            "timestamp" => "timestamptz::timestamp",
            _ => column.read_as,
        },
        COMPARABLE,
    );
    assert!(wrong.is_empty(), "{wrong:#?}");

    let texts = written(&mut world.database);
    give(&mut world.database, &texts);
    world.database.batch_execute("TRUNCATE values_messages.t").unwrap();
    produce(&world, &texts);
    world.load("max_dead_letters_in_a_row = 0");
    let missing = missing(&mut world.database, "values_messages");
    assert!(missing.is_empty(), "{missing:#?}");
    let wrong = wrong_values(&mut world.database, "values_messages", |column| column.name, COMPARABLE);
    assert!(wrong.is_empty(), "{wrong:#?}");
}
