//! CSV as spreadsheets and other programs write it: decimal commas, dates in other orders, comments; and CSV from a pipe.

use std::io::Write;

use tally_testkit::Files;

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn decimal_commas_and_dates_are_typed() {
    let mut world = Files::new("dialect_comma", "csv");
    world.write(
        "a.csv",
        "// Umsatz\ntag;menge;preis;stand;art\n29.02.2024;1;1,50;01.03.2024 12:30;a\n1.3.2024;2;-0,25;02.03.2024 00:00;1.5\n",
    );
    let options = [
        "--decimal",
        ",",
        "--date-format",
        "DD.MM.YYYY",
        "--date-format",
        "DD.MM.YYYY HH24:MI",
        "--comment",
        "//",
    ];
    assert!(world.load(&options).contains("loaded 2 rows"));
    let types =
        ["tag date", "menge bigint", "preis numeric", "stand timestamp without time zone", "art text"];
    assert_eq!(world.types(), types);
    let rows = "SELECT * FROM $t ORDER BY menge";
    assert_eq!(
        world.rows(rows),
        ["2024-02-29|1|1.50|2024-03-01 12:30:00|a", "2024-03-01|2|-0.25|2024-03-02 00:00:00|1.5"]
    );

    // Other values of the columns are dead letters, each with its line; none is read in another sense.
    world.write(
        "b.csv",
        "tag;menge;preis;stand;art\n30.02.2024;1;1;01.03.2024 12:30;\n02/29/2024;1;1;01.03.2024 12:30;\n\
         2024-02-29;3;2;2024-03-01;\n29.02.2024;1;1.5;01.03.2024 12:30;\n29.02.2024;1;1.234,5;01.03.2024 12:30;\n",
    );
    let said = world.complaint(&options);
    assert!(
        said.contains("4 of 5 rows are bad; line 2: column \"tag\": \"30.02.2024\" is not date"),
        "{said}"
    );
    assert_eq!(world.rows(rows)[2..], ["2024-02-29|3|2|2024-03-01 00:00:00|~"]);
    assert_eq!(
        world.rows(
            "SELECT line, sqlstate, column_name FROM loader.file_dead_letters WHERE job = $job ORDER BY line"
        ),
        ["2|22007|tag", "3|22007|tag", "5|22P02|preis", "6|22P02|preis"]
    );
    world.assert_invariant();
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn a_date_is_read_by_the_format_and_not_by_chance() {
    let mut world = Files::new("dialect_dates", "csv");
    // Both formats fit; the one that was given counts.
    world.write("a.csv", "d,n\n2024-05-03,20240503\n");
    world.load(&["--date-format", "YYYY-DD-MM", "--date-format", "YYYYMMDD", "--types", "n=date"]);
    assert_eq!(world.types(), ["d date", "n date"]);
    assert_eq!(world.rows("SELECT * FROM $t"), ["2024-03-05|2024-05-03"]);
    // Digits alone are a number unless a column is known to be a date.
    world.load(&["--date-format", "YYYYMMDD", "--table", "dialect_dates.u", "--job", "dialect_dates_u"]);
    let kinds = "SELECT string_agg(format_type(atttypid, NULL), ',' ORDER BY attnum) FROM pg_attribute
                 WHERE attrelid = 'dialect_dates.u'::regclass AND attnum > 0";
    assert_eq!(world.one(kinds), "text,bigint");
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn standard_input_is_loaded_once() {
    let mut world = Files::new("dialect_pipe", "csv");
    let text = b"a,b\n1,x\n2,\"y\nz\"\nno,w\n";
    assert!(world.load_piped(text, &["--types", "a=bigint"]).contains("loaded 2 rows of 1 files"));
    assert!(world.load_piped(text, &[]).contains("1 files were loaded before"));
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"a,b\n3,x\n").unwrap();
    assert!(world.load_piped(&packed.finish().unwrap(), &[]).contains("loaded 1 rows of 1 files"));
    assert_eq!(world.rows("SELECT a, b FROM $t ORDER BY a"), ["1|x", "2|y\nz", "3|x"]);
    assert_eq!(world.dead_letters(), ["5|decode|22P02|a|no,w"]);
    assert_eq!(
        world.one("SELECT count(*) FROM loader.files WHERE job = $job AND path ~ '^stdin:[0-9a-f]{16}$'"),
        "2"
    );
    world.assert_invariant();
}
