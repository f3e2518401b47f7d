//! Records read back as written, and damaged ones are refused.

pub(crate) mod golden;

use super::*;
use starling_genesis::Chain;

#[test]
fn records_read_back() {
    let tip = Tip { id: BlockId::new([3; 32]), height: 7, burned: Amount::from_star("0.02").unwrap() };
    assert_eq!(Tip::decode(&tip.encode()).unwrap(), tip);
    let header = Chain::dev().genesis;
    for status in [Status::Header, Status::Body, Status::Connected, Status::Invalid] {
        let record =
            HeaderRecord { header: header.clone(), status, rule: "tx_nonce".into(), work: Work::MAX };
        assert_eq!(HeaderRecord::decode(&record.encode()).unwrap(), record);
    }
    let values = vec![(StateKey::new([1; 32]), None), (StateKey::new([2; 32]), Some([9; 23]))];
    let undo = Undo { burned: Amount::ZERO, values };
    assert_eq!(Undo::decode(&Undo::encode(undo.burned, &undo.values)).unwrap(), undo);
    let address = Address::new([5; 20]);
    for txid in [None, Some(TxId::new([6; 32]))] {
        let event = AddressEvent {
            height: 1,
            position: 2,
            txid,
            sent: Amount::ZERO,
            fee: Amount::MAX,
            received: Amount::MAX,
        };
        assert_eq!(AddressEvent::decode(&event.key(&address), &event.encode()).unwrap(), event);
    }
    let location = TxLocation { height: 256, position: 1 };
    assert_eq!(TxLocation::decode(&location.encode()).unwrap(), location);
}

#[test]
fn the_mark_of_the_tree_lies_as_described() {
    let outline = Outline { depth: 9, keys: 0x1_0000_0002, crowds: vec![3, 0x0102] };
    let mark = TreeMark { at: StateTip { id: BlockId::new([7; 32]), height: 5 }, outline };
    let described =
        [&[7; 32][..], &[5, 0, 0, 0, 9, 0, 0, 0], &[2, 0, 0, 0, 1, 0, 0, 0], &[3, 0, 0, 0, 2, 1, 0, 0]]
            .concat();
    assert_eq!(mark.encode(), described);
    assert_eq!(TreeMark::decode(&described).unwrap(), mark);
    assert!(TreeMark::decode(&described[..50]).is_err());
    assert!(TreeMark::decode(&described[..46]).is_err());
}

#[test]
fn damaged_records_are_refused() {
    assert!(Tip::decode(&[0; 51]).is_err());
    assert!(Tip::decode(&[255; 52]).is_err());
    assert_eq!(HeaderRecord::decode(&[4]), Err(Damaged::Field("status")));
    assert!(Undo::decode(&[0; 17]).is_err());
    assert!(TxLocation::decode(&[0; 7]).is_err());
    assert!(AddressEvent::decode(&[0; 28], &[0; 49]).is_err());
}
