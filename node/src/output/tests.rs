//! Tables line up, strangers' text is harmless, numbers and times read well.

use super::{ago, align, columns, duration, excerpt, memo, metric, printable, utc};

#[test]
fn columns_line_up_and_end_without_blanks() {
    let rows = [vec!["1".to_owned(), "long value".to_owned()], vec!["1000".to_owned(), "x".to_owned()]];
    assert_eq!(columns(&["height", "id"], &rows), ["height  id", "1       long value", "1000    x"]);
    assert_eq!(align(&[("a", "1".to_owned()), ("long", "2".to_owned())]), ["a     1", "long  2"]);
}

#[test]
fn a_strangers_text_moves_no_cursor() {
    assert_eq!(printable("a\x1b[2Jb\nc\u{9b}d"), "a\\u{1b}[2Jb\\u{a}c\\u{9b}d");
    let rows = [vec!["\x1b]0;title\x07".to_owned()]];
    assert_eq!(columns(&["agent"], &rows)[1], "\\u{1b}]0;title\\u{7}");
    assert_eq!(memo(b"thanks\r"), "thanks\\u{d}");
    assert_eq!(memo(&[0xff, 0x00]), "ff00");
}

#[test]
fn nothing_in_a_strangers_text_is_invisible() {
    assert_eq!(memo("a\u{202e}b".as_bytes()), "a\\u{202e}b");
    for c in ["\u{200b}", "\u{2066}", "\u{2028}", "\u{feff}", "\u{e0041}", "\u{ad}", "\u{3164}"] {
        assert!(printable(c).starts_with("\\u{"), "{c:?}");
    }
    for text in ["Gr\u{fc}\u{df}e", "\u{4f60}\u{597d}", "e\u{301}", "\u{2764}\u{fe0f}", "a\\u{202e}"] {
        assert_eq!(printable(text), text);
    }
}

#[test]
fn long_texts_are_cut_between_characters() {
    assert_eq!(excerpt("abc", 3), "abc");
    assert_eq!(excerpt("abcd", 3), "abc..");
    assert_eq!(excerpt("ab\u{4f60}", 3), "ab..");
}

#[test]
fn numbers_have_prefixes() {
    assert_eq!(metric(12_345_678.0), "12.3 M");
    assert_eq!(metric(0.5), "0.5 ");
    assert_eq!(metric(1e18), "1000.0 P");
}

#[test]
fn times_are_dates() {
    assert_eq!(utc(0), "1970-01-01 00:00:00 UTC");
    assert_eq!(utc(951_782_400), "2000-02-29 00:00:00 UTC");
    assert_eq!(utc(1_767_225_599), "2025-12-31 23:59:59 UTC");
    assert_eq!(utc(4_107_542_400), "2100-03-01 00:00:00 UTC");
}

#[test]
fn durations_have_two_units() {
    let shown: Vec<_> = [0, 59, 60, 61, 3_600, 3_700, 86_400, 90_000].map(duration).into();
    assert_eq!(shown, ["0 s", "59 s", "1 min", "1 min 1 s", "1 h", "1 h 1 min", "1 d", "1 d 1 h"]);
    assert_eq!(ago(10, 15), "5 s ago");
    assert_eq!(ago(15, 10), "5 s ahead");
}
