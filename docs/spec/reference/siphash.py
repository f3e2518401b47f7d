"""SipHash-2-4 (Aumasson and Bernstein, 2012), for the short ids of `compact/1` (wire.md)."""

MASK = 0xFFFFFFFFFFFFFFFF
START = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)


def _rotate(word, bits):
    return (word << bits | word >> (64 - bits)) & MASK


def _round(a, b, c, d):
    a, c = (a + b) & MASK, (c + d) & MASK
    b, d = _rotate(b, 13) ^ a, _rotate(d, 16) ^ c
    a, c = (_rotate(a, 32) + d) & MASK, (c + b) & MASK
    b, d = _rotate(b, 17) ^ c, _rotate(d, 21) ^ a
    return a, b, _rotate(c, 32), d


def siphash(key, data):
    """The hash of `data` under a key of 16 bytes, as a number of 64 bits."""
    assert len(key) == 16
    keys = [int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")] * 2
    a, b, c, d = (word ^ key for word, key in zip(START, keys))
    padded = data + bytes(7 - len(data) % 8) + bytes([len(data) & 0xFF])
    for i in range(0, len(padded), 8):
        word = int.from_bytes(padded[i : i + 8], "little")
        a, b, c, d = _round(*_round(a, b, c, d ^ word))
        a ^= word
    c ^= 0xFF
    for _ in range(4):
        a, b, c, d = _round(a, b, c, d)
    return a ^ b ^ c ^ d
