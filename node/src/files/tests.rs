//! New files never replace old ones, and passing ones do not stay.

use super::{NewFile, Scratch, write_new};
use std::fs;
use std::io::Write;

#[test]
fn a_new_file_is_whole_and_never_over_another() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.toml");
    write_new(&path, "one").unwrap();
    let refusal = write_new(&path, "two").unwrap_err();
    assert_eq!((refusal.code(), fs::read_to_string(&path).unwrap().as_str()), (1, "one"));
    assert!(refusal.message().contains("is left as it is"));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_name_taken_meanwhile_is_left_to_its_owner() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    let mut file = NewFile::create(&path).unwrap();
    file.write_all(b"late").unwrap();
    fs::write(&path, "early").unwrap();
    assert!(file.finish().is_err());
    assert_eq!(fs::read_to_string(&path).unwrap(), "early");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn an_unfinished_file_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    drop(NewFile::create(&dir.path().join("a")).unwrap());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    assert!(write_new(&dir.path().join("none/a"), "x").unwrap_err().message().contains("none/a"));
}

#[test]
fn scratch_is_private_and_goes() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = Scratch::new().unwrap();
    let path = scratch.path().to_owned();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    fs::write(path.join("x"), "x").unwrap();
    drop(scratch);
    assert!(!path.exists());
}
