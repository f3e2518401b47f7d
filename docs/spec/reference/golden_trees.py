"""Golden values: the state tree and the history."""

import history
import state
import targets
from examples import address_of, error_of, hash_of

STAR = 10**18


def account(i):
    """The i-th example account: (address, nonce, balance)."""
    return address_of(i), i, (i + 1) * STAR


def entries_of(accounts):
    return {state.account_key(to): state.account_value(nonce, balance) for to, nonce, balance in accounts}


def state_values():
    cases, proofs = [], []
    for count in (0, 1, 2, 3, 1_000):
        accounts = [account(i) for i in range(count)]
        entries = entries_of(accounts)
        listed = [_account(*row) for row in accounts] if count <= 3 else []
        root = state.root(entries)
        cases.append({"name": f"{count} accounts", "count": count, "accounts": listed, "root": root})
        for i in (0, count // 2, count - 1, count, count + 1, count + 2, 5_000):
            if i >= 0:
                proofs.append(_proof(f"{count} accounts", entries, root, state.account_key(address_of(i))))
    extremes = [
        _account(address_of(0), nonce, balance)
        for nonce, balance in ((0, 1), (1, 0), (2**64 - 1, 2**100), (255, 256), (0, 2**100))
    ]
    raw = [_raw(name, keys) for name, keys in _raw_keys()]
    for name, keys in _raw_keys():
        entries = {key: bytes([i + 1]) for i, key in enumerate(keys)}
        root = state.root(entries)
        for key in (keys[0], keys[-1], b"\x80" + bytes(31), b"\x00" * 31 + b"\x02", b"\xff" * 32):
            proofs.append(_proof(name, entries, root, key))
    kinds = {(proof["value"] is not None, proof["other_key"] is not None) for proof in proofs}
    assert len(kinds) == 3
    return {
        "cases": cases,
        "values": extremes,
        "raw": raw,
        "proofs": _unique(proofs),
        "refused_proofs": _refused(),
    }


def _unique(proofs):
    return list({(proof["state"], proof["key"]): proof for proof in proofs}.values())


def _account(to, nonce, balance):
    key, value = state.account_key(to), state.account_value(nonce, balance)
    fields = {"address": to, "nonce": nonce, "balance": str(balance)}
    return fields | {"key": key, "value": value, "leaf": state.leaf(key, value)}


def _raw_keys():
    """Keys as they are, to reach depths that hashed keys do not."""
    yield "last bit", [bytes(32), bytes(31) + b"\x01"]
    yield "first bit", [bytes(32), b"\x80" + bytes(31)]
    yield "first bit after a byte", [bytes(32), b"\x00\x80" + bytes(30)]
    yield "both ends", [bytes(32), bytes(31) + b"\x01", b"\xff" * 31 + b"\xfe", b"\xff" * 32]
    yield "one right key", [b"\xff" * 32]


def _raw(name, keys):
    """The i-th key has the one-byte value i + 1."""
    entries = {key: bytes([i + 1]) for i, key in enumerate(keys)}
    leaves = [state.leaf(key, value) for key, value in entries.items()]
    return {
        "name": name,
        "keys": keys,
        "values": list(entries.values()),
        "leaves": leaves,
        "root": state.root(entries),
    }


def _proof(name, entries, root, key):
    proof = state.prove(entries, key)
    assert state.verify(proof, key, root) == entries.get(key)
    return {"state": name, "root": root, "key": key} | _shown(proof)


def _shown(proof):
    other = proof["other"] or (None, None)
    fields = {"value": proof["value"], "other_key": other[0], "other_value": other[1]}
    return fields | {"bitmap": proof["bitmap"], "siblings": proof["siblings"]}


def _refused():
    entries = entries_of([account(i) for i in range(3)])
    root, keys = state.root(entries), sorted(entries)
    there = state.prove(entries, keys[0])
    absent = next(key for key in map(hash_of, range(100)) if state.prove(entries, key)["other"])
    other = state.prove(entries, absent)
    own = {"value": None, "other": (keys[0], entries[keys[0]])}
    far = next(key for key in keys if state.bit(key, 0) != state.bit(absent, 0))
    flip = bytes([there["siblings"][0][0] ^ 1]) + there["siblings"][0][1:]
    rows = [
        ("a sibling missing", keys[0], there | {"siblings": there["siblings"][:-1]}, "proof_sibling_count"),
        (
            "a sibling too many",
            keys[0],
            there | {"siblings": there["siblings"] + [bytes(32)]},
            "proof_sibling_count",
        ),
        (
            "a zero sibling",
            keys[0],
            there | {"siblings": [bytes(32)] + there["siblings"][1:]},
            "proof_zero_sibling",
        ),
        ("the key's own leaf as the other", keys[0], there | own, "proof_wrong_other"),
        ("a leaf of another branch", absent, other | {"other": (far, entries[far])}, "proof_wrong_other"),
        ("another value", keys[0], there | {"value": bytes(23)}, "proof_wrong_root"),
        ("absence of what is there", keys[0], there | {"value": None}, "proof_wrong_root"),
        (
            "a sibling changed",
            keys[0],
            there | {"siblings": [flip] + there["siblings"][1:]},
            "proof_wrong_root",
        ),
        ("another key's proof", keys[1], there, "proof_wrong_root"),
    ]
    found = []
    for name, key, proof, error in rows:
        assert error_of(state.verify, proof, key, root) == error, (
            name,
            error_of(state.verify, proof, key, root),
        )
        found.append({"name": name, "root": root, "key": key} | _shown(proof) | {"error": error})
    return found


BITS = 0x1E100000


def block(i):
    """The i-th example block: (id, height, time, bits, cumulative work)."""
    return hash_of(i), i, 1_700_000_000 + 12 * i, BITS, (i + 1) * targets.work(BITS)


def history_values():
    blocks = [block(i) for i in range(1_000)]
    hashes = [history.leaf(*each) for each in blocks]
    names = ("id", "height", "time", "bits", "work_be")
    listed = []
    for each, hashed in zip(blocks[:12], hashes):
        shown = each[:3] + (f"{each[3]:08x}", targets.be(each[4]))
        listed.append(dict(zip(names, shown)) | {"leaf": hashed})
    cases = []
    for count in (*range(13), 15, 16, 17, 1_000):
        leaves = hashes[:count]
        fields = {"name": f"{count} blocks", "count": count, "peaks": history.peaks(leaves)}
        cases.append(fields | {"root": history.root(leaves)})
    proofs = []
    for count, indices in (
        (1, (0,)),
        (2, (0, 1)),
        (3, (0, 1, 2)),
        (7, range(7)),
        (8, (0, 7)),
        (11, (0, 7, 8, 9, 10)),
        (1_000, (0, 511, 512, 959, 998, 999)),
    ):
        proofs += [_history_proof(hashes[:count], index) for index in indices]
    return {"cases": cases, "leaves": listed, "proofs": proofs, "refused_proofs": _refused_history(hashes)}


def _history_proof(leaves, index):
    proof, root = history.prove(leaves, index), history.root(leaves)
    assert history.verify(proof, leaves[index], index, len(leaves)) == root
    fields = {
        "name": f"block {index} of {len(leaves)}",
        "count": len(leaves),
        "index": index,
        "leaf": leaves[index],
    }
    return fields | proof | {"root": root}


def _refused_history(hashes):
    leaves = hashes[:11]
    root, good = history.root(leaves), history.prove(leaves, 8)
    rows = [
        ("another index", 9, good),
        ("an index beyond the count", 11, good),
        ("a sibling missing", 8, good | {"siblings": good["siblings"][:-1]}),
        ("a sibling too many", 8, good | {"siblings": good["siblings"] + [hashes[0]]}),
        ("no bag", 8, good | {"right_bag": None}),
        ("a left peak missing", 8, good | {"left_peaks": []}),
        ("a left peak too many", 8, good | {"left_peaks": good["left_peaks"] * 2}),
    ]
    found = []
    for name, index, proof in rows:
        assert history.verify(proof, leaves[8], index, 11) != root
        found.append({"name": name, "count": 11, "index": index, "leaf": leaves[8]} | proof | {"root": root})
    return found
