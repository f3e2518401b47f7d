//! The style test tried on small texts: each rule finds what breaks it, and nothing else.

use super::edges::{self, Manifest};
use super::functions::{Function, functions};
use super::rules::{self, File};
use super::source::Source;
use super::{machine_paths, matches_path};

/// The rules that `text`, after an opening line, breaks at `path`, with their lines.
fn broken(path: &str, text: &str) -> Vec<(&'static str, usize)> {
    let text = format!("//! What it is for.\n{text}");
    rules::check(&File::new(path, &text)).iter().map(|finding| (finding.rule, finding.line)).collect()
}

fn words(text: &str) -> Vec<&str> {
    Source::read(text).tokens.iter().map(|token| token.text).collect()
}

#[test]
fn tokens_are_told_from_strings_and_comments() {
    assert_eq!(words("a.unwrap()"), ["a", ".", "unwrap", "(", ")"]);
    assert_eq!(
        words("f(\"a \\\" fn b\") // fn c\n/* fn /* d */ e */ g"),
        ["f", "(", "\"a \\\" fn b\"", ")", "g"]
    );
    assert_eq!(
        words("r#\"a \" b\"# br\"c\" b\"\\\\\" c\"d\" r\"\\\" x"),
        ["r#\"a \" b\"#", "br\"c\"", "b\"\\\\\"", "c\"d\"", "r\"\\\"", "x"]
    );
    assert_eq!(words("'a' '\\'' '\\u{7f}' b'{' 'ä'"), ["'a'", "'\\''", "'\\u{7f}'", "b", "'{'", "'ä'"]);
    assert_eq!(words("&'a str <'_>"), ["&", "'a", "str", "<", "'_", ">"]);
    assert_eq!(words("0..5 1.5e3 x.0.1 0xff_u8"), ["0", ".", ".", "5", "1.5e3", "x", ".", "0.1", "0xff_u8"]);
    assert_eq!(words("a->b=>c::d>>e"), ["a", "->", "b", "=>", "c", "::", "d", ">", ">", "e"]);
    assert_eq!(words("rank bar crab r#fn"), ["rank", "bar", "crab", "r", "#", "fn"]);
    assert_eq!(words("\"never closed"), ["\"never closed"]);
}

#[test]
fn lines_are_counted_across_strings_and_comments() {
    let source = Source::read("a\n\"b\nc\"\n/* d\ne */ f // g\nh");
    let lines: Vec<_> = source.tokens.iter().map(|token| token.line).collect();
    assert_eq!(lines, [1, 2, 5, 6]);
    assert_eq!(source.comments, [(4, "/* d\ne */"), (5, "// g")]);
}

#[test]
fn functions_are_measured() {
    let one = |text| functions(&Source::read(text)).pop().map(|(_, function)| function);
    let of = |lines, parameters| Some(Function { name: "f", line: 1, lines, parameters });
    assert_eq!(one("fn f() {}"), of(1, 0));
    assert_eq!(one("pub(crate) const unsafe fn f(&self, a: u8,) -> u8 {\n}"), of(2, 2));
    assert_eq!(
        one("fn f<T: Fn(u8, u8) -> u8>(a: HashMap<u8, Vec<(u8, u8)>>, b: [u8; 2]) -> T\nwhere\n T: A {\n}"),
        of(4, 2)
    );
    assert_eq!(one("fn f(g: fn(u8, u8) -> u8, #[h(i, j)] k: impl Fn(u8, u8)) { fn_(1, 2); }"), of(1, 2));
    assert_eq!(one("fn f(a: u8, b: u8);\nfn_()"), of(1, 2));
    assert_eq!(one("type A = fn(u8) -> u8;"), None);
    assert_eq!(functions(&Source::read("fn f() {\n fn g() {}\n}\nfn h() {}")).len(), 3);
}

#[test]
fn a_function_has_at_most_70_lines() {
    let function =
        |lines: usize| format!("/// Does.\n/// Much.\npub fn f() {{\n{}}}", "    g();\n".repeat(lines - 2));
    assert_eq!(broken("ledger/src/a.rs", &function(70)), []);
    assert_eq!(broken("ledger/src/a.rs", &function(71)), [("function-length", 4)]);
    assert_eq!(broken("ledger/src/a/tests.rs", &function(71)), [("function-length", 4)]);
}

#[test]
fn a_function_takes_at_most_5_parameters() {
    let function = |extra: &str| {
        format!("impl A {{\n fn f(&mut self, a: u8, b: B<u8, u8>, c: (u8, u8), d: [u8; 2]{extra}) {{}}\n}}")
    };
    assert_eq!(broken("ledger/src/a.rs", &function("")), []);
    assert_eq!(broken("ledger/src/a.rs", &function(", e: u8")), [("parameters", 3)]);
}

#[test]
fn a_trait_dictates_the_parameters_of_its_impls() {
    let six = "fn f(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8) {}";
    for head in ["impl A for B", "impl<T: C<u8>> A<T> for B<T> where T: C", "unsafe impl A for fn(u8)"] {
        assert_eq!(broken("sha256/src/a.rs", &format!("{head} {{ {six} }}")), [], "{head}");
    }
    for head in ["impl B", "impl<T> B<T> where for<'a> T: C<'a>", "trait A", "fn g() -> impl C"] {
        assert_eq!(broken("sha256/src/a.rs", &format!("{head} {{ {six} }}")), [("parameters", 2)], "{head}");
    }
    assert_eq!(broken("sha256/src/a.rs", &format!("impl A for B {{}}\n{six}")), [("parameters", 3)]);
}

#[test]
fn a_file_has_a_length() {
    // One line is the opening's.
    let lines = |count: usize| "\n".repeat(count - 1);
    assert_eq!(broken("rpc/src/a.rs", &lines(500)), []);
    assert_eq!(broken("rpc/src/a.rs", &lines(501)), [("file-length", 501)]);
    for path in ["rpc/src/a/tests.rs", "rpc/src/a/tests/b.rs", "tests/src/a.rs"] {
        assert_eq!(broken(path, &lines(800)), []);
        assert_eq!(broken(path, &lines(801)), [("file-length", 801)]);
    }
    assert_eq!(broken("rpc/src/contests.rs", &lines(501)), [("file-length", 501)]);
}

#[test]
fn a_line_has_a_length() {
    assert_eq!(broken("rpc/src/a.rs", &format!("// {}", "ä".repeat(107))), []);
    assert_eq!(broken("rpc/src/a.rs", &format!("\n// {}", "a".repeat(108))), [("line-length", 3)]);
}

#[test]
fn a_module_opens_with_what_it_is_for() {
    for text in ["use a;\n", "/// A.\nstruct A;", "\n//! Late.", ""] {
        let findings = rules::check(&File::new("rpc/src/a.rs", text));
        assert_eq!(findings.iter().map(|finding| finding.rule).collect::<Vec<_>>(), ["opening"]);
    }
}

#[test]
fn unwrap_stays_in_tests() {
    let text = "fn f() { a.b()\n.unwrap(); c.map(Option::unwrap); d.unwrap_err(); }";
    assert_eq!(broken("rpc/src/a.rs", text), [("unwrap", 3), ("unwrap", 3), ("unwrap", 3)]);
    assert_eq!(broken("rpc/src/a/tests.rs", text), []);
    let fine =
        "/// a.unwrap()\nfn unwrap() { a.unwrap_or(\".unwrap()\"); /* b.unwrap() */ c.expect(\"d\"); }";
    assert_eq!(broken("rpc/src/a.rs", fine), []);
}

#[test]
fn what_is_not_finished_is_found() {
    for name in ["todo", "unimplemented", "dbg"] {
        let text = format!("fn f() {{\n {name}!(1) }}");
        assert_eq!(broken("rpc/src/a.rs", &text), [("leftover", 3)]);
        assert_eq!(broken("rpc/src/tests.rs", &text), [("leftover", 3)]);
    }
    assert_eq!(broken("rpc/src/a.rs", "fn todo() { let dbg = \"todo!()\"; if dbg != a {} }"), []);
}

#[test]
fn no_test_is_ignored() {
    for text in [
        "#[ignore]",
        "#[ignore = \"slow\"]",
        "#[cfg_attr(unix, ignore)]",
        "/// ```ignore",
        "//! ```rust, ignore",
    ] {
        assert_eq!(broken("tests/src/a.rs", text), [("ignored-test", 2)], "{text}");
    }
    assert_eq!(broken("tests/src/a.rs", "#[cfg(ignore)]\n// #[ignore]\n/// ```text\nfn ignore() {}"), []);
}

#[test]
fn unsafe_lives_in_sha256() {
    let text = "fn f() {\n unsafe { g() } }\n#[allow(unsafe_code, reason = \"r\")]";
    assert_eq!(broken("ledger/src/a.rs", text), [("unsafe", 3), ("unsafe", 4)]);
    assert_eq!(broken("sha256/src/a.rs", text), []);
    assert_eq!(
        broken("ledger/src/a.rs", "#![forbid(unsafe_code)]\n// unsafe\nconst A: &str = \"unsafe\";"),
        []
    );
}

#[test]
fn tests_live_beside_the_code() {
    for text in ["mod tests {}", "#[test]\nfn a() {}", "#[tokio::test(flavor = \"x\")]\nasync fn a() {}"] {
        assert_eq!(broken("rpc/src/a.rs", text), [("tests-beside", 2)], "{text}");
        assert_eq!(broken("rpc/src/a/tests.rs", text), [], "{text}");
    }
    assert_eq!(broken("rpc/src/a.rs", "#[cfg(test)]\nmod tests;"), []);
}

#[test]
fn a_lint_is_lifted_with_a_reason() {
    for text in ["#[allow(a)]", "#![expect(clippy::a)]", "/// A.\n#[allow(a)]"] {
        assert_eq!(broken("rpc/src/a.rs", text).len(), 1, "{text}");
    }
    for text in
        ["#[allow(a, reason = \"b\")]", "// For b.\n#[allow(a)]", "#[allow(a)] // for b", "#[cfg(allow)]"]
    {
        assert_eq!(broken("rpc/src/a.rs", text), [], "{text}");
    }
}

#[test]
fn pure_code_is_handed_time_and_chance() {
    let calls = [
        "Instant::now()",
        "std::time::SystemTime::now()",
        "tokio::time::sleep(a)",
        "rand::thread_rng()",
        "getrandom::fill(a)",
    ];
    for call in calls {
        let text = format!("fn f() {{\n {call} }}");
        for path in [
            "node/src/core.rs",
            "node/src/core/a.rs",
            "consensus/src/a.rs",
            "network/src/sync.rs",
            "ledger/src/a/b.rs",
        ] {
            assert_eq!(broken(path, &text), [("ambient", 3)], "{path}: {call}");
        }
        for path in
            ["node/src/shell.rs", "network/src/driver.rs", "network/src/driver/a.rs", "ledger/src/a/tests.rs"]
        {
            assert_eq!(broken(path, &text), [], "{path}: {call}");
        }
    }
    assert_eq!(broken("node/src/core/a.rs", "fn f(now: Instant) { \"Instant::now()\"; }"), []);
}

#[test]
fn a_library_exports_by_list() {
    assert_eq!(broken("rpc/src/lib.rs", "mod b;\npub use b::*;"), [("exports", 3)]);
    assert_eq!(broken("rpc/src/lib.rs", "mod b;\npub use b::{C, D};"), []);
    assert_eq!(broken("rpc/src/b.rs", "use a::*;"), []);
}

#[test]
fn a_place_is_a_file_or_a_folder() {
    assert!(matches_path("node/src/core", "node/src/core.rs"));
    assert!(matches_path("node/src/core", "node/src/core/a/b.rs"));
    assert!(!matches_path("node/src/core", "node/src/cores.rs"));
}

#[test]
fn paths_of_one_machine_are_found() {
    let lines =
        |text: &str| machine_paths("README.md", text).iter().map(|finding| finding.line).collect::<Vec<_>>();
    assert_eq!(lines(concat!("a\ncd /wo", "rk/main\n(/ro", "ot/.cargo)")), [2, 3]);
    assert_eq!(
        lines(concat!("mining/wo", "rk/a.rs state/ro", "ot/b ../wo", "rk/ work")),
        Vec::<usize>::new()
    );
}

/// What the edges' rules say of one manifest.
fn edges_of(folder: &str, manifest: &str) -> Vec<String> {
    let text = format!("{manifest}\n[lints]\nworkspace = true");
    let table = toml::from_str(&text).expect("the case is TOML");
    edges::check(&[Manifest { folder: folder.to_owned(), table }])
        .into_iter()
        .map(|finding| finding.what)
        .collect()
}

#[test]
fn dependencies_that_point_back_are_found() {
    let on = |section: &str, name: &str| format!("[{section}]\nstarling-{name}.workspace = true");
    assert_eq!(edges_of("ledger", &on("dependencies", "consensus")), Vec::<String>::new());
    let back = [
        ("consensus", "ledger"),
        ("network", "consensus"),
        ("network", "ledger"),
        ("rpc", "ledger"),
        ("rpc", "network"),
        ("wallet", "ledger"),
        ("verifier", "genesis"),
        ("mining", "node"),
        ("node", "tests"),
    ];
    let sections =
        ["dependencies", "dev-dependencies", "build-dependencies", "target.'cfg(unix)'.dependencies"];
    for (folder, name) in back {
        for section in sections {
            let found = edges_of(folder, &on(section, name));
            assert!(
                matches!(&found[..], [what] if what.contains(&format!("on `{name}`"))),
                "{folder} {section}: {found:?}"
            );
        }
    }
}

#[test]
fn heavy_libraries_have_one_home() {
    let rocksdb = "rocksdb.workspace = true";
    assert_eq!(edges_of("ledger", &format!("[dependencies]\n{rocksdb}")), Vec::<String>::new());
    assert_eq!(edges_of("wallet", &format!("[dev-dependencies]\n{rocksdb}")), Vec::<String>::new());
    assert_eq!(edges_of("wallet", &format!("[dependencies]\n{rocksdb}")).len(), 1);
}

#[test]
fn a_manifest_takes_versions_and_lints_from_the_workspace() {
    for dependency in ["a = \"1\"", "a = { version = \"1\" }", "a = { path = \"../a\" }"] {
        assert_eq!(edges_of("rpc", &format!("[dependencies]\n{dependency}")).len(), 1, "{dependency}");
    }
    let table = toml::from_str("[package]\nname = \"a\"").expect("the case is TOML");
    assert_eq!(edges::check(&[Manifest { folder: "rpc".to_owned(), table }]).len(), 1);
    assert_eq!(edges_of("fuzz", ""), ["a member that the table of allowed dependencies does not have"]);
}
