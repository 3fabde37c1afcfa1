//! The servers that the suite runs in, to be broken and mended: each keeps its state in a directory that the scripts
//! know how to start it from again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::{kill, Signal};
use nix::unistd::Pid;

use crate::{environment, STUCK};

/// A server of the suite.
pub struct Server {
    script: &'static str,
    directory: PathBuf,
    /// The file that begins with the process id.
    pid: &'static str,
}

impl Server {
    /// The PostgreSQL of the suite.
    pub fn postgres() -> Self {
        let data = PathBuf::from(environment("PGHOST"));
        Self {
            script: "scripts/cluster.py",
            directory: data.parent().unwrap().into(),
            pid: "data/postmaster.pid",
        }
    }

    /// The broker of the tests.
    pub fn kafka() -> Self {
        Self {
            script: "scripts/kafka/broker.py",
            directory: environment("KAFKA_DIRECTORY").into(),
            pid: "pid",
        }
    }

    /// The schema registry of the tests.
    pub fn registry() -> Self {
        Self {
            script: "scripts/kafka/registry.py",
            directory: environment("REGISTRY_DIRECTORY").into(),
            pid: "pid",
        }
    }

    /// Kills every process of the server at once.
    pub fn kill(&self) {
        self.run("kill");
    }

    /// Starts the server again; it accepts connections when this returns.
    pub fn start(&self) {
        self.run("start");
    }

    /// Sends a signal to the server's main process.
    pub fn signal(&self, signal: Signal) {
        kill(self.process(), signal).unwrap();
    }

    /// Sends the server's main process a signal that ends it, and waits for the end.
    pub fn end(&self, signal: Signal) {
        let process = self.process();
        kill(process, signal).unwrap();
        let until = Instant::now() + STUCK;
        while runs(process) {
            assert!(Instant::now() < until, "{} does not end", self.script);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn process(&self) -> Pid {
        let text = fs::read_to_string(self.directory.join(self.pid)).unwrap();
        Pid::from_raw(text.lines().next().unwrap().parse().unwrap())
    }

    fn run(&self, action: &str) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let status = Command::new(root.join(self.script))
            .arg(action)
            .arg(&self.directory)
            .env_remove("PG_CONFIG")
            .output()
            .unwrap();
        assert!(
            status.status.success(),
            "{} {action}: {}",
            self.script,
            String::from_utf8_lossy(&status.stderr)
        );
    }
}

/// Whether a process that is not our child still runs; a zombie does not.
fn runs(process: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"));
    stat.is_ok_and(|stat| !matches!(stat.rsplit_once(") ").unwrap().1.as_bytes()[0], b'Z' | b'X'))
}
