//! Rust text as tokens and comments, each with its line: enough to hold code against the house rules without
//! reading inside strings or comments. It never fails: what it cannot name is a token of one character.

/// A token and the line it starts on, counted from 1. Strings and characters keep their quotes, so the text
/// of one never equals a word or a sign. `->`, `=>`, `::` and `!=` are one token each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    pub(super) line: usize,
}

impl Token<'_> {
    /// An identifier, a keyword or a number.
    pub(super) fn is_word(&self) -> bool {
        self.text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && !self.text.contains(['"', '\''])
    }
}

/// A file's tokens, and its comments as (line, text) with their slashes.
#[derive(Debug, Default)]
pub(super) struct Source<'a> {
    pub(super) tokens: Vec<Token<'a>>,
    pub(super) comments: Vec<(usize, &'a str)>,
}

impl<'a> Source<'a> {
    /// Reads a whole file.
    pub(super) fn read(text: &'a str) -> Self {
        let mut source = Self::default();
        let (mut at, mut line) = (0, 1);
        while let Some(first) = text[at..].chars().next() {
            let rest = &text[at..];
            let length = if first.is_whitespace() {
                first.len_utf8()
            } else if rest.starts_with("//") {
                rest.find('\n').unwrap_or(rest.len())
            } else if rest.starts_with("/*") {
                block_comment(rest)
            } else {
                token(rest)
            };
            let piece = &rest[..length];
            if piece.starts_with("//") || piece.starts_with("/*") {
                source.comments.push((line, piece));
            } else if !first.is_whitespace() {
                source.tokens.push(Token { text: piece, line });
            }
            line += piece.matches('\n').count();
            at += length;
        }
        source
    }

    /// Whether the tokens from `at` on read as `words`.
    pub(super) fn reads(&self, at: usize, words: &[&str]) -> bool {
        let Some(here) = self.tokens.get(at..at + words.len()) else { return false };
        here.iter().map(|token| token.text).eq(words.iter().copied())
    }

    /// The text of the token at `at`, empty past the end.
    pub(super) fn text(&self, at: usize) -> &'a str {
        self.tokens.get(at).map_or("", |token| token.text)
    }

    /// The index of the bracket that closes the one at `open`; the last token if none does.
    pub(super) fn close(&self, open: usize) -> usize {
        let mut depth = 0_usize;
        for (at, token) in self.tokens.iter().enumerate().skip(open) {
            match token.text {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                return at;
            }
        }
        self.tokens.len() - 1
    }
}

/// The length of the block comment that `text` starts with; they nest.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let (step, deeper) = match &text.as_bytes()[at..] {
            [b'/', b'*', ..] => (2, depth + 1),
            [b'*', b'/', ..] => (2, depth - 1),
            _ => (1, depth),
        };
        (at, depth) = (at + step, deeper);
        if depth == 0 {
            break;
        }
    }
    at
}

/// The length of the token that `text` starts with; it is not empty.
fn token(text: &str) -> usize {
    if let Some(length) = string(text) {
        return length;
    }
    let word = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    if word > 0 {
        return if text.starts_with(|c: char| c.is_ascii_digit()) { number(text, word) } else { word };
    }
    if text.starts_with('\'') {
        return quote(text);
    }
    if ["->", "=>", "::", "!="].iter().any(|sign| text.starts_with(sign)) {
        return 2;
    }
    text.chars().next().map_or(0, char::len_utf8)
}

/// The length of the string literal of any kind (plain, byte, C, raw) that `text` starts with.
fn string(text: &str) -> Option<usize> {
    let prefix = text.find(|c: char| !matches!(c, 'b' | 'c' | 'r'))?;
    if prefix > 2 {
        return None;
    }
    let raw = text[..prefix].ends_with('r');
    let hashes = if raw { text[prefix..].find(|c| c != '#')? } else { 0 };
    let start = prefix + hashes;
    if !text[start..].starts_with('"') {
        return None;
    }
    let body = &text[start + 1..];
    if raw {
        let end = format!("\"{}", "#".repeat(hashes));
        return Some(body.find(&end).map_or(text.len(), |at| start + 1 + at + end.len()));
    }
    let mut escaped = false;
    for (at, c) in body.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(start + 1 + at + 1),
            _ => {}
        }
    }
    Some(text.len())
}

/// The length of the character or the lifetime that `text`, a quote first, starts with.
fn quote(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        // An escape: the character after the backslash may itself be a quote.
        (Some((_, '\\')), Some((at, c))) => {
            let from = at + c.len_utf8();
            text[from..].find('\'').map_or(text.len(), |end| from + end + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1 + text[1..].find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len() - 1),
    }
}

/// The length of the number that `text` starts with, of which `word` belongs to it for certain: `1.5` is one
/// token, `0..5` and `x.0.1` are not.
fn number(text: &str, word: usize) -> usize {
    let rest = &text[word..];
    let fraction = rest.strip_prefix('.').filter(|digits| digits.starts_with(|c: char| c.is_ascii_digit()));
    let length =
        |digits: &str| digits.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(digits.len());
    word + fraction.map_or(0, |digits| 1 + length(digits))
}
