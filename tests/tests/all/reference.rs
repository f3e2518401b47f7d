//! The reference implementation in `docs/spec/reference/`, in Python, still gives the golden files and the
//! genesis ids of the carried chains. Where there is no Python, that is said and nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The workspace's folder.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate `tests` lies in the workspace")
}

/// Runs a script of the reference; none when python3 is missing.
fn run(script: &str, arguments: &[PathBuf]) -> Option<Output> {
    let script = root().join("docs/spec/reference").join(script);
    match Command::new("python3").arg(script).args(arguments).output() {
        Ok(output) => Some(output),
        Err(error) => {
            eprintln!("python3 cannot be run ({error}); the reference was not asked");
            None
        }
    }
}

fn must_agree(output: &Output) {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&text));
}

#[test]
fn the_reference_gives_the_golden_files() {
    if let Some(output) = run("generate.py", &["--check".into()]) {
        must_agree(&output);
    }
}

#[test]
fn the_reference_gives_the_genesis_ids_of_the_carried_chains() {
    let chains = fs::read_dir(root().join("genesis/chains")).expect("the carried chains are there");
    let mut files: Vec<_> = chains.map(|entry| entry.expect("an entry can be read").path()).collect();
    files.sort();
    assert!(files.len() >= 2, "dev and testnet are carried: {files:?}");
    if let Some(output) = run("genesis_id.py", &files) {
        must_agree(&output);
    }
}
