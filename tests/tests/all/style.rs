//! The house rules, held against every file of the workspace: sizes, places, dependencies, words that do not
//! stay. A finding reads `file:line: rule: what`. To raise a number for one file, name it in [`EXCEPTIONS`]
//! with the reason; an exception that nothing needs any more is a finding too.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use self::edges::Manifest;
use self::rules::File;

mod edges;
mod functions;
mod rules;
mod source;
mod tests;

/// A file that may break one rule, and why it is better so.
struct Exception {
    path: &'static str,
    rule: &'static str,
    reason: &'static str,
}

const EXCEPTIONS: &[Exception] = &[Exception {
    path: "consensus/src/signature/batch.rs",
    rule: "ambient",
    reason: "a batch's coefficients must be unknown to who signed, and do not change the verdict",
}];

/// Folders of the workspace that hold files of the project and are no members.
const FOLDERS: &[&str] = &[".cargo", ".ci", "docs", "fuzz/entries", "fuzz/fuzz_targets", "scripts"];

/// Paths of one machine, which mean nothing on another. In halves, for this file is read as well.
const MACHINE_PATHS: &[&str] = &[concat!("/wo", "rk/"), concat!("/ro", "ot/")];

/// What breaks a rule, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    path: String,
    line: usize,
    rule: &'static str,
    what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, rule, what } = self;
        write!(f, "{path}:{line}: {rule}: {what}")
    }
}

/// Whether `path` is the module `place` or lies in it: `a/b` is `a/b.rs` and all of `a/b/`.
fn matches_path(place: &str, path: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

#[test]
fn code_keeps_the_house_rules() {
    let files = texts();
    let rust = files.iter().filter(|(path, _)| path.ends_with(".rs"));
    let findings: Vec<_> = rust.flat_map(|(path, text)| rules::check(&File::new(path, text))).collect();
    let excused = |finding: &Finding| {
        EXCEPTIONS.iter().any(|exception| exception.path == finding.path && exception.rule == finding.rule)
    };
    let needless = EXCEPTIONS
        .iter()
        .filter(|one| !findings.iter().any(|finding| finding.path == one.path && finding.rule == one.rule));
    let needless = needless.map(|one| Finding {
        path: one.path.to_owned(),
        line: 1,
        rule: one.rule,
        what: format!("keeps the rule now: the exception can go ({})", one.reason),
    });
    report(findings.iter().filter(|finding| !excused(finding)).cloned().chain(needless).collect());
}

#[test]
fn dependencies_point_one_way() {
    let manifests: Vec<_> = members()
        .into_iter()
        .map(|folder| Manifest { table: toml_file(&root().join(&folder).join("Cargo.toml")), folder })
        .collect();
    assert_eq!(
        manifests.len(),
        edges::ALLOWED.len(),
        "the table of allowed dependencies names a folder that is no member"
    );
    report(edges::check(&manifests));
}

#[test]
fn no_file_speaks_of_one_machine() {
    let findings = texts().iter().flat_map(|(path, text)| machine_paths(path, text)).collect();
    report(findings);
}

#[test]
fn every_place_the_rules_name_exists() {
    for place in rules::PURE.iter().chain(rules::SHELLS) {
        let found = root().join(place).is_dir() || root().join(format!("{place}.rs")).is_file();
        assert!(found, "the list of pure code names `{place}`, which is not there");
    }
}

/// Fails with one line for each finding.
fn report(findings: Vec<Finding>) {
    let lines: Vec<_> = findings.iter().map(Finding::to_string).collect();
    assert!(lines.is_empty(), "{} findings:\n{}", lines.len(), lines.join("\n"));
}

/// Where `text` names a path of one machine; the same word inside a longer path (`mining/src/..`) is none.
fn machine_paths(path: &str, text: &str) -> Vec<Finding> {
    let inside = |before: &str| before.ends_with(|c: char| c.is_alphanumeric() || "._-*/}".contains(c));
    let named = |line: &str| {
        MACHINE_PATHS.iter().any(|name| line.match_indices(name).any(|(at, _)| !inside(&line[..at])))
    };
    let lines = text.lines().enumerate().filter(|(_, line)| named(line));
    let finding = |(at, line): (usize, &str)| Finding {
        path: path.to_owned(),
        line: at + 1,
        rule: "machine-path",
        what: line.trim().to_owned(),
    };
    lines.map(finding).collect()
}

/// The workspace's folder.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate `tests` lies in the workspace")
}

fn toml_file(path: &Path) -> toml::Table {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The folders of the workspace's members.
fn members() -> Vec<String> {
    let manifest = toml_file(&root().join("Cargo.toml"));
    let members = manifest["workspace"]["members"].as_array().expect("a workspace lists its members");
    members.iter().map(|member| member.as_str().expect("a member is a path").to_owned()).collect()
}

/// Every text file of the project, as (path relative to the root, text), in the order of their paths.
fn texts() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let top = fs::read_dir(root()).expect("the workspace's folder can be read");
    let files = top.map(|entry| entry.expect("an entry can be read").path());
    // In a linked working tree `.git` is a file, and not ours.
    let files = files.filter(|path| path.is_file() && !path.ends_with(".git"));
    let folders = members().into_iter().map(PathBuf::from).chain(FOLDERS.iter().map(PathBuf::from));
    let mut open: Vec<_> =
        files.chain(folders.map(|folder| root().join(folder)).filter(|path| path.is_dir())).collect();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            open.extend(entries.map(|entry| entry.expect("an entry can be read").path()));
            continue;
        }
        let name =
            path.strip_prefix(root()).expect("found under the root").to_string_lossy().replace('\\', "/");
        let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        // What is no text (vectors, pictures) has no style.
        found.extend(String::from_utf8(bytes).ok().map(|text| (name, text)));
    }
    found.sort();
    found
}
