//! Logs: on stderr, for people or as JSON.

use crate::config::LogOptions;
use crate::output;
use std::io;

/// Starts them, once, for this process.
pub(crate) fn start(options: LogOptions) {
    let logs = tracing_subscriber::fmt().with_env_filter(options.filter).with_writer(io::stderr);
    let logs = logs.with_ansi(!options.json && output::lively_stderr());
    // A reader of the log may go away, and a disk may be full: the node lives on, and says nothing of it, for
    // there is nowhere to say it.
    let logs = logs.log_internal_errors(false);
    // It fails only where logs were started before.
    let _ = if options.json { logs.json().flatten_event(true).try_init() } else { logs.try_init() };
}
