//! `starling chain show`.

use super::super::configure;
use crate::cli::ShowChainArgs;
use crate::config::{Layer, load_chain};
use crate::failure::Outcome;
use crate::output::{self, duration, star, utc};
use serde_json::{Value, json};
use starling_genesis::{Chain, Difficulty};
use starling_primitives::PowKind;

/// Shows what a chain is.
pub(super) fn show(args: ShowChainArgs) -> Outcome<()> {
    let chain = match &args.chain {
        Some(name) => load_chain(name)?,
        None => configure(Layer::new())?.chain().clone(),
    };
    if args.format.json { output::json(&describe(&chain)) } else { print(&chain) }
}

fn pow(chain: &Chain) -> &'static str {
    match chain.params.pow {
        PowKind::Sha256d => "sha256d",
        PowKind::Sha256dTagged => "sha256d-tagged",
    }
}

fn half_life(chain: &Chain) -> Option<u32> {
    match chain.params.difficulty {
        Difficulty::Fixed => None,
        Difficulty::Asert { half_life } => Some(half_life),
    }
}

/// No limit is written as the largest number.
fn future_limit(chain: &Chain) -> Option<u32> {
    Some(chain.params.future_limit).filter(|&limit| limit != u32::MAX)
}

/// The chain file's keys, with what follows from them; amounts in motes, as everywhere in JSON.
fn describe(chain: &Chain) -> Value {
    let params = &chain.params;
    let accounts = chain.accounts.iter().map(|(address, balance)| {
        json!({"address": address.to_text(&params.prefix), "balance": balance.motes().to_string()})
    });
    json!({
        "name": chain.name,
        "chain_id": chain.chain_id(),
        "genesis": chain.genesis_id().to_string(),
        "time": chain.genesis.work().time,
        "bits": params.genesis_bits.to_string(),
        "prefix": params.prefix.as_str(),
        "pow": pow(chain),
        "interval": params.interval,
        "half_life": half_life(chain),
        "step": params.step,
        "future_limit": future_limit(chain),
        "easiest_bits": params.easiest_bits.to_string(),
        "max_body_bytes": params.max_body_bytes,
        "subsidy": params.subsidy.motes().to_string(),
        "halving_interval": params.halving_interval,
        "account_charge": params.account_charge.motes().to_string(),
        "undo_blocks": params.undo_blocks,
        "minimum_work": params.minimum_work.to_string(),
        "min_fee_per_byte": params.min_fee_per_byte.to_string(),
        "bootstrap": chain.bootstrap,
        "dns_seeds": chain.dns_seeds,
        "accounts": accounts.collect::<Vec<_>>(),
    })
}

fn print(chain: &Chain) -> Outcome<()> {
    let params = &chain.params;
    let seconds = |seconds: u32| duration(seconds.into());
    let difficulty = half_life(chain).map_or_else(
        || "fixed".to_owned(),
        |half_life| format!("follows the hash rate, half-life {}", seconds(half_life)),
    );
    let mut fields = vec![
        ("chain", chain.name.clone()),
        ("genesis", chain.genesis_id().to_string()),
        ("chain id", format!("{:08x}", chain.chain_id())),
        ("begins", utc(chain.genesis.work().time.into())),
        ("addresses", format!("{}1..", params.prefix)),
        ("proof of work", pow(chain).to_owned()),
        ("block every", seconds(params.interval)),
        ("difficulty", format!("{difficulty}, first bits {}", params.genesis_bits)),
        ("body at most", output::bytes(params.max_body_bytes.into())),
        ("subsidy", format!("{}, halved every {} blocks", star(params.subsidy), params.halving_interval)),
        ("new account", star(params.account_charge)),
        ("undo", format!("{} blocks", params.undo_blocks)),
    ];
    let funded = |(address, balance): &(starling_primitives::Address, _)| {
        ("funded", format!("{} {}", address.to_text(&params.prefix), star(*balance)))
    };
    fields.extend(chain.accounts.iter().map(funded));
    fields.extend(chain.bootstrap.iter().map(|address| ("bootstrap", address.clone())));
    output::fields(&fields)
}

#[cfg(test)]
mod tests;
