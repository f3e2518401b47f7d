"""Amounts (addresses-and-amounts.md): motes on the wire and in JSON, STAR for people."""

from codec import Refused, refuse_if, u128

MOTES_PER_STAR = 10**18
DECIMALS = 18
MAX_MOTES = 2**100
MAX_TEXT_CHARS = 64


def encode(motes):
    assert 0 <= motes <= MAX_MOTES
    return u128(motes)


def read(reader):
    motes = reader.u128()
    refuse_if(motes > MAX_MOTES, "amount_too_large")
    return motes


def to_star(motes):
    """Up to 18 decimals, no trailing zeros, no unit."""
    whole, fraction = divmod(motes, MOTES_PER_STAR)
    return f"{whole}.{fraction:018d}".rstrip("0").rstrip(".") if fraction else str(whole)


def _digits(text):
    return text != "" and all(char in "0123456789" for char in text)


def from_star(text):
    """Digits, at most one point with digits on both sides, at most 18 decimals."""
    refuse_if(len(text) > MAX_TEXT_CHARS, "amount_syntax")
    whole, point, fraction = text.partition(".")
    refuse_if(not _digits(whole) or (point and not _digits(fraction)), "amount_syntax")
    refuse_if(len(fraction) > DECIMALS, "amount_too_fine")
    return _checked(int(whole) * MOTES_PER_STAR + int(fraction.ljust(DECIMALS, "0")))


def from_motes(text):
    """A decimal number without sign or leading zeros."""
    refuse_if(len(text) > MAX_TEXT_CHARS or not _digits(text), "amount_syntax")
    refuse_if(text != "0" and text[0] == "0", "amount_syntax")
    return _checked(int(text))


def _checked(motes):
    if motes > MAX_MOTES:
        raise Refused("amount_too_large")
    return motes
