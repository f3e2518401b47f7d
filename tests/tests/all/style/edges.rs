//! The direction of dependencies: which crate of the workspace may know which, and who holds the heavy
//! libraries.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::Finding;

/// What each member may depend on, by folder: itself left out, everything it may know named. A
/// dev-dependency has no wider choice: a test that needs more belongs into `tests`.
pub(super) const ALLOWED: &[(&str, &[&str])] = &[
    ("sha256", &[]),
    ("primitives", &["sha256"]),
    ("genesis", &["sha256", "primitives"]),
    ("consensus", &["sha256", "primitives", "genesis"]),
    ("ledger", &["sha256", "primitives", "genesis", "consensus"]),
    ("network", &["sha256", "primitives"]),
    ("rpc", &["sha256", "primitives"]),
    ("mining", &["sha256", "primitives"]),
    ("wallet", &["sha256", "primitives"]),
    ("verifier", &["sha256", "primitives"]),
    (
        "node",
        &[
            "sha256",
            "primitives",
            "genesis",
            "consensus",
            "ledger",
            "network",
            "rpc",
            "mining",
            "wallet",
            "verifier",
        ],
    ),
    (
        "tests",
        &[
            "sha256",
            "primitives",
            "genesis",
            "consensus",
            "ledger",
            "network",
            "rpc",
            "mining",
            "wallet",
            "node",
        ],
    ),
];

/// Libraries with one home each, for normal dependencies: (library, the members that may have it).
const HOMES: &[(&str, &[&str])] = &[
    ("rocksdb", &["ledger"]),
    ("libp2p", &["network"]),
    ("jsonrpsee", &["rpc"]),
    ("tokio", &["network", "rpc", "node", "tests"]),
];

const PREFIX: &str = "starling-";

/// One member's manifest.
pub(super) struct Manifest {
    pub(super) folder: String,
    pub(super) table: Table,
}

/// A dependency as a manifest names it.
struct Dependency<'a> {
    section: &'static str,
    name: &'a str,
    from_workspace: bool,
}

/// Every rule on the manifests of all members.
pub(super) fn check(manifests: &[Manifest]) -> Vec<Finding> {
    let allowed: BTreeMap<_, _> = ALLOWED.iter().copied().collect();
    let mut findings = Vec::new();
    for manifest in manifests {
        match allowed.get(manifest.folder.as_str()) {
            Some(allowed) => findings.extend(check_member(manifest, allowed)),
            None => findings
                .push(manifest.finding("a member that the table of allowed dependencies does not have")),
        }
    }
    findings
}

fn check_member(manifest: &Manifest, allowed: &[&str]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for Dependency { section, name, from_workspace } in manifest.dependencies() {
        if let Some(member) = name.strip_prefix(PREFIX).filter(|member| !allowed.contains(member)) {
            findings.push(manifest.finding(&format!("{section} on `{member}`: allowed are {allowed:?}")));
        }
        let home = HOMES.iter().find(|(library, _)| *library == name && section != "dev-dependency");
        if let Some((_, homes)) = home.filter(|(_, homes)| !homes.contains(&manifest.folder.as_str())) {
            findings.push(manifest.finding(&format!("{section} on `{name}`, which lives in {homes:?}")));
        }
        if !from_workspace {
            findings.push(
                manifest.finding(&format!("`{name}` names its own version: use `{name}.workspace = true`")),
            );
        }
    }
    let lints = manifest.table.get("lints").and_then(|lints| lints.get("workspace")).and_then(Value::as_bool);
    if lints != Some(true) {
        findings
            .push(manifest.finding("the lints of the workspace do not apply: `[lints] workspace = true`"));
    }
    findings
}

impl Manifest {
    fn finding(&self, what: &str) -> Finding {
        let path = format!("{}/Cargo.toml", self.folder);
        Finding { path, line: 1, rule: "edges", what: what.to_owned() }
    }

    /// The dependencies of every kind, those of single platforms included.
    fn dependencies(&self) -> Vec<Dependency<'_>> {
        let platforms =
            self.table.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
        let tables = platforms.filter_map(Value::as_table).chain([&self.table]);
        let mut found = Vec::new();
        for table in tables {
            for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
                let entries = table.get(section).and_then(Value::as_table).into_iter().flatten();
                found.extend(entries.map(|(name, value)| Dependency {
                    section: match section {
                        "dev-dependencies" => "dev-dependency",
                        "build-dependencies" => "build-dependency",
                        _ => "dependency",
                    },
                    name,
                    from_workspace: value.get("workspace").and_then(Value::as_bool) == Some(true),
                }));
            }
        }
        found
    }
}
