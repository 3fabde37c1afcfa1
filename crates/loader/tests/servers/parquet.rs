//! `tally load parquet` against a real PostgreSQL.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, FloatType,
    Int32Type, Int64Type, Int96, Int96Type,
};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use tally_testkit::Files;

pub type Group<'a> = SerializedRowGroupWriter<'a, File>;

/// Writes a file: `groups` makes the columns of each row group.
pub fn write(path: &Path, schema: &str, compression: Compression, groups: &[&dyn Fn(&mut Group)]) {
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
    let mut file = SerializedFileWriter::new(File::create(path).unwrap(), schema, properties).unwrap();
    for fill in groups {
        let mut group = file.next_row_group().unwrap();
        fill(&mut group);
        group.close().unwrap();
    }
    file.close().unwrap();
}

/// Writes a column; a definition level of 0 stands for NULL.
pub fn column<T: parquet::data_type::DataType>(group: &mut Group, values: &[T::T], levels: Option<&[i16]>) {
    column_of::<T>(group.next_column().unwrap().unwrap(), values, levels, None);
}

fn column_of<T: parquet::data_type::DataType>(
    mut column: SerializedColumnWriter,
    values: &[T::T],
    levels: Option<&[i16]>,
    repetitions: Option<&[i16]>,
) {
    column.typed::<T>().write_batch(values, levels, repetitions).unwrap();
    column.close().unwrap();
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn every_type() {
    let mut world = Files::new("parquet_types", "parquet");
    let schema = "message m {
        required boolean flag; optional int32 tiny (INTEGER(8, true)); required int32 whole;
        required int64 big; required int32 unsigned (INTEGER(32, false)); required int64 huge (INTEGER(64, false));
        required float single; required double number; required int64 money (DECIMAL(18, 2));
        required fixed_len_byte_array(16) wide (DECIMAL(38, 24)); required binary text (STRING);
        required binary raw; required int32 day (DATE); required int32 clock (TIME(MILLIS, false));
        required int64 atLocal (TIMESTAMP(MICROS, false)); required int64 at (TIMESTAMP(MILLIS, true));
        required int64 nanos (TIMESTAMP(NANOS, true)); required fixed_len_byte_array(16) id (UUID);
        required binary json (JSON);
        required group venue { required binary name (STRING); optional double fee; }
        required group levels (LIST) { repeated group list { optional int32 element; } } }";
    let fill = |group: &mut Group| {
        column::<BoolType>(group, &[true, false], None);
        column::<Int32Type>(group, &[-7], Some(&[1, 0]));
        column::<Int32Type>(group, &[1, i32::MIN], None);
        column::<Int64Type>(group, &[1, i64::MAX], None);
        column::<Int32Type>(group, &[1, -1], None);
        column::<Int64Type>(group, &[1, -1], None);
        column::<FloatType>(group, &[1.5, f32::NAN], None);
        column::<DoubleType>(group, &[0.1, f64::NEG_INFINITY], None);
        column::<Int64Type>(group, &[1250, -5], None);
        let wide = |value: i128| FixedLenByteArray::from(value.to_be_bytes().to_vec());
        column::<FixedLenByteArrayType>(group, &[wide(1), wide(-(10i128.pow(37)))], None);
        column::<ByteArrayType>(group, &[ByteArray::from("naïve"), ByteArray::from("")], None);
        column::<ByteArrayType>(group, &[ByteArray::from(vec![0, 255]), ByteArray::from("")], None);
        column::<Int32Type>(group, &[19_782, -719_162], None);
        column::<Int32Type>(group, &[1, 86_399_999], None);
        column::<Int64Type>(group, &[1_700_000_000_123_456, -1], None);
        column::<Int64Type>(group, &[1_700_000_000_123, 0], None);
        column::<Int64Type>(group, &[1_700_000_000_123_456_789, 0], None);
        let id = |byte: u8| FixedLenByteArray::from(vec![byte; 16]);
        column::<FixedLenByteArrayType>(group, &[id(1), id(255)], None);
        column::<ByteArrayType>(group, &[ByteArray::from("{\"a\": 1}"), ByteArray::from("[]")], None);
        column::<ByteArrayType>(group, &[ByteArray::from("x\"y"), ByteArray::from("z")], None);
        column::<DoubleType>(group, &[0.25], Some(&[1, 0]));
        let levels = group.next_column().unwrap().unwrap();
        column_of::<Int32Type>(levels, &[1, 3], Some(&[2, 1, 2, 0]), Some(&[0, 1, 1, 0]));
    };
    write(&world.path("a.parquet"), schema, Compression::SNAPPY, &[&fill]);
    let said = world.load(&[]);
    assert!(said.starts_with("loaded 2 rows of 1 files"), "{said}");
    assert_eq!(
        world.types().join(", "),
        "flag boolean, tiny smallint, whole integer, big bigint, unsigned bigint, huge numeric, single real, \
         number double precision, money numeric, wide numeric, text text, raw bytea, day date, \
         clock time without time zone, at_local timestamp without time zone, at timestamp with time zone, \
         nanos timestamp with time zone, id uuid, json jsonb, venue jsonb, levels jsonb"
    );
    assert_eq!(
        world.rows("SELECT * FROM $t ORDER BY flag"),
        [
            "f|~|-2147483648|9223372036854775807|4294967295|18446744073709551615|NaN|-Infinity|-0.05|\
             -10000000000000.000000000000000000000000||\\x|0001-01-01|23:59:59.999|\
             1969-12-31 23:59:59.999999|1970-01-01 00:00:00+00|1970-01-01 00:00:00+00|\
             ffffffff-ffff-ffff-ffff-ffffffffffff|[]|{\"fee\": null, \"name\": \"z\"}|[]",
            "t|-7|1|1|1|1|1.5|0.1|12.50|0.000000000000000000000001|naïve|\\x00ff|2024-02-29|00:00:00.001|\
             2023-11-14 22:13:20.123456|2023-11-14 22:13:20.123+00|2023-11-14 22:13:20.123457+00|\
             01010101-0101-0101-0101-010101010101|{\"a\": 1}|{\"fee\": 0.25, \"name\": \"x\\\"y\"}|[1, null, 3]",
        ]
    );
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn lists_become_arrays_where_the_table_has_them() {
    let mut world = Files::new("parquet_arrays", "parquet");
    let schema = "message m { required binary mood (STRING);
        required group n (LIST) { repeated group list { optional int32 element; } } }";
    let fill = |group: &mut Group| {
        column::<ByteArrayType>(group, &["ok".into(), "glad".into()], None);
        let numbers = group.next_column().unwrap().unwrap();
        column_of::<Int32Type>(numbers, &[1, 3], Some(&[2, 1, 2, 0]), Some(&[0, 1, 1, 0]));
    };
    write(&world.path("a.parquet"), schema, Compression::SNAPPY, &[&fill]);
    let ddl = "CREATE TYPE parquet_arrays.mood AS ENUM ('ok');
               CREATE TABLE parquet_arrays.t (mood parquet_arrays.mood, n numeric(3,1)[])";
    world.database.batch_execute(ddl).unwrap();
    world.load(&[]);
    assert_eq!(world.rows("SELECT * FROM $t"), ["ok|{1.0,NULL,3.0}"]);
    assert_eq!(world.one("SELECT line, sqlstate FROM loader.file_dead_letters WHERE job = $job"), "2|22P02");
    world.assert_invariant();
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn row_groups_are_loaded_once_and_bad_rows_taken_out() {
    let mut world = Files::new("parquet_groups", "parquet");
    let schema = "message m { required int64 n; required binary note (STRING); }";
    let group = |from: i64| {
        move |group: &mut Group| {
            let numbers: Vec<i64> = (from..from + 60_000).collect();
            let notes =
                numbers.iter().map(|n| if *n == 70_000 { "a\0b".into() } else { format!("note {n}") });
            let notes: Vec<ByteArray> = notes.map(|note| ByteArray::from(note.as_str())).collect();
            column::<Int64Type>(group, &numbers, None);
            column::<ByteArrayType>(group, &notes, None);
        }
    };
    let (first, second, third) = (group(0), group(60_000), group(120_000));
    let groups: [&dyn Fn(&mut Group); 3] = [&first, &second, &third];
    write(&world.path("a.parquet"), schema, Compression::ZSTD(Default::default()), &groups);
    write(&world.path("empty.parquet"), schema, Compression::UNCOMPRESSED, &[]);
    let ddl = "CREATE TABLE parquet_groups.t (note text, n integer CHECK (n <> 130000), other int)";
    world.database.batch_execute(ddl).unwrap();
    let output = world.command(&["--max-bad-rows", "1", "--jobs", "1"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("more than 1 bad rows; the first of this batch is on line 130001"), "{said}");
    // The third group is not stored, the others are; and the run goes on there.
    assert_eq!(world.one("SELECT count(*) FROM $t"), "119999");
    world.load(&[]);
    assert_eq!(world.one("SELECT count(*), count(DISTINCT n), max(n) FROM $t"), "179998|179998|179999");
    assert_eq!(world.one("SELECT count(*) FROM $t WHERE note <> 'note ' || n"), "0");
    let letters = "SELECT line, stage, sqlstate, column_name, raw FROM loader.file_dead_letters
                   WHERE job = $job ORDER BY line";
    assert_eq!(world.rows(letters), ["70001|decode|22021|note|~", "130001|write|23514|~|~"]);
    assert!(world.load(&[]).contains("2 files were loaded before"));
    // The rows are still in the file, and go where they now may.
    world.database.batch_execute("ALTER TABLE parquet_groups.t DROP CONSTRAINT t_n_check").unwrap();
    assert!(world.load(&["--replay"]).contains("stored 1 of 2 bad rows; 1 remain"));
    assert_eq!(world.one("SELECT note FROM $t WHERE n = 130000"), "note 130000");
    world.assert_invariant();

    std::fs::write(world.path("b.parquet"), "no").unwrap();
    assert!(world.complaint(&[]).contains("check that the file is Parquet"));
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn columns_of_one_name_have_values_of_their_own() {
    let mut world = Files::new("parquet_twice", "parquet");
    let schema = "message m { required int64 a; required binary a (STRING); required double A; }";
    let fill = |group: &mut Group| {
        column::<Int64Type>(group, &[1, 2], None);
        column::<ByteArrayType>(group, &["x".into(), "y".into()], None);
        column::<DoubleType>(group, &[0.5, 1.5], None);
    };
    write(&world.path("a.parquet"), schema, Compression::SNAPPY, &[&fill]);
    world.load(&[]);
    assert_eq!(world.rows("SELECT a, a_2, a_3 FROM $t ORDER BY a"), ["1|x|0.5", "2|y|1.5"]);
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn text_that_is_not_utf8_is_a_dead_letter() {
    let mut world = Files::new("parquet_utf8", "parquet");
    let schema = "message m { required int64 n; required binary note (STRING);
                  required group inner { required binary note (STRING); required binary raw; } }";
    let text = |bytes: &[u8]| ByteArray::from(bytes.to_vec());
    let fill = |group: &mut Group| {
        column::<Int64Type>(group, &[1, 2, 3, 4], None);
        column::<ByteArrayType>(
            group,
            &[text(b"a"), text(b"ab\xff"), text("é".as_bytes()), text(b"d")],
            None,
        );
        column::<ByteArrayType>(group, &[text(b"a"), text(b"b"), text("é".as_bytes()), text(b"\xc3")], None);
        column::<ByteArrayType>(group, &[text(b"\xff"), text(b""), text(b""), text(b"")], None);
    };
    write(&world.path("a.parquet"), schema, Compression::SNAPPY, &[&fill]);
    world.load(&[]);
    assert_eq!(
        world.rows("SELECT n, note, inner_ FROM $t ORDER BY n"),
        ["1|a|{\"raw\": \"\\\\xff\", \"note\": \"a\"}", "3|é|{\"raw\": \"\\\\x\", \"note\": \"é\"}"]
    );
    assert_eq!(world.dead_letters(), ["2|decode|22021|note|~", "4|decode|22021|inner_|~"]);
    assert!(world.load(&["--replay"]).contains("stored 0 of 2 bad rows; 2 remain"));
    assert_eq!(world.one("SELECT count(*) FROM $t"), "2");
    world.assert_invariant();
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn times_of_int96_are_read_to_the_microsecond() {
    let mut world = Files::new("parquet_int96", "parquet");
    let time = |day: u32, nanos: u64| {
        let mut value = Int96::new();
        value.set_data(nanos as u32, (nanos >> 32) as u32, day);
        value
    };
    let times = [time(2_440_588, 0), time(2_460_370, 86_399_123_456_789), time(2_440_587, 1000)];
    let fill = |group: &mut Group| column::<Int96Type>(group, &times, Some(&[1, 1, 0, 1]));
    write(&world.path("a.parquet"), "message m { optional int96 at; }", Compression::SNAPPY, &[&fill]);
    world.load(&[]);
    assert_eq!(
        world.rows("SELECT at FROM $t ORDER BY at"),
        ["1969-12-31 00:00:00.000001+00", "1970-01-01 00:00:00+00", "2024-02-29 23:59:59.123457+00", "~"]
    );
    world.database.batch_execute("CREATE TABLE parquet_int96.u (at timestamp)").unwrap();
    world.load(&["--table", "parquet_int96.u", "--job", "parquet_int96_u"]);
    assert_eq!(world.one("SELECT max(at) FROM parquet_int96.u"), "2024-02-29 23:59:59.123457");
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn small_row_groups_share_a_transaction() {
    let mut world = Files::new("parquet_small", "parquet");
    let group = |group: &mut Group| column::<Int64Type>(group, &(0..10).collect::<Vec<_>>(), None);
    let nothing = |group: &mut Group| column::<Int64Type>(group, &[], None);
    let groups: Vec<&dyn Fn(&mut Group)> =
        (0..2000).map(|i| if i % 7 == 0 { &nothing as &dyn Fn(&mut Group) } else { &group }).collect();
    write(&world.path("a.parquet"), "message m { required int64 n; }", Compression::SNAPPY, &groups);
    assert!(world.load(&[]).contains("loaded 17140 rows of 1 files"));
    assert_eq!(world.one("SELECT count(*), sum(n), count(DISTINCT xmin::text) FROM $t"), "17140|77130|1");
    assert_eq!(world.one("SELECT count(*) FROM loader.files WHERE job = $job"), "1");
}
