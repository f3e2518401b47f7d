"""Hashes (hashes.md): SHA-256 with its compression function in the open, tagged hashes, tree nodes."""

import hashlib

MASK = 0xFFFFFFFF
ZERO = bytes(32)


def _primes(count):
    found = []
    candidate = 2
    while len(found) < count:
        if all(candidate % prime for prime in found):
            found.append(candidate)
        candidate += 1
    return found


def _integer_root(value, power):
    low, high = 0, 1 << (value.bit_length() // power + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if middle**power <= value else (low, middle)
    return low


# FIPS 180-4: the first 32 bits of the fractional parts of cube and square roots of primes.
ROUND_CONSTANTS = [_integer_root(prime << 96, 3) & MASK for prime in _primes(64)]
INITIAL_STATE = tuple(_integer_root(prime << 64, 2) & MASK for prime in _primes(8))


def _rotate(word, bits):
    return (word >> bits | word << (32 - bits)) & MASK


def compress(state, block):
    """The SHA-256 compression function: eight words and a 64-byte block give eight words."""
    assert len(block) == 64
    schedule = [int.from_bytes(block[i : i + 4], "big") for i in range(0, 64, 4)]
    for i in range(16, 64):
        x, y = schedule[i - 15], schedule[i - 2]
        small0 = _rotate(x, 7) ^ _rotate(x, 18) ^ x >> 3
        small1 = _rotate(y, 17) ^ _rotate(y, 19) ^ y >> 10
        schedule.append((schedule[i - 16] + small0 + schedule[i - 7] + small1) & MASK)
    a, b, c, d, e, f, g, h = state
    for constant, word in zip(ROUND_CONSTANTS, schedule):
        big1 = _rotate(e, 6) ^ _rotate(e, 11) ^ _rotate(e, 25)
        first = h + big1 + (e & f ^ ~e & MASK & g) + constant + word
        big0 = _rotate(a, 2) ^ _rotate(a, 13) ^ _rotate(a, 22)
        second = big0 + (a & b ^ a & c ^ b & c)
        a, b, c, d, e, f, g, h = (first + second) & MASK, a, b, c, (d + first) & MASK, e, f, g
    return tuple((old + new) & MASK for old, new in zip(state, (a, b, c, d, e, f, g, h)))


def state_bytes(state):
    """The eight state words, big-endian."""
    return b"".join(word.to_bytes(4, "big") for word in state)


def sha256(data):
    return hashlib.sha256(data).digest()


def sha256d(data):
    return sha256(sha256(data))


def midstate(tag):
    """The state after the first 64 bytes of every hash under `tag`."""
    return compress(INITIAL_STATE, sha256(tag.encode("ascii")) * 2)


def tagged(tag, data):
    return sha256(sha256(tag.encode("ascii")) * 2 + data)


_NODE_STATE = midstate("starling/node")


def node(left, right):
    """One compression of the 64 bytes `left || right`, without padding."""
    assert len(left) == len(right) == 32
    return state_bytes(compress(_NODE_STATE, left + right))
