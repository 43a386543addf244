//! Ctrl-C, and the signals that ask a command to end (SIGTERM, SIGHUP): what is being searched ends with what it has learnt; the
//! second one ends the command at once.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::output;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// The exit status of a command that the second signal has ended: 128 and the number of SIGINT, whichever it was.
const BY_SIGINT: i32 = 130;

/// Listens for Ctrl-C, SIGTERM and SIGHUP from here on.
pub fn listen() {
    // Where no handler can be set, a signal ends the command as it always does.
    let _ = ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            std::process::exit(BY_SIGINT);
        }
        // Also where nobody can read it: a second signal finds whoever listens alive.
        output::tell(format_args!("interrupted: ending with what is known so far (again to end at once)"));
    });
}

/// Has somebody asked to end?
pub fn is_asked_for() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}
