"""Golden values: hashes, addresses, amounts, targets, ASERT, subsidy."""

import addresses
import amounts
import ed25519
import hashes
import rules
import targets
from codec import Reader, u8
from examples import STAR, address_of, by_key, error_of, hash_of, refused, secret_of

TAGS = [
    "starling/account",
    "starling/address",
    "starling/chain",
    "starling/compact",
    "starling/content",
    "starling/gossip",
    "starling/history",
    "starling/leaf",
    "starling/message",
    "starling/node",
    "starling/pow",
    "starling/tx",
    "starling/wtx",
]


def hash_values():
    cases = []
    counting = bytes(i & 0xFF for i in range(200))
    for length in (0, 1, 32, 55, 56, 64, 80, 200):
        data = counting[:length]
        for function, tag in (("sha256", ""), ("sha256d", ""), ("tagged", "starling/leaf")):
            output = hashes.tagged(tag, data) if tag else getattr(hashes, function)(data)
            name = f"{function} of {length} bytes"
            cases.append({"name": name, "function": function, "tag": tag, "input": data, "output": output})
    for left, right in (
        (bytes(32), bytes(32)),
        (hash_of(0), bytes(32)),
        (bytes(32), hash_of(0)),
        (hash_of(0), hash_of(1)),
        (hash_of(1), hash_of(0)),
        (b"\xff" * 32, b"\xff" * 32),
    ):
        output = hashes.node(left, right)
        name = f"node {left[:2].hex()}.. {right[:2].hex()}.."
        cases.append({"name": name, "function": "node", "tag": "", "input": left + right, "output": output})
    shown = lambda tag: hashes.state_bytes(hashes.midstate(tag))
    tags = [{"tag": tag, "tag_hash": hashes.sha256(tag.encode()), "midstate": shown(tag)} for tag in TAGS]
    return {"cases": cases, "tags": tags}


def _policies():
    keys = [key for key, _ in by_key(range(16))]
    yield "single key", addresses.single(keys[0])
    yield "single key of zero bytes", addresses.single(bytes(32))
    for m, n in ((1, 2), (2, 2), (2, 3), (3, 5), (1, 16), (16, 16)):
        yield f"{m} of {n}", addresses.multi(m, keys[:n])
    ends = [bytes(32), b"\xff" * 32]
    yield "opaque keys", addresses.multi(1, ends)


def address_values():
    cases = []
    for name, policy in _policies():
        m, keys, _ = addresses.decode_policy(policy)
        address = addresses.address(policy)
        texts = {
            f"text_{prefix}": addresses.to_text(prefix, address) for prefix in ("star", "tstar", "dstar")
        }
        assert all(addresses.from_text(key[5:], text) == address for key, text in texts.items())
        digest = hashes.tagged("starling/address", policy)
        case = {"name": name, "kind": policy[0], "m": m, "n": len(keys), "keys": keys, "policy": policy}
        cases.append(case | {"digest": digest, "address": address} | texts)
    texts = []
    for name, address in (("all zero", bytes(20)), ("all ones", b"\xff" * 20), ("example", address_of(0))):
        text = addresses.to_text("tstar", address)
        texts.append({"name": name, "prefix": "tstar", "text": text, "address": address})
        texts.append(
            {"name": name + ", upper case", "prefix": "tstar", "text": text.upper(), "address": address}
        )
    return {"cases": cases, "texts": texts, "refused": _refused_policies(), "refused_texts": _refused_texts()}


def _refused_policies():
    keys = [key for key, _ in by_key(range(16))] + [b"\xff" * 32]
    multi = lambda m, n: b"\x01" + u8(m) + u8(n) + b"".join(keys[:n])
    rows = [
        ("empty", b"", "truncated"),
        ("a key one byte short", addresses.single(keys[0])[:-1], "truncated"),
        ("a key one byte long", addresses.single(keys[0]) + b"\x00", "trailing_bytes"),
        ("kind 2", b"\x02" + keys[0], "bad_policy_kind"),
        ("kind 255", b"\xff" + keys[0], "bad_policy_kind"),
        ("no threshold", b"\x01", "truncated"),
        ("a key missing", multi(2, 3)[:-32], "truncated"),
        ("a key too many", multi(2, 3) + keys[3], "trailing_bytes"),
        ("0 of 2", multi(0, 2), "bad_threshold"),
        ("3 of 2", multi(3, 2), "bad_threshold"),
        ("1 of 1", multi(1, 1), "bad_key_count"),
        ("1 of 17", multi(1, 17), "bad_key_count"),
        ("a key twice", addresses.multi(1, [keys[0], keys[0]]), "keys_not_ascending"),
        ("keys descending", addresses.multi(1, [keys[1], keys[0]]), "keys_not_ascending"),
        ("the last key out of order", addresses.multi(2, [keys[1], keys[2], keys[0]]), "keys_not_ascending"),
    ]
    return [refused(name, "policy", data, error, addresses.decode_policy) for name, data, error in rows]


def _refused_texts():
    address = address_of(0)
    text = addresses.to_text("tstar", address)
    groups = addresses.to_groups(u8(0) + address)
    encode = lambda groups: addresses.bech32_encode("tstar", groups)
    swapped = text[:-1] + ("q" if text[-1] != "q" else "p")
    rows = [
        ("empty", "", "address_checksum"),
        ("no separator", text.replace("1", "", 1), "address_checksum"),
        ("no prefix", text[5:], "address_checksum"),
        ("a last letter changed", swapped, "address_checksum"),
        ("two letters swapped", text[:8] + text[9] + text[8] + text[10:], "address_checksum"),
        ("a letter outside the alphabet", text[:10] + "b" + text[11:], "address_checksum"),
        ("a letter missing", text[:-1], "address_checksum"),
        ("a space before", " " + text, "address_checksum"),
        (
            "bech32 instead of bech32m",
            addresses.bech32_encode("tstar", groups, addresses.BECH32),
            "address_checksum",
        ),
        ("longer than 90 characters", encode([0] * 100), "address_checksum"),
        (
            "mixed case",
            text[:-1] + text[-1].upper() if text[-1].isalpha() else text.capitalize(),
            "address_case",
        ),
        ("upper-case prefix only", "TSTAR" + text[5:], "address_case"),
        ("the main network's prefix", addresses.to_text("star", address), "address_prefix"),
        ("the development prefix", addresses.to_text("dstar", address), "address_prefix"),
        ("a Bitcoin prefix", addresses.to_text("bc", address), "address_prefix"),
        ("version 1", encode(addresses.to_groups(u8(1) + address)), "address_version"),
        ("version 255", encode(addresses.to_groups(u8(255) + address)), "address_version"),
        ("no data", encode([]), "address_length"),
        ("a version alone", encode(addresses.to_groups(u8(0))), "address_length"),
        ("19 bytes", encode(addresses.to_groups(u8(0) + address[:19])), "address_length"),
        ("21 bytes", encode(addresses.to_groups(u8(0) + address + b"\x00")), "address_length"),
        ("32 bytes", encode(addresses.to_groups(u8(0) + hash_of(0))), "address_length"),
        ("padding bits 01", encode(groups[:-1] + [groups[-1] | 1]), "address_padding"),
        ("padding bits 11", encode(groups[:-1] + [groups[-1] | 3]), "address_padding"),
    ]
    found = []
    for name, wrong, error in rows:
        assert error_of(addresses.from_text, "tstar", wrong) == error, (name, wrong)
        found.append({"name": name, "prefix": "tstar", "text": wrong, "error": error})
    return found


def amount_values():
    cases = []
    for motes in (
        0,
        1,
        10,
        10**17,
        STAR - 1,
        STAR,
        STAR + 1,
        1_250_000_000_000_000_000,
        12 * STAR,
        10**16,
        1000 * STAR + 5 * 10**17,
        2**64,
        2**96,
        2**100 - 1,
        2**100,
    ):
        star = amounts.to_star(motes)
        assert amounts.from_star(star) == motes == amounts.from_motes(str(motes))
        cases.append(
            {"name": f"{star} STAR", "motes": str(motes), "star": star, "wire": amounts.encode(motes)}
        )
    parsed = ["0.0", "1.0", "1.50", "007", "00.5", "0.000000000000000001", "0.100000000000000000"]
    accepted = [{"name": text, "text": text, "motes": str(amounts.from_star(text))} for text in parsed]
    return {
        "cases": cases,
        "accepted_texts": accepted,
        "refused": _refused_amounts(),
        "refused_texts": _amount_texts(),
    }


def _refused_amounts():
    read = lambda data: amounts.read(Reader(data))
    rows = [
        ("15 bytes", bytes(15), "truncated"),
        ("2^100 + 1", (2**100 + 1).to_bytes(16, "little"), "amount_too_large"),
        ("2^127", (2**127).to_bytes(16, "little"), "amount_too_large"),
        ("2^128 - 1", b"\xff" * 16, "amount_too_large"),
    ]
    return [refused(name, "amount", data, error, read) for name, data, error in rows]


def _amount_texts():
    star = [
        "",
        ".",
        "1.",
        ".5",
        "-1",
        "+1",
        "1e3",
        " 1",
        "1 ",
        "1,5",
        "1.2.3",
        "0x10",
        "1_000",
        "1 STAR",
        "\u0661",
        "1.\u0661",
    ]
    rows = [("star", text, "amount_syntax") for text in star]
    rows += [
        ("star", "0.0000000000000000001", "amount_too_fine"),
        ("star", "1.0000000000000000000", "amount_too_fine"),
        ("star", "1267650600228.229401496703205377", "amount_too_large"),
        ("star", "1267650600229", "amount_too_large"),
        ("star", "9" * 60, "amount_too_large"),
    ]
    rows += [
        ("motes", text, "amount_syntax") for text in ("", "-1", "+1", "01", "00", "1.0", "1e3", " 1", "0x1")
    ]
    rows += [
        ("motes", str(2**100 + 1), "amount_too_large"),
        ("motes", str(2**128), "amount_too_large"),
        ("motes", "9" * 60, "amount_too_large"),
    ]
    read = {"star": amounts.from_star, "motes": amounts.from_motes}
    for form, text, error in rows:
        assert error_of(read[form], text) == error, (form, text)
    return [
        {"name": f"{form} {text!a}", "form": form, "text": text, "error": error} for form, text, error in rows
    ]


def target_values():
    cases = []
    for bits in (
        0x01010000,
        0x017F0000,
        0x02008000,
        0x02010000,
        0x027FFF00,
        0x03010000,
        0x037FFFFF,
        0x04008000,
        0x04123456,
        0x1802AEE8,
        0x1B0404CB,
        0x1D00FFFF,
        0x1E0FFFFF,
        0x1E100000,
        0x1F00FFFF,
        0x207FFFFF,
        0x2100FFFF,
    ):
        target = targets.from_bits(bits)
        case = {"name": f"{bits:08x}", "bits": f"{bits:08x}", "target_be": targets.be(target)}
        cases.append(case | {"work_be": targets.be(targets.work(bits))})
    rounded = []
    for target in (
        1,
        0x7F,
        0x80,
        0xFF,
        0x100,
        0x7FFF,
        0x8000,
        0x7FFFFF,
        0x800000,
        0x800001,
        0x12345678,
        2**236,
        2**236 - 1,
        2**236 + 1,
        2**255 - 1,
        2**255,
        2**256 - 1,
    ):
        rounded.append({"target_be": targets.be(target), "bits": f"{targets.to_bits(target):08x}"})
    meets = []
    for bits in (0x1E100000, 0x207FFFFF, 0x01010000):
        target = targets.from_bits(bits)
        for value in (0, target - 1, target, target + 1, 2**256 - 1):
            pow_hash = value.to_bytes(32, "little")
            meets.append(
                {"pow_hash": pow_hash, "bits": f"{bits:08x}", "meets": targets.meets(pow_hash, bits)}
            )
    return {"cases": cases, "rounded": rounded, "meets": meets, "refused": _refused_bits()}


def _refused_bits():
    rows = [
        (0, "target_zero"),
        (0x01000000, "target_zero"),
        (0x00123456, "target_zero"),
        (0x01003456, "target_zero"),
        (0x02000056, "target_zero"),
        (0x1D000000, "target_zero"),
        (0xFF000000, "target_zero"),
        (0x01800000, "target_negative"),
        (0x01FEDCBA, "target_negative"),
        (0x04923456, "target_negative"),
        (0x1D80FFFF, "target_negative"),
        (0x21010000, "target_overflow"),
        (0x22000100, "target_overflow"),
        (0x23000001, "target_overflow"),
        (0xFF123456, "target_overflow"),
        (0x01123456, "target_not_canonical"),
        (0x02123456, "target_not_canonical"),
        (0x03000001, "target_not_canonical"),
        (0x05001234, "target_not_canonical"),
        (0x1E000001, "target_not_canonical"),
        (0x1E007FFF, "target_not_canonical"),
        (0x22000001, "target_not_canonical"),
        (0x21000001, "target_not_canonical"),
    ]
    found = []
    for bits, error in rows:
        assert error_of(targets.from_bits, bits) == error, (hex(bits), error_of(targets.from_bits, bits))
        found.append({"name": f"{bits:08x}", "bits": f"{bits:08x}", "error": error})
    return found


def asert_values():
    functions = []
    for bits, power in (
        (0x1C100000, 0),
        (0x1C100000, 1),
        (0x1C100000, -1),
        (0x1C100000, 65536),
        (0x1C100000, -65536),
        (0x1C100000, 32768),
        (0x1C100000, -32768),
        (0x1C100000, 65535),
        (0x1C100000, -65537),
        (0x1C100000, 20 * 65536),
        (0x1E100000, 1),
        (0x1E100000, -1),
        (0x1E100000, 2**48),
        (0x1E100000, -(2**48)),
        (0x01010000, -1),
        (0x01010000, 65536),
        (0x207FFFFF, -5),
    ):
        row = {"reference_bits": f"{bits:08x}", "easiest_bits": "1e100000", "exponent": power}
        functions.append(row | {"bits": f"{rules.asert(bits, power, 0x1E100000):08x}"})
    exponents = []
    for row in (
        (12, 0, 12, 3456),
        (13, 0, 12, 3456),
        (11, 0, 12, 3456),
        (0, 0, 12, 3456),
        (2_592_000, 0, 12, 3456),
        (0, 1_000_000, 12, 3456),
        (2**32 - 1, 0, 1, 1),
        (0, 2**32 - 2, 2**32 - 1, 1),
        (1, 0, 2, 7),
    ):
        names = ("time_diff", "height_diff", "interval", "half_life")
        exponents.append(dict(zip(names, row)) | {"exponent": str(rules.exponent(*row))})
    return {
        "cases": [_asert_chain(*row) for row in _asert_rows()],
        "functions": functions,
        "exponents": exponents,
    }


DAY = 86_400
LAB = {"interval": 12, "half_life": 3_456, "easiest_bits": 0x1E100000}


def _asert_rows():
    """(name, parameters, genesis bits, (seconds since the parent, blocks) from block 1 on)"""
    steady = [(12, 60)]
    outage = [(12, 30), (30 * DAY, 1), (3, 60), (12, 20)]
    yield "steady", LAB, 0x1C100000, steady
    yield "steady at the easiest", LAB, 0x1E100000, steady
    yield "outage of 30 days", LAB, 0x1C100000, outage
    yield "outage of 30 days at the easiest", LAB, 0x1E100000, outage
    yield "two outages", LAB, 0x1C100000, [(12, 5), (30 * DAY, 1), (3, 20), (DAY, 1), (3, 20), (60, 10)]
    yield "genesis 30 days early", LAB, 0x1C100000, [(30 * DAY, 1), (3, 60), (12, 20)]
    yield "genesis 30 days early at the easiest", LAB, 0x1E100000, [(30 * DAY, 1), (3, 60), (12, 20)]
    yield "a visitor at the least step, then gaps", LAB, 0x1D100000, [(3, 60), (600, 10), (12, 20)]
    yield "equal times, a second's interval", LAB | {"interval": 1, "half_life": 288}, 0x1D100000, [
        (0, 40),
        (1, 20),
    ]
    yield "Bitcoin's numbers", {
        "interval": 600,
        "half_life": 172_800,
        "easiest_bits": 0x1D00FFFF,
    }, 0x1C00FFFF, [(600, 10), (1_200, 20), (300, 20), (6_000, 20)]
    yield "fixed difficulty", LAB | {"half_life": None, "easiest_bits": 0x207FFFFF}, 0x207FFFFF, [
        (1, 5),
        (DAY, 3),
    ]


def _asert_chain(name, params, genesis_bits, steps):
    times, bits, anchors = [1_700_000_000], [genesis_bits], [None]
    for seconds, count in steps:
        for _ in range(count):
            found, anchor = rules.next_bits(times, bits, params)
            times.append(times[-1] + seconds)
            bits.append(found)
            anchors.append(anchor)
    shown = params | {"easiest_bits": f"{params['easiest_bits']:08x}"}
    return {"name": name, **shown, "times": times, "bits": [f"{b:08x}" for b in bits], "anchors": anchors}


def subsidy_values():
    cases = []
    eras = 10_519_200
    heights = [
        0,
        1,
        2,
        12,
        eras - 1,
        eras,
        eras + 1,
        2 * eras - 1,
        2 * eras,
        59 * eras,
        63 * eras,
        63 * eras - 1,
    ]
    heights += [64 * eras - 1, 64 * eras, 408 * eras, 2**32 - 1]
    for height in sorted(heights):
        cases.append(_subsidy(height, 12 * STAR, eras))
    for height in (0, 1, 9, 10, 19, 20, 630, 639, 640, 2**32 - 1):
        cases.append(_subsidy(height, 2**64 - 1, 10))
    cases += [_subsidy(height, 2**80, 1) for height in (0, 1, 2, 63, 64)]
    supply = []
    for name, prefunded, initial, interval in (
        ("as shipped", 0, 12 * STAR, eras),
        ("with 6,000 STAR", 6_000 * STAR, 12 * STAR, eras),
        ("none", 0, 0, eras),
        ("exactly at most", 2**100 - 2**63 + 1, 2**63, 1),
        ("one over", 2**100 - 2**63 + 2, 2**63, 1),
        ("far over", 0, 2**100, 2**32 - 1),
    ):
        most = rules.supply(prefunded, initial, interval)
        inputs = {
            "name": name,
            "prefunded": str(prefunded),
            "subsidy": str(initial),
            "halving_interval": interval,
        }
        supply.append(inputs | {"supply": str(most), "allowed": most <= amounts.MAX_MOTES})
    return {"cases": cases, "supply": supply}


def _subsidy(height, initial, interval):
    motes = rules.subsidy(height, initial, interval)
    inputs = {"name": f"height {height}", "subsidy": str(initial), "halving_interval": interval}
    return inputs | {"height": height, "motes": str(motes)}


def message_values():
    """Signed messages, for transactions.json."""
    found = []
    for text in (b"", b"Starling", "Star \u2605".encode(), bytes(range(64))):
        digest = hashes.tagged("starling/message", text)
        key = ed25519.public_key(secret_of(0))
        signed = {
            "secret_key": secret_of(0),
            "public_key": key,
            "signature": ed25519.sign(secret_of(0), digest),
        }
        found.append({"text": text, "digest": digest} | signed)
    return found
