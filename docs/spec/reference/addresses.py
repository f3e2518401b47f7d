"""Spending policies and addresses (addresses-and-amounts.md), with bech32m as in BIP 350."""

from codec import Refused, Reader, refuse_if, u8
from hashes import tagged

MIN_KEYS = 2
MAX_KEYS = 16
ADDRESS_VERSION = 0
MAX_TEXT_CHARS = 90
CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
BECH32M = 0x2BC830A3
BECH32 = 1


def single(key):
    return b"\x00" + key


def multi(m, keys):
    return b"\x01" + u8(m) + u8(len(keys)) + b"".join(keys)


def read_policy(reader):
    """Returns (m, keys, bytes); a single key is 1 of 1."""
    start = reader.at
    kind = reader.u8()
    refuse_if(kind > 1, "bad_policy_kind")
    if kind == 0:
        m, keys = 1, [reader.take(32)]
    else:
        m, n = reader.u8(), reader.u8()
        refuse_if(not MIN_KEYS <= n <= MAX_KEYS, "bad_key_count")
        refuse_if(not 1 <= m <= n, "bad_threshold")
        keys = []
        for _ in range(n):
            key = reader.take(32)
            refuse_if(keys and key <= keys[-1], "keys_not_ascending")
            keys.append(key)
    return m, keys, reader.data[start : reader.at]


def decode_policy(data):
    reader = Reader(data)
    policy = read_policy(reader)
    reader.finish()
    return policy


def address(policy):
    return tagged("starling/address", policy)[:20]


def _polymod(values):
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for i, part in enumerate(GENERATOR):
            check ^= part if top >> i & 1 else 0
    return check


def _expand(prefix):
    return [ord(char) >> 5 for char in prefix] + [0] + [ord(char) & 31 for char in prefix]


def bech32_encode(prefix, groups, constant=BECH32M):
    check = _polymod(_expand(prefix) + groups + [0] * 6) ^ constant
    groups = groups + [check >> 5 * (5 - i) & 31 for i in range(6)]
    return prefix + "1" + "".join(CHARSET[group] for group in groups)


def bech32_decode(text, constant=BECH32M):
    """Returns (prefix, groups of five bits without the checksum)."""
    refuse_if(len(text) > MAX_TEXT_CHARS, "address_checksum")
    has = lambda first, last: any(first <= char <= last for char in text)
    refuse_if(has("a", "z") and has("A", "Z"), "address_case")
    text = text.lower()
    prefix, separator, data = text.rpartition("1")
    refuse_if(not separator or not prefix or len(data) < 6, "address_checksum")
    refuse_if(any(not "!" <= char <= "~" for char in prefix), "address_checksum")
    refuse_if(any(char not in CHARSET for char in data), "address_checksum")
    groups = [CHARSET.index(char) for char in data]
    refuse_if(_polymod(_expand(prefix) + groups) != constant, "address_checksum")
    return prefix, groups[:-6]


def to_groups(data):
    """Bytes to groups of five bits, most significant first, padded with zero bits."""
    bits = "".join(f"{byte:08b}" for byte in data)
    bits += "0" * (-len(bits) % 5)
    return [int(bits[i : i + 5], 2) for i in range(0, len(bits), 5)]


def from_groups(groups):
    """Returns (the whole bytes, the bits left over)."""
    bits = "".join(f"{group:05b}" for group in groups)
    whole = len(bits) // 8 * 8
    return bytes(int(bits[i : i + 8], 2) for i in range(0, whole, 8)), bits[whole:]


def to_text(prefix, address_bytes):
    return bech32_encode(prefix, to_groups(u8(ADDRESS_VERSION) + address_bytes))


def from_text(prefix, text):
    found, groups = bech32_decode(text)
    refuse_if(found != prefix, "address_prefix")
    data, left = from_groups(groups)
    refuse_if(data and data[0] != ADDRESS_VERSION, "address_version")
    if len(data) != 21:
        raise Refused("address_length")
    refuse_if(len(left) > 4 or "1" in left, "address_padding")
    return data[1:]
