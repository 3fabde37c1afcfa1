//! Instants that clocks and calendars make difficult.

use std::fs;
use std::path::Path;

use tally_testkit::{environment, Scene};

/// Texts that are written, and the instant that must be stored, in UTC.
const INSTANTS: [(&str, &str); 10] = [
    // The hour that does not exist in Berlin, and the one that comes twice.
    ("2026-03-29T01:59:59+01:00", "2026-03-29 00:59:59+00"),
    ("2026-03-29T02:30:00+01:00", "2026-03-29 01:30:00+00"),
    ("2026-03-29T03:00:00+02:00", "2026-03-29 01:00:00+00"),
    ("2026-10-25T02:30:00+02:00", "2026-10-25 00:30:00+00"),
    ("2026-10-25T02:30:00+01:00", "2026-10-25 01:30:00+00"),
    // A leap second is the second after it, as in PostgreSQL.
    ("2016-12-31T23:59:59Z", "2016-12-31 23:59:59+00"),
    ("2016-12-31T23:59:60Z", "2017-01-01 00:00:00+00"),
    ("2017-01-01T00:00:00Z", "2017-01-01 00:00:00+00"),
    ("1969-12-31T23:59:59.999999Z", "1969-12-31 23:59:59.999999+00"),
    ("0001-01-01T00:00:00Z", "0001-01-01 00:00:00+00"),
];

#[test]
#[ignore = "breaks servers; scripts/test.py faults"]
fn is_the_same_whatever_the_time_zones() {
    for (n, zone) in ["Europe/Berlin", "America/St_Johns", "UTC"].iter().enumerate() {
        let mut scene = Scene::without_table(&format!("zones_{n}"), &environment("KAFKA_BROKERS"), &[]);
        scene.topic =
            "columns = [{ name = 'n', type = 'integer' }, { name = 'at', type = 'timestamptz' }]".into();
        scene.database_options = format!("-c timezone={zone}");
        scene.environment = vec![("TZ".into(), zone.to_string())];
        for (n, (written, _)) in INSTANTS.iter().enumerate() {
            scene.produce_good("k", format!(r#"{{"n":{n},"at":"{written}"}}"#).as_bytes());
        }
        let mut loader = scene.load();
        scene.wait_for_all(&mut loader);
        assert!(loader.terminate().success());
        scene.execute("SET timezone = 'UTC'");
        let sql = "SELECT at::text FROM trades ORDER BY n";
        let stored: Vec<String> = scene.query(sql, &[]).iter().map(|row| row.get(0)).collect();
        let expected: Vec<&str> = INSTANTS.iter().map(|(_, instant)| *instant).collect();
        assert_eq!(stored, expected, "{zone}");
    }
}

/// The clock of the loader's machine is set while it runs.
#[test]
#[ignore = "breaks servers; scripts/test.py faults"]
fn a_clock_that_jumps() {
    let library = fs::read_dir("/usr/lib").unwrap().map(|entry| entry.unwrap().path());
    let library = library.map(|path| path.join("faketime/libfaketimeMT.so.1")).find(|path| path.exists());
    let library = library.expect("libfaketime is installed");
    let mut scene = Scene::new("clock");
    let clock = scene.directory.join("clock");
    let set = |offset: &str| fs::write(&clock, offset).unwrap();
    let text = |path: &Path| path.to_str().unwrap().to_string();
    scene.environment = vec![
        ("LD_PRELOAD".into(), text(&library)),
        ("FAKETIME_TIMESTAMP_FILE".into(), text(&clock)),
        ("FAKETIME_NO_CACHE".into(), "1".into()),
        // Nobody can set this one.
        ("FAKETIME_DONT_FAKE_MONOTONIC".into(), "1".into()),
    ];
    set("+0");
    let mut loader = scene.load();
    for offset in ["+0", "+2h", "-3h", "+0", "+4000d"] {
        set(offset);
        scene.produce(500);
        scene.wait_for_all(&mut loader);
    }
    scene.finish(loader);
    let log = scene.log();
    let year: i16 = log.lines().last().unwrap()[..4].parse().unwrap();
    assert!(
        year > jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).year() + 9,
        "the clock did not jump: {log}"
    );
}
