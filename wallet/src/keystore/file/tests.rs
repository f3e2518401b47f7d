//! The form of the file: what it holds, and each way in which it is refused.

use super::*;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use std::sync::LazyLock;

const PASSPHRASE: &str = "correct horse";

/// One sealed file for all tests, for sealing takes a while on purpose.
static SEALED: LazyLock<WalletFile> = LazyLock::new(|| {
    let contents = Contents { name: "alice", kind: Kind::Key, accounts: &[[5; 32]] };
    WalletFile::seal(&contents, PASSPHRASE, &[7; 32]).unwrap()
});

fn decode(text: &[u8]) -> Result<WalletFile, KeystoreError> {
    WalletFile::decode(text, Path::new("alice.json"))
}

/// The file with some fields changed and the checksum made to hold again.
fn altered(change: impl FnOnce(&mut WalletFile)) -> WalletFile {
    let mut file = SEALED.clone();
    change(&mut file);
    file.checksum = file.sum();
    file
}

fn what(file: &WalletFile) -> String {
    match decode(&file.encode()).err() {
        Some(KeystoreError::Damaged { what, .. }) => what,
        other => panic!("not told as damage: {other:?}"),
    }
}

#[test]
fn the_file_is_the_documented_json() {
    let value: Value = serde_json::from_slice(&SEALED.encode()).unwrap();
    let fields: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    let mut expected = ["version", "name", "kind", "accounts", "kdf", "cipher", "ciphertext", "checksum"];
    expected.sort_unstable();
    let mut found = fields;
    found.sort_unstable();
    assert_eq!(found, expected);
    assert_eq!(value["version"], 1);
    assert_eq!(value["kind"], "key");
    assert_eq!(value["accounts"], json!(["05".repeat(32)]));
    assert_eq!(value["kdf"]["name"], "argon2id");
    assert_eq!(value["kdf"]["memory_kib"], 65_536);
    assert_eq!(value["kdf"]["passes"], 3);
    assert_eq!(value["kdf"]["lanes"], 1);
    assert_eq!(value["cipher"]["name"], "xchacha20poly1305");
}

#[test]
fn what_is_sealed_opens_after_a_trip_through_the_text() {
    let file = decode(&SEALED.encode()).unwrap();
    assert_eq!(file.unseal(PASSPHRASE).unwrap().as_slice(), [7; 32]);
    assert_eq!((file.name(), file.kind(), file.accounts()), ("alice", Kind::Key, vec![[5; 32]]));
}

#[test]
fn salt_and_nonce_are_new_each_time() {
    let contents = Contents { name: "alice", kind: Kind::Key, accounts: &[[5; 32]] };
    let other = WalletFile::seal(&contents, PASSPHRASE, &[7; 32]).unwrap();
    assert_ne!(other.kdf.salt, SEALED.kdf.salt);
    assert_ne!(other.cipher.nonce, SEALED.cipher.nonce);
    assert_ne!(other.ciphertext, SEALED.ciphertext);
}

#[test]
fn every_field_of_the_header_is_authenticated() {
    let changes: [fn(&mut WalletFile); 6] = [
        |file| file.name = "mallory".to_owned(),
        |file| file.kind = Kind::Mnemonic,
        |file| file.accounts = vec![HexKey([6; 32])],
        |file| file.kdf.passes = 1,
        |file| file.cipher.nonce[0] ^= 1,
        |file| file.ciphertext[0] ^= 1,
    ];
    for (i, change) in changes.into_iter().enumerate() {
        let file = decode(&altered(change).encode()).unwrap();
        assert!(matches!(file.unseal(PASSPHRASE), Err(KeystoreError::WrongPassphrase(_))), "change {i}");
    }
}

#[test]
fn a_flipped_bit_is_told_as_damage_without_a_passphrase() {
    let mut file = SEALED.clone();
    file.accounts[0].0[31] ^= 1;
    assert_eq!(what(&file), "its checksum does not hold");
}

#[test]
fn what_a_file_may_ask_for_is_bounded() {
    let dear: [fn(&mut WalletFile); 3] = [
        |file| file.kdf.memory_kib = MAX_MEMORY_KIB + 1,
        |file| file.kdf.passes = MAX_PASSES + 1,
        |file| file.kdf.lanes = MAX_LANES + 1,
    ];
    for change in dear {
        let error = decode(&altered(change).encode()).err().unwrap();
        assert!(matches!(error, KeystoreError::KdfTooDear { .. }), "{error}");
    }
    let most = altered(|file| {
        (file.kdf.memory_kib, file.kdf.passes, file.kdf.lanes) = (MAX_MEMORY_KIB, MAX_PASSES, MAX_LANES);
    });
    assert!(decode(&most.encode()).is_ok());
    let nothing: [fn(&mut WalletFile); 3] =
        [|file| file.kdf.memory_kib = 0, |file| file.kdf.passes = 0, |file| file.kdf.lanes = 0];
    for change in nothing {
        assert!(what(&altered(change)).contains("key derivation"));
    }
}

#[test]
fn unknown_encryption_and_wrong_lengths_are_refused() {
    assert_eq!(what(&altered(|file| file.kdf.name = "scrypt".to_owned())), "its encryption is unknown");
    assert_eq!(what(&altered(|file| file.cipher.name = "rot13".to_owned())), "its encryption is unknown");
    assert!(what(&altered(|file| file.accounts.clear())).contains("wrong length"));
    assert!(what(&altered(|file| file.ciphertext = vec![0; 49])).contains("wrong length"));
}

#[test]
fn a_later_version_is_told_as_such_even_with_other_fields() {
    let error = decode(br#"{"version": 2, "vault": {}}"#).err().unwrap();
    assert!(matches!(error, KeystoreError::UnknownVersion { version: 2, .. }), "{error}");
}

#[test]
fn anything_else_than_the_exact_fields_is_refused() {
    let mut value: Value = serde_json::from_slice(&SEALED.encode()).unwrap();
    value["kdf"]["salt"] = json!("00");
    assert!(decode(value.to_string().as_bytes()).is_err());
    let mut value: Value = serde_json::from_slice(&SEALED.encode()).unwrap();
    value["note"] = json!("mine");
    assert!(decode(value.to_string().as_bytes()).is_err());
    for text in ["", "{}", "[]", "null", "{\"version\": 1}"] {
        assert!(matches!(decode(text.as_bytes()), Err(KeystoreError::Damaged { .. })), "{text}");
    }
    let trailing = [SEALED.encode(), b"{}".to_vec()].concat();
    assert!(decode(&trailing).is_err());
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(decode(&bytes).is_err());
    }

    #[test]
    fn no_changed_byte_passes_as_another_wallet(at in any::<Index>(), to in any::<u8>()) {
        let mut text = SEALED.encode();
        let at = at.index(text.len());
        text[at] = to;
        // White space and the case of hex digits may change; what the file says may not.
        if let Ok(file) = decode(&text) {
            prop_assert_eq!(file.encode(), SEALED.encode());
        }
    }
}
