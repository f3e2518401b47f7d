//! The shape of a function: how long it is, how much it takes.

use std::ops::Range;

use super::Finding;
use super::rules::File;
use super::source::Source;

/// Most lines of a function, from `fn` to its closing brace: its doc comment does not count.
pub(super) const MAX_FUNCTION_LINES: usize = 70;
/// Most parameters, `self` included.
pub(super) const MAX_PARAMETERS: usize = 5;

/// A function in the text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Function<'a> {
    pub(super) name: &'a str,
    pub(super) line: usize,
    pub(super) lines: usize,
    pub(super) parameters: usize,
}

/// The functions that are too long or take too much. What a function of an `impl .. for ..` takes, the trait
/// decides: one of ours is asked where it is declared.
pub(super) fn shape(file: &File<'_>) -> Vec<Finding> {
    let dictated = trait_impls(&file.source);
    let mut findings = Vec::new();
    for (at, Function { name, line, lines, parameters }) in functions(&file.source) {
        if lines > MAX_FUNCTION_LINES {
            let what = format!("`{name}` has {lines} lines, at most {MAX_FUNCTION_LINES}");
            findings.push(file.finding(line, "function-length", what));
        }
        if parameters > MAX_PARAMETERS && !dictated.iter().any(|body| body.contains(&at)) {
            let what = format!("`{name}` takes {parameters} parameters, at most {MAX_PARAMETERS}");
            findings.push(file.finding(line, "parameters", what));
        }
    }
    findings
}

/// Every function with a name, those within functions, traits and macros included, and where its `fn` stands.
pub(super) fn functions<'a>(source: &Source<'a>) -> Vec<(usize, Function<'a>)> {
    let starts = (0..source.tokens.len()).filter(|at| source.text(*at) == "fn");
    starts.filter_map(|at| Some((at, function(source, at)?))).collect()
}

/// The tokens of each `impl Trait for Type { .. }`.
fn trait_impls(source: &Source<'_>) -> Vec<Range<usize>> {
    let starts = (0..source.tokens.len()).filter(|at| source.text(*at) == "impl");
    let body = |at| {
        // A `where` clause may say `for<'a>` too.
        let word = outside_angles(source, at + 1, &["for", "where", "{", ";", ")", ","])?;
        let open = outside_angles(source, word, &["{"])?;
        (source.text(word) == "for").then(|| open..source.close(open))
    };
    starts.filter_map(body).collect()
}

/// The function whose `fn` stands at `at`; none where `fn` is a pointer type.
fn function<'a>(source: &Source<'a>, at: usize) -> Option<Function<'a>> {
    let name = source.tokens.get(at + 1).filter(|name| name.is_word())?;
    let open = outside_angles(source, at + 2, &["("])?;
    let shut = source.close(open);
    let end = match outside_angles(source, shut + 1, &["{", ";"])? {
        body if source.text(body) == "{" => source.close(body),
        semicolon => semicolon,
    };
    let line = source.tokens[at].line;
    let lines = source.tokens[end].line + 1 - line;
    Some(Function { name: name.text, line, lines, parameters: parameters(source, open, shut) })
}

/// The first of `signs` from `from` on that stands in no brackets, angle brackets included.
fn outside_angles(source: &Source<'_>, from: usize, signs: &[&str]) -> Option<usize> {
    let (mut at, mut angles) = (from, 0_usize);
    while at < source.tokens.len() {
        match source.text(at) {
            text if angles == 0 && signs.contains(&text) => return Some(at),
            "<" => angles += 1,
            ">" => angles = angles.saturating_sub(1),
            "(" | "[" | "{" => at = source.close(at),
            _ => {}
        }
        at += 1;
    }
    None
}

/// How many parameters stand between the brackets at `open` and `shut`; a closing comma adds none.
fn parameters(source: &Source<'_>, open: usize, shut: usize) -> usize {
    let (mut count, mut from) = (0, open + 1);
    while from < shut {
        count += 1;
        from = outside_angles(source, from, &[","]).map_or(shut, |comma| comma + 1);
    }
    count
}
