//! `scripts/prerequisites` on machines that lack something: it installs what apt can, else says the command.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// What the script takes from any Unix.
const TOOLS: &[&str] = &["bash", "cut", "dirname", "env", "head", "sed", "sort", "tr"];

/// A machine of its own: a folder of commands, and a libclang.
struct Machine {
    folder: TempDir,
}

/// What the script said, on both streams, and whether it was content.
struct Said {
    text: String,
    fine: bool,
}

impl Machine {
    /// One that has all that is needed, and where one is root.
    fn complete() -> Self {
        let folder = TempDir::new().expect("a folder for temporary files can be made");
        let machine = Self { folder };
        fs::create_dir(machine.bin()).expect("a fresh folder is empty");
        for tool in TOOLS {
            symlink(find(tool), machine.bin().join(tool)).expect("no tool is named twice");
        }
        machine.command("uname", "echo Linux");
        machine.command("id", "echo 0");
        machine.command("cargo", "true");
        machine.command("rustc", "echo 'rustc 1.999.0 (0123456789 2020-01-01)'");
        machine.command("cc", "true");
        machine.command("c++", "true");
        let headers = machine.libclang().join("clang/1/include");
        fs::create_dir_all(&headers).expect("a fresh folder is empty");
        fs::write(headers.join("stddef.h"), "").expect("a temporary file can be written");
        fs::write(machine.libclang().join("libclang.so"), "").expect("a temporary file can be written");
        machine
    }

    /// Adds the command `name`, a line of shell. Another process writes it: a file that this one had open for
    /// writing could not be executed while a test beside it is between fork and exec.
    fn command(&self, name: &str, line: &str) {
        let write = "printf '#!/bin/sh\n%s\n' \"$1\" >\"$2\" && /bin/chmod +x \"$2\"";
        let mut bash = Command::new(self.bin().join("bash"));
        let status = bash.args(["-c", write, "bash", line]).arg(self.bin().join(name)).status();
        assert!(status.expect("bash starts").success(), "the command `{name}` can be written");
    }

    fn without(&self, name: &str) {
        fs::remove_file(self.bin().join(name)).expect("the machine has the command");
    }

    fn bin(&self) -> PathBuf {
        self.folder.path().join("bin")
    }

    fn libclang(&self) -> PathBuf {
        self.folder.path().join("lib")
    }

    /// Runs the script for `make build`.
    fn build(&self) -> Said {
        self.run("build", &self.libclang())
    }

    fn run(&self, goal: &str, libclang: &Path) -> Said {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/prerequisites");
        let mut command = Command::new(self.bin().join("bash"));
        command.arg(script).arg(goal).env_clear().env("PATH", self.bin()).env("LIBCLANG_PATH", libclang);
        let output = command.stdin(Stdio::null()).output().expect("bash starts");
        let text = [output.stdout, output.stderr].concat();
        Said { text: String::from_utf8_lossy(&text).into_owned(), fine: output.status.success() }
    }
}

/// Where this machine keeps the command `tool`.
fn find(tool: &str) -> PathBuf {
    let path = std::env::var_os("PATH").expect("a shell has a PATH");
    let found = std::env::split_paths(&path).map(|folder| folder.join(tool)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("no `{tool}` on the PATH"))
}

#[test]
fn a_complete_machine_is_left_alone() {
    let machine = Machine::complete();
    for goal in ["build", "test"] {
        let said = machine.run(goal, &machine.libclang());
        assert!(said.fine && said.text.is_empty(), "{goal}: {}", said.text);
    }
}

#[test]
fn missing_rust_is_named_with_the_way_to_get_it() {
    let machine = Machine::complete();
    machine.without("cargo");
    let said = machine.build();
    assert!(
        !said.fine && said.text.contains("Rust is missing") && said.text.contains("rustup.rs"),
        "{}",
        said.text
    );
}

#[test]
fn old_rust_is_named_with_the_way_to_renew_it() {
    let machine = Machine::complete();
    machine.command("rustc", "echo 'rustc 1.63.0 (0123456789 2020-01-01)'");
    let said = machine.build();
    assert!(
        !said.fine && said.text.contains("Rust 1.63.0 is too old") && said.text.contains("rustup.rs"),
        "{}",
        said.text
    );
    machine.command("rustup", "true");
    assert!(machine.build().text.contains("rustup update stable"));
}

#[test]
fn a_missing_compiler_is_installed() {
    let machine = Machine::complete();
    machine.without("c++");
    let (log, cxx) = (machine.folder.path().join("log"), machine.bin().join("c++"));
    let cc = machine.bin().join("cc");
    let install = format!(
        "echo \"$@\" >>'{}'; [ \"$1\" = update ] || /bin/cp '{}' '{}'",
        log.display(),
        cc.display(),
        cxx.display()
    );
    machine.command("apt-get", &install);
    let said = machine.build();
    assert!(said.fine && said.text.contains("the build needs build-essential: installing"), "{}", said.text);
    let log = fs::read_to_string(log).expect("apt-get was called");
    assert_eq!(log, "update\ninstall -y --no-install-recommends build-essential\n");
}

#[test]
fn an_installation_that_brings_nothing_is_said() {
    let machine = Machine::complete();
    machine.without("c++");
    machine.command("apt-get", "true");
    let said = machine.build();
    assert!(!said.fine && said.text.contains("still not found: build-essential"), "{}", said.text);
    machine.command("apt-get", "exit 100");
    let said = machine.build();
    assert!(!said.fine && said.text.contains("could not install build-essential"), "{}", said.text);
}

#[test]
fn where_nothing_can_be_installed_the_command_is_said() {
    let machine = Machine::complete();
    machine.without("c++");
    let by_hand = "sudo apt-get update && sudo apt-get install -y build-essential";
    let said = machine.build();
    assert!(!said.fine && said.text.contains(by_hand) && said.text.contains("dnf"), "no apt: {}", said.text);
    machine.command("apt-get", "echo called");
    machine.command("id", "echo 1000");
    let said = machine.build();
    assert!(
        !said.fine && said.text.contains(by_hand) && !said.text.contains("called"),
        "no sudo: {}",
        said.text
    );
    machine.command("sudo", "exit 1");
    let said = machine.build();
    assert!(
        !said.fine && said.text.contains(by_hand) && !said.text.contains("called"),
        "no terminal: {}",
        said.text
    );
}

#[test]
fn a_libclang_path_that_leads_nowhere_is_named() {
    let machine = Machine::complete();
    machine.command("apt-get", "echo called");
    let said = machine.run("build", Path::new("/nowhere"));
    assert!(!said.fine && said.text.contains("LIBCLANG_PATH is '/nowhere'"), "{}", said.text);
    assert!(said.text.contains("unset LIBCLANG_PATH") && !said.text.contains("called"), "{}", said.text);
}
