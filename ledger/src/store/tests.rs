//! Why a database is refused.

use super::*;
use tempfile::TempDir;

const GENESIS: GenesisId = GenesisId::new([7; 32]);
const OPTIONS: StoreOptions = StoreOptions { cache_bytes: 1 << 20, write_bytes: 1 << 20 };

fn refused(path: &Path) -> StoreError {
    Store::open(path, &GENESIS, &OPTIONS).err().expect("it must not open")
}

#[test]
fn a_path_that_speaks_of_locks_is_not_a_locked_database() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("While lock file temporarily unavailable");
    std::fs::write(&path, "no folder").unwrap();
    let error = refused(&path.join("lock hold by current process"));
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
}

#[test]
fn an_open_database_is_locked_whatever_its_path() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("blockchain");
    let _open = Store::open(&path, &GENESIS, &OPTIONS).unwrap();
    assert!(matches!(refused(&path), StoreError::Locked(_)));
}

#[test]
fn a_family_of_a_newer_program_is_not_damage() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("db");
    let mut store = Store::open(&path, &GENESIS, &OPTIONS).unwrap();
    store.db.create_cf("votes", &Options::default()).unwrap();
    drop(store);
    let error = refused(&path);
    assert!(matches!(&error, StoreError::UnknownFamily { name, .. } if name == "votes"), "{error}");
    assert!(error.to_string().contains("use a newer starling"), "{error}");
}

#[test]
fn what_is_no_database_is_damage() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("db");
    drop(Store::open(&path, &GENESIS, &OPTIONS).unwrap());
    std::fs::write(path.join("CURRENT"), "nonsense").unwrap();
    assert!(matches!(refused(&path), StoreError::Damaged { .. }));
}

#[test]
fn a_database_that_lost_the_name_of_its_parts_is_not_begun_anew() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("db");
    drop(Store::open(&path, &GENESIS, &OPTIONS).unwrap());
    let parts = || {
        let files = std::fs::read_dir(&path).unwrap().map(|file| file.unwrap().file_name());
        files.filter(|name| name.to_string_lossy().ends_with(".log")).count()
    };
    let before = parts();
    std::fs::remove_file(path.join(CURRENT)).unwrap();
    assert!(matches!(refused(&path), StoreError::Damaged { .. }));
    assert_eq!((before > 0, parts()), (true, before), "nothing was removed");
}

#[test]
fn a_file_of_the_database_that_is_gone_is_damage() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("db");
    drop(Store::open(&path, &GENESIS, &OPTIONS).unwrap());
    let files = std::fs::read_dir(&path).unwrap().map(|file| file.unwrap().path());
    let manifest = files.into_iter().find(|file| file.to_string_lossy().contains("MANIFEST")).unwrap();
    std::fs::remove_file(manifest).unwrap();
    assert!(matches!(refused(&path), StoreError::Damaged { .. }));
}

#[test]
fn an_end_waits_for_those_who_hold_a_database() {
    let dir = TempDir::new().unwrap();
    let store = Store::open(dir.path(), &GENESIS, &OPTIONS).unwrap();
    assert!(!wait_until_closed(std::time::Duration::ZERO), "one is open");
    drop(store);
}
