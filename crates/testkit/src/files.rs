//! A directory of files to load.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use postgres::{Client, SimpleQueryMessage, SimpleQueryRow};
use tempfile::TempDir;

use crate::{connect, database_url, program};

/// A schema, a job and a directory of files, all of one name.
pub struct Files {
    /// The name of the schema and the job.
    pub name: &'static str,
    /// A connection to look at what the loader did.
    pub database: Client,
    format: &'static str,
    directory: TempDir,
}

impl Files {
    /// An empty directory of files of this format, and an empty schema.
    pub fn new(name: &'static str, format: &'static str) -> Self {
        let mut database = connect();
        let schema = format!("DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name}");
        database.batch_execute(&schema).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let mut files = Self { name, database, format, directory };
        if files.one("SELECT to_regclass('loader.files') IS NOT NULL") == "t" {
            for table in ["files", "file_dead_letters"] {
                let sql = format!("DELETE FROM loader.{table} WHERE job = $1");
                files.database.execute(&sql, &[&name]).unwrap();
            }
        }
        files
    }

    /// The path of a file.
    pub fn path(&self, file: &str) -> PathBuf {
        self.directory.path().join(file)
    }

    /// Writes a file.
    pub fn write(&self, file: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(file), content).unwrap();
    }

    /// Appends to a file.
    pub fn append(&self, file: &str, content: &str) {
        let mut file = fs::File::options().append(true).open(self.path(file)).unwrap();
        file.write_all(content.as_bytes()).unwrap();
    }

    /// The command that loads all files.
    pub fn command(&self, options: &[&str]) -> Command {
        self.command_for(self.directory.path(), options)
    }

    /// The command that loads this path.
    pub fn command_for(&self, path: &Path, options: &[&str]) -> Command {
        let mut command = program("tally");
        command.args(["load", self.format, "--quiet", "--database", &database_url()]).args(options);
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

    /// Loads what is written to standard input.
    pub fn load_piped(&self, text: &[u8], options: &[&str]) -> String {
        let mut loader = self.command_for(Path::new("-"), options).stdin(Stdio::piped()).spawn().unwrap();
        loader.stdin.take().unwrap().write_all(text).unwrap();
        succeed(loader.wait_with_output().unwrap())
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
        let fields = |row: &SimpleQueryRow| {
            (0..row.len()).map(|i| row.get(i).unwrap_or("~").to_string()).collect::<Vec<_>>().join("|")
        };
        rows.iter()
            .filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => Some(fields(row)),
                _ => None,
            })
            .collect()
    }

    /// The first of them.
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

    /// Line, stage, SQLSTATE, column and content of each dead letter.
    pub fn dead_letters(&mut self) -> Vec<String> {
        self.rows(
            "SELECT line, stage, sqlstate, column_name, encode(raw, 'escape') FROM loader.file_dead_letters
             WHERE job = $job ORDER BY path, line",
        )
    }

    /// Asserts that what the ledger says is stored is stored; it must be so at every moment.
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

fn succeed(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
