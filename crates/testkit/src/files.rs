//! A real PostgreSQL, and a directory of files to load.

// Each test file uses a part of it.
#![allow(dead_code)]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use postgres::{Client, NoTls};

/// A schema, a job and a directory of files, all of one name.
pub struct World {
    pub name: &'static str,
    pub database: Client,
    format: &'static str,
    directory: tempfile::TempDir,
}

impl World {
    pub fn new(name: &'static str, format: &'static str) -> Self {
        let mut database = Client::connect(&url(), NoTls).unwrap();
        let schema = format!("DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name}");
        database.batch_execute(&schema).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let mut world = Self { name, database, format, directory };
        if world.one("SELECT to_regclass('loader.files') IS NOT NULL") == "t" {
            for table in ["files", "file_dead_letters"] {
                let sql = format!("DELETE FROM loader.{table} WHERE job = $1");
                world.database.execute(&sql, &[&name]).unwrap();
            }
        }
        world
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.directory.path().join(file)
    }

    pub fn write(&self, file: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(file), content).unwrap();
    }

    pub fn append(&self, file: &str, content: &str) {
        let mut file = fs::File::options().append(true).open(self.path(file)).unwrap();
        file.write_all(content.as_bytes()).unwrap();
    }

    pub fn command(&self, options: &[&str]) -> Command {
        self.command_for(self.directory.path(), options)
    }

    pub fn command_for(&self, path: &Path, options: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tally"));
        command.args(["load", self.format, "--quiet", "--database", &url()]).args(options);
        for (option, default) in [("--table", &*format!("{}.t", self.name)), ("--job", self.name)] {
            if !options.contains(&option) {
                command.args([option, default]);
            }
        }
        command.arg("--").arg(path);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Loads all files, and expects that to work; returns its output.
    pub fn load(&self, options: &[&str]) -> String {
        succeed(self.command(options).output().unwrap())
    }

    /// Loads one file.
    pub fn load_one(&self, file: &str, options: &[&str]) -> String {
        succeed(self.command_for(&self.path(file), options).output().unwrap())
    }

    /// Loads all files, and expects a line that says why that does not work.
    pub fn complaint(&self, options: &[&str]) -> String {
        let output = self.command(options).output().unwrap();
        assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        let text = String::from_utf8(output.stderr).unwrap();
        let last = text.lines().last().unwrap();
        assert!(last.starts_with("tally: "), "{text}");
        last.into()
    }

    /// Rows of text columns, joined by `|`, with `~` for NULL.
    pub fn rows(&mut self, query: &str) -> Vec<String> {
        let query =
            query.replace("$t", &format!("{}.t", self.name)).replace("$job", &format!("'{}'", self.name));
        let rows = self.database.simple_query(&query).unwrap();
        let fields = |row: &postgres::SimpleQueryRow| {
            (0..row.len()).map(|i| row.get(i).unwrap_or("~").to_string()).collect::<Vec<_>>().join("|")
        };
        rows.iter()
            .filter_map(|message| match message {
                postgres::SimpleQueryMessage::Row(row) => Some(fields(row)),
                _ => None,
            })
            .collect()
    }

    pub fn one(&mut self, query: &str) -> String {
        self.rows(query).remove(0)
    }

    /// The types of the table's columns.
    pub fn types(&mut self) -> Vec<String> {
        self.rows(
            "SELECT attname || ' ' || format_type(atttypid, NULL) FROM pg_attribute
             WHERE attrelid = '$t'::regclass AND attnum > 0 ORDER BY attnum",
        )
    }

    pub fn dead_letters(&mut self) -> Vec<String> {
        self.rows(
            "SELECT line, stage, sqlstate, column_name, encode(raw, 'escape') FROM loader.file_dead_letters
             WHERE job = $job ORDER BY path, line",
        )
    }

    /// What the ledger says is stored is stored, at every moment.
    pub fn assert_invariant(&mut self) {
        if self.one("SELECT to_regclass('loader.files') IS NULL OR to_regclass('$t') IS NULL") == "t" {
            return;
        }
        // One snapshot: the server may still be committing for a loader that was killed.
        let both = self.one(
            "SELECT (SELECT coalesce(sum(rows), 0) FROM loader.files WHERE job = $job),
                    (SELECT coalesce(sum(dead_letters), 0) FROM loader.files WHERE job = $job),
                    (SELECT count(*) FROM $t),
                    (SELECT count(*) FROM loader.file_dead_letters WHERE job = $job)",
        );
        let numbers: Vec<&str> = both.split('|').collect();
        let (ledger, stored) = numbers.split_at(2);
        assert_eq!(ledger, stored);
    }
}

fn url() -> String {
    std::env::var("DATABASE_URL").expect("DATABASE_URL names a PostgreSQL database")
}

fn succeed(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
