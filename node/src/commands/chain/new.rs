//! `starling chain new`.

use crate::cli::NewChainArgs;
use crate::failure::{Failure, Outcome};
use crate::{files, output};
use serde_json::json;
use starling_genesis::{Chain, ChainFile, NewChain};

/// The chains that this program carries: a file of such a name would be taken for one of them.
const CARRIED: [&str; 2] = ["testnet", "dev"];

/// Writes a chain file.
pub(super) fn new(args: NewChainArgs) -> Outcome<()> {
    let (file, format) = (args.file.clone(), args.format);
    let (chain_file, chain) = create(args)?;
    let body =
        toml::to_string(&chain_file).map_err(|error| Failure::failed(format!("the chain file: {error}")))?;
    let head = "# A Starling chain. Its genesis id pins every rule: a file with a changed one is refused.\n";
    files::write_new(&file, &format!("{head}{body}"))?;
    let (genesis, chain_id) = (chain.genesis_id().to_string(), chain.chain_id());
    if format.json {
        return output::json(
            &json!({"file": file, "name": chain.name, "genesis": genesis, "chain_id": chain_id}),
        );
    }
    let file = file.display();
    output::fields(&[
        ("file", file.to_string()),
        ("chain", chain.name),
        ("genesis", genesis),
        ("run it", format!("starling run --chain {file}")),
    ])
}

fn create(args: NewChainArgs) -> Outcome<(ChainFile, Chain)> {
    let stem = args.file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let name = args.name.or(stem).unwrap_or_default();
    if CARRIED.contains(&name.as_str()) {
        return Err(Failure::usage(format!(
            "{name} is a chain that exists; choose another with --name NAME"
        )));
    }
    let time =
        u32::try_from(output::now()).map_err(|_| Failure::failed("the clock is beyond the year 2106"))?;
    let NewChainArgs { interval, bits, pow, prefund, .. } = args;
    Ok(Chain::create(NewChain { name, interval, bits, pow, time, prefund })?)
}

#[cfg(test)]
mod tests;
