//! The directory of a benchmark harms nobody.

use super::*;
use tempfile::TempDir;

#[test]
fn everything_goes_at_the_end() {
    let dir = TempDir::new().unwrap();
    let named = dir.path().join("new");
    let place = Place::open(Some(&named), 1, &Work::default()).unwrap();
    fs::write(place.path("file"), "text").unwrap();
    assert!(place.path("lock").exists() && place.path("").starts_with(&named));
    drop(place);
    assert!(!named.exists());

    let empty = dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    drop(Place::open(Some(&empty), 1, &Work::default()).unwrap());
    assert!(empty.exists() && fs::read_dir(&empty).unwrap().next().is_none());
}

#[test]
fn what_is_not_empty_is_left_alone() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("precious"), "text").unwrap();
    for path in [dir.path().to_owned(), dir.path().join("precious")] {
        let refused = Place::open(Some(&path), 1, &Work::default()).err().unwrap();
        assert_eq!(refused.code(), crate::failure::code::USAGE, "{refused:?}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_full_disk_is_told_before_anything_is_written() {
    let dir = TempDir::new().unwrap();
    let named = dir.path().join("new");
    let refused = Place::open(Some(&named), u64::MAX, &Work::default()).err().unwrap();
    assert!(refused.message().contains("--dir"), "{refused:?}");
    assert!(!named.exists());
}

#[test]
fn copies_are_whole() {
    let dir = TempDir::new().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    fs::create_dir_all(from.join("db")).unwrap();
    fs::write(from.join("db/file"), "text").unwrap();
    copy_dir(&from, &to).unwrap();
    assert_eq!(fs::read_to_string(to.join("db/file")).unwrap(), "text");
    assert!(copy_dir(&from, &to).is_err());
}
