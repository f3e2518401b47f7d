"""Compact targets and work (headers-and-blocks.md: Target and work)."""

from codec import refuse_if

SIGN = 0x00800000


def from_bits(bits):
    """The target of compact bits; refuses every form but the one that `to_bits` gives."""
    size, mantissa = bits >> 24, bits & 0x007FFFFF
    refuse_if(bits & SIGN, "target_negative")
    target = mantissa >> 8 * (3 - size) if size <= 3 else mantissa << 8 * (size - 3)
    refuse_if(target >= 2**256, "target_overflow")
    refuse_if(target == 0, "target_zero")
    refuse_if(to_bits(target) != bits, "target_not_canonical")
    return target


def to_bits(target):
    """The compact form, rounded down to 23 bits of mantissa at the least 15."""
    size = (target.bit_length() + 7) // 8
    mantissa = target << 8 * (3 - size) if size <= 3 else target >> 8 * (size - 3)
    if mantissa & SIGN:
        mantissa >>= 8
        size += 1
    return size << 24 | mantissa


def work(bits):
    return 2**256 // (from_bits(bits) + 1)


def meets(pow_hash, bits):
    """A hash, read as a little-endian number, is at most the target."""
    return int.from_bytes(pow_hash, "little") <= from_bits(bits)


def be(number):
    """A target or a work as 32 bytes, big-endian."""
    return number.to_bytes(32, "big")
