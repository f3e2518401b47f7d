//! Reads the golden files.

use serde_json::Value;
use starling_primitives::{Address, Amount, DecodeError, Policy, Transaction};

/// One entry of a list, with the name that a failure shows.
pub(crate) struct Entry(pub(crate) Value);

/// The entries of the list `section` in a golden file.
pub(crate) fn section(file: &str, section: &str) -> Vec<Entry> {
    let file: Value = serde_json::from_str(file).expect("a golden file is JSON");
    let list = file[section].as_array().unwrap_or_else(|| panic!("no list {section}"));
    assert!(!list.is_empty(), "{section} is empty");
    list.iter().cloned().map(Entry).collect()
}

impl Entry {
    fn field(&self, key: &str) -> &Value {
        self.0.get(key).unwrap_or_else(|| panic!("no {key} in {}", self.0))
    }

    pub(crate) fn text(&self, key: &str) -> &str {
        self.field(key).as_str().unwrap_or_else(|| panic!("{key} is no text in {}", self.0))
    }

    /// What a failure names the entry by.
    pub(crate) fn name(&self) -> String {
        let name = self.0.get("name").or_else(|| self.0.get("state")).and_then(Value::as_str);
        name.map_or_else(|| self.0.to_string().chars().take(200).collect(), str::to_owned)
    }

    pub(crate) fn is_null(&self, key: &str) -> bool {
        self.field(key).is_null()
    }

    pub(crate) fn flag(&self, key: &str) -> bool {
        self.field(key).as_bool().unwrap_or_else(|| panic!("{key} is no flag in {}", self.0))
    }

    pub(crate) fn number<N: TryFrom<u64>>(&self, key: &str) -> N {
        let number = self.field(key).as_u64().and_then(|number| N::try_from(number).ok());
        number.unwrap_or_else(|| panic!("{key} is no such number in {}", self.0))
    }

    /// A number of eight hex digits.
    pub(crate) fn hex_number(&self, key: &str) -> u32 {
        u32::from_str_radix(self.text(key), 16).expect("eight hex digits")
    }

    pub(crate) fn bytes(&self, key: &str) -> Vec<u8> {
        hex::decode(self.text(key)).expect("hex")
    }

    pub(crate) fn array<const N: usize>(&self, key: &str) -> [u8; N] {
        self.bytes(key).try_into().unwrap_or_else(|_| panic!("{key} has another length in {}", self.0))
    }

    pub(crate) fn amount(&self, key: &str) -> Amount {
        Amount::from_mote_text(self.text(key)).expect("an amount")
    }

    pub(crate) fn address(&self, key: &str) -> Address {
        Address::new(self.array(key))
    }

    pub(crate) fn entries(&self, key: &str) -> Vec<Entry> {
        self.list(key).iter().cloned().map(Entry).collect()
    }

    pub(crate) fn hex_list(&self, key: &str) -> Vec<Vec<u8>> {
        self.list(key).iter().map(decode).collect()
    }

    pub(crate) fn hash_list(&self, key: &str) -> Vec<[u8; 32]> {
        self.list(key).iter().map(hash).collect()
    }

    /// Lists of hashes.
    pub(crate) fn levels(&self, key: &str) -> Vec<Vec<[u8; 32]>> {
        let level = |item: &Value| item.as_array().expect("a level").iter().map(hash).collect();
        self.list(key).iter().map(level).collect()
    }

    fn list(&self, key: &str) -> &[Value] {
        self.field(key).as_array().unwrap_or_else(|| panic!("{key} is no list in {}", self.0))
    }
}

fn decode(item: &Value) -> Vec<u8> {
    hex::decode(item.as_str().expect("a text")).expect("hex")
}

fn hash(item: &Value) -> [u8; 32] {
    decode(item).try_into().expect("32 bytes")
}

/// The i-th example hash.
pub(crate) fn example_hash(number: u32) -> [u8; 32] {
    starling_primitives::tagged("golden", &[&number.to_le_bytes()])
}

/// The i-th example address.
pub(crate) fn example_address(number: u32) -> Address {
    Address::new(*example_hash(number).first_chunk().expect("20 of 32 bytes"))
}

/// Reads a policy that fills `bytes`.
pub(crate) fn decode_policy(bytes: &[u8]) -> Result<Policy, DecodeError> {
    let mut reader = starling_primitives::Reader::new(bytes);
    let policy = Policy::read(&mut reader)?;
    reader.finish()?;
    Ok(policy)
}

/// Decodes a transaction and sees that it encodes to the same bytes.
pub(crate) fn transaction(bytes: &[u8]) -> Transaction {
    let tx = Transaction::decode(bytes).expect("a transaction");
    let again = tx.unsigned().with_auth(tx.auth()).expect("it was well formed");
    assert_eq!(again.bytes(), bytes);
    assert_eq!(tx.bytes(), bytes);
    tx
}
