//! `starling wallet`.

use super::{account, configure};
use crate::cli::{ImportWalletArgs, NewWalletArgs, WalletAddressArgs, WalletArgs, WalletCommand};
use crate::config::Config;
use crate::failure::{Failure, Outcome, say};
use crate::output;
use crate::secrets::{self, Purpose};
use serde::Serialize;
use serde_json::json;
use starling_primitives::Address;
use starling_wallet::{Keystore, Kind, Mnemonic, Wallet};
use zeroize::Zeroizing;

/// Makes, imports and lists wallets.
pub(super) fn wallet(command: &WalletCommand) -> Outcome<()> {
    match command {
        WalletCommand::New(args) => new(args),
        WalletCommand::Import(args) => import(args),
        WalletCommand::List(args) => list(args),
        WalletCommand::Address(args) => address(args),
    }
}

/// A keystore, and the chain whose addresses are shown.
struct Place {
    keystore: Keystore,
    config: Config,
}

impl Place {
    fn open(args: &WalletArgs) -> Outcome<Self> {
        let config = configure(args.layer())?;
        Ok(Self { keystore: Keystore::new(config.wallet_dir()?), config })
    }

    fn text(&self, address: Address) -> String {
        address.to_text(&self.config.chain().params.prefix)
    }

    fn shown(&self, wallet: &Wallet) -> Shown {
        Shown { name: wallet.name().to_owned(), kind: wallet.kind(), address: self.text(wallet.address()) }
    }
}

/// A wallet as JSON shows it.
#[derive(Serialize)]
struct Shown {
    name: String,
    kind: Kind,
    address: String,
}

impl Shown {
    fn print(&self, json: bool) -> Outcome<()> {
        if json {
            return output::json(self);
        }
        output::fields(&[("wallet", self.name.clone()), ("address", self.address.clone())])
    }
}

fn new(args: &NewWalletArgs) -> Outcome<()> {
    let place = Place::open(&args.wallets)?;
    refuse_name(&place.keystore, &args.name)?;
    let passphrase = secrets::passphrase(&args.passphrase, &args.name, Purpose::Close)?;
    let (wallet, phrase) = place.keystore.create(&args.name, &passphrase, args.words)?;
    let shown = place.shown(&wallet);
    if args.wallets.format.json {
        let Shown { name, kind, address } = shown;
        return output::json(&json!({"name": name, "kind": kind, "address": address, "mnemonic": *phrase}));
    }
    shown.print(false)?;
    output::line(&Zeroizing::new(format!("mnemonic {}", *phrase)))?;
    say("write these words down: nothing else brings the money back when the file or its passphrase is lost");
    Ok(())
}

fn import(args: &ImportWalletArgs) -> Outcome<()> {
    let place = Place::open(&args.wallets)?;
    refuse_name(&place.keystore, &args.name)?;
    let source = args.mnemonic_fd.or(args.key_fd);
    if source.is_some() && source == args.passphrase.passphrase_fd {
        return Err(Failure::usage("secret and passphrase cannot come from one descriptor; use two"));
    }
    let secret = match source {
        Some(fd) => secrets::from_fd(fd)?,
        None => secrets::ask("Mnemonic (12 or 24 words): ", "--mnemonic-fd N or --key-fd N")?,
    };
    // A secret that is none is refused before anybody thinks up a passphrase for it.
    let seed = args.key_fd.map(|_| seed(&secret)).transpose()?;
    if seed.is_none() {
        Mnemonic::parse(&secret).map_err(starling_wallet::KeystoreError::from)?;
    }
    let passphrase = secrets::passphrase(&args.passphrase, &args.name, Purpose::Close)?;
    let wallet = match seed {
        Some(seed) => place.keystore.import_key(&args.name, &passphrase, &seed)?,
        None => place.keystore.import_mnemonic(&args.name, &passphrase, &secret)?,
    };
    place.shown(&wallet).print(args.wallets.format.json)
}

/// Asked before any secret: nobody likes to type one in vain.
fn refuse_name(keystore: &Keystore, name: &str) -> Outcome<()> {
    if account::is_dev_name(name) {
        return Err(Failure::usage(format!(
            "{name} is an account of every `starling dev`, whose key everybody knows; choose another name"
        )));
    }
    if keystore.list()?.iter().any(|taken| taken == name) {
        return Err(starling_wallet::KeystoreError::NameExists(name.to_owned()).into());
    }
    Ok(())
}

/// 32 bytes from 64 hex digits.
fn seed(text: &str) -> Outcome<Zeroizing<[u8; 32]>> {
    let mut bytes = Zeroizing::new([0; 32]);
    let decoded = hex::decode_to_slice(text.trim(), bytes.as_mut_slice());
    decoded.map_err(|_| Failure::usage("a key is a 32-byte seed: 64 hex digits"))?;
    Ok(bytes)
}

fn list(args: &WalletArgs) -> Outcome<()> {
    let place = Place::open(args)?;
    let mut wallets = Vec::new();
    for name in place.keystore.list()? {
        match place.keystore.wallet(&name) {
            Ok(wallet) => {
                secrets::warn_if_exposed(&place.keystore.file(&name));
                wallets.push(place.shown(&wallet));
            }
            Err(error) => say(&format!("warning: {error}")),
        }
    }
    if args.format.json {
        return output::json(&wallets);
    }
    if wallets.is_empty() {
        let dir = place.keystore.dir().display();
        say(&format!("there are no wallets in {dir} yet; make one with `starling wallet new NAME`"));
        return Ok(());
    }
    let kind = |kind| match kind {
        Kind::Mnemonic => "mnemonic",
        Kind::Key => "single key",
    };
    let row =
        |wallet: &Shown| vec![wallet.name.clone(), kind(wallet.kind).to_owned(), wallet.address.clone()];
    output::table(&["wallet", "kind", "address"], &wallets.iter().map(row).collect::<Vec<_>>())
}

fn address(args: &WalletAddressArgs) -> Outcome<()> {
    let place = Place::open(&args.wallets)?;
    let address = match account::dev_key(&args.name, &place.config.chain().name) {
        Some(key) => key.address(),
        None => place.keystore.wallet(&args.name)?.address(),
    };
    let address = place.text(address);
    if args.wallets.format.json {
        return output::json(&json!({"name": args.name, "address": address}));
    }
    output::line(&address)
}
