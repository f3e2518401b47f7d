//! One process at a time, and a start that failed leaves nothing of its own.

use super::DataDir;
use crate::NodeError;
use std::fs;

#[test]
fn only_what_a_failed_start_made_itself_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let (new, old) = (dir.path().join("above/new"), dir.path().join("old"));
    let held = DataDir::open(&new).unwrap();
    held.write("peer.key", b"key").unwrap();
    held.give_up();
    assert!(!new.exists() && new.parent().unwrap().exists());
    fs::create_dir(&old).unwrap();
    fs::write(old.join("starling.toml"), "").unwrap();
    DataDir::open(&old).unwrap().give_up();
    assert!(old.join("starling.toml").exists());
}

#[test]
fn a_directory_has_one_process_and_is_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data");
    let held = DataDir::open(&path).unwrap();
    assert!(matches!(DataDir::open(&path), Err(NodeError::Locked(_))));
    assert!(path.exists());
    drop(held);
    DataDir::open(&path).unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let error = DataDir::open(&file).err().unwrap().to_string();
    assert!(error.contains("this is a file, and a folder is needed"), "{error}");
}
