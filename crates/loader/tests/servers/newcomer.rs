//! The first five minutes: the files that people have, loaded without a word of configuration. What comes out is
//! numbers to work with, or one line that says what to write.

use tally_testkit::Files;

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn a_data_frame_with_its_index() {
    let mut world = Files::new("new_pandas", "csv");
    world.write("a.csv", ",price,qty\n0,1.5,1\n1,2.5,2\n");
    world.load(&[]);
    assert_eq!(world.types(), ["column_1 bigint", "price numeric", "qty bigint"]);
    assert_eq!(world.one("SELECT sum(price * qty) FROM $t"), "6.5");
    // Its rows go to where the columns are called so.
    world.write("b.csv", ",price,qty\n2,3.5,1\n");
    world.load(&[]);
    assert_eq!(world.one("SELECT sum(price * qty) FROM $t"), "10.0");
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn a_table_with_a_column_for_each_year() {
    let mut world = Files::new("new_pivot", "csv");
    world.write("a.csv", "country,2022,2023\nCH,1.5,2.5\nDE,3.5,4.5\n");
    world.load(&[]);
    assert_eq!(world.rows("SELECT country, _2022, _2023 FROM $t ORDER BY 1"), ["CH|1.5|2.5", "DE|3.5|4.5"]);
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn a_download_with_lines_before_the_table() {
    let mut world = Files::new("new_download", "csv");
    world.write(
        "a.csv",
        "\"Data Source\",\"Development Indicators\",\n\n\"Last Updated Date\",\"2024-01-31\",\n\n\
         \"Country Name\",\"Code\",\"2022\",\"2023\",\n\"Aruba\",\"ABW\",\"106445\",\"106277\",\n\
         \"Angola\",\"AGO\",\"35588987\",\"36684202\",\n\"Benin\",\"BEN\",\"13352864\",\"\",\n",
    );
    let said = world.complaint(&[]);
    assert!(said.contains("line 1 has 3 fields, but most others have 5"), "{said}");
    assert!(said.contains("if the table begins further down, add --skip 4"), "{said}");
    world.load(&["--skip", "4"]);
    assert_eq!(
        world.one("SELECT count(country_name), sum(_2022), sum(_2023) FROM $t"),
        "3|49048296|36790479"
    );

    world.write("b.csv", "# exported on Monday\nid,note\n1,a\n# \"a mark in the middle\n2,b\n");
    let table = ["--table", "new_download.u", "--job", "new_download_u"];
    let output = world.command_for(&world.path("b.csv"), &table).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("add --comment '#' if that line is a comment"), "{said}");
    world.load_one("b.csv", &[&table[..], &["--comment", "#"]].concat());
    assert_eq!(world.rows("SELECT id, note FROM new_download.u ORDER BY id"), ["1|a", "2|b"]);
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn a_file_that_grows() {
    let mut world = Files::new("new_growing", "csv");
    world.write("a.csv", "id,v\n1,1.5\n2,2\n");
    world.load(&[]);
    world.append("a.csv", "40000,3\n3000000000,4\n");
    assert!(world.load(&[]).contains("loaded 2 rows of 1 files"));
    // Half a line waits for its other half, if one says so.
    world.append("a.csv", "5,0");
    assert!(world.load(&["--wait-for-newline"]).contains("loaded 0 rows"));
    assert!(world.load(&["--wait-for-newline"]).contains("loaded 0 rows"));
    world.append("a.csv", ".25\n6,1");
    assert!(world.load(&["--wait-for-newline"]).contains("loaded 1 rows"));
    world.append("a.csv", "\n");
    world.load(&[]);
    assert_eq!(
        world.rows("SELECT id, v FROM $t ORDER BY id"),
        ["1|1.5", "2|2", "5|0.25", "6|1", "40000|3", "3000000000|4"]
    );
    world.assert_invariant();
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn what_fits_nowhere_is_said_and_not_stored() {
    let mut world = Files::new("new_misfit", "csv");
    world.database.batch_execute("CREATE TABLE new_misfit.t (at timestamptz, v int)").unwrap();
    let rows: String = (10..60).map(|i| format!("2024-01-01 10:{i},1\n")).collect();
    world.write("a.csv", format!("at,v\n{rows}"));
    world.write("b.csv", "at,v\n2024-01-01 10:00Z,2\n");
    let said = world.complaint(&[]);
    assert!(said.contains("no rows could be stored; line 2: column \"at\""), "{said}");
    assert!(said.contains("\"2024-01-01 10:10\" has no time zone; name it with --time-zone"), "{said}");
    assert_eq!(world.rows("SELECT v FROM $t"), ["2"]);
    assert_eq!(world.dead_letters(), [""; 0]);
    assert!(world.load(&["--time-zone", "UTC"]).contains("loaded 50 rows of 1 files"));
    // Of bad rows there may be some, but not most.
    world.write("c.csv", "at,v\n2024-01-01 10:00Z,3\n2024-01-01 11:00Z,three\n2024-01-01 12:00Z,four\n");
    let said = world.complaint(&[]);
    assert!(said.contains("c.csv: 2 of 3 rows are bad; line 3: column \"v\""), "{said}");
    assert_eq!(world.dead_letters().len(), 2);
    world.assert_invariant();
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn decimals_after_whole_numbers_need_one_statement() {
    let mut world = Files::new("new_decimals", "csv");
    world.write("a.csv", "item,qty\na,1\nb,2\n");
    world.load(&[]);
    world.append("a.csv", "c,3\nd,4.5\ne,5\nf,six\n");
    world.write("b.csv", "item,qty\ng,7.5\n");
    let widen = "ALTER TABLE \"new_decimals\".\"t\" ALTER COLUMN \"qty\" TYPE numeric";
    let said = world.complaint(&[]);
    assert!(
        said.contains("line 2: column \"qty\": text \"7.5\" is not bigint; numeric would hold it"),
        "{said}"
    );
    assert!(
        said.ends_with(&format!("{widen}, then run the command again; nothing of the file is stored")),
        "{said}"
    );
    world.append("a.csv", "h,8.5\n");
    world.append("a.csv", "i,9\nj,10\n");
    std::fs::remove_file(world.path("b.csv")).unwrap();
    let said = world.complaint(&[]);
    assert!(said.contains("column \"qty\" cannot hold 1 of the numbers; the first is in"), "{said}");
    assert!(said.ends_with(&format!("{widen}, then run the command with --replay")), "{said}");
    assert_eq!(world.one("SELECT string_agg(qty::text, ' ' ORDER BY item) FROM $t"), "1 2 3 5 9 10");
    world.database.batch_execute(widen).unwrap();
    assert!(world.load(&["--replay"]).contains("stored 2 of 3 bad rows"));
    world.write("b.csv", "item,qty\ng,7.5\n");
    world.load(&[]);
    assert_eq!(
        world.one("SELECT string_agg(qty::text, ' ' ORDER BY item) FROM $t"),
        "1 2 3 4.5 5 7.5 8.5 9 10"
    );
    world.assert_invariant();
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn columns_of_any_type() {
    let mut world = Files::new("new_any", "csv");
    let ddl = "CREATE TYPE new_any.mood AS ENUM ('sad', 'ok');
               CREATE TABLE new_any.t (id int, mood new_any.mood, host inet, tags text[], codes char(3)[], note text)";
    world.database.batch_execute(ddl).unwrap();
    world.write(
        "a.csv",
        "id,mood,host,tags,codes,note\n1,sad,10.0.0.1,\"{a,b}\",{usd},\n2,,,,,\"\"\n3,glad,,,,\n4,ok,,,{dollar},x\n5,ok,::1,{},,y\n",
    );
    world.load(&[]);
    let rows = "SELECT * FROM $t ORDER BY id";
    assert_eq!(world.rows(rows), ["1|sad|10.0.0.1|{a,b}|{usd}|~", "2|~|~|~|~|", "5|ok|::1|{}|~|y"]);
    assert_eq!(world.dead_letters(), ["4|write|22P02|~|3,glad,,,,", "5|write|22001|~|4,ok,,,{dollar},x"]);
    world.database.batch_execute("ALTER TYPE new_any.mood ADD VALUE 'glad'").unwrap();
    assert!(world.load(&["--replay"]).contains("stored 1 of 2 bad rows"));
    assert_eq!(world.one("SELECT mood FROM $t WHERE id = 3"), "glad");
    world.assert_invariant();
    // A new table is made with what is told.
    world.write("b.csv", "price,code,tags\n1.239,x,{1}\n");
    let told =
        ["--types", "price=numeric(6, 2),code=char(2),tags=int[]", "--table", "new_any.u", "--job", "u"];
    world.load_one("b.csv", &told);
    assert_eq!(
        world.rows("SELECT price, code || '.', tags, pg_typeof(tags) FROM new_any.u"),
        ["1.24|x.|{1}|integer[]"]
    );
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn codes_stay_as_they_are_written() {
    let mut world = Files::new("new_codes", "csv");
    world.write("a.csv", "code,zip,flow\n1E5,01234,1E5\n2E10,98765,2.5\n");
    world.load(&[]);
    assert_eq!(
        world.rows("SELECT code, zip, flow FROM $t ORDER BY 1"),
        ["1E5|01234|100000", "2E10|98765|2.5"]
    );
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn one_odd_file_does_not_block_the_others() {
    let mut world = Files::new("new_others", "csv");
    world.write("a.csv", "id,note\n1,a\n");
    world.load(&[]);
    world.write("a.csv", "id,note\n1,changed\n");
    for i in 2..20 {
        world.write(&format!("f{i}.csv"), format!("id,note\n{i},x\n"));
    }
    world.write("other.csv", "somebody,else\n1,2\n");
    let said = world.complaint(&[]);
    assert!(said.contains("a.csv: file has changed since job"), "{said}");
    assert!(said.ends_with("1 more files failed, see the warnings above"), "{said}");
    assert_eq!(world.one("SELECT count(*), count(DISTINCT id) FROM $t"), "19|19");
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn a_record_that_is_too_long_is_one_dead_letter() {
    let mut world = Files::new("new_long", "csv");
    let long = "x".repeat(9_000_000);
    for (file, quote) in [("a.csv", ""), ("b.csv", "\"")] {
        world.write(file, format!("a,b\n0,z\n1,{quote}{long}{quote}\n2,y\n"));
    }
    // What is first in its file says nothing of the others either.
    world.write("c.csv", format!("a,b\n1,{long}\n1,\"{long}\"\n4,v\n5,v\n"));
    let rest = format!("6,{}\n", &long[..1_000_000]).repeat(9);
    world.write("d.csv", format!("a,b\n1,\"open\n{rest}"));
    world.load(&[]);
    assert_eq!(
        world.rows("SELECT a, left(b, 1), count(*) FROM $t GROUP BY 1, 2 ORDER BY 1"),
        ["0|z|2", "2|y|2", "4|v|1", "5|v|1", "6|x|9"]
    );
    let too_long = |line: u8| format!("{line}|decode|54000|~|~");
    let mut dead_letters = world.dead_letters();
    dead_letters.sort();
    assert_eq!(
        dead_letters,
        ["2|decode|22P04|~|1,\"open".into(), too_long(2), too_long(3), too_long(3), too_long(3)]
    );
    world.assert_invariant();
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn a_series_for_each_file() {
    let mut world = Files::new("new_series", "csv");
    world.write("cpu.csv", "at,v\n2024-01-01 10:00,1\n2024-01-01 11:00,bad\n2024-01-01 12:00,3\n");
    world.write("disk.csv", "v,at\n7,2024-01-01 10:00\n");
    world.load(&["--file-column", "series", "--types", "v=bigint"]);
    let all = "SELECT series, v FROM $t ORDER BY series, v";
    assert_eq!(world.rows(all), ["cpu|1", "cpu|3", "disk|7"]);
    assert_eq!(world.dead_letters(), ["3|decode|22P02|v|2024-01-01 11:00,bad"]);
    // A pattern gives several columns, of the types that the table has.
    world.write("x-2024-02-29.csv", "at,v\n2024-01-01 10:00,5\n");
    let ddl = "CREATE TABLE new_series.u (v int, kind text, day date, at timestamp)";
    world.database.batch_execute(ddl).unwrap();
    let pattern = [
        "--file-pattern",
        "(?<kind>[a-z]+)-(?<day>[0-9-]+)[.]csv$",
        "--table",
        "new_series.u",
        "--job",
        "new_series_u",
    ];
    world.load_one("x-2024-02-29.csv", &pattern);
    assert_eq!(world.rows("SELECT kind, day, v FROM new_series.u"), ["x|2024-02-29|5"]);
    let output = world.command_for(&world.path("cpu.csv"), &pattern).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("path does not match --file-pattern"));
    let said = world.complaint(&["--file-column", "at", "--job", "new_series_at"]);
    assert!(said.contains("file already has a field \"at\""), "{said}");
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn dead_letters_tried_again() {
    let mut world = Files::new("new_again", "csv");
    world
        .database
        .batch_execute("CREATE TABLE new_again.t (id smallint CHECK (id <> 4), note varchar(3), series text)")
        .unwrap();
    world.write("a.csv", "id,note\n1,a\n40000,b\n3,long\n4,d\nfive,e\n6,f\n7,\"g\n8,h\n9,i\n10,j\n");
    let series = ["--file-column", "series"];
    let said = world.complaint(&series);
    assert!(
        said.contains("line 3: text \"40000\" is out of range for smallint; bigint would hold it"),
        "{said}"
    );
    assert_eq!(world.rows("SELECT id FROM $t ORDER BY id"), ["1", "6", "8", "9", "10"]);
    assert_eq!(world.dead_letters().len(), 5);
    let again = [&series[..], &["--replay"]].concat();
    assert!(world.load(&again).contains("stored 0 of 5 bad rows; 5 remain"));
    world
        .database
        .batch_execute("ALTER TABLE new_again.t ALTER id TYPE bigint, ALTER note TYPE text")
        .unwrap();
    assert!(world.load(&again).contains("stored 2 of 5 bad rows; 3 remain"));
    assert_eq!(world.rows("SELECT * FROM $t WHERE id IN (3, 40000) ORDER BY id"), ["3|long|a", "40000|b|a"]);
    assert_eq!(
        world.dead_letters(),
        ["5|write|23514|~|4,d", "6|decode|22P02|id|five,e", "8|decode|22P04|~|7,\"g"]
    );
    world.assert_invariant();
    assert!(world.load(&series).contains("loaded 0 rows of 0 files"));
}
