//! The command `podproof`.

use std::process::ExitCode;

use clap::Parser;
use podproof::arguments::{Arguments, Command};
use podproof::{check, conform, explore, names, scenarios, simulate, trace, tune};

fn main() -> ExitCode {
    let status = match Arguments::parse().command {
        Command::Check(arguments) => check::run(&arguments),
        Command::Simulate(arguments) => simulate::run(&arguments),
        Command::Tune(arguments) => tune::run(&arguments),
        Command::Conform(arguments) => conform::run(&arguments),
        Command::Scenarios => scenarios::run(),
        Command::Names => names::run(),
        Command::Explore(arguments) => explore::run(&arguments),
        Command::Trace { command } => trace::run(&command),
    };
    ExitCode::from(status)
}
