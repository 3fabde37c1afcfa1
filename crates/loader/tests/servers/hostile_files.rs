//! Files that are made to use up memory, the table's room, or the loader's patience: they are left out, and the files
//! beside them are loaded.

use std::io::Write;
use std::process::Command;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use crate::parquet::{column, write, Group};
use tally_testkit::Files;

/// Loads everything within this memory, in kilobytes; returns the exit code and the output.
fn load_within(world: &Files, memory: u32, options: &[&str]) -> (Option<i32>, String) {
    let tally = world.command(options);
    let limited = format!("ulimit -d {memory}; exec \"$@\"");
    let mut shell = Command::new("sh");
    shell.args(["-c", &limited, "sh"]).arg(tally.get_program()).args(tally.get_args());
    let output = shell.output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// Writes a file of one column, of values that are equal, in one page or in a dictionary of one value.
fn write_equal(world: &Files, file: &str, (value, count): (usize, usize), dictionary: bool) {
    let schema = Arc::new(parse_message_type("message m { required binary note (STRING); }").unwrap());
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(Default::default()))
        .set_dictionary_enabled(dictionary)
        .set_dictionary_page_size_limit(usize::MAX)
        .set_data_page_size_limit(usize::MAX)
        .set_statistics_enabled(EnabledStatistics::None)
        .build();
    let out = std::fs::File::create(world.path(file)).unwrap();
    let mut writer = SerializedFileWriter::new(out, schema, Arc::new(properties)).unwrap();
    let mut group = writer.next_row_group().unwrap();
    column::<ByteArrayType>(&mut group, &vec![ByteArray::from(vec![b'x'; value]); count], None);
    group.close().unwrap();
    writer.close().unwrap();
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn parquet_that_inflates() {
    let mut world = Files::new("hostile_parquet", "parquet");
    let good = |group: &mut Group| column::<ByteArrayType>(group, &["good".into()], None);
    write(
        &world.path("good.parquet"),
        "message m { required binary note (STRING); }",
        Compression::SNAPPY,
        &[&good],
    );
    write_equal(&world, "page.parquet", (1 << 20, 300), false);
    let (code, said) = load_within(&world, 200_000, &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("page.parquet: decompresses to more than 1000 times its size"), "{said}");
    let (code, said) = load_within(&world, 200_000, &["--max-inflation", "1000000"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("row group 1: column \"note\": a page of 3"), "{said}");
    assert!(said.contains("raise --max-page"), "{said}");
    assert_eq!(world.rows("SELECT note FROM $t"), ["good"]);
    // A page within the limits is loaded within the memory.
    std::fs::remove_file(world.path("page.parquet")).unwrap();
    write_equal(&world, "large.parquet", (1 << 20, 100), false);
    let (code, said) = load_within(&world, 250_000, &["--jobs", "1"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(world.one("SELECT count(*), sum(length(note)) FROM $t WHERE note <> 'good'"), "100|104857600");
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn a_dictionary_of_one_large_value() {
    let mut world = Files::new("hostile_dictionary", "parquet");
    write_equal(&world, "a.parquet", (20 << 20, 100), true);
    let size = std::fs::metadata(world.path("a.parquet")).unwrap().len();
    assert!(size < 20_000, "{size}");
    let (code, said) = load_within(&world, 250_000, &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("decompresses to more than 1000 times its size"), "{said}");
    let stored: u32 = world.one("SELECT count(*) FROM $t").parse().unwrap();
    assert!(stored < 20, "{stored}");
    world.assert_invariant();
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn csv_that_inflates() {
    let mut world = Files::new("hostile_csv", "csv");
    world.write("good.csv", "a,b\n1,x\n");
    let mut zstd = zstd::Encoder::new(Vec::new(), 1).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut one_line = zstd::Encoder::new(Vec::new(), 1).unwrap();
    zstd.write_all(b"a,b\n").unwrap();
    gzip.write_all(b"a,b\n").unwrap();
    one_line.write_all(b"a,b\n1,").unwrap();
    for _ in 0..300 {
        let rows = b"1,2\n".repeat(1 << 18);
        zstd.write_all(&rows).unwrap();
        gzip.write_all(&rows).unwrap();
        one_line.write_all(&[b'x'; 1 << 20]).unwrap();
    }
    world.write("rows.csv.zst", zstd.finish().unwrap());
    world.write("rows.csv.gz", gzip.finish().unwrap());
    world.write("line.csv.zst", one_line.finish().unwrap());
    let (code, said) = load_within(&world, 200_000, &["--max-inflation", "100"]);
    assert_eq!(code, Some(1), "{said}");
    for file in ["rows.csv.zst", "rows.csv.gz", "line.csv.zst"] {
        assert!(said.contains(&format!("{file}: decompresses to more than 100 times its size")), "{said}");
    }
    assert!(said.ends_with("2 more files failed, see the warnings above\n"), "{said}");
    assert_eq!(world.rows("SELECT a, b FROM $t"), ["1|x"]);
}
