//! `starling config`.

use super::configure;
use crate::cli::{ConfigCommand, InitArgs, RunArgs, ShowConfigArgs};
use crate::config::{Config, FILE_NAME, KEYS, Key, Origin, Value, commented, keys};
use crate::failure::{Outcome, say};
use crate::{files, output};
use serde_json::{Map, json};

/// Shows, checks and begins a configuration.
pub(super) fn config(command: ConfigCommand) -> Outcome<()> {
    match command {
        ConfigCommand::Show(args) => show(args),
        ConfigCommand::Check(args) => check(args),
        ConfigCommand::Init(args) => init(args),
    }
}

fn show(args: ShowConfigArgs) -> Outcome<()> {
    let config = configure(args.settings.layer())?;
    let shown = KEYS.into_iter().filter(|key| args.effective || config.given(key).is_some());
    let shown: Vec<_> = shown.map(|key| (key, effective(&config, key))).collect();
    if args.format.json {
        let entry = |(key, (value, origin)): (&Key, (Value, Origin))| {
            (key.name.to_owned(), json!({"value": value, "origin": origin.describe(key)}))
        };
        return output::json(&shown.into_iter().map(entry).collect::<Map<_, _>>());
    }
    if shown.is_empty() {
        say("nothing is set; see what holds with --effective");
        return Ok(());
    }
    let row = |(key, (value, origin)): &(&Key, (Value, Origin))| {
        vec![key.name.to_owned(), value.to_string(), origin.describe(key)]
    };
    output::table(&["key", "value", "from"], &shown.iter().map(row).collect::<Vec<_>>())
}

/// What holds for a key, and why.
fn effective(config: &Config, key: &'static Key) -> (Value, Origin) {
    if let Some((value, origin)) = config.given(key) {
        return (value.clone(), origin.clone());
    }
    let found = match key.name {
        name if name == keys::DATA_DIR.name => config.data_dir().ok().map(ToOwned::to_owned),
        name if name == keys::WALLET_DIR.name => config.wallet_dir().ok(),
        _ => None,
    };
    let text = found.map_or_else(|| key.default.to_owned(), |path| path.to_string_lossy().into_owned());
    (Value::Text(text), Origin::Default)
}

fn check(args: RunArgs) -> Outcome<()> {
    let config = configure(args.settings.layer())?;
    config.check()?;
    let (dir, chain) = (config.data_dir()?.display().to_string(), &config.chain().name);
    if args.format.json {
        return output::json(&json!({"ok": true, "chain": chain, "data_dir": dir}));
    }
    output::line(&format!("the configuration is right: chain {chain}, data in {dir}"))
}

fn init(args: InitArgs) -> Outcome<()> {
    let config = configure(args.place.layer())?;
    let dir = config.data_dir()?;
    files::private_dir(dir)?;
    let path = dir.join(FILE_NAME);
    files::write_new(&path, &commented())?;
    if args.format.json {
        return output::json(&json!({"file": path}));
    }
    output::line(&format!("{} is written; every line is a comment until you uncomment it", path.display()))
}
