//! The other processes of the demo, a broker and the loader. Neither outlives the demo.

use std::io::{BufRead, BufReader};
#[cfg(target_os = "linux")]
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{kill, Signal};
use nix::unistd::Pid;
use tally_postgres::Failure;

/// A running program.
pub struct Process {
    child: Child,
    name: &'static str,
}

impl Process {
    /// Starts the embedded broker; returns its address too.
    pub fn broker(topic: &str, partitions: i32) -> Result<(Self, String), Failure> {
        let mut command = program("tally-market", "broker")?;
        command.arg("--topic").arg(format!("{topic}:{partitions}"));
        // The broker ends with its input, and so with the demo.
        let mut broker =
            Self::spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped()), "embedded broker")?;
        let mut address = String::new();
        let read = broker.child.stdout.take().map(|out| BufReader::new(out).read_line(&mut address));
        match read {
            Some(Ok(1..)) => Ok((broker, address.trim_end().to_owned())),
            _ => Err(Failure::new("the process did not start").at(broker.name)),
        }
    }

    /// Starts the loader.
    pub fn loader(config: &Path) -> Result<Self, Failure> {
        let mut command = program("tally", "load")?;
        if std::env::var_os("RUST_LOG").is_none() {
            command.env("RUST_LOG", "warn");
        }
        Self::spawn(
            command.arg("--quiet").arg("--config").arg(config).stdin(Stdio::null()).stdout(Stdio::null()),
            "loader",
        )
    }

    fn spawn(command: &mut Command, name: &'static str) -> Result<Self, Failure> {
        #[cfg(target_os = "linux")]
        // The loader ends even if the demo is killed.
        // SAFETY: between fork and exec this makes one system call and touches no memory.
        unsafe {
            command.pre_exec(|| Ok(nix::sys::prctl::set_pdeathsig(Signal::SIGTERM)?));
        }
        let child = command.spawn().map_err(|error| {
            Failure::new(error)
                .at(command.get_program().to_string_lossy())
                .mend("install tally in the directory of tally-market")
        })?;
        Ok(Self { child, name })
    }

    /// Fails if the process has ended by itself; it has printed the reason.
    pub fn check(&mut self) -> Result<(), Failure> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(Failure::new(format!("ended unexpectedly, {status}")).at(self.name)),
            Err(error) => Err(Failure::new(error).at(self.name)),
        }
    }

    /// Asks the process to finish its work, and waits for it.
    pub fn finish(mut self) -> Result<(), Failure> {
        self.check()?;
        let name = self.name;
        let asked = kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGTERM);
        asked.map_err(|error| Failure::new(error).at(name))?;
        match self.child.wait() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(Failure::new(format!("failed, {status}")).at(name)),
            Err(error) => Err(Failure::new(error).at(name)),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Harmless if the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command of one of our programs, which are installed in the same directory.
fn program(name: &str, subcommand: &str) -> Result<Command, Failure> {
    let this = std::env::current_exe().map_err(|error| Failure::new(error).at("path of this program"))?;
    let mut command = Command::new(this.with_file_name(name));
    command.arg(subcommand);
    Ok(command)
}
