//! New files never replace old ones, and passing ones do not stay.

use super::{NewFile, Scratch, YOUNG, write_new};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

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

/// A passing directory as a process leaves it that was killed some time ago.
fn left(dir: &Path, name: &str) -> (PathBuf, File) {
    let path = dir.join(name);
    fs::create_dir_all(path.join("db")).unwrap();
    fs::write(path.join("db/CURRENT"), "x").unwrap();
    let lock = File::create(path.join("lock")).unwrap();
    lock.set_modified(SystemTime::now() - 2 * YOUNG).unwrap();
    (path, lock)
}

#[test]
fn scratch_of_killed_processes_goes_and_everything_else_stays() {
    let dir = tempfile::tempdir().unwrap();
    let dead = left(dir.path(), "starling-dev-0000").0;
    let bench = left(dir.path(), "starling-bench-0000").0;
    let (alive, held) = left(dir.path(), "starling-dev-0001");
    held.try_lock().unwrap();
    let (young, lock) = left(dir.path(), "starling-dev-0002");
    lock.set_modified(SystemTime::now()).unwrap();
    let other = left(dir.path(), "another-0003").0;
    let elsewhere = left(&dir.path().join("elsewhere"), "target").0;
    std::os::unix::fs::symlink(&elsewhere, dir.path().join("starling-dev-0004")).unwrap();
    let unlocked = left(dir.path(), "starling-dev-0005").0;
    fs::remove_file(unlocked.join("lock")).unwrap();
    std::os::unix::fs::symlink(elsewhere.join("lock"), unlocked.join("lock")).unwrap();

    let scratch = Scratch::in_dir(dir.path()).unwrap();
    assert!(!dead.exists() && !bench.exists() && scratch.path().exists());
    for path in [alive, young, other, elsewhere.join("db/CURRENT"), unlocked] {
        assert!(path.exists(), "{}", path.display());
    }
}

#[test]
fn scratch_of_another_user_stays() {
    let dir = tempfile::tempdir().unwrap();
    let dead = left(dir.path(), "starling-dev-0000").0;
    let user = std::os::unix::fs::MetadataExt::uid(&fs::metadata(&dead).unwrap());
    super::remove_left(dir.path(), user + 1);
    assert!(dead.exists());
    super::remove_left(dir.path(), user);
    assert!(!dead.exists());
}
