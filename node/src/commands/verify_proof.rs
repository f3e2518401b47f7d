//! `starling verify-proof`: no node is asked.

use crate::cli::VerifyProofArgs;
use crate::failure::{Failure, Outcome};
use crate::output;
use serde_json::{Value, json};
use starling_verifier::{Anchor, Claim, MAX_PROOF_BYTES, Proof, Verified};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Verifies a proof against the block that the user names.
pub(super) fn verify_proof(args: VerifyProofArgs) -> Outcome<()> {
    let refused = |why: &dyn std::fmt::Display| Failure::failed(format!("does not verify: {why}"));
    let proof = Proof::parse(&read(&args.file)?).map_err(|error| refused(&error))?;
    let anchor = match (args.block, args.header) {
        (_, Some(header)) => Anchor::Header(Box::new(header)),
        (Some(id), None) => Anchor::Id(id),
        (None, None) => Anchor::Nothing,
    };
    let verified = proof.verify(&anchor).map_err(|error| refused(&error))?;
    if args.format.json {
        output::json(&describe(&verified))?;
    } else {
        let word = if verified.anchored { "proven" } else { "consistent" };
        output::line(&format!("{word}: {}", output::printable(&verified.to_string())))?;
    }
    if verified.anchored {
        return Ok(());
    }
    Err(Failure::not_anchored(format!(
        "nothing says that block {} is of your chain: get its id from a source that you trust, and name it \
         with --block ID or --header HEX",
        verified.block
    )))
}

/// Reads the file, or stdin, and no more than a proof can have.
fn read(file: &Path) -> Outcome<Vec<u8>> {
    let failed = |error| Failure::file(file, &error);
    if file == Path::new("-") { bounded(io::stdin().lock()) } else { File::open(file).and_then(bounded) }
        .map_err(failed)
}

/// One byte more than allowed is enough to be refused.
fn bounded(from: impl Read) -> io::Result<Vec<u8>> {
    let most = u64::try_from(MAX_PROOF_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    from.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn describe(verified: &Verified) -> Value {
    let Verified { claim, block, height, anchored } = verified;
    let mut json = json!({
        "anchored": anchored, "block": block.to_string(), "height": height, "says": verified.to_string(),
    });
    let more = match claim {
        Claim::Account { key, address, account } => json!({
            "proves": "account", "key": starling_rpc::to_hex(key.as_bytes()), "address": address,
            "present": account.is_some(), "nonce": account.map_or(0, |account| account.nonce),
            "balance": account.map_or(0, |account| account.balance.motes()).to_string(),
        }),
        Claim::Tx { wtxid, index, count } => json!({
            "proves": "tx", "wtxid": wtxid.to_string(), "index": index, "count": count,
        }),
        Claim::Ancestor(leaf) => json!({
            "proves": "ancestor", "ancestor": leaf.id.to_string(), "ancestor_height": leaf.height,
            "ancestor_time": leaf.time, "ancestor_work": leaf.work.to_string(),
        }),
    };
    if let (Some(json), Value::Object(more)) = (json.as_object_mut(), more) {
        json.extend(more);
    }
    json
}

#[cfg(test)]
mod tests;
