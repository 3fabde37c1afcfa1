//! Tables whose partitions are made as rows for them come.

use tally_testkit::{complaint, Files, World};

const PARTITIONS: &str = "SELECT c.relname || ' ' || pg_get_expr(c.relpartbound, c.oid)
    FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid WHERE inhparent = '$t'::regclass ORDER BY 1";

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn files_make_the_partitions_they_need() {
    let mut world = Files::new("partitions_files", "csv");
    world.database.batch_execute("SET TimeZone = 'UTC'").unwrap();
    world.write(
        "a.csv",
        "at,n\n2024-01-31T23:59:59Z,1\n2024-02-01T00:00:00Z,2\n,3\n2024-02-29T23:00:00-01:00,4\n",
    );
    let options = ["--partition-by", "month:at"];
    world.load(&options);
    assert_eq!(
        world.rows(PARTITIONS),
        [
            "t_2024_01 FOR VALUES FROM ('2024-01-01 00:00:00+00') TO ('2024-02-01 00:00:00+00')",
            "t_2024_02 FOR VALUES FROM ('2024-02-01 00:00:00+00') TO ('2024-03-01 00:00:00+00')",
            "t_2024_03 FOR VALUES FROM ('2024-03-01 00:00:00+00') TO ('2024-04-01 00:00:00+00')",
        ]
    );
    assert_eq!(world.rows("SELECT n, tableoid::regclass FROM $t ORDER BY n").len(), 3);
    // Only a row without a time has no place.
    assert_eq!(world.dead_letters(), ["4|write|23514|~|,3"]);
    world.assert_invariant();
    // Without the option, as before, a row outside of all partitions has none either.
    world.write("b.csv", "at,n\n2025-01-01T00:00:00Z,5\n2024-01-01T00:00:00Z,6\n");
    world.load(&[]);
    assert_eq!(world.one("SELECT count(*) FROM $t WHERE n = 5"), "0");
    let said = world.load(&["--partition-by", "month:at", "--replay"]);
    assert!(said.starts_with("stored 1 of 2 bad rows"), "{said}");
    assert_eq!(world.one("SELECT tableoid::regclass FROM $t WHERE n = 5"), "partitions_files.t_2025_01");
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn partitions_fill_the_gaps_between_others_and_have_their_indexes() {
    let mut world = Files::new("partitions_gaps", "csv");
    world
        .database
        .batch_execute(
            "CREATE TABLE partitions_gaps.t (day date NOT NULL, n bigint GENERATED ALWAYS AS IDENTITY, v int CHECK (v > 0), PRIMARY KEY (day, n))
                 PARTITION BY RANGE (day);
             CREATE TABLE partitions_gaps.old PARTITION OF partitions_gaps.t FOR VALUES FROM (MINVALUE) TO ('2024-02-10');
             CREATE TABLE partitions_gaps.t_2024_03 (x int)",
        )
        .unwrap();
    world.write("a.csv", "day,v\n2024-02-09,1\n2024-02-10,2\n2024-03-15,3\n2024-03-15,-1\n");
    world.load(&["--partition-by", "month:day"]);
    assert_eq!(
        world.rows(PARTITIONS),
        [
            "old FOR VALUES FROM (MINVALUE) TO ('2024-02-10')",
            "t_2024_02_10 FOR VALUES FROM ('2024-02-10') TO ('2024-03-01')",
            "t_2024_03_2 FOR VALUES FROM ('2024-03-01') TO ('2024-04-01')",
        ]
    );
    assert_eq!(world.rows("SELECT v, n IS NOT NULL FROM $t ORDER BY v"), ["1|t", "2|t", "3|t"]);
    let keys = "SELECT count(*) FROM pg_index WHERE indisprimary AND indrelid::regclass::text LIKE 'partitions_gaps.t%'";
    assert_eq!(world.one(keys), "3");
    assert_eq!(world.dead_letters(), ["5|write|23514|~|2024-03-15,-1"]);
    // A partition for all other rows takes them.
    world
        .database
        .batch_execute("CREATE TABLE partitions_gaps.rest PARTITION OF partitions_gaps.t DEFAULT")
        .unwrap();
    world.append("a.csv", "2030-01-01,5\n");
    world.load(&["--partition-by", "day:day"]);
    assert_eq!(world.one("SELECT tableoid::regclass FROM $t WHERE v = 5"), "partitions_gaps.rest");
    world.assert_invariant();
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn connections_that_need_the_same_partition_agree() {
    let mut world = Files::new("partitions_race", "csv");
    for file in 0..16 {
        let rows: String = (0..20).map(|n| format!("2024-01-{:02},{n}\n", n + 1)).collect();
        world.write(&format!("{file}.csv"), format!("day,n\n{rows}"));
    }
    let other = world.command(&["--partition-by", "day:day", "--jobs", "8"]).spawn().unwrap();
    let one = world.command(&["--partition-by", "day:day", "--jobs", "8"]).output().unwrap();
    let other = other.wait_with_output().unwrap();
    for output in [one, other] {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(world.rows(PARTITIONS).len(), 20);
    assert_eq!(world.one("SELECT count(*) FROM $t"), "320");
    world.assert_invariant();
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn a_table_that_is_not_partitioned_so_is_refused() {
    let world = Files::new("partitions_none", "csv");
    world.write("a.csv", "day,n\n2024-02-09,1\n");
    let said = world.complaint(&["--partition-by", "day:n"]);
    assert!(said.contains("--partition-by names \"n\", which is no column of times"), "{said}");
    world.load(&[]);
    world.write("b.csv", "day,n\n2024-02-09,2\n");
    let said = world.complaint(&["--partition-by", "day:day"]);
    assert!(said.contains("table is not partitioned by range of \"day\""), "{said}");
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn messages_make_the_partitions_they_need() {
    let mut world = World::new("partitions_topic");
    for (n, at) in ["2024-01-31T12:00:00Z", "2024-02-01T12:00:00Z", "2024-02-01T13:00:00Z"].iter().enumerate()
    {
        world.produce_keyed("k", Some(format!("{{\"at\":\"{at}\",\"n\":{n}}}").as_bytes()));
    }
    let topic = "partition_by = { column = 'at', step = 'day' }
        unknown_fields = 'ignore'
        columns = [{ name = 'at', type = 'timestamptz' }, { name = 'n', type = 'bigint' }]";
    world.load(topic);
    let partitions = "SELECT inhrelid::regclass::text FROM pg_inherits
                      WHERE inhparent = 'partitions_topic.t'::regclass ORDER BY 1";
    assert_eq!(world.column(partitions), ["partitions_topic.t_2024_01_31", "partitions_topic.t_2024_02_01"]);
    assert_eq!(world.column("SELECT n::text FROM partitions_topic.t ORDER BY n"), ["0", "1", "2"]);
    assert!(world.dead_letters().is_empty());
    let wrong = complaint(&world.config(&topic.replace("column = 'at'", "column = 'n'")));
    assert!(wrong.contains("`partition_by` names \"n\", which is no column of times"), "{wrong}");
}
