//! An archive of topics in a directory, made and loaded by the program under test.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::{NamedTempFile, TempDir};

use crate::{database_url, program};

/// An archive of the topic of a configuration.
pub struct TopicArchive {
    /// The place of the archive.
    pub directory: TempDir,
    config: NamedTempFile,
    topic: String,
}

impl TopicArchive {
    /// An empty one.
    pub fn new(config: &str, topic: &str) -> Self {
        Self { directory: tempfile::tempdir().unwrap(), config: file(config), topic: topic.into() }
    }

    /// Goes on with another configuration.
    pub fn with_config(self, config: &str) -> Self {
        Self { config: file(config), ..self }
    }

    /// A command to archive what the topic has.
    pub fn command(&self, place: &str, options: &[&str]) -> Command {
        let mut command = program("tally");
        command.args(["archive", "topics", "--to", place, "--config"]).arg(self.config.path()).args(options);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// The place, as the program takes it.
    pub fn place(&self) -> &str {
        self.directory.path().to_str().unwrap()
    }

    /// Archives what the topic has; returns what was said.
    pub fn run(&self, options: &[&str]) -> String {
        good(self.command(self.place(), options).output().unwrap())
    }

    /// Archives in vain; returns why.
    pub fn complaint(&self, options: &[&str]) -> String {
        bad(self.command(self.place(), options).output().unwrap())
    }

    /// Runs `tally archive status` or `verify`.
    pub fn look(&self, verb: &str) -> Output {
        let mut command = program("tally");
        command.args(["archive", verb, "--database", &database_url(), "--topic", &self.topic]);
        command.output().unwrap()
    }

    /// Loads the archive.
    pub fn load(&self, config: &str, options: &[&str]) -> Output {
        self.load_from(self.place(), config, options)
    }

    /// Loads some of its objects.
    pub fn load_from(&self, paths: &str, config: &str, options: &[&str]) -> Output {
        let file = file(config);
        let mut command = program("tally");
        command.args(["load", "messages", "--config"]).arg(file.path()).args(options).arg(paths);
        command.output().unwrap()
    }

    /// The objects, by their names.
    pub fn objects(&self) -> BTreeMap<String, String> {
        let pattern = format!("{}/**/*.ndjson.zst", self.place());
        let found = glob::glob(&pattern).unwrap().map(Result::unwrap);
        let text = |path: &Path| String::from_utf8(zstd::decode_all(&*std::fs::read(path).unwrap()).unwrap());
        let name = |path: &PathBuf| path.strip_prefix(self.directory.path()).unwrap().display().to_string();
        found.map(|path| (name(&path), text(&path).unwrap())).collect()
    }

    /// All lines of the objects, by partition and offset; fails if a message is there twice.
    pub fn lines(&self) -> BTreeMap<(i64, i64), serde_json::Value> {
        let mut lines = BTreeMap::new();
        for line in self.objects().values().flat_map(|text| text.lines()) {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let key = (line["partition"].as_i64().unwrap(), line["offset"].as_i64().unwrap());
            assert!(lines.insert(key, line).is_none(), "{key:?} is there twice");
        }
        lines
    }
}

fn file(config: &str) -> NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    file.write_all(config.as_bytes()).unwrap();
    file
}

/// The output of a program that did what it was told.
#[track_caller]
pub fn good(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The complaint of a program that did not.
#[track_caller]
pub fn bad(output: Output) -> String {
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}
