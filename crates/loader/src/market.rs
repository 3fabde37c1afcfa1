//! `tally simulate` and `tally demo`: commands of the program `tally-market`, which need not be installed.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::process::Command;

use clap::ValueEnum;
use tally_postgres::Failure;
use tally_program::LogFormat;

const PROGRAM: &str = "tally-market";

/// Arguments that are passed on unchanged.
#[derive(Debug, clap::Args)]
pub struct MarketArgs {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTIONS")]
    options: Vec<OsString>,
}

/// Replaces this process by the program in the same directory; returns only if there is none.
pub fn run(command: &str, args: MarketArgs, log_format: LogFormat) -> Failure {
    let beside = match std::env::current_exe() {
        Ok(program) => program.with_file_name(PROGRAM),
        Err(error) => return Failure::new(error).at("path of this program"),
    };
    let format = log_format.to_possible_value().expect("every format has a name");
    let error =
        Command::new(&beside).args(["--log-format", format.get_name(), command]).args(args.options).exec();
    let failure = Failure::new(&error).at(beside.display());
    match error.kind() {
        ErrorKind::NotFound => failure.mend(format!("install {PROGRAM} in the directory of tally")),
        _ => failure,
    }
}
