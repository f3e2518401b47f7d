//! What a directory of wallets promises: nothing is lost, nothing is overwritten, nothing is shown.

use super::*;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::TempDir;

const PASSPHRASE: &str = "correct horse battery staple";
const PHRASE: &str = crate::DEV_MNEMONIC;

fn keystore() -> (TempDir, Keystore) {
    let dir = tempfile::tempdir().unwrap();
    // A directory below, for the keystore makes its own.
    let keystore = Keystore::new(dir.path().join("starling/wallets"));
    (dir, keystore)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Writes `text` where the wallet `name` would be.
fn plant(keystore: &Keystore, name: &str, text: &[u8]) {
    fs::create_dir_all(keystore.dir()).unwrap();
    fs::write(keystore.file(name), text).unwrap();
}

#[test]
fn a_new_wallet_opens_again_with_its_phrase_and_keys() {
    let (_dir, keystore) = keystore();
    let (wallet, phrase) = keystore.create("alice", PASSPHRASE, Words::TwentyFour).unwrap();
    assert_eq!(phrase.split(' ').count(), 24);
    assert_eq!((wallet.name(), wallet.kind()), ("alice", Kind::Mnemonic));
    assert_eq!(keystore.wallet("alice").unwrap(), wallet);

    let open = keystore.open("alice", PASSPHRASE).unwrap();
    assert_eq!(open.wallet(), &wallet);
    assert_eq!(*open.phrase().unwrap(), *phrase);
    assert_eq!(wallet.public_keys().len(), 10);
    for (account, public) in (0..).zip(wallet.public_keys()) {
        assert_eq!(&open.key(account).unwrap().public_key(), public);
    }
    assert_eq!(open.key(0).unwrap().address(), wallet.address());
    assert!(open.key(crate::MAX_ACCOUNT).is_ok());
    assert_eq!(open.key(crate::MAX_ACCOUNT + 1).err(), Some(AccountError::TooHigh(1 << 31)));
}

#[test]
fn an_imported_mnemonic_has_the_keys_of_its_words() {
    let (_dir, keystore) = keystore();
    let wallet = keystore.import_mnemonic("dev", PASSPHRASE, PHRASE).unwrap();
    assert_eq!(wallet.address(), crate::dev_account(0).unwrap().address());
    let open = keystore.open("dev", PASSPHRASE).unwrap();
    assert_eq!(open.key(3).unwrap().address(), crate::dev_account(3).unwrap().address());
    let error = keystore.import_mnemonic("bad", PASSPHRASE, "not a mnemonic").unwrap_err();
    assert!(matches!(error, KeystoreError::Mnemonic(_)), "{error}");
}

#[test]
fn an_imported_key_is_account_0_alone() {
    let (_dir, keystore) = keystore();
    let wallet = keystore.import_key("cold", PASSPHRASE, &[7; 32]).unwrap();
    assert_eq!((wallet.kind(), wallet.public_keys().len()), (Kind::Key, 1));
    let open = keystore.open("cold", PASSPHRASE).unwrap();
    assert_eq!(*open.key(0).unwrap().seed(), [7; 32]);
    assert_eq!(open.key(1).err(), Some(AccountError::SingleKey(1)));
    assert!(open.phrase().is_none());
}

#[test]
fn an_existing_wallet_is_never_overwritten() {
    let (_dir, keystore) = keystore();
    plant(&keystore, "alice", b"precious");
    let error = keystore.import_key("alice", PASSPHRASE, &[7; 32]).unwrap_err();
    assert!(matches!(&error, KeystoreError::NameExists(name) if name == "alice"), "{error}");
    // Also when it appears after the first look.
    assert!(!disk::write_new(keystore.dir(), &keystore.file("alice"), b"other").unwrap());
    assert_eq!(fs::read(keystore.file("alice")).unwrap(), b"precious");
}

#[test]
fn of_two_that_make_the_same_wallet_at_once_one_wins() {
    let (_dir, keystore) = keystore();
    let (keystore, seeds) = (&keystore, [[1; 32], [2; 32]]);
    let made: Vec<_> = std::thread::scope(|scope| {
        let make = |seed| scope.spawn(move || keystore.import_key("race", PASSPHRASE, seed).ok());
        let threads: Vec<_> = seeds.iter().map(make).collect();
        threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(made, [keystore.wallet("race").unwrap()]);
    assert!(keystore.open("race", PASSPHRASE).is_ok());
}

#[test]
fn only_the_owner_reads_and_nothing_else_is_left_behind() {
    let (_dir, keystore) = keystore();
    keystore.import_key("alice", PASSPHRASE, &[7; 32]).unwrap();
    assert_eq!(mode(&keystore.file("alice")), 0o600);
    assert_eq!(mode(keystore.dir()), 0o700);
    assert!(!disk::write_new(keystore.dir(), &keystore.file("alice"), b"other").unwrap());
    let names: Vec<String> = disk::file_names(keystore.dir()).unwrap().collect();
    assert_eq!(names, ["alice.json"]);
}

#[test]
fn the_file_shows_no_secret() {
    let (_dir, keystore) = keystore();
    keystore.import_mnemonic("dev", PASSPHRASE, PHRASE).unwrap();
    let text = fs::read_to_string(keystore.file("dev")).unwrap();
    let entropy = hex::encode(&*Mnemonic::parse(PHRASE).unwrap().entropy());
    for secret in ["junk", PASSPHRASE, &entropy] {
        assert!(!text.contains(secret));
    }
}

#[test]
fn names_cannot_leave_the_directory() {
    let (_dir, keystore) = keystore();
    let long = "a".repeat(65);
    for name in ["", "..", "../alice", "a/b", "a.b", "Alice", "a b", "ä", "a\0", long.as_str()] {
        let made = keystore.import_key(name, PASSPHRASE, &[7; 32]).map(|_| ());
        let read = keystore.wallet(name).map(|_| ());
        let opened = keystore.open(name, PASSPHRASE).map(|_| ());
        for result in [made, read, opened] {
            assert!(matches!(result, Err(KeystoreError::BadName(_))), "{name:?}");
        }
    }
    assert!(fits(&"z".repeat(64)) && fits("my-wallet_2"));
}

#[test]
fn a_list_is_sorted_and_holds_wallets_alone() {
    let (_dir, keystore) = keystore();
    assert_eq!(keystore.list().unwrap(), Vec::<String>::new());
    for name in ["zoe", "alice"] {
        plant(&keystore, name, b"");
    }
    for other in ["notes.txt", "Big.json", ".0011.tmp", ".json"] {
        fs::write(keystore.dir().join(other), b"").unwrap();
    }
    assert_eq!(keystore.list().unwrap(), ["alice", "zoe"]);
}

#[test]
fn a_missing_wallet_is_told_with_those_that_exist() {
    let (_dir, keystore) = keystore();
    let none = keystore.wallet("alice").unwrap_err();
    assert!(none.to_string().contains("starling wallet new"), "{none}");
    for name in ["bob", "carol"] {
        plant(&keystore, name, b"");
    }
    let error = keystore.open("alice", PASSPHRASE).err().unwrap();
    assert!(error.to_string().ends_with("there are: bob, carol"), "{error}");
    for i in 0..30 {
        plant(&keystore, &format!("w{i}"), b"");
    }
    let many = keystore.wallet("alice").unwrap_err();
    assert!(many.to_string().ends_with(", .."), "{many}");
}

#[test]
fn a_wrong_passphrase_is_told_as_such() {
    let (_dir, keystore) = keystore();
    keystore.import_key("alice", PASSPHRASE, &[7; 32]).unwrap();
    let error = keystore.open("alice", "wrong").err().unwrap();
    assert!(matches!(&error, KeystoreError::WrongPassphrase(name) if name == "alice"), "{error}");
}

#[test]
fn a_file_under_another_wallet_s_name_is_refused() {
    let (_dir, keystore) = keystore();
    keystore.import_key("mallory", PASSPHRASE, &[7; 32]).unwrap();
    fs::rename(keystore.file("mallory"), keystore.file("alice")).unwrap();
    let error = keystore.wallet("alice").unwrap_err();
    assert!(matches!(&error, KeystoreError::Renamed { inside, .. } if inside == "mallory"), "{error}");
}

#[test]
fn public_keys_that_are_not_the_secret_s_are_refused() {
    let (_dir, keystore) = keystore();
    let contents = Contents { name: "alice", kind: Kind::Key, accounts: &[[9; 32]] };
    let file = WalletFile::seal(&contents, PASSPHRASE, &[7; 32]).unwrap();
    plant(&keystore, "alice", &file.encode());
    let error = keystore.open("alice", PASSPHRASE).err().unwrap();
    assert!(matches!(&error, KeystoreError::Damaged { what, .. } if what.contains("public keys")), "{error}");
}

#[test]
fn a_secret_of_a_wrong_length_is_refused() {
    assert!(Secret::from_bytes(Kind::Mnemonic, &[0; 20]).is_err());
    assert!(Secret::from_bytes(Kind::Key, &[0; 16]).is_err());
}

#[test]
fn denied_access_names_the_fix_and_other_failures_their_cause() {
    let (_dir, keystore) = keystore();
    let path = keystore.file("alice");
    let denied = KeystoreError::from_io(&path, io::ErrorKind::PermissionDenied.into());
    assert!(matches!(denied, KeystoreError::Unreadable { .. }));
    assert!(denied.to_string().contains("chmod"), "{denied}");
    fs::create_dir_all(&path).unwrap();
    let error = keystore.wallet("alice").unwrap_err();
    assert!(matches!(&error, KeystoreError::Io { .. }), "{error}");
    // A directory that cannot be one: a file stands in its place.
    let blocked = Keystore::new(keystore.dir().join("file"));
    fs::write(blocked.dir(), b"").unwrap();
    assert!(matches!(blocked.list(), Err(KeystoreError::Io { .. })));
    assert!(matches!(blocked.import_key("a", PASSPHRASE, &[7; 32]), Err(KeystoreError::Io { .. })));
}

#[test]
fn a_file_beyond_64_kib_is_not_read_to_its_end() {
    let (_dir, keystore) = keystore();
    plant(&keystore, "alice", &vec![b' '; 1 << 20]);
    let error = keystore.wallet("alice").unwrap_err();
    assert!(matches!(&error, KeystoreError::Damaged { what, .. } if what.contains("64 KiB")), "{error}");
}
