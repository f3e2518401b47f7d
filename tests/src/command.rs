//! Commands that end: `starling send`, `starling chain new`, ..

use crate::starling;
use crate::wait::{PATIENCE, until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::de::DeserializeOwned;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use tempfile::TempDir;

/// A home of its own, where commands are typed.
pub struct Desk {
    home: TempDir,
}

impl Default for Desk {
    fn default() -> Self {
        Self::new()
    }
}

impl Desk {
    /// An empty home.
    ///
    /// # Panics
    /// When no temporary folder can be made.
    #[must_use]
    pub fn new() -> Self {
        Self { home: TempDir::with_prefix("starling-test-").expect("a temporary folder can be made") }
    }

    /// A path in the home.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// The same as a text, for a command line.
    #[must_use]
    pub fn text(&self, name: &str) -> String {
        self.path(name).to_string_lossy().into_owned()
    }

    /// Writes a file in the home that only its owner may read, and gives its path.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).expect("a folder in a home of our own can be made");
        }
        fs::write(&path, bytes).expect("a file in a home of our own can be written");
        // It may be a secret.
        fs::set_permissions(path, Permissions::from_mode(0o600)).expect("a file of our own");
        self.text(name)
    }

    /// `starling` with these arguments, in an environment that says nothing of the machine.
    #[must_use]
    pub fn command(&self, args: &[&str]) -> Command {
        in_home(self.home.path(), args)
    }

    /// Runs a command to its end.
    ///
    /// # Panics
    /// When it does not end in time.
    #[must_use]
    pub fn run(&self, args: &[&str]) -> Ended {
        let mut command = self.command(args);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        Ended::of(child.expect("the binary starts"), args.join(" "))
    }
}

/// `starling` with these arguments, its home in a folder.
pub(crate) fn in_home(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(starling());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("STARLING_")) {
        command.env_remove(name);
    }
    command.args(args).current_dir(home).env("HOME", home).env("XDG_DATA_HOME", home.join("data"));
    command.env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

/// A process that does not end by itself, killed when dropped.
#[derive(Debug)]
pub struct Running(Child);

impl Running {
    /// Starts it.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        Self(command.spawn().expect("the binary starts"))
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// When there is no process any more.
    pub fn signal(&self, signal: Signal) {
        kill(pid(&self.0), signal).expect("a child of ours, not waited for");
    }

    /// Kills it, and waits for its end; says whether it ran still.
    ///
    /// # Panics
    /// When the system does not tell.
    pub fn kill(&mut self) -> bool {
        let runs = self.0.try_wait().expect("a child of ours can be asked").is_none();
        drop(self.0.kill());
        self.0.wait().expect("a child of ours can be waited for");
        runs
    }

    /// Waits until it has ended.
    ///
    /// # Panics
    /// When it does not in time.
    pub fn ended(&mut self) -> ExitStatus {
        until("the process ends", || match self.0.try_wait() {
            Ok(Some(status)) => Ok(status),
            other => Err(format!("{other:?}")),
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A command that has ended.
#[derive(Debug)]
pub struct Ended {
    /// What was typed after `starling`.
    pub line: String,
    /// Its exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
}

impl Ended {
    /// Waits for a process that writes to pipes.
    ///
    /// # Panics
    /// When it does not end in time; it is killed then.
    #[must_use]
    pub fn of(child: Child, line: String) -> Self {
        let pid = pid(&child);
        let (done, output) = mpsc::channel();
        // The receiver is gone when the wait below was given up.
        std::thread::spawn(move || drop(done.send(child.wait_with_output())));
        let Ok(output) = output.recv_timeout(PATIENCE) else {
            // It may have ended in this very moment.
            let _ = kill(pid, Signal::SIGKILL);
            panic!("`starling {line}` did not end within {} s", PATIENCE.as_secs());
        };
        let output = output.expect("a child of ours can be waited for");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("starling writes UTF-8");
        Self { line, code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Sends Ctrl-C to a process that writes to pipes, and waits for its end.
    ///
    /// # Panics
    /// When it has ended before, or does not end in time.
    #[must_use]
    pub fn interrupted(child: Child, line: String) -> Self {
        kill(pid(&child), Signal::SIGINT).expect("a child of ours, not waited for");
        Self::of(child, line)
    }

    /// The result of a command that is done, as JSON.
    ///
    /// # Panics
    /// When it failed, or wrote something else.
    pub fn json<T: DeserializeOwned>(&self) -> T {
        self.expect_code(0);
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The result of a command that is done, as text.
    ///
    /// # Panics
    /// When it failed.
    pub fn out(&self) -> &str {
        self.expect_code(0);
        &self.stdout
    }

    /// What a command said that had to fail with this exit code: one line, on stderr.
    ///
    /// # Panics
    /// When it ended otherwise, or said more than one line, or nothing.
    pub fn failed(&self, code: i32) -> &str {
        self.expect_code(code);
        let lines: Vec<_> = self.stderr.lines().collect();
        let [line] = lines[..] else { panic!("one line says what is wrong, not {self:?}") };
        line
    }

    #[track_caller]
    fn expect_code(&self, code: i32) {
        assert_eq!(self.code, Some(code), "{self:?}");
    }
}

/// The process id of a child that was not waited for.
pub(crate) fn pid(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).expect("a process id is an i32"))
}
