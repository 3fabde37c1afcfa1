//! Files from object storage, against a real server that speaks S3, with faults; and from a web server.

use std::net::SocketAddr;
use std::path::Path;

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::ObjectStoreExt;
use parquet::basic::Compression;
use parquet::data_type::Int64Type;
use tally_testkit::{environment, program, serve_files, Files, HttpFault, HttpProxy};

use crate::parquet::{column, write, Group};

/// The bucket of the tests.
struct Bucket {
    store: AmazonS3,
    runtime: tokio::runtime::Runtime,
    /// The beginning of the names of a test's objects.
    name: &'static str,
}

impl Bucket {
    fn new(name: &'static str) -> Self {
        let store =
            AmazonS3Builder::from_env().with_bucket_name("tally").with_allow_http(true).build().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { store, runtime, name }
    }

    fn put(&self, object: &str, bytes: impl Into<Vec<u8>>) {
        let path = format!("{}/{object}", self.name).into();
        self.runtime.block_on(async { self.store.put(&path, bytes.into().into()).await }).unwrap();
    }

    fn address(&self, object: &str) -> String {
        format!("s3://tally/{}/{object}", self.name)
    }
}

fn server() -> SocketAddr {
    environment("AWS_ENDPOINT_URL").strip_prefix("http://").unwrap().parse().unwrap()
}

/// Loads an address, perhaps by way of a proxy, and returns whether that worked, with the output.
fn load(world: &Files, address: &str, proxy: Option<&HttpProxy>, options: &[&str]) -> (bool, String) {
    let mut command = world.command_for(Path::new(address), options);
    if let Some(proxy) = proxy {
        command.env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", proxy.port));
    }
    let output = command.output().unwrap();
    let said = if output.status.success() { output.stdout } else { output.stderr };
    (output.status.success(), String::from_utf8(said).unwrap())
}

/// Enough lines for several requests.
fn many(rows: u32) -> String {
    let line = |n: u32| format!("{n},\"some text that makes the line longer, and a number: {}\"\n", n * 7);
    "id,note\n".to_string() + &(1..=rows).map(line).collect::<String>()
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL, and an object store, in AWS_ENDPOINT_URL"]
fn objects_are_loaded_once_by_name_prefix_or_pattern() {
    let mut world = Files::new("objects_csv", "csv");
    let bucket = Bucket::new("objects_csv");
    bucket.put("2024/a.csv", "id,note\n1,x\nbad,y\n");
    bucket.put("2024/b.csv.zst", zstd::encode_all(&b"id,note\n2,y\n"[..], 1).unwrap());
    bucket.put("2025/c.csv", "id,note\n3,z\n");
    bucket.put("2025/notes.md", "no table");
    let (_, said) = load(&world, &bucket.address("2024/a.csv"), None, &["--types", "id=bigint"]);
    assert!(said.starts_with("loaded 1 rows of 1 files"), "{said}");
    let (_, said) = load(&world, &bucket.address(""), None, &[]);
    assert!(
        said.starts_with("loaded 2 rows of 2 files") && said.contains("1 files were loaded before"),
        "{said}"
    );
    let (_, said) = load(&world, &bucket.address("*/?.csv*"), None, &[]);
    assert!(said.contains("3 files were loaded before"), "{said}");
    assert_eq!(world.rows("SELECT id, note FROM $t ORDER BY id"), ["1|x", "2|y", "3|z"]);
    assert_eq!(world.dead_letters(), ["3|decode|22P02|id|bad,y"]);
    let paths = world.rows("SELECT path FROM loader.files WHERE job = $job ORDER BY path");
    assert_eq!(paths, ["2024/a.csv", "2024/b.csv.zst", "2025/c.csv"].map(|name| bucket.address(name)));

    // An object of other contents is not taken for the one that was loaded, even if it has the same size.
    bucket.put("2025/c.csv", "id,note\n4,z\n");
    bucket.put("2025/d.csv", "id,note\n5,z\n");
    let (is_good, said) = load(&world, &bucket.address("2025/"), None, &[]);
    assert!(!is_good && said.contains("c.csv: file has changed since job"), "{said}");
    assert_eq!(world.one("SELECT string_agg(id::text, ',' ORDER BY id) FROM $t"), "1,2,3,5");
    for (address, expected) in [
        (bucket.address("none.csv"), "no objects found"),
        (bucket.address("2026/*.csv"), "no objects found"),
        ("s3://no-such-bucket/a.csv".into(), "no"),
    ] {
        let (is_good, said) = load(&world, &address, None, &[]);
        assert!(!is_good && said.contains(expected), "{address}: {said}");
    }
    world.assert_invariant();
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL, and an object store, in AWS_ENDPOINT_URL"]
fn faults_of_the_store_are_waited_out_or_named() {
    let mut world = Files::new("objects_faults", "csv");
    let bucket = Bucket::new("objects_faults");
    bucket.put("a.csv", many(200_000));
    let proxy = HttpProxy::to(server());
    for fault in
        [HttpFault::Status(500), HttpFault::Status(503), HttpFault::CutAfter(100_000), HttpFault::LoseAnswer]
    {
        proxy.fail("GET", fault, 2);
    }
    proxy.fail("HEAD", HttpFault::Status(503), 1);
    let (is_good, said) = load(&world, &bucket.address("a.csv"), Some(&proxy), &[]);
    assert!(is_good && said.contains("loaded 200000 rows"), "{said}");
    assert_eq!(proxy.faults_left(), 0);
    assert_eq!(
        world.one("SELECT count(*), sum(id), count(DISTINCT note) FROM $t"),
        "200000|20000100000|200000"
    );
    world.assert_invariant();

    let mut command = world.command_for(Path::new(&bucket.address("a.csv")), &[]);
    let output = command.env("AWS_SECRET_ACCESS_KEY", "wrong").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("access denied"), "{said}");
    assert!(said.contains("check the credentials"), "{said}");
    assert!(!said.contains("wrong"), "{said}");
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL, and an object store, in AWS_ENDPOINT_URL"]
fn parquet_is_read_by_ranges() {
    let mut world = Files::new("objects_parquet", "parquet");
    let bucket = Bucket::new("objects_parquet");
    let numbers = |from: i64| {
        move |group: &mut Group| {
            let values: Vec<i64> = (from..from + 100_000).collect();
            column::<Int64Type>(group, &values, None);
        }
    };
    let schema = "message m { required int64 n; }";
    write(
        &world.path("a.parquet"),
        schema,
        Compression::SNAPPY,
        &[&numbers(1), &numbers(100_001), &numbers(200_001)],
    );
    bucket.put("a.parquet", std::fs::read(world.path("a.parquet")).unwrap());
    let proxy = HttpProxy::to(server());
    proxy.fail("GET", HttpFault::CutAfter(5_000), 3);
    let (is_good, said) = load(&world, &bucket.address("a.parquet"), Some(&proxy), &["--jobs", "2"]);
    assert!(is_good && said.contains("loaded 300000 rows"), "{said}");
    assert_eq!(proxy.faults_left(), 0);
    assert_eq!(world.one("SELECT count(DISTINCT n), sum(n) FROM $t"), "300000|45000150000");
    world.assert_invariant();
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL, and an object store, in AWS_ENDPOINT_URL"]
fn what_is_converted_arrives_once_whatever_gets_lost() {
    let mut world = Files::new("objects_convert", "parquet");
    world.write("a.csv", many(300_000));
    let proxy = HttpProxy::to(server());
    for (method, fault) in [
        ("PUT", HttpFault::Status(503)),
        ("PUT", HttpFault::LoseAnswer),
        ("POST", HttpFault::Status(500)),
        ("POST", HttpFault::LoseAnswer),
    ] {
        proxy.fail(method, fault, 1);
    }
    let convert = |to: &str| {
        let mut command = program("tally");
        command
            .args(["convert", "csv", "--quiet", "--to", to, "--file-size", "1MB"])
            .arg(world.path("a.csv"));
        command.env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", proxy.port));
        let output = command.output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (is_good, said) = convert("s3://tally/objects_convert");
    assert!(is_good, "{said}");
    assert_eq!(proxy.faults_left(), 0);
    // The answer to the last request, which makes the object, is lost; when asked again, some stores no longer know the
    // upload.
    let proxy = HttpProxy::to(server());
    for fault in [HttpFault::LoseAnswer, HttpFault::Status(404)] {
        proxy.fail("POST /tally/objects_convert_2/part-00000.parquet?uploadId", fault, 1);
    }
    let mut command = program("tally");
    command
        .args(["convert", "csv", "--quiet", "--to", "s3://tally/objects_convert_2"])
        .arg(world.path("a.csv"));
    command.env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", proxy.port));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(proxy.faults_left(), 0);
    for (place, job) in [("objects_convert", "objects_convert"), ("objects_convert_2", "objects_convert_2")] {
        let (is_good, said) = load(&world, &format!("s3://tally/{place}/"), None, &["--job", job]);
        assert!(is_good && said.contains("loaded 300000 rows"), "{said}");
    }
    assert_eq!(world.one("SELECT count(*), count(DISTINCT id) FROM $t"), "600000|300000");
    for job in ["objects_convert", "objects_convert_2"] {
        world.database.execute("DELETE FROM loader.files WHERE job = $1", &[&job]).unwrap();
    }
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn web_servers_are_read_file_by_file() {
    let mut world = Files::new("objects_web", "ndjson");
    let lines: String = (1..=50_000).map(|n| format!("{{\"id\":{n},\"note\":\"text\"}}\n")).collect();
    let port = serve_files(vec![("/d/a.ndjson", lines.into_bytes())]);
    let address = |file: &str| format!("http://127.0.0.1:{port}/d/{file}");
    let (is_good, said) = load(&world, &address("a.ndjson"), None, &[]);
    assert!(is_good && said.contains("loaded 50000 rows"), "{said}");
    assert!(load(&world, &address("a.ndjson"), None, &[]).1.contains("1 files were loaded before"));
    for (file, expected) in [("b.ndjson", "no such file"), ("*.ndjson", "patterns do not apply here")] {
        let (is_good, said) = load(&world, &address(file), None, &[]);
        assert!(!is_good && said.contains(expected), "{said}");
    }
    world.assert_invariant();
}
