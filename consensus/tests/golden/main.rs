//! The golden values that need rules or keys: header rules, signatures, genesis, subsidies, what blocks do.
//! (`asert.json` is read beside the difficulty's own code, everything else in `primitives`.)

mod genesis;
mod headers;
mod signatures;
mod subsidy;
mod transitions;

// One reader for the golden files of both crates, and this one reads fewer kinds of fields.
#[allow(dead_code)]
#[path = "../../../primitives/tests/golden/data.rs"]
mod data;

use starling_genesis::{Chain, NewChain, Params};

/// The parameters of the lab, to be changed.
fn lab() -> Params {
    let new = NewChain {
        name: "golden".into(),
        interval: 12,
        bits: Some("207fffff".into()),
        pow: "sha256d".into(),
        time: 1_700_000_000,
        prefund: Vec::new(),
    };
    Chain::create(new).expect("the defaults are right").1.params
}
