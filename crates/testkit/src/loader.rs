//! A loader process.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{kill, Signal};
use nix::unistd::Pid;

use crate::{program, terminate, STUCK};

/// A running `tally load`; it does not outlive the test.
pub struct Loader {
    process: Child,
    log: PathBuf,
}

impl Loader {
    /// Starts a loader with this configuration; its output is appended to the log.
    pub fn start(config: &Path, log: &Path, options: &[&str], environment: &[(String, String)]) -> Self {
        let file = File::options().create(true).append(true).open(log).unwrap();
        let mut command = program("tally");
        command.arg("load").arg("--config").arg(config).args(options);
        command.envs(environment.iter().cloned());
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        Self { process: command.spawn().unwrap(), log: log.into() }
    }

    /// Kills the loader, as a power cut would; fails if it has ended before.
    pub fn kill(mut self) {
        self.assert_runs();
        self.process.kill().unwrap();
        let status = self.process.wait().unwrap();
        let words = self.last_words();
        assert_eq!(
            status.signal(),
            Some(Signal::SIGKILL as i32),
            "it had ended by itself, {status}:\n{words}"
        );
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.process.id() as i32), signal).unwrap();
    }

    /// Terminates the loader and waits for its end.
    pub fn terminate(self) -> ExitStatus {
        self.terminate_timed().0
    }

    /// Terminates the loader, and measures how long that takes.
    pub fn terminate_timed(mut self) -> (ExitStatus, Duration) {
        let begin = Instant::now();
        terminate(&self.process);
        (self.wait_for_end(), begin.elapsed())
    }

    /// Waits until the loader ends by itself.
    pub fn wait(mut self) -> ExitStatus {
        self.wait_for_end()
    }

    fn wait_for_end(&mut self) -> ExitStatus {
        let until = Instant::now() + STUCK;
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < until, "the loader does not end; see {}", self.log.display());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Fails if the loader has ended.
    pub fn assert_runs(&mut self) {
        if let Some(status) = self.process.try_wait().unwrap() {
            panic!("the loader ended by itself ({status}); its log ends with\n{}", self.last_words());
        }
    }

    /// Returns the loader's peak memory, in MiB.
    pub fn peak_memory(&self) -> u64 {
        self.kilobytes("VmHWM:") >> 10
    }

    /// Returns the loader's memory, in KiB.
    pub fn resident_kilobytes(&self) -> u64 {
        self.kilobytes("VmRSS:")
    }

    fn kilobytes(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Returns the processor time that the loader has used so far.
    pub fn processor_time(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        // utime and stime, in the hundredths of a second that Linux shows to everybody.
        Duration::from_millis(10 * (fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()))
    }

    fn last_words(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        // Fails if the process has ended already, which does no harm.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
