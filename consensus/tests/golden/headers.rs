//! `headers.json`: what decodes but breaks header rule 1 or 4, and headers that were worked on.

use crate::data::section;
use starling_consensus::CheckedHeader;
use starling_genesis::Params;
use starling_primitives::{Header, PowKind};

const FILE: &str = include_str!("../../../primitives/tests/golden/headers.json");

#[test]
fn headers_that_break_a_rule_are_refused_by_name() {
    let broken = section(FILE, "refused").into_iter().filter(|case| case.text("stage") == "rules");
    let mut count = 0;
    for case in broken {
        let params = Params { max_body_bytes: case.number("max_body_bytes"), ..crate::lab() };
        let header = Header::decode(&case.bytes("bytes")).unwrap();
        let error = CheckedHeader::check(header, &params).unwrap_err();
        assert_eq!(error.code(), case.text("error"), "{}", case.name());
        count += 1;
    }
    assert!(count > 10, "{count} cases");
}

#[test]
fn headers_pass_where_their_work_does() {
    for case in section(FILE, "cases") {
        let header = Header::decode(&case.bytes("header")).unwrap();
        for (pow, name) in [(PowKind::Sha256d, "sha256d"), (PowKind::Sha256dTagged, "sha256d_tagged")] {
            let params = Params { pow, ..crate::lab() };
            let verdict = match CheckedHeader::check(header.clone(), &params) {
                Ok(checked) => {
                    assert_eq!(checked.pow_hash(), &case.array(&format!("pow_{name}")));
                    "fine"
                }
                Err(error) => error.code(),
            };
            // Some cases carry counts that stand for no body; their bytes are what they show.
            let expected = if case.flag(&format!("meets_{name}")) { "fine" } else { "no_work" };
            assert!([expected, "impossible_counts"].contains(&verdict), "{}: {verdict}", case.name());
        }
    }
}
