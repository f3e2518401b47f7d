//! Sizes as people write them.

use super::size;

#[test]
fn a_size_is_a_number_and_a_unit() {
    for (text, bytes) in [
        ("268435456", 1 << 28),
        ("256MiB", 1 << 28),
        ("256 m", 1 << 28),
        ("1G", 1 << 30),
        ("4GiB", 1 << 32),
        ("0", 0),
        ("2t", 1 << 41),
    ] {
        assert_eq!(size(text), Some(bytes), "{text}");
    }
    for text in ["", "MiB", "1.5GiB", "-1", "1GB", "18446744073709551616", "99999999999TiB", "1 G B"] {
        assert_eq!(size(text), None, "{text}");
    }
}
