//! Wallets on disk: made, listed, imported, paid from.

use serde_json::Value;
use starling_tests::{Desk, Lab, Node, Pace, Payer, until};
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

/// A home with a passphrase in a file, and a wallet.
struct Purse {
    desk: Desk,
    passphrase: String,
    address: String,
    mnemonic: String,
}

impl Purse {
    fn new() -> Self {
        let desk = Desk::new();
        let passphrase = desk.write("passphrase", "a long and secret phrase\n");
        let args = ["wallet", "new", "purse", "--chain", "dev", "--passphrase-file", &passphrase, "--json"];
        let made: Value = desk.run(&args).json();
        let text = |key: &str| made[key].as_str().unwrap_or_else(|| panic!("{key} in {made}")).to_owned();
        let (address, mnemonic) = (text("address"), text("mnemonic"));
        Self { desk, passphrase, address, mnemonic }
    }

    fn send(&self, node: &Node, args: &[&str]) -> starling_tests::Ended {
        let fixed = ["send", "--node", node.url(), "--passphrase-file", &self.passphrase, "--yes", "--json"];
        self.desk.run(&[&fixed[..], args].concat())
    }
}

#[test]
fn a_wallet_is_listed_and_never_overwritten() {
    let purse = Purse::new();
    let desk = &purse.desk;
    assert_eq!(purse.mnemonic.split(' ').count(), 12);
    assert!(purse.address.starts_with("dstar1"), "{}", purse.address);
    let listed: Value = desk.run(&["wallet", "list", "--chain", "dev", "--json"]).json();
    assert_eq!(listed[0]["name"], "purse");
    assert_eq!(listed[0]["address"], purse.address.as_str());
    let shown = desk.run(&["wallet", "address", "purse", "--chain", "dev"]);
    assert_eq!(shown.out().trim(), purse.address);

    let file = desk.path("data/starling/wallets/purse.json");
    let before = fs::read(&file).expect("the wallet is in its place");
    let mode = fs::metadata(&file).expect("the wallet is in its place").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = desk.run(&["wallet", "new", "purse", "--passphrase-file", &purse.passphrase]);
    assert!(again.failed(1).contains("purse"), "{again:?}");
    assert_eq!(fs::read(&file).expect("the wallet is in its place"), before);
}

#[test]
fn an_imported_mnemonic_is_the_same_wallet() {
    let purse = Purse::new();
    let other = Desk::new();
    let passphrase = other.write("passphrase", "another phrase\n");
    let words = other.write("words", &purse.mnemonic);
    let args = ["wallet", "import", "copy", "--mnemonic-fd", "0", "--chain", "dev", "--json"];
    let mut command = other.command(&[&args[..], &["--passphrase-file", &passphrase]].concat());
    command.stdin(File::open(words).expect("it was written")).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("the binary starts");
    let imported: Value = starling_tests::Ended::of(child, args.join(" ")).json();
    assert_eq!(imported["address"], purse.address.as_str());
}

#[test]
fn a_wallet_without_a_terminal_asks_for_what_it_needs() {
    let desk = Desk::new();
    let ended = desk.run(&["wallet", "new", "purse", "--chain", "dev"]);
    let said = ended.failed(2);
    assert!(said.contains("--passphrase-fd") && said.contains("--passphrase-file"), "{said}");
    let ended = desk.run(&["wallet", "import", "purse", "--chain", "dev"]);
    let said = ended.failed(2);
    assert!(said.contains("--mnemonic-fd") && said.contains("--key-fd"), "{said}");
    assert!(!desk.path("data/starling/wallets/purse.json").exists());
}

#[test]
fn a_wallet_has_a_name_of_its_own_and_a_passphrase_of_some_length() {
    let desk = Desk::new();
    let (good, short) = (desk.write("good", "long enough\n"), desk.write("short", "x\n"));
    for command in ["new", "import"] {
        let ended = desk.run(&["wallet", command, "dev0", "--passphrase-file", &good]);
        assert!(ended.failed(2).contains("starling dev"), "{ended:?}");
    }
    // A mnemonic that is none is refused before anybody is asked for a passphrase.
    let words = desk.write("words", "three wrong words\n");
    let mut command = desk.command(&["wallet", "import", "purse", "--mnemonic-fd", "0"]);
    command.stdin(File::open(words).expect("it was written"));
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
    let ended = starling_tests::Ended::of(child, "wallet import".to_owned());
    assert!(ended.failed(2).contains("this one has 3"), "{ended:?}");
    let ended = desk.run(&["wallet", "new", "purse", "--passphrase-file", &short]);
    assert!(ended.failed(2).contains("8 characters"), "{ended:?}");
    desk.run(&["wallet", "new", "dev10", "--passphrase-file", &good]).out();
}

#[test]
fn secrets_that_others_may_read_are_told_of() {
    let purse = Purse::new();
    let file = purse.desk.text("data/starling/wallets/purse.json");
    let new = ["wallet", "new", "other", "--passphrase-file", &purse.passphrase];
    let quiet = [purse.desk.run(&["wallet", "list"]), purse.desk.run(&new)];
    assert!(quiet.iter().all(|ended| !ended.stderr.contains("warning")), "{quiet:?}");
    for path in [&file, &purse.passphrase] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).expect("a file of ours");
    }
    let listed = purse.desk.run(&["wallet", "list"]);
    assert!(listed.out().contains("purse") && listed.stderr.contains(&format!("chmod 600 {file}")));
    let made = purse.desk.run(&["wallet", "new", "third", "--passphrase-file", &purse.passphrase]);
    assert!(made.out().contains("third"), "{made:?}");
    assert!(made.stderr.contains(&format!("chmod 600 {}", purse.passphrase)), "{made:?}");
}

#[test]
fn a_wallet_is_paid_and_pays() {
    let purse = Purse::new();
    let mut alice = Payer::new(1);
    let lab = Lab::new(Pace::Asked, &[(&alice, "1000")]);
    let node = lab.node(&[]);
    let owner = starling_primitives::Address::from_text(&purse.address, &lab.chain().params.prefix);
    let payment = node.submit(&alice.pay(lab.chain(), owner.expect("an address of every lab"), "100"));
    node.generate(1, &super::miner(&lab, 1));
    node.until_mined(payment);

    let to = Payer::new(2);
    let to_text = to.text(lab.chain());
    let sent: Value = purse.send(&node, &["--to", &to_text, "--amount", "40", "--memo", "rent"]).json();
    assert_eq!(sent["from"], purse.address.as_str());
    let txid: starling_primitives::TxId = sent["txid"].as_str().expect("an id").parse().expect("an id");
    node.until_pending(txid);
    // The nonce of a second payment follows the first, that is pending still.
    let second: Value = purse.send(&node, &["--to", &to_text, "--amount", "1", "--wait", "seen"]).json();
    assert_eq!((sent["nonce"].as_u64(), second["nonce"].as_u64()), (Some(0), Some(1)));
    node.generate(1, &super::miner(&lab, 1));
    until("both payments have arrived", || {
        let balance = node.balance(to.address());
        if balance == super::star("41") { Ok(()) } else { Err(balance.to_string()) }
    });

    let wrong = purse.desk.write("wrong", "not the phrase\n");
    let args = ["send", "--node", node.url(), "--passphrase-file", &wrong, "--yes", "--to", &to_text];
    let ended = purse.desk.run(&[&args[..], &["--amount", "1", "--json"]].concat());
    ended.failed(1);
    assert_eq!(node.account(to.address()).pending_balance, super::star("41"));
}
