//! Templates: when they are handed out, and what blocks solved on them become.

use super::*;

#[test]
fn a_template_waits_for_its_time_unless_told_to_run_ahead() {
    let mut node = Node::new();
    let payout = key(2).address();
    node.now.unix = u64::from(GENESIS_TIME) - 100;
    let early = node.call(move |core| core.template(payout, &[], false));
    assert!(matches!(early, Err(TemplateError::TooEarly { seconds: 100 })), "{early:?}");
    assert!(node.call(move |core| core.template(payout, &[], true)).is_ok());
    node.now.unix = u64::from(GENESIS_TIME) - 151;
    let ahead = node.call(move |core| core.template(payout, &[], true));
    assert!(matches!(ahead, Err(TemplateError::TooFarAhead { seconds: 151, limit: 150 })), "{ahead:?}");
}

#[test]
fn a_block_solved_on_a_replaced_template_is_accepted() {
    let mut node = Node::new();
    node.pass(Duration::from_secs(5));
    let payout = key(2).address();
    let old = node.call(move |core| core.template(payout, &[], false)).unwrap();
    node.submit(1, 0, key(8).address(), 5);
    node.pass(Duration::from_secs(5));
    let new = node.call(move |core| core.template(payout, &[], false)).unwrap();
    assert_eq!((old.header.content().tx_count, new.header.content().tx_count), (0, 1));
    let header = solve(&old.header, node.core.chain());
    assert!(node.call(move |core| core.submit_block(header)).unwrap());
    assert_eq!(node.height(), 1);
}

#[test]
fn what_was_never_a_template_is_refused() {
    let (mut ours, mut theirs) = (Node::new(), Node::new());
    theirs.mine(3);
    let header = theirs.blocks()[0].header().header().clone();
    let refused = ours.call(move |core| core.submit_block(header));
    assert!(matches!(refused, Err(SubmitBlockError::UnknownTemplate)), "{refused:?}");
}

#[test]
fn a_public_chain_without_peers_hands_out_templates_only_when_told() {
    let mut public = chain();
    public.name = "testnet".into();
    let mut node = Node::of(public);
    let payout = key(2).address();
    assert_eq!(node.core.sync_state(), SyncState::Waiting);
    let refused = node.call(move |core| core.template(payout, &[], false));
    assert!(matches!(refused, Err(TemplateError::NoPeers)), "{refused:?}");
    node.core.config.mine_alone = true;
    assert!(node.call(move |core| core.template(payout, &[], false)).is_ok());
}

#[test]
fn any_number_of_payouts_share_a_template_and_none_is_forgotten() {
    let mut node = Node::new();
    node.submit(1, 0, key(8).address(), 5);
    node.pass(Duration::from_secs(5));
    let payout = key(2).address();
    let first = node.call(move |core| core.template(payout, &[], false)).unwrap();
    let others = node.call(move |core| {
        (0..5_000u32).all(|n| {
            let mut bytes = [0; 20];
            bytes[..4].copy_from_slice(&n.to_le_bytes());
            core.template(Address::new(bytes), &[], false).is_ok()
        })
    });
    assert!(others);
    let header = solve(&first.header, node.core.chain());
    assert!(node.call(move |core| core.submit_block(header)).unwrap());
    let reward = first.reward.checked_add(Amount::from_star("1000").unwrap()).unwrap();
    assert_eq!(node.account(&payout).balance, reward, "and each pays whom it names");
    node.assert_supply(1..10);
}
