//! `podproof trace export`: a trace as a document for another program.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::{Args, ValueEnum};
use podproof_traces::Page;

use crate::{output, trace};

/// The environment variable that names the program with which documents are opened, where one is set.
const BROWSER: &str = "BROWSER";

/// `podproof trace export`.
#[derive(Debug, Args)]
pub struct ExportArguments {
    /// The trace, as `check` or `conform` wrote it
    pub file: PathBuf,

    /// What is written
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub to: ExportFormat,

    /// Where it is written [default: standard output; with --open, beside the trace]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Opens what was written, with the program that BROWSER names or that the desktop has for it
    #[arg(long)]
    pub open: bool,
}

/// A format that a trace is exported to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// One page for a browser that needs no network: lanes, stepping, the state of every object at each step
    Html,
}

impl ExportFormat {
    fn write(self, trace: &podproof_traces::Trace) -> String {
        match self {
            Self::Html => Page::of(trace).to_html(),
        }
    }

    const fn extension(self) -> &'static str {
        match self {
            Self::Html => "html",
        }
    }
}

/// Runs the command; its exit status.
pub fn run(arguments: &ExportArguments) -> u8 {
    let file = &arguments.file;
    let trace = match trace::read(file) {
        Ok(trace) => trace,
        Err(error) => return trace::refuse(file, &error),
    };
    let beside = || arguments.open.then(|| file.with_extension(arguments.to.extension()));
    let Some(path) = arguments.output.clone().or_else(beside) else {
        return output::put(&arguments.to.write(&trace), crate::exit::HOLDS);
    };
    if let Err(error) = std::fs::write(&path, arguments.to.write(&trace)) {
        return trace::refuse(&path, &error.to_string());
    }
    output::tell(format_args!("written: {}", path.display()));
    if arguments.open
        && let Err(error) = open(&path)
    {
        return trace::refuse(
            &path,
            &format!("it could not be opened: {error}; BROWSER names the program that opens it"),
        );
    }
    crate::exit::HOLDS
}

/// Opens a document and does not wait until it is closed.
fn open(path: &Path) -> io::Result<()> {
    let chosen = std::env::var_os(BROWSER).filter(|program| !program.is_empty());
    let program = chosen.unwrap_or_else(|| {
        let program = match std::env::consts::OS {
            "macos" => "open",
            "windows" => "explorer",
            _ => "xdg-open",
        };
        program.into()
    });
    Command::new(program)
        .arg(std::path::absolute(path)?)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .map(drop)
}
