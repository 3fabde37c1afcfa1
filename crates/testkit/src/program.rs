//! The programs under test, and short runs of them.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{kill, Signal};
use nix::unistd::Pid;
use tempfile::NamedTempFile;

use crate::wait_until;

/// A program of this workspace, as cargo built it for the test that runs.
pub fn program(name: &str) -> Command {
    let path = target().join(name);
    assert!(path.exists(), "there is no {}: run `make loader` first", path.display());
    Command::new(path)
}

/// Directory for files of a test that outlive a failure.
pub fn directory() -> PathBuf {
    let directory = target().join("../tmp");
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

/// The directory of the profile: the test is in `deps` below it.
fn target() -> PathBuf {
    std::env::current_exe().unwrap().ancestors().nth(2).unwrap().into()
}

/// Starts `tally` with a configuration, which is in a file while the second value lives.
pub fn start(command: &str, config: &str, options: &[&str]) -> (Child, NamedTempFile) {
    start_in(&[], command, config, options)
}

/// Starts `tally` with these environment variables besides ours.
pub fn start_in(
    environment: &[(&str, &str)],
    command: &str,
    config: &str,
    options: &[&str],
) -> (Child, NamedTempFile) {
    let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    file.write_all(config.as_bytes()).unwrap();
    let child = program("tally")
        .arg(command)
        .arg("--config")
        .arg(file.path())
        .args(options)
        .envs(environment.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    (child, file)
}

/// Runs `tally` with a configuration to its end.
pub fn tally(command: &str, config: &str, options: &[&str]) -> Output {
    let (child, _file) = start(command, config, options);
    child.wait_with_output().unwrap()
}

/// Returns the complaint of a `tally load` that cannot start: a single line, and not exit code 0.
pub fn complaint(config: &str) -> String {
    let output = tally("load", config, &["--until-end", "--quiet"]);
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

/// Tells a program to end, once it listens for that: before, the signal would kill it.
pub fn terminate(process: &Child) {
    wait_until(|| handles_sigterm(process.id()));
    kill(Pid::from_raw(process.id() as i32), Signal::SIGTERM).unwrap();
}

/// Whether a process has a handler of SIGTERM, or has ended.
fn handles_sigterm(process: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    caught.is_none_or(|mask| mask & 1 << (Signal::SIGTERM as u64 - 1) != 0) || status.contains("State:\tZ")
}
