//! Messages that cannot become rows, among others that can.

use std::collections::BTreeMap;

use apache_avro::types::Value;

use crate::avro;
use tally_testkit::{wait_until, Scene};

type Reasons = BTreeMap<String, i64>;

/// Number of dead letters for each stage, SQLSTATE and column.
fn reasons(scene: &mut Scene) -> Reasons {
    let sql = "SELECT concat_ws(' ', stage, sqlstate, column_name), count(*)
               FROM loader.dead_letters WHERE job = 'trades' GROUP BY 1";
    scene.query(sql, &[]).iter().map(|row| (row.get(0), row.get(1))).collect()
}

fn expected(reasons: &[(&str, i64)]) -> Reasons {
    reasons.iter().map(|(reason, count)| (reason.to_string(), *count)).collect()
}

/// A table with a column of time and one that takes only small numbers, which the loader does not know of.
fn scene(name: &str) -> Scene {
    let mut scene = Scene::new(name);
    scene.execute(
        "ALTER TABLE trades ADD at timestamptz, ADD ratio double precision,
         ADD price numeric CHECK (price < 1000)",
    );
    scene.topic = scene.topic.replace(
        "}]",
        "}, { name = 'at', type = 'timestamptz', unit = 'ms' }, { name = 'ratio', type = 'double precision' },
           { name = 'price', type = 'numeric' }]",
    );
    scene
}

#[test]
#[ignore = "breaks servers; scripts/test.py faults"]
fn of_every_kind_in_json() {
    let mut scene = scene("poison_json");
    let large = format!(r#"{{"key":"{}","n":1}}"#, "x".repeat(10 << 20));
    let kinds: [(Option<&[u8]>, &str); 17] = [
        (Some(b"not json"), "decode 22032"),
        (Some(b"{\"key\":\"k1\",\"n\":1"), "decode 22032"),
        (Some(b"{\"key\":\"k1\",\"n\":1,\"ratio\":NaN}"), "decode 22032"),
        (Some(b""), "decode 22032"),
        (Some(b"[1]"), "decode 22P02"),
        (Some(b"{\"key\":\"k1\",\"n\":\"one\"}"), "decode 22P02 n"),
        (Some(b"{\"key\":\"k1\",\"n\":1.5}"), "decode 22P02 n"),
        (Some(b"{\"key\":\"k1\",\"n\":123456789012345678901234567890}"), "decode 22003 n"),
        (Some(b"{\"key\":\"k1\",\"n\":1,\"ratio\":1e400}"), "decode 22003 ratio"),
        (Some(b"{\"key\":\"k\\u0000\",\"n\":1}"), "decode 22021 key"),
        (Some(b"{\"key\":\"\xff\",\"n\":1}"), "decode 22021"),
        (Some(b"{\"n\":1}"), "decode 23502 key"),
        (Some(b"{\"key\":\"k1\",\"n\":1,\"at\":9223372036854775807}"), "decode 22008 at"),
        (Some(b"{\"key\":\"k1\",\"n\":1,\"at\":\"yesterday\"}"), "decode 22007 at"),
        (Some(b"{\"key\":\"k1\",\"n\":1,\"price\":1000}"), "write 23514"),
        (None, "decode 22004"),
        (Some(large.as_bytes()), "decode 54000"),
    ];
    let mut loader = scene.load();
    let mut reasons_for = Reasons::new();
    for (value, reason) in kinds {
        scene.produce(200);
        scene.produce_poison(value);
        *reasons_for.entry(reason.into()).or_default() += 1;
    }
    scene.produce(200);
    scene.wait_for_all(&mut loader);
    assert_eq!(reasons(&mut scene), reasons_for);
    let kept = "SELECT max(length(value))::bigint FROM loader.dead_letters WHERE job = 'trades'";
    assert_eq!(scene.number(kept), large.len() as i64);
    scene.finish(loader);
}

#[test]
#[ignore = "breaks servers; scripts/test.py faults"]
fn of_every_kind_in_avro() {
    let mut scene = scene("poison_avro");
    scene.topic.push_str(&avro::settings());
    let schema = avro::Registered::new(
        &scene.name,
        r#"{"type": "record", "name": "poison", "fields": [{"name": "key", "type": "string"},
            {"name": "n", "type": "long"}, {"name": "ratio", "type": ["null", "double"], "default": null},
            {"name": "at", "type": ["null", "long"], "default": null}]}"#,
    );
    let optional = |value| match value {
        Some(value) => Value::Union(1, Box::new(value)),
        None => Value::Union(0, Box::new(Value::Null)),
    };
    let message = |key: &str, n, ratio, at| {
        let (key, n) = (Value::String(key.into()), Value::Long(n));
        let (ratio, at) = (optional(ratio), optional(at));
        schema.message(&[("key", key), ("n", n), ("ratio", ratio), ("at", at)])
    };
    let whole = message("k1", 1, None, None);
    let mut unknown = whole.clone();
    unknown[1..5].copy_from_slice(&999_999_i32.to_be_bytes());
    let kinds = [
        (b"x".to_vec(), "decode 22P03"),
        (whole[..whole.len() - 1].to_vec(), "decode 22P03 at"),
        ([&whole[..], b"more"].concat(), "decode 22P03"),
        (unknown, "decode 42704"),
        (message("k\0", 1, None, None), "decode 22021 key"),
        (message("k1", 1, None, Some(Value::Long(i64::MAX))), "decode 22008 at"),
    ];
    let mut loader = scene.load();
    let mut reasons_for = Reasons::new();
    let numbers = [f64::NAN, f64::INFINITY, f64::MIN_POSITIVE / 4.0, -0.0];
    for (n, (value, reason)) in kinds.into_iter().enumerate() {
        let ratio = Some(Value::Double(numbers[n % numbers.len()]));
        scene.produce_good("avro", &message("avro", 1 + n as i64, ratio, None));
        scene.produce_poison(Some(&value));
        *reasons_for.entry(reason.into()).or_default() += 1;
    }
    scene.produce_poison(None);
    *reasons_for.entry("decode 22004".into()).or_default() += 1;
    scene.wait_for_all(&mut loader);
    assert_eq!(reasons(&mut scene), reasons_for);
    let sql = "SELECT string_agg(ratio::text, ' ' ORDER BY n) FROM trades WHERE n <= 4";
    let ratios: String = scene.query(sql, &[])[0].get(0);
    assert_eq!(ratios, "NaN Infinity 5.562684646268003e-309 -0");
    scene.finish(loader);
}

/// A topic of nothing but poison, at length: memory stays bounded and all of it is kept.
#[test]
#[ignore = "breaks servers; scripts/test.py faults"]
fn only() {
    let mut scene = scene("poison_only");
    scene.topic.push_str("\nmax_dead_letters_in_a_row = 0");
    for _ in 0..20 {
        scene.produce_poisons(1_000, b"{\"key\":\"k1\"");
    }
    let mut loader = scene.load();
    scene.wait_for_all(&mut loader);
    assert_eq!(reasons(&mut scene), expected(&[("decode 22032", 20_000)]));
    scene.produce(1_000);
    scene.finish(loader);
}

/// A topic of nothing but poison, one of two: it stops and stays in Kafka, and the other one goes on.
#[test]
#[ignore = "breaks servers; scripts/test.py faults"]
fn stops_its_topic() {
    let (mut poisoned, mut other) = (scene("poison_stops"), scene("poison_other"));
    let section = format!("[[topic]]\nname = '{0}'\ntable = '{0}'\n{1}", other.name, other.topic);
    poisoned.topic.push_str(&format!("\nmax_dead_letters_in_a_row = 1_000\n{section}"));
    poisoned.produce_poisons(20_000, b"no");
    let loader = poisoned.load();
    wait_until(|| poisoned.log().contains("the topic is stopped"));
    other.produce(2_000);
    wait_until(|| other.number("SELECT count(*) FROM trades") == 2_000);
    let dead = poisoned.progress();
    assert!((1_000..10_000).contains(&dead), "{dead} messages read of a topic of poison");
    poisoned.check();
    let status = loader.terminate();
    assert_eq!(status.code(), Some(1));
    assert!(poisoned.log().lines().last().unwrap().contains("or more dead letters in a row"));

    poisoned.topic = poisoned.topic.replace("1_000", "0");
    let loader = poisoned.load();
    poisoned.finish(loader);
}

mod long {
    use super::*;

    /// The server refuses every row of many batches.
    #[test]
    #[ignore = "breaks servers; scripts/test.py faults-all"]
    fn only_for_the_server() {
        let mut scene = scene("poison_server");
        scene.produce(1_000);
        scene.produce_poisons(3_000, b"{\"key\":\"k1\",\"n\":1,\"price\":2000}");
        let loader = scene.load();
        scene.produce(1_000);
        scene.finish(loader);
        assert_eq!(reasons(&mut scene), expected(&[("write 23514", 3_000)]));
    }
}
