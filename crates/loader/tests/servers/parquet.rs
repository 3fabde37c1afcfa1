//! `tally load parquet` against a real PostgreSQL.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use crate::directory::World;
use parquet::basic::Compression;
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, FloatType,
    Int32Type, Int64Type,
};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

type Group<'a> = SerializedRowGroupWriter<'a, File>;

/// Writes a file: `groups` gives the columns of each row group.
fn write(path: &Path, schema: &str, compression: Compression, groups: &[&dyn Fn(&mut Group)]) {
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
fn column<T: parquet::data_type::DataType>(group: &mut Group, values: &[T::T], levels: Option<&[i16]>) {
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
    let mut world = World::new("parquet_types", "parquet");
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
fn row_groups_are_loaded_once_and_bad_rows_taken_out() {
    let mut world = World::new("parquet_groups", "parquet");
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
    assert!(said.contains("more than 1 bad rows; in this batch the first is on line 130001"), "{said}");
    // The third group is not stored, the others are; and the run goes on there.
    assert_eq!(world.one("SELECT count(*) FROM $t"), "119999");
    world.load(&[]);
    assert_eq!(world.one("SELECT count(*), count(DISTINCT n), max(n) FROM $t"), "179998|179998|179999");
    assert_eq!(world.one("SELECT count(*) FROM $t WHERE note <> 'note ' || n"), "0");
    let letters = "SELECT line, stage, sqlstate, column_name, raw FROM loader.file_dead_letters
                   WHERE job = $job ORDER BY line";
    assert_eq!(world.rows(letters), ["70001|decode|22021|note|~", "130001|write|23514|~|~"]);
    assert!(world.load(&[]).contains("2 files were loaded before"));

    write(&world.path("b.parquet"), "message m { required int96 at; }", Compression::UNCOMPRESSED, &[]);
    assert!(world.complaint(&[]).contains("INT96"));
    std::fs::write(world.path("b.parquet"), "no").unwrap();
    assert!(world.complaint(&[]).contains("check that it is Parquet"));
}
