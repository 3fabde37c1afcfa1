//! Avro messages from a broker in this process, with schemas of a real registry, into a real PostgreSQL.

use std::collections::HashMap;
use std::io::Write;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Arc;

use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use apache_avro::{Decimal, Schema};
use tally_testkit::{complaint, environment, program, read_request, start_in, tally, wait_until, World};

fn registry_url() -> String {
    environment("REGISTRY_URL")
}

/// Registers a schema; its number.
pub fn register(subject: &str, schema: &str, references: serde_json::Value) -> u32 {
    let url = format!("{}/subjects/{subject}/versions", registry_url());
    let body = serde_json::json!({ "schema": schema, "references": references });
    let answer: serde_json::Value = ureq::post(&url).send_json(body).unwrap().body_mut().read_json().unwrap();
    answer["id"].as_u64().unwrap().try_into().unwrap()
}

/// A message with a value of this schema, in the registry's framing.
pub fn message(id: u32, schema: &Schema, fields: &[(&str, Value)]) -> Vec<u8> {
    let fields = fields.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
    let mut message = vec![0];
    message.extend(id.to_be_bytes());
    let writer = GenericDatumWriter::builder(schema).build().unwrap();
    message.extend(writer.write_value_to_vec(Value::Record(fields)).unwrap());
    message
}

/// The rest of a section of a topic in Avro, and the registry's.
pub fn avro(rest: &str) -> String {
    format!("format = 'avro'\n{rest}\n[registry]\nurl = '{}'", registry_url())
}

const EVERYTHING: &str = r#"{"type": "record", "name": "everything", "fields": [
    {"name": "id", "type": "long"}, {"name": "small", "type": ["null", "int"]}, {"name": "ok", "type": "boolean"},
    {"name": "ratio", "type": "float"}, {"name": "price", "type": "double"}, {"name": "note", "type": ["string", "null"]},
    {"name": "raw", "type": "bytes"}, {"name": "hash", "type": {"type": "fixed", "name": "hash", "size": 2}},
    {"name": "side", "type": {"type": "enum", "name": "side", "symbols": ["buy", "sell"]}},
    {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 24}},
    {"name": "uid", "type": {"type": "string", "logicalType": "uuid"}},
    {"name": "day", "type": {"type": "int", "logicalType": "date"}},
    {"name": "clock", "type": {"type": "long", "logicalType": "time-micros"}},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "local", "type": {"type": "long", "logicalType": "local-timestamp-micros"}},
    {"name": "levels", "type": {"type": "array", "items": {"type": "record", "name": "level", "fields": [
        {"name": "price", "type": "double"}, {"name": "size", "type": "double"}]}}},
    {"name": "tags", "type": {"type": "map", "values": "string"}},
    {"name": "either", "type": ["null", "string", "long"]}]}"#;

#[test]
#[ignore = "needs PostgreSQL and a schema registry"]
fn every_type_finds_its_column() {
    let mut world = World::new("avro_types");
    let schema = Schema::parse_str(EVERYTHING).unwrap();
    let id = register("avro_types-value", EVERYTHING, serde_json::json!([]));
    let optional = |branch, value| Value::Union(branch, Box::new(value));
    let record = |n: i64, note: Value, either: Value| {
        let level = |price: f64| {
            Value::Record(vec![("price".into(), Value::Double(price)), ("size".into(), Value::Double(0.5))])
        };
        let fields = [
            ("id", Value::Long(n)),
            ("small", optional(u32::from(n > 1), if n > 1 { Value::Int(-7) } else { Value::Null })),
            ("ok", Value::Boolean(true)),
            ("ratio", Value::Float(0.5)),
            ("price", Value::Double(f64::NEG_INFINITY)),
            ("note", note),
            ("raw", Value::Bytes(vec![0, 255])),
            ("hash", Value::Fixed(2, vec![1, 2])),
            ("side", Value::Enum(1, "sell".into())),
            (
                "amount",
                Value::Decimal(Decimal::from((-12_345_678_901_234_567_890_123_456_789_i128).to_be_bytes())),
            ),
            ("uid", Value::String("00000000-0000-0000-0000-0000000000ff".into())),
            ("day", Value::Date(19_275)),
            ("clock", Value::TimeMicros(3_600_000_001)),
            ("at", Value::TimestampMillis(1_665_388_535_113)),
            ("local", Value::LocalTimestampMicros(1)),
            ("levels", Value::Array(vec![level(19_341.0), level(f64::NAN)])),
            ("tags", Value::Map([("k\"".to_string(), Value::String("v".into()))].into())),
            ("either", either),
        ];
        message(id, &schema, &fields)
    };
    let first = record(1, optional(1, Value::Null), optional(0, Value::Null));
    let second = record(2, optional(0, Value::String("é".into())), optional(2, Value::Long(5)));
    world.produce(&[&first, &second]);
    world.load(&avro(""));
    let types = "SELECT attname || ' ' || format_type(atttypid, NULL) FROM pg_attribute
        WHERE attrelid = 'avro_types.t'::regclass AND attnum > 0 ORDER BY attnum";
    assert_eq!(
        world.column(types).join(", "),
        "id bigint, small integer, ok boolean, ratio real, price double precision, note text, raw bytea, hash bytea, \
         side text, amount numeric, uid uuid, day date, clock time without time zone, at timestamp with time zone, \
         local timestamp without time zone, levels jsonb, tags jsonb, either jsonb, overflow jsonb"
    );
    world.database.batch_execute("SET timezone = 'UTC'").unwrap();
    assert_eq!(
        world.column("SELECT t::text FROM avro_types.t t ORDER BY id"),
        [
            r#"(1,,t,0.5,-Infinity,,"\\x00ff","\\x0102",sell,-12345.678901234567890123456789,"#.to_owned()
                + r#"00000000-0000-0000-0000-0000000000ff,2022-10-10,01:00:00.000001,"2022-10-10 07:55:35.113+00","#
                + r#""1970-01-01 00:00:00.000001","[{""size"": 0.5, ""price"": 19341}, {""size"": 0.5, ""price"": ""NaN""}]","#
                + r#""{""k\\"""": ""v""}",,)"#,
            r#"(2,-7,t,0.5,-Infinity,é,"\\x00ff","\\x0102",sell,-12345.678901234567890123456789,"#.to_owned()
                + r#"00000000-0000-0000-0000-0000000000ff,2022-10-10,01:00:00.000001,"2022-10-10 07:55:35.113+00","#
                + r#""1970-01-01 00:00:00.000001","[{""size"": 0.5, ""price"": 19341}, {""size"": 0.5, ""price"": ""NaN""}]","#
                + r#""{""k\\"""": ""v""}",5,)"#,
        ]
    );
}

fn trade(version: u32) -> String {
    let more = match version {
        1 => "",
        2 => r#", {"name": "side", "type": ["null", "string"], "default": null}"#,
        _ => {
            r#", {"name": "side", "type": ["null", "string"], "default": null}, {"name": "maker", "type": "string"}"#
        }
    };
    let size = if version == 1 { "int" } else { "long" };
    format!(
        r#"{{"type": "record", "name": "trade", "fields": [
            {{"name": "id", "type": "long"}}, {{"name": "size", "type": "{size}"}}{more}]}}"#
    )
}

fn trade_message(id: u32, version: u32, n: i64) -> Vec<u8> {
    let text = |text: &str| Value::String(text.into());
    let size = if version == 1 { Value::Int(1) } else { Value::Long(1 << 40) };
    let mut fields = vec![("id", Value::Long(n)), ("size", size)];
    if version >= 2 {
        fields.push(("side", Value::Union(1, Box::new(text("buy")))));
    }
    if version >= 3 {
        fields.push(("maker", text("m")));
    }
    message(id, &Schema::parse_str(&trade(version)).unwrap(), &fields)
}

#[test]
#[ignore = "needs PostgreSQL and a schema registry"]
fn schemas_evolve_within_a_batch_and_poison_is_put_aside() {
    let mut world = World::new("avro_evolution");
    let ids: Vec<u32> =
        (1..=3).map(|v| register(&format!("avro_evolution-{v}"), &trade(v), serde_json::json!([]))).collect();
    let of = |version: u32, n: i64| trade_message(ids[version as usize - 1], version, n);
    let mut truncated = of(1, 2);
    truncated.pop();
    let mut longer = of(1, 3);
    longer.push(0);
    let unknown = trade_message(0x00ff_ffff, 1, 4);
    world.produce(&[
        &of(1, 0),
        &of(2, 1),
        &truncated,
        &longer,
        &unknown,
        b"{\"id\":5}",
        b"\0\0",
        &of(3, 7),
        &of(1, 8),
        b"",
    ]);
    world.load(&avro("unknown_fields = 'add'"));
    let rows = world
        .column("SELECT concat_ws(' ', id, size, side, maker, overflow) FROM avro_evolution.t ORDER BY id");
    assert_eq!(rows, ["0 1", "1 1099511627776 buy", "7 1099511627776 buy m", "8 1"]);
    let letters = world.dead_letters();
    let states: Vec<(i64, &str)> = {
        let mut states: Vec<_> =
            letters.iter().map(|(offset, letter)| (*offset, letter.1.as_str())).collect();
        states.sort_unstable();
        states
    };
    assert_eq!(states, [(2, "22P03"), (3, "22P03"), (4, "42704"), (5, "22P03"), (6, "22P03"), (9, "22004")]);
    let known = world.column("SELECT schema_id::text FROM loader.dead_letters WHERE job = 'avro_evolution' AND schema_id IS NOT NULL ORDER BY \"offset\"");
    assert_eq!(known, [ids[0].to_string(), ids[0].to_string(), 0x00ff_ffff.to_string()]);

    // Another job over the same table keeps what it has no column for.
    let mut keeping = World::new("avro_overflow");
    keeping.produce(&[&of(1, 0), &of(3, 1)]);
    keeping.load(&avro(""));
    let rows = keeping.column("SELECT concat_ws(' ', id, overflow) FROM avro_overflow.t ORDER BY id");
    // The wider size no longer fits its column.
    assert_eq!(rows, ["0"]);
    assert_eq!(keeping.dead_letters()[&1].1, "22003");
    keeping.produce(&[&of(1, 2)]);
    keeping.load(&avro("columns = [{ name = 'id', type = 'bigint' }, { name = 'size', type = 'integer' }]"));
    assert_eq!(keeping.next_offset(), 3);
}

#[test]
#[ignore = "needs PostgreSQL and a schema registry"]
fn schemas_may_refer_to_others() {
    let mut world = World::new("avro_references");
    let level = r#"{"type": "record", "name": "x.Level", "fields": [{"name": "price", "type": "double"}]}"#;
    register("avro_references-level", level, serde_json::json!([]));
    let book = r#"{"type": "record", "name": "x.Book", "fields": [{"name": "best", "type": "x.Level"}, {"name": "n", "type": "int"}]}"#;
    let reference =
        serde_json::json!([{ "name": "x.Level", "subject": "avro_references-level", "version": 1 }]);
    let id = register("avro_references-value", book, reference);
    let (schema, others) = Schema::parse_str_with_list(book, [level]).unwrap();
    let best = Value::Record(vec![("price".into(), Value::Double(2.5))]);
    let fields = vec![("best".into(), best), ("n".into(), Value::Int(1))];
    let writer =
        GenericDatumWriter::builder(&schema).schemata(others.iter().collect()).unwrap().build().unwrap();
    let mut message = vec![0];
    message.extend(id.to_be_bytes());
    message.extend(writer.write_value_to_vec(Value::Record(fields)).unwrap());
    world.produce(&[&message]);
    world.load(&avro("columns = [{ name = 'price', type = 'double precision', from = 'best.price' }]"));
    assert_eq!(
        world.column("SELECT concat_ws(' ', price, overflow) FROM avro_references.t"),
        ["2.5 {\"n\": 1}"]
    );
}

/// A registry of one schema, which answers only while it is told to, and counts how often it was asked.
fn stub(id: u32, schema: String) -> (String, Arc<AtomicBool>, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answering = Arc::new(AtomicBool::new(true));
    let asked = Arc::new(AtomicUsize::new(0));
    let (switch, counter) = (answering.clone(), asked.clone());
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let request = read_request(&connection);
            let (status, body) = if !switch.load(Ordering::SeqCst) {
                ("503 Service Unavailable", String::new())
            } else if !request.to_lowercase().contains("authorization: basic dxnlcjpzzwnyzxq=") {
                ("401 Unauthorized", String::new())
            } else if request.starts_with(&format!("GET /schemas/ids/{id} ")) {
                ("200 OK", serde_json::json!({ "schema": schema }).to_string())
            } else {
                ("404 Not Found", String::new())
            };
            let head =
                format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
            let _ = connection.write_all(format!("{head}{body}").as_bytes());
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    (url, answering, asked)
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_registry_that_is_away_stops_only_what_was_never_seen() {
    let mut world = World::new("avro_outage");
    let (url, answering, asked) = stub(1, trade(1));
    let topic =
        format!("format = 'avro'\n[registry]\nurl = '{url}'\nuser = 'user'\npassword = {{ env = 'SECRET' }}");
    let plain = topic.replace("{ env = 'SECRET' }", "'secret'");

    // Away at the beginning: it waits, and goes on by itself.
    answering.store(false, Ordering::SeqCst);
    world.produce(&[&trade_message(1, 1, 0)]);
    let environment = [("SECRET", "secret")];
    let (child, _file) = start_in(&environment, "load", &world.config(&topic), &["--until-end", "--quiet"]);
    wait_until(|| asked.load(Ordering::SeqCst) > 0);
    answering.store(true, Ordering::SeqCst);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8(output.stderr).unwrap().contains("waiting for a schema"));
    wait_until(|| world.column("SELECT id::text FROM avro_outage.t") == ["0"]);

    // Away later: what was seen before is in PostgreSQL.
    answering.store(false, Ordering::SeqCst);
    world.produce(&[&trade_message(1, 1, 1)]);
    world.load(&plain);
    assert_eq!(world.next_offset(), 2);
    assert!(world.dead_letters().is_empty());

    // Authentication fails, and no secret is told.
    answering.store(true, Ordering::SeqCst);
    world.produce(&[&trade_message(2, 1, 2)]);
    let wrong = world.config(&plain.replace("'secret'", "'opensesame'"));
    let text = complaint(&wrong);
    assert!(text.contains("authentication failed; set `user` and `password`"), "{text}");
    let check = tally("check", &wrong, &[]);
    let text = String::from_utf8(check.stdout).unwrap();
    assert!(
        !check.status.success() && text.contains("authentication failed") && !text.contains("opensesame"),
        "{text}"
    );
}

#[test]
#[ignore = "needs PostgreSQL and a schema registry"]
fn simulated_trades_arrive_as_avro() {
    let mut world = World::new("avro_simulated");
    let brokers = world.cluster.bootstrap_servers();
    let arguments = format!(
        "simulate --brokers {brokers} --topic avro_simulated --count 5000 --malformed 0.01 --registry {}",
        registry_url()
    );
    let made = program("tally-market").args(arguments.split(' ')).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    world.load(&avro(""));
    let counts = "SELECT count(*) || ' ' || count(DISTINCT symbol) FROM avro_simulated.t WHERE price > 0 AND overflow IS NULL";
    let letters = world.dead_letters().len();
    assert!((20..100).contains(&letters), "{letters} dead letters");
    assert_eq!(world.column(counts), [format!("{} 20", 5000 - letters)]);
}

const KEY: &str = r#"{"type": "record", "name": "key", "fields": [{"name": "id", "type": "long"}, {"name": "venue", "type": "string"}]}"#;
const STATE: &str = r#"{"type": "record", "name": "state", "fields": [{"name": "price", "type": "double"}]}"#;

#[test]
#[ignore = "needs PostgreSQL and a schema registry"]
fn keys_in_avro_identify_rows() {
    let mut world = World::new("avro_keys");
    let (key_schema, schema) = (Schema::parse_str(KEY).unwrap(), Schema::parse_str(STATE).unwrap());
    let key_id = register("avro_keys-key", KEY, serde_json::json!([]));
    let id = register("avro_keys-value", STATE, serde_json::json!([]));
    let key = |n: i64| {
        message(key_id, &key_schema, &[("id", Value::Long(n)), ("venue", Value::String("x".into()))])
    };
    let state = |price: f64| message(id, &schema, &[("price", Value::Double(price))]);
    for (n, value) in [(1, Some(1.5)), (2, Some(2.5)), (1, Some(3.5)), (2, None), (3, Some(4.5))] {
        world.produce_bytes(&key(n), value.map(state).as_deref());
    }
    world.produce_bytes(b"text", Some(&state(5.5)));
    world.load(&avro(
        "key_format = 'avro'\nkey = ['id', 'venue']\ncolumns = [\n\
         { name = 'id', type = 'bigint', from = '$key.id' }, { name = 'venue', type = 'text', from = '$key.venue' },\n\
         { name = 'price', type = 'double precision' }]",
    ));
    let rows = world.column("SELECT concat_ws(' ', id, venue, price) FROM avro_keys.t ORDER BY id");
    assert_eq!(rows, ["1 x 3.5", "3 x 4.5"]);
    assert_eq!(world.dead_letters(), HashMap::from([(5, ("decode".into(), "22P03".into(), None))]));
}
