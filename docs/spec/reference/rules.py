"""Difficulty and subsidy (consensus.md)."""

import targets


def exponent(time_diff, height_diff, interval, half_life):
    """The exponent of 2 in units of 1/65536; the division truncates towards zero."""
    numerator = (time_diff - interval * (height_diff + 1)) * 65536
    quotient = abs(numerator) // half_life
    return quotient if numerator >= 0 else -quotient


def scale(target, power):
    """`target * 2^(power / 65536)` by aserti3-2d's cubic; neither the least nor the easiest is applied."""
    shift, x = power >> 16, power & 0xFFFF  # both floor: x is 0 to 65535 for negative powers too
    factor = 65536 + ((195766423245049 * x + 971821376 * x**2 + 5127 * x**3 + 2**47) >> 48)
    product, shift = target * factor, shift - 16
    return product << shift if shift >= 0 else product >> -shift


def asert(reference_bits, power, easiest_bits):
    """The bits for an exponent from the anchor's target: at least target 1, at most the easiest."""
    target = scale(targets.from_bits(reference_bits), power)
    return targets.to_bits(min(max(target, 1), targets.from_bits(easiest_bits)))


def anchor(bits, easiest_bits):
    """The latest block whose bits are the easiest target, else block 1; `bits` holds blocks 0 to h."""
    latest = [height for height in range(1, len(bits)) if bits[height] == easiest_bits]
    return latest[-1] if latest else 1


def next_bits(times, bits, params):
    """The bits of the block after the last of `times` and `bits` (blocks 0 to h). Returns (bits, anchor)."""
    height = len(bits) - 1
    if height < 1 or params["half_life"] is None:
        return bits[0], None
    a = anchor(bits, params["easiest_bits"])
    before = times[1] - params["interval"] if a == 1 else times[a - 1]
    power = exponent(times[height] - before, height - a, params["interval"], params["half_life"])
    return asert(bits[a], power, params["easiest_bits"]), a


def subsidy(height, initial, halving_interval):
    """Motes created by the block at `height`."""
    if height == 0:
        return 0
    era = height // halving_interval
    return initial >> era if era < 64 else 0


def all_subsidies(initial, halving_interval):
    """The sum of `subsidy` over all heights there are: 1 to 2^32 - 1."""
    total = 0
    for era in range(64):
        first, end = max(era * halving_interval, 1), min((era + 1) * halving_interval, 2**32)
        total += (initial >> era) * max(end - first, 0)
    return total


def supply(prefunded, initial, halving_interval):
    """All that can ever exist; must not exceed 2^100."""
    return prefunded + all_subsidies(initial, halving_interval)
