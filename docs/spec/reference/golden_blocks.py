"""Golden values: transactions, headers, genesis, bodies."""

import addresses
import amounts
import chains
import golden_basics
import headers
import targets
import transactions
from codec import u8, u16, u32
from examples import (
    CHAIN_ID,
    GENESIS_ID,
    MAX_BODY_BYTES,
    STAR,
    address_of,
    body,
    by_key,
    chain,
    error_of,
    hash_of,
    header,
    payments,
    refused,
    sign_multi,
    sign_single,
)
from hashes import ZERO, sha256d, tagged


def transaction_values():
    cases = [_transaction(name, *parts) for name, parts in _signed()]
    generated = [_generated(*row) for row in ((255, 0, 1), (255, 128, 16), (2, 128, 16))]
    messages = golden_basics.message_values()
    return {"cases": cases, "generated": generated, "messages": messages, "refused": _refused_transactions()}


def _signed():
    one = [(address_of(1), STAR)]
    yield "ordinary payment", sign_single(body(one), 0)
    yield "memo", sign_single(body(one, memo=b"coffee", nonce=1), 0)
    yield "longest memo", sign_single(body(one, memo=bytes(range(128)), nonce=2), 0)
    yield "valid until", sign_single(body(one, valid_until=2**32 - 1, nonce=255), 0)
    several = [(address_of(i), 10**i) for i in range(3)]
    yield "three outputs", sign_single(body(several, nonce=256), 1)
    yield "one recipient twice", sign_single(body(one * 2), 1)
    own = addresses.address(addresses.single(by_key([2])[0][0]))
    yield "to itself", sign_single(body([(own, STAR)], fee=0), 2)
    extremes = [(b"\xff" * 20, amounts.MAX_MOTES)]
    yield "largest numbers", sign_single(body(extremes, fee=amounts.MAX_MOTES, nonce=2**64 - 2), 3)
    yield "1 of 2", sign_multi(body(one), [0, 1], [1])
    yield "2 of 3, keys 0 and 2", sign_multi(body(one), [0, 1, 2], [0, 2])
    yield "2 of 16, the ends", sign_multi(body(one), range(16), [0, 15])


def _transaction(name, tx, policy, bitmap, signatures, secrets):
    content = transactions.decode(tx)[0]
    encoded = content.encode()
    assert transactions.encode(*transactions.decode(tx)) == tx and len(tx) >= transactions.MIN_BYTES
    outputs = [{"address": address, "amount": str(amount)} for address, amount in content.outputs]
    fields = {
        "chain_id": content.chain_id,
        "nonce": content.nonce,
        "fee": str(content.fee),
        "valid_until": content.valid_until,
        "outputs": outputs,
        "memo": content.memo,
    }
    hashed = {"txid": transactions.txid(GENESIS_ID, encoded, policy), "wtxid": transactions.wtxid(tx)}
    parts = {"policy": policy, "sender": addresses.address(policy), "body": encoded}
    auth = {"secret_keys": secrets, "bitmap": bitmap, "signatures": signatures}
    return (
        {"name": name, "genesis_id": GENESIS_ID}
        | fields
        | parts
        | hashed
        | auth
        | {"tx": tx, "size": len(tx)}
    )


def _generated(count, memo_len, keys):
    """Large transactions by rule, so that they need not be listed."""
    outputs = [(address_of(i), i + 1) for i in range(count)]
    content = body(outputs, memo=bytes(i & 0xFF for i in range(memo_len)), nonce=7, fee=10**15)
    signed = sign_single(content, 0) if keys == 1 else sign_multi(content, range(keys), range(keys))
    tx, policy = signed[0], signed[1]
    txid, wtxid = transactions.txid(GENESIS_ID, content.encode(), policy), transactions.wtxid(tx)
    inputs = {"name": f"{count} outputs, {keys} keys", "outputs": count, "memo_len": memo_len, "keys": keys}
    return inputs | {"nonce": 7, "fee": str(10**15), "size": len(tx), "txid": txid, "wtxid": wtxid}


def _refused_transactions():
    content = body([(address_of(1), STAR)])
    plain, policy = sign_single(content, 0)[:2]
    multi = sign_multi(content, [0, 1, 2], [0, 2])[0]
    at = 33  # of the payload; the policy of these transactions is at 72
    put = lambda data, offset, new: data[:offset] + new + data[offset + len(new) :]
    bitmap = lambda value: put(multi, 72 + 3 + 96, u16(value))
    over = (2**100 + 1).to_bytes(16, "little")
    two = sign_single(body([(address_of(1), STAR), (address_of(2), STAR)]), 0)[0]
    rows = [
        ("empty", b"", "truncated"),
        ("the version alone", plain[:1], "truncated"),
        ("ends in the fee", plain[:20], "truncated"),
        ("ends in an output", plain[:50], "truncated"),
        ("ends before the memo's length", plain[:71], "truncated"),
        ("ends in the policy", plain[:80], "truncated"),
        ("ends in the signature", plain[:-1], "truncated"),
        ("a signature missing", multi[:-64], "truncated"),
        ("255 outputs announced, one there", put(plain, at + 1, u8(255))[:71], "truncated"),
        ("a byte too many", plain + b"\x00", "trailing_bytes"),
        ("a signature too many", multi + bytes(64), "trailing_bytes"),
        ("version 0", put(plain, 0, u8(0)), "bad_version"),
        ("version 2", put(plain, 0, u8(2)), "bad_version"),
        ("version 2 and nothing more: the first violation is told", u8(2), "bad_version"),
        ("fee of 2^100 + 1", put(plain, 13, over), "amount_too_large"),
        ("payload kind 1", put(plain, at, u8(1)), "bad_payload_kind"),
        ("no outputs", put(plain, at + 1, u8(0)), "no_outputs"),
        ("amount 0", put(plain, at + 22, bytes(16)), "zero_amount"),
        ("the second amount 0", put(two, at + 58, bytes(16)), "zero_amount"),
        ("amount of 2^100 + 1", put(plain, at + 22, over), "amount_too_large"),
        ("amount of 2^128 - 1", put(plain, at + 22, b"\xff" * 16), "amount_too_large"),
        ("memo of 129 bytes", plain[:71] + u8(129) + bytes(129) + plain[72:], "memo_too_long"),
        ("memo of 255 bytes", plain[:71] + u8(255) + bytes(255) + plain[72:], "memo_too_long"),
        ("policy kind 2", put(plain, 72, u8(2)), "bad_policy_kind"),
        ("0 of 3", put(multi, 73, u8(0)), "bad_threshold"),
        ("4 of 3", put(multi, 73, u8(4)), "bad_threshold"),
        ("1 of 1", put(multi, 73, u8(1) + u8(1)), "bad_key_count"),
        ("2 of 17", put(multi, 74, u8(17)), "bad_key_count"),
        ("a key twice", put(multi, 75 + 32, multi[75 : 75 + 32]), "keys_not_ascending"),
        ("keys swapped", put(multi, 75, multi[107:139] + multi[75:107]), "keys_not_ascending"),
        ("bitmap of no key", bitmap(0), "bad_bitmap"),
        ("bitmap of one key", bitmap(1), "bad_bitmap"),
        ("bitmap of three keys", bitmap(7), "bad_bitmap"),
        ("bitmap of a key that is not there", bitmap(0b1001), "bad_bitmap"),
        ("bitmap with a high bit besides", bitmap(0x8005), "bad_bitmap"),
        ("16,385 bytes", plain + bytes(16_385 - len(plain)), "too_large"),
    ]
    found = [refused(name, "transaction", data, error, transactions.decode) for name, data, error in rows]
    found[-1]["bytes"] = plain  # the rest is zeros, and is not listed
    return [{**entry, "zeros_after": 16_385 - len(plain) if entry is found[-1] else 0} for entry in found]


HEIGHTS = (0, 1, 16, 17, 127, 128, 255, 256, 65_535, 65_536, 2**32 - 1)


def header_values():
    cases = []
    for height in HEIGHTS:
        push = headers.push_height(height)
        longest = bytes(0x41 + i % 26 for i in range(100 - len(push)))
        for name, extra in (("no extra", b""), ("extra of 1", b"\x00"), ("longest extra", longest)):
            fits = len(push) + len(extra) >= headers.MIN_SCRIPT_BYTES
            if fits and (height < 65_536 or extra == longest):
                cases.append(_header(f"height {height}, {name}", *header(height, extra)))
    rolled = header()
    rolled[0].version = 0x3FFFFFE0
    cases.append(_header("all version bits that may be rolled", *rolled))
    cases.append(_header("with transactions", *header(txs=payments(2))))
    for kind in chains.POW_KINDS:
        cases.append(_header(f"worked on, {kind}", *_worked(kind)))
    return {"cases": cases, "refused": _refused_headers()}


def _worked(kind):
    work, extra, content = header(height=7)
    while not targets.meets(headers.pow_hash(work.encode(), kind), work.bits):
        work.nonce += 1
    return work, extra, content


def _header(name, work, extra, content):
    encoded, whole = work.encode(), headers.encode(work, extra, content)
    assert headers.decode(whole) == (work, extra, content)
    headers.check_alone(whole, MAX_BODY_BYTES)
    coinbase = headers.coinbase(content, extra)
    assert sha256d(coinbase) == work.root
    fields = {
        "version": f"{work.version:08x}",
        "parent": work.parent,
        "time": work.time,
        "bits": f"{work.bits:08x}",
        "nonce": work.nonce,
        "extra": extra,
    }
    plain, marked = (headers.pow_hash(encoded, kind) for kind in chains.POW_KINDS)
    built = {
        "content": content.encode(),
        "commitment": content.commitment(),
        "script": headers.script(content.height, extra),
        "coinbase": coinbase,
        "root": work.root,
        "work": encoded,
        "id": headers.block_id(encoded),
        "id_display": headers.block_id(encoded)[::-1],
        "pow_tagged_inner": tagged("starling/pow", encoded),
        "pow_sha256d": plain,
        "pow_sha256d_tagged": marked,
        "meets_sha256d": targets.meets(plain, work.bits),
        "meets_sha256d_tagged": targets.meets(marked, work.bits),
        "header": whole,
        "size": len(whole),
    }
    return {"name": name} | fields | vars(content) | built


def _refused_headers():
    good = headers.encode(*header())
    put = lambda offset, new, data=good: data[:offset] + new + data[offset + len(new) :]
    content = len(good) - 130
    encode = lambda height, size: _with_extra(height, bytes(size))
    decode = [
        ("empty", b"", "truncated"),
        ("79 bytes", good[:79], "truncated"),
        ("the work alone", good[:80], "truncated"),
        ("ends in extra", good[:85], "truncated"),
        ("ends in the content", good[:-1], "truncated"),
        ("a byte too many", good + b"\x00", "trailing_bytes"),
        ("401 bytes", good + bytes(401 - len(good)), "too_large"),
        ("version 0", put(0, u32(0)), "bad_header_version"),
        ("version 1", put(0, u32(1)), "bad_header_version"),
        ("version 4", put(0, u32(4)), "bad_header_version"),
        ("version bit 0", put(0, u32(0x20000001)), "bad_header_version"),
        ("version bit 4", put(0, u32(0x20000010)), "bad_header_version"),
        ("version bit 30", put(0, u32(0x60000000)), "bad_header_version"),
        ("version bit 31", put(0, u32(0xA0000000)), "bad_header_version"),
        ("content version 0", put(content, u16(0)), "bad_content_version"),
        ("content version 2", put(content, u16(2)), "bad_content_version"),
        ("content version 257", put(content, u16(257)), "bad_content_version"),
        ("no extra at height 0", encode(0, 0), "extra_too_short"),
        ("no extra at height 16", encode(16, 0), "extra_too_short"),
        ("extra of 100 at height 0", encode(0, 100), "extra_too_long"),
        ("extra of 99 at height 17", encode(17, 99), "extra_too_long"),
        ("extra of 98 at height 128", encode(128, 98), "extra_too_long"),
        ("extra of 255", encode(17, 255)[:400], "extra_too_long"),
    ]
    found = [refused(name, "header", data, error, headers.decode) for name, data, error in decode]
    check = lambda data: headers.check_alone(data, MAX_BODY_BYTES)
    alone = [refused(name, "header", data, error, check) for name, data, error in _refused_alone(good)]
    found = [entry | {"stage": "decode"} for entry in found] + [entry | {"stage": "rules"} for entry in alone]
    return [entry | {"max_body_bytes": MAX_BODY_BYTES} for entry in found]


def _with_extra(height, extra):
    """An encoded header whose extra need not fit its height; its root is not the coinbase's."""
    work, _, content = header(height=height)
    return headers.encode(work, extra, content)


def _refused_alone(good):
    counts = lambda **changes: headers.encode(*header(**changes))
    yield "a transaction in 170 bytes", counts(
        tx_count=1, body_bytes=170, tx_root=hash_of(1)
    ), "impossible_counts"
    yield "a transaction in 16,387 bytes", counts(
        tx_count=1, body_bytes=16_387, tx_root=hash_of(1)
    ), "impossible_counts"
    yield "two transactions in 341 bytes", counts(
        tx_count=2, body_bytes=341, tx_root=hash_of(1)
    ), "impossible_counts"
    yield "bytes without transactions", counts(body_bytes=1), "impossible_counts"
    yield "transactions without bytes", counts(tx_count=1, tx_root=hash_of(1)), "impossible_counts"
    yield "a root without transactions", counts(tx_root=hash_of(1)), "impossible_counts"
    yield "transactions without a root", counts(tx_count=1, body_bytes=171), "impossible_counts"
    large = {"tx_count": 1_000, "tx_root": hash_of(1)}
    yield "a body over the chain's limit", counts(body_bytes=MAX_BODY_BYTES + 1, **large), "impossible_counts"
    most = {"tx_count": 2**32 - 1, "body_bytes": 2**32 - 1, "tx_root": hash_of(1)}
    yield "the largest counts", counts(**most), "impossible_counts"
    for bits, error in (
        (0, "target_zero"),
        (0x1D80FFFF, "target_negative"),
        (0xFF123456, "target_overflow"),
        (0x1E00007F, "target_not_canonical"),
    ):
        yield f"bits {bits:08x}", good[:72] + u32(bits) + good[76:], error


def genesis_values():
    accounts = [(address_of(i), (i + 1) * 10**i) for i in range(10)]
    tagged_chain = {
        "pow": "sha256d-tagged",
        "prefix": "tstar",
        "future_limit": 120,
        "max_body_bytes": 2_097_152,
    }
    fixed = {
        "half_life": None,
        "future_limit": None,
        "step": 0,
        "bits": 0x207FFFFF,
        "easiest_bits": 0x207FFFFF,
    }
    custom = {
        "interval": 600,
        "half_life": 172_800,
        "step": 150,
        "bits": 0x1D00FFFF,
        "accounts": accounts[:1],
    }
    rows = [
        ("example", chain()),
        ("no accounts", chain(accounts=[])),
        ("tagged proof of work", chain(**tagged_chain, accounts=accounts)),
        ("fixed difficulty", chain(**fixed)),
        ("ten minutes", chain(**custom)),
        ("genesis bits above the easiest given", chain(bits=0x1F00FFFF)),
        ("another interval", chain(interval=13)),
        ("another prefix", chain(prefix="t")),
    ]
    cases = [_genesis(name, spec) for name, spec in rows]
    assert len({case["id"] for case in cases}) == len(cases)
    twice = chain(accounts=accounts[:2] + accounts[:1])
    wrong = [
        ("an account twice", twice, "repeated_account"),
        ("an account with nothing", chain(accounts=[(address_of(0), 0)]), "empty_account"),
        ("more than can exist", chain(accounts=[(address_of(0), 2**100)]), "too_much_money"),
    ]
    for _, spec, error in wrong:
        assert error_of(chains.genesis, spec) == error
    refused_specs = [{"name": name} | _shown(spec) | {"error": error} for name, spec, error in wrong]
    return {"cases": cases, "refused_specs": refused_specs}


def _shown(spec):
    hexed = {key: f"{spec[key]:08x}" for key in ("bits", "easiest_bits")}
    texts = {key: str(spec[key]) for key in ("subsidy", "account_charge")}
    text = lambda address: addresses.to_text(spec["prefix"], address)
    accounts = [{"address": to, "text": text(to), "balance": str(motes)} for to, motes in spec["accounts"]]
    return (
        {key: value for key, value in spec.items() if key != "name"} | hexed | texts | {"accounts": accounts}
    )


def _genesis(name, spec):
    work, extra, content = chains.genesis(spec)
    whole, encoded = headers.encode(work, extra, content), work.encode()
    assert headers.decode(whole) == (work, extra, content)
    block_id = headers.block_id(encoded)
    number = chains.chain_id(block_id)
    resolved = chains.easiest_bits(spec["easiest_bits"], spec["bits"])
    built = {
        "easiest_bits_resolved": f"{resolved:08x}",
        "rule_bytes": chains.rule_bytes(spec),
        "extra": extra,
        "state_root": content.state_root,
        "content": content.encode(),
        "commitment": content.commitment(),
        "coinbase": headers.coinbase(content, extra),
        "root": work.root,
        "work": encoded,
        "header": whole,
        "id": block_id,
        "id_display": block_id[::-1],
        "chain_id": number,
        "chain_id_hex": f"{number:08x}",
        "topic": chains.name(number, "block/1"),
        "cumulative_work_be": targets.be(targets.work(spec["bits"])),
    }
    return {"name": name} | _shown(spec) | built


def body_values():
    cases = []
    for count in (0, 1, 2, 3, 5):
        txs = payments(count)
        whole = headers.encode_body(txs)
        assert headers.decode_body(whole, count) == txs
        wtxids = [transactions.wtxid(tx) for tx in txs]
        levels = headers.tree_levels(wtxids) if txs else []
        hashed = {"levels": levels, "tx_root": headers.tx_root(wtxids)}
        case = {"name": f"{count} transactions", "tx_count": count, "body_bytes": len(whole), "body": whole}
        cases.append(case | {"wtxids": wtxids} | hashed)
    roots = [
        {"count": count, "tx_root": headers.tx_root([hash_of(i) for i in range(count)])}
        for count in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 255, 256, 257, 1_000)
    ]
    txs = payments(2)
    block = headers.encode(*header(txs=txs)) + headers.encode_body(txs)
    assert headers.decode_block(block, MAX_BODY_BYTES)[1] == txs
    blocks = [{"name": "two transactions", "max_body_bytes": MAX_BODY_BYTES, "block": block, "txs": txs}]
    return {"cases": cases, "roots": roots, "blocks": blocks, "refused": _refused_bodies(txs)}


def _refused_bodies(txs):
    whole = headers.encode_body(txs)
    first = headers.encode_body(txs[:1])
    head = headers.encode(*header(txs=txs))
    rows = [
        ("a transaction too few", first, 2, "truncated"),
        ("nothing", b"", 1, "truncated"),
        ("a length alone", whole + first[:2], 3, "truncated"),
        ("2^32 - 1 transactions announced", whole, 2**32 - 1, "truncated"),
        ("the last byte missing", whole[:-1], 2, "truncated"),
        ("a transaction too many", whole, 1, "trailing_bytes"),
        ("a byte too many", whole + b"\x00", 2, "trailing_bytes"),
        ("bytes without transactions", b"\x00", 0, "trailing_bytes"),
        ("a length one too small", u16(168) + first[2:] + bytes(171), 2, "truncated"),
        ("a length one too large", u16(170) + first[2:] + b"\x00", 1, "trailing_bytes"),
        ("a length of 16,385", u16(16_385) + first[2:], 1, "too_large"),
        ("a transaction of version 2", first[:2] + b"\x02" + first[3:], 1, "bad_version"),
    ]
    found = []
    for name, data, count, error in rows:
        read = lambda data, count=count: headers.decode_body(data, count)
        found.append(refused(name, "body", data, error, read) | {"tx_count": count, "max_body_bytes": 0})
    for name, data, most, error in (
        ("a header alone", head, MAX_BODY_BYTES, "truncated"),
        ("a body over the limit", head + whole, 341, "too_large"),
        ("a block and a byte", head + whole + b"\x00", MAX_BODY_BYTES, "trailing_bytes"),
        ("half a header", head[:100], MAX_BODY_BYTES, "truncated"),
    ):
        read = lambda data, most=most: headers.decode_block(data, most)
        found.append(refused(name, "block", data, error, read) | {"tx_count": 0, "max_body_bytes": most})
    return found
