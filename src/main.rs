//! The command `podproof`.

use std::process::ExitCode;

use clap::Parser;
use podproof::arguments::{Arguments, Command, TraceCommand};
use podproof::{check, conform, explore, export, names, scenarios, simulate, trace};

fn main() -> ExitCode {
    let status = match Arguments::parse().command {
        Command::Check(arguments) => check::run(&arguments),
        Command::Simulate(arguments) => simulate::run(&arguments),
        Command::Conform(arguments) => conform::run(&arguments),
        Command::Scenarios => scenarios::run(),
        Command::Names => names::run(),
        Command::Explore(arguments) => explore::run(&arguments),
        Command::Trace { command: TraceCommand::Show { file } } => trace::show(&file),
        Command::Trace { command: TraceCommand::Replay { file } } => trace::replay(&file),
        Command::Trace { command: TraceCommand::Export(arguments) } => export::run(&arguments),
    };
    ExitCode::from(status)
}
