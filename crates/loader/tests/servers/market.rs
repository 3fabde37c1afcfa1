//! `tally simulate` and `tally demo`, which another program carries out.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// Runs a `tally` that has this program beside it as `tally-market`.
fn tally(market: Option<&str>, arguments: &[&str]) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_tally"));
    // On the same file system, for the link.
    let directory = TempDir::new_in(program.parent().unwrap()).unwrap();
    let linked = directory.path().join("tally");
    std::fs::hard_link(program, &linked).unwrap();
    if let Some(market) = market {
        symlink(market, directory.path().join("tally-market")).unwrap();
    }
    Command::new(linked).args(arguments).output().unwrap()
}

#[test]
fn options_are_handed_over_as_they_are() {
    let output = tally(Some("/bin/echo"), &["simulate", "csv", "--help", "--seed=-1", "--", "-x"]);
    assert_eq!(output.stdout, b"--log-format text simulate csv --help --seed=-1 -- -x\n");
    let output = tally(Some("/bin/echo"), &["--log-format", "json", "demo", "--keep"]);
    assert_eq!(output.stdout, b"--log-format json demo --keep\n");
}

#[test]
fn the_exit_code_is_handed_back() {
    assert_eq!(tally(Some("/bin/false"), &["demo"]).status.code(), Some(1));
}

#[test]
fn a_missing_program_is_named() {
    let output = tally(None, &["simulate", "--count", "1"]);
    let line = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        line.contains("tally-market: ") && line.contains("install tally-market in the directory of tally"),
        "{line}"
    );
}
