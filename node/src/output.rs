//! Results on stdout: lines, tables and JSON. Whatever came from elsewhere is shown with its control and
//! format characters escaped.

mod time;

pub(crate) use time::{ago, duration, now, utc};

use crate::failure::{Failure, Outcome};
use serde::Serialize;
use starling_primitives::Amount;
use std::io::{self, IsTerminal, Write};

/// One line of text.
pub(crate) fn line(text: &str) -> Outcome<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::reader_gone(),
        _ => Failure::failed(format!("cannot write the result: {error}")),
    })
}

/// One line of JSON.
pub(crate) fn json<T: Serialize>(value: &T) -> Outcome<()> {
    let text = serde_json::to_string(value);
    line(&text.map_err(|error| Failure::failed(format!("the result has no JSON form: {error}")))?)
}

/// Names and values, one pair a line, the values aligned.
pub(crate) fn fields(fields: &[(&str, String)]) -> Outcome<()> {
    for text in align(fields) {
        line(&text)?;
    }
    Ok(())
}

/// The lines of [`fields`].
pub(crate) fn align(fields: &[(&str, String)]) -> Vec<String> {
    let width = fields.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    fields.iter().map(|(name, value)| format!("{name:<width$}  {}", printable(value))).collect()
}

/// A table: a heading and rows, columns aligned, numbers as they come.
pub(crate) fn table(heading: &[&str], rows: &[Vec<String>]) -> Outcome<()> {
    let mut lines = columns(heading, rows).into_iter();
    if let Some(heading) = lines.next() {
        line(&bold(&heading))?;
    }
    lines.try_for_each(|text| line(&text))
}

fn columns(heading: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let heading: Vec<String> = heading.iter().map(|&name| name.to_owned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(&heading)
        .chain(rows)
        .map(|row| row.iter().map(|cell| printable(cell)).collect())
        .collect();
    let widths: Vec<usize> = (0..heading.len())
        .map(|at| {
            rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    let row = |cells: &Vec<String>| {
        let padded = cells.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(row).collect()
}

/// A stranger's text, made harmless: control characters could move the cursor or colour the terminal, and
/// invisible ones could hide a part of the text or turn it round.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_invisible(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Format characters, line and paragraph separators, and other fillers without a shape (Unicode 16, general
/// categories Cf, Zl and Zp, and the property `Default_Ignorable_Code_Point` but for variation selectors).
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
        | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}'
        | '\u{110cd}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e00ff}' | '\u{e01f0}'..='\u{e0fff}')
}

/// The beginning of a text that may be very long: at most so many bytes of it.
pub(crate) fn excerpt(text: &str, most_bytes: usize) -> String {
    if text.len() <= most_bytes {
        return text.to_owned();
    }
    let end = (0..=most_bytes).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    format!("{}..", &text[..end])
}

/// An amount with its unit.
pub(crate) fn star(amount: Amount) -> String {
    format!("{amount} STAR")
}

/// A memo as text, where it is text.
pub(crate) fn memo(bytes: &[u8]) -> String {
    str::from_utf8(bytes).map_or_else(|_| starling_rpc::to_hex(bytes), printable)
}

/// A number with a metric prefix, like `12.3 M`.
pub(crate) fn metric(value: f64) -> String {
    const STEPS: [(f64, &str); 6] = [(1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, "")];
    match STEPS.iter().find(|(step, _)| value >= *step) {
        Some((step, name)) => format!("{:.1} {name}", value / step),
        None => format!("{value:.1} "),
    }
}

/// Bytes with a binary prefix, like `1.5 MiB`.
pub(crate) fn bytes(count: u64) -> String {
    indicatif::HumanBytes(count).to_string()
}

/// Whether stdout takes colours.
fn colors_on_stdout() -> bool {
    io::stdout().is_terminal() && !plain_wanted()
}

/// Whether stderr takes a progress display and colours.
pub(crate) fn lively_stderr() -> bool {
    io::stderr().is_terminal() && !plain_wanted()
}

/// `NO_COLOR`, set to anything but nothing.
fn plain_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// Bold where stdout takes it.
pub(crate) fn bold(text: &str) -> String {
    if colors_on_stdout() { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
}

#[cfg(test)]
mod tests;
