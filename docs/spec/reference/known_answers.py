"""Checks of the reference against what others published, so that it does not only agree with itself."""

import hashlib
import os

import addresses
import ed25519
import hashes
import headers
import rules
import siphash
import targets

HERE = os.path.dirname(os.path.abspath(__file__))
ASERT_RUNS = os.path.join(HERE, "..", "..", "..", "consensus", "tests", "asert")

# RFC 8032, section 7.1: secret key, public key, message, signature.
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555"
        "fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]

# BIP 350: valid and invalid bech32m strings (those within this reader's rules).
BIP_350_VALID = [
    "A1LQFN3A",
    "a1lqfn3a",
    "an83characterlonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11sg7hg6",
    "abcdef1l7aum6echk45nj3s0wdvt2fg8x9yrzpqzd3ryx",
    "11llllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllludsr8",
    "split1checkupstagehandshakeupstreamerranterredcaperredlc445v",
    "?1v759aa",
]
BIP_350_INVALID = [
    "qyrz8wqd2c9m",
    "1qyrz8wqd2c9m",
    "y1b0jsk6g",
    "lt1igcx5c0",
    "in1muywd",
    "mm1crxm3i",
    "au1s5cgom",
    "M1VUXWEZ",
    "16plkw9",
    "1p2gdwpf",
    "A1G7SGD8",
    "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w",
]

# Bitcoin's genesis block: work header, id, bits.
BITCOIN_GENESIS = (
    "01000000" + "00" * 32 + "3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a"
    "29ab5f49ffff001d1dac2b7c"
)
BITCOIN_GENESIS_ID = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"


def check_hashes():
    for length in (0, 1, 55, 56, 64, 119, 128):
        data = bytes(range(length))
        padded = data + b"\x80" + bytes((55 - length) % 64) + (8 * length).to_bytes(8, "big")
        state = hashes.INITIAL_STATE
        for i in range(0, len(padded), 64):
            state = hashes.compress(state, padded[i : i + 64])
        assert hashes.state_bytes(state) == hashlib.sha256(data).digest()
    work = bytes.fromhex(BITCOIN_GENESIS)
    assert headers.block_id(work)[::-1].hex() == BITCOIN_GENESIS_ID
    assert targets.meets(headers.block_id(work), 0x1D00FFFF)
    assert targets.work(0x1D00FFFF) == 0x100010001
    assert targets.to_bits(2**236) == 0x1E100000
    # Appendix A of the paper.
    assert siphash.siphash(bytes(range(16)), bytes(range(15))) == 0xA129CA6149BE45E5


def check_ed25519():
    for secret, key, message, signature in (map(bytes.fromhex, case) for case in RFC_8032):
        assert ed25519.public_key(secret) == key
        assert ed25519.sign(secret, message) == signature
        assert ed25519.verify(key, message, signature) is None
        assert ed25519.verify(key, message + b"x", signature) == "wrong_signature"


def check_bech32m():
    for text in BIP_350_VALID:
        prefix, groups = addresses.bech32_decode(text)
        assert addresses.bech32_encode(prefix, groups) == text.lower()
    for text in BIP_350_INVALID:
        try:
            addresses.bech32_decode(text)
        except addresses.Refused:
            continue
        raise AssertionError(text)


def check_asert():
    """The published aserti3-2d runs: a fixed anchor, T = 600 s, half-life 172,800 s, limit 1d00ffff."""
    rows = 0
    for name in sorted(os.listdir(ASERT_RUNS)):
        if not name.startswith("run"):
            continue
        with open(os.path.join(ASERT_RUNS, name), encoding="ascii") as run:
            lines = run.read().splitlines()
        given = dict(line.lstrip("# ").split(": ", 1) for line in lines if line.startswith("##"))
        height_of_anchor, time = int(given["anchor height"]), int(given["anchor ancestor time"])
        for line in (line for line in lines if line and not line.startswith("#")):
            _, height, at, bits = line.split()
            power = rules.exponent(int(at) - time, int(height) - height_of_anchor, 600, 172_800)
            assert rules.asert(int(given["anchor nBits"], 16), power, 0x1D00FFFF) == int(bits, 16), line
            rows += 1
    assert rows == 3_000


def check_all():
    check_hashes()
    check_ed25519()
    check_bech32m()
    check_asert()
