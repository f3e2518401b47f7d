"""The state tree and its proofs (state-and-proofs.md)."""

from codec import Refused, refuse_if, u64
from hashes import ZERO, node, tagged


def account_key(address):
    return tagged("starling/account", address)


def account_value(nonce, balance):
    return u64(nonce) + balance.to_bytes(15, "little")


def leaf(key, value):
    assert 1 <= len(value) <= 1024
    return tagged("starling/leaf", key + value)


def bit(data, index):
    """Bit `index` of a byte string, the most significant bit of byte 0 first."""
    return data[index // 8] >> 7 - index % 8 & 1


def root(entries, depth=0):
    """The root over a dict of keys and values that agree in their first `depth` bits."""
    if not entries:
        return ZERO
    if len(entries) == 1:
        return leaf(*next(iter(entries.items())))
    left, right = split(entries, depth)
    return node(root(left, depth + 1), root(right, depth + 1))


def split(entries, depth):
    side = lambda wanted: {key: value for key, value in entries.items() if bit(key, depth) == wanted}
    return side(0), side(1)


def prove(entries, key):
    """A proof: a dict with `value`, `other` (or None), `bitmap` and `siblings`."""
    bitmap, siblings, depth = bytearray(32), [], 0
    while len(entries) > 1:
        halves = split(entries, depth)
        sibling = root(halves[1 - bit(key, depth)], depth + 1)
        if sibling != ZERO:
            bitmap[depth // 8] |= 0x80 >> depth % 8
            siblings.append(sibling)
        entries = halves[bit(key, depth)]
        depth += 1
    value = entries.get(key)
    lone = next(iter(entries.items())) if entries and value is None else None
    return {"value": value, "other": lone, "bitmap": bytes(bitmap), "siblings": siblings}


def verify(proof, key, state_root):
    """Returns the value proven, None for a proven absence; refuses a proof that does not hold."""
    met = [i for i in range(256) if bit(proof["bitmap"], i)]
    refuse_if(len(met) != len(proof["siblings"]), "proof_sibling_count")
    refuse_if(ZERO in proof["siblings"], "proof_zero_sibling")
    depth = met[-1] + 1 if met else 0
    current = ZERO
    if proof["value"] is not None:
        current = leaf(key, proof["value"])
    elif proof["other"] is not None:
        other_key, other_value = proof["other"]
        shares = all(bit(other_key, i) == bit(key, i) for i in range(depth))
        refuse_if(other_key == key or not shares, "proof_wrong_other")
        current = leaf(other_key, other_value)
    siblings = dict(zip(met, proof["siblings"]))
    for i in reversed(range(depth)):
        sibling = siblings.get(i, ZERO)
        current = node(sibling, current) if bit(key, i) else node(current, sibling)
    if current != state_root:
        raise Refused("proof_wrong_root")
    return proof["value"]
