"""Golden values: what blocks do to accounts."""

import state
import transition
from codec import Refused
from examples import STAR, address_of

PARAMS = {"account_charge": STAR // 100, "subsidy": 12 * STAR, "halving_interval": 10_519_200}
A, B, C, MINER = (address_of(i) for i in range(4))
START = {A: (0, 10 * STAR), B: (5, STAR)}
CHARGE = PARAMS["account_charge"]


def pay(sender, nonce, *outputs, fee=1, valid_until=0):
    return {
        "sender": sender,
        "nonce": nonce,
        "fee": fee,
        "valid_until": valid_until,
        "outputs": list(outputs),
    }


def _rows():
    """(name, accounts before, transactions, miner, height)"""
    last = 2**64 - 1
    yield "no transactions", START, [], MINER, 1
    yield "a payment", START, [pay(A, 0, (B, STAR))], MINER, 2
    yield "to a new account", START, [pay(A, 0, (C, STAR))], MINER, 2
    yield "to a new account twice: one charge", START, [pay(A, 0, (C, 1), (C, 2))], MINER, 2
    yield "to itself", START, [pay(A, 0, (A, 10 * STAR - 1))], MINER, 2
    yield "to the miner, who is new: charged", START, [pay(A, 0, (MINER, 1))], MINER, 2
    yield "made and used in one block", START, [pay(A, 0, (C, STAR)), pay(C, 0, (B, STAR - 1))], MINER, 2
    yield "emptied, still there", START, [pay(B, 5, (A, STAR - 1)), pay(A, 0, (B, 1))], MINER, 2
    yield "the sender mines", START, [pay(A, 0, (B, 1), fee=5)], A, 2
    yield "no subsidy any more", START, [pay(A, 0, (B, 1), fee=5)], MINER, 64 * 10_519_200
    yield "no reward, no account", START, [pay(A, 0, (B, 1), fee=0)], MINER, 64 * 10_519_200
    yield "everything, exactly", START, [pay(A, 0, (C, 10 * STAR - 1 - CHARGE))], MINER, 2
    yield "valid until this height", START, [pay(A, 0, (B, 1), valid_until=2)], MINER, 2
    yield "expired", START, [pay(A, 0, (B, 1), valid_until=1)], MINER, 2
    yield "one mote too many", START, [pay(A, 0, (C, 10 * STAR - CHARGE))], MINER, 2
    yield "to itself, more than there is", START, [pay(A, 0, (A, 10 * STAR))], MINER, 2
    yield "a sender that is not there", START, [pay(C, 0, (A, 1))], MINER, 2
    yield "nonce too low", START, [pay(B, 4, (A, 1))], MINER, 2
    yield "nonce too high", START, [pay(A, 1, (B, 1))], MINER, 2
    yield "the last nonce", {A: (last, STAR)}, [pay(A, last, (A, 1))], MINER, 2
    yield "the last nonce but one", {A: (last - 1, STAR)}, [pay(A, last - 1, (A, 1))], MINER, 2
    yield "sum over 2^100", START, [pay(A, 0, (B, 2**100))], MINER, 2
    yield "spending what the reward would bring", START, [pay(MINER, 0, (A, 1))], MINER, 2


def transition_values():
    params = {key: value if key == "halving_interval" else str(value) for key, value in PARAMS.items()}
    return {"params": [params], "cases": [_case(*row) for row in _rows()]}


def _case(name, before, txs, miner, height):
    shown = [
        tx | {"fee": str(tx["fee"]), "outputs": [[to, str(motes)] for to, motes in tx["outputs"]]}
        for tx in txs
    ]
    inputs = {"name": name, "height": height, "miner": miner, "before": _accounts(before), "txs": shown}
    try:
        after, burned = transition.apply_block(before, txs, miner, height, PARAMS)
    except Refused as refusal:
        return inputs | {"after": [], "burned": "0", "state_root": None, "error": refusal.name}
    entries = {state.account_key(to): state.account_value(*held) for to, held in after.items()}
    outputs = {"after": _accounts(after), "burned": str(burned), "state_root": state.root(entries)}
    return inputs | outputs | {"error": None}


def _accounts(held):
    return [[to, nonce, str(balance)] for to, (nonce, balance) in sorted(held.items())]
