//! The house rules for one Rust file. Each takes a [`File`] and reports what breaks the rule.

use super::functions;
use super::source::Source;
use super::{Finding, matches_path};

/// Most lines of a file, and of a file of tests.
pub(super) const MAX_FILE_LINES: usize = 500;
pub(super) const MAX_TEST_FILE_LINES: usize = 800;
/// Most characters of a line; rustfmt keeps code to it, this keeps comments and strings.
pub(super) const MAX_LINE_CHARS: usize = 110;

/// Code whose results depend on its arguments alone: the core, and the machines and rules inside it.
pub(super) const PURE: &[&str] =
    &["primitives/src", "genesis/src", "consensus/src", "ledger/src", "network/src", "node/src/core"];
/// The shells inside those folders.
pub(super) const SHELLS: &[&str] = &["network/src/driver"];
/// What pure code does not call: clocks, randomness nobody passed in, tasks.
const AMBIENT: &[&[&str]] = &[
    &["Instant", "::", "now"],
    &["SystemTime", "::", "now"],
    &["thread", "::", "sleep"],
    &["rand", "::", "rng"],
    &["rand", "::", "random"],
    &["thread_rng"],
    &["getrandom"],
    &["OsRng"],
    &["SysRng"],
    &["tokio"],
    &["async"],
    &["await"],
];

/// A Rust file of the workspace, its path relative to the root.
pub(super) struct File<'a> {
    pub(super) path: &'a str,
    pub(super) text: &'a str,
    pub(super) source: Source<'a>,
}

impl<'a> File<'a> {
    pub(super) fn new(path: &'a str, text: &'a str) -> Self {
        Self { path, text, source: Source::read(text) }
    }

    /// Tests live in `tests.rs` files and in folders named `tests`, the crate of that name included; what
    /// several of them share is in a `testing.rs`.
    pub(super) fn is_test(&self) -> bool {
        self.path.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "testing.rs"))
    }

    pub(super) fn finding(&self, line: usize, rule: &'static str, what: impl Into<String>) -> Finding {
        Finding { path: self.path.to_owned(), line, rule, what: what.into() }
    }
}

/// Every rule, on one file.
pub(super) fn check(file: &File<'_>) -> Vec<Finding> {
    let rules = [
        size,
        opening,
        functions::shape,
        unwrap,
        leftovers,
        ignored_tests,
        unsafe_code,
        tests_beside,
        reasons,
        ambient,
        exports,
    ];
    let mut findings: Vec<_> = rules.iter().flat_map(|rule| rule(file)).collect();
    findings.sort_by_key(|finding| finding.line);
    findings
}

fn size(file: &File<'_>) -> Vec<Finding> {
    let most = if file.is_test() { MAX_TEST_FILE_LINES } else { MAX_FILE_LINES };
    let lines = file.text.lines().count();
    let long =
        (lines > most).then(|| file.finding(lines, "file-length", format!("{lines} lines, at most {most}")));
    let wide = file.text.lines().enumerate().filter_map(|(at, line)| {
        let chars = line.chars().count();
        let what = format!("{chars} characters, at most {MAX_LINE_CHARS}");
        (chars > MAX_LINE_CHARS).then(|| file.finding(at + 1, "line-length", what))
    });
    long.into_iter().chain(wide).collect()
}

fn opening(file: &File<'_>) -> Vec<Finding> {
    if file.text.starts_with("//!") {
        return Vec::new();
    }
    vec![file.finding(1, "opening", "the first line is not a `//!` that says what the module is for")]
}

fn unwrap(file: &File<'_>) -> Vec<Finding> {
    if file.is_test() {
        return Vec::new();
    }
    let what = "a panic without its reason: `expect(\"why it cannot fail\")` or an error";
    words(file, |source, at| {
        at > 0
            && matches!(source.text(at), "unwrap" | "unwrap_err")
            && matches!(source.text(at - 1), "." | "::")
    })
    .map(|line| file.finding(line, "unwrap", what))
    .collect()
}

fn leftovers(file: &File<'_>) -> Vec<Finding> {
    words(file, |source, at| {
        matches!(source.text(at), "todo" | "unimplemented" | "dbg") && source.text(at + 1) == "!"
    })
    .map(|line| file.finding(line, "leftover", "`todo!`, `unimplemented!` and `dbg!` do not stay"))
    .collect()
}

fn ignored_tests(file: &File<'_>) -> Vec<Finding> {
    let attributes = words(file, |source, at| {
        source.reads(at, &["#", "["])
            && (source.text(at + 2) == "ignore"
                || source.text(at + 2) == "cfg_attr" && within(source, at + 1).any(|word| word == "ignore"))
    });
    let examples = file.source.comments.iter().filter(|(_, text)| {
        let code = text.trim_start_matches(['/', '!']).trim_start();
        code.strip_prefix("```").is_some_and(|tags| tags.split(',').any(|tag| tag.trim() == "ignore"))
    });
    attributes
        .chain(examples.map(|(line, _)| *line))
        .map(|line| file.finding(line, "ignored-test", "a test runs or it goes"))
        .collect()
}

fn unsafe_code(file: &File<'_>) -> Vec<Finding> {
    if file.path.starts_with("sha256/") {
        return Vec::new();
    }
    words(file, |source, at| {
        let lifts =
            matches!(source.text(at), "allow" | "expect") && source.reads(at + 1, &["(", "unsafe_code"]);
        source.text(at) == "unsafe" || lifts
    })
    .map(|line| file.finding(line, "unsafe", "only the kernels of `sha256` may"))
    .collect()
}

fn tests_beside(file: &File<'_>) -> Vec<Finding> {
    if file.is_test() {
        return Vec::new();
    }
    words(file, |source, at| {
        // `#[test]`, `#[tokio::test]`, `#[tokio::test(..)]`: the last part of the attribute's path.
        let mut name = at + 2;
        while source.text(name + 1) == "::" {
            name += 2;
        }
        source.reads(at, &["mod", "tests", "{"])
            || source.reads(at, &["#", "["]) && source.text(name) == "test"
    })
    .map(|line| file.finding(line, "tests-beside", "tests live in `foo/tests.rs` beside `foo.rs`"))
    .collect()
}

fn reasons(file: &File<'_>) -> Vec<Finding> {
    let plain = |text: &str| !text.starts_with("///") && !text.starts_with("//!");
    let near = |at: usize, line: usize| at == line || at + 1 == line;
    let commented = |line| file.source.comments.iter().any(|(at, text)| near(*at, line) && plain(text));
    words(file, |source, at| {
        let open = if source.text(at + 1) == "!" { at + 2 } else { at + 1 };
        source.text(at) == "#"
            && source.text(open) == "["
            && matches!(source.text(open + 1), "allow" | "expect")
            && !within(source, open).any(|word| word == "reason")
    })
    .filter(|line| !commented(*line))
    .map(|line| {
        file.finding(line, "allow-reason", "a lint is lifted with `reason = \"..\"` or a comment above")
    })
    .collect()
}

fn ambient(file: &File<'_>) -> Vec<Finding> {
    let among = |places: &[&str]| places.iter().any(|place| matches_path(place, file.path));
    if file.is_test() || !among(PURE) || among(SHELLS) {
        return Vec::new();
    }
    AMBIENT
        .iter()
        .flat_map(|call| words(file, |source, at| source.reads(at, call)).map(|line| (line, call.concat())))
        .map(|(line, call)| {
            file.finding(
                line,
                "ambient",
                format!("`{call}` in pure code: time, chance and tasks are passed in"),
            )
        })
        .collect()
}

/// A `lib.rs` exports by list.
fn exports(file: &File<'_>) -> Vec<Finding> {
    if file.is_test() || !file.path.ends_with("src/lib.rs") {
        return Vec::new();
    }
    words(file, |source, at| source.reads(at, &["::", "*", ";"]))
        .map(|line| file.finding(line, "exports", "a crate names each thing that it exports"))
        .collect()
}

/// The lines of the tokens for which `breaks` holds.
fn words<'a, F>(file: &'a File<'_>, breaks: F) -> impl Iterator<Item = usize> + use<'a, F>
where
    F: Fn(&Source<'_>, usize) -> bool,
{
    let source = &file.source;
    (0..source.tokens.len()).filter(move |at| breaks(source, *at)).map(|at| source.tokens[at].line)
}

/// The words inside the brackets that open at `open`.
fn within<'a>(source: &'a Source<'_>, open: usize) -> impl Iterator<Item = &'a str> {
    source.tokens[open..source.close(open)].iter().filter(|token| token.is_word()).map(|token| token.text)
}
