//! Tables line up, strangers' text is harmless, numbers and times read well.

use super::{ago, align, columns, duration, memo, metric, printable, utc};

#[test]
fn columns_line_up_and_end_without_blanks() {
    let rows = [vec!["1".to_owned(), "long value".to_owned()], vec!["1000".to_owned(), "x".to_owned()]];
    assert_eq!(columns(&["height", "id"], &rows), ["height  id", "1       long value", "1000    x"]);
    assert_eq!(align(&[("a", "1".to_owned()), ("long", "2".to_owned())]), ["a     1", "long  2"]);
}

#[test]
fn a_strangers_text_moves_no_cursor() {
    assert_eq!(printable("a\x1b[2Jb\nc\u{9b}d"), "a?[2Jb?c?d");
    let rows = [vec!["\x1b]0;title\x07".to_owned()]];
    assert_eq!(columns(&["agent"], &rows)[1], "?]0;title?");
    assert_eq!(memo(b"thanks\r"), "thanks?");
    assert_eq!(memo(&[0xff, 0x00]), "ff00");
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
