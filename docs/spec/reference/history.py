"""The history: a Merkle mountain range over all blocks before one (history.md)."""

from codec import u32
from hashes import ZERO, node, tagged
from targets import be


def leaf(block_id, height, time, bits, cumulative_work):
    return tagged("starling/history", block_id + u32(height) + u32(time) + u32(bits) + be(cumulative_work))


def ranges(count):
    """The peaks as (first leaf, number of leaves), from left to right: one per bit of the count."""
    found, start = [], 0
    for size in (1 << i for i in reversed(range(count.bit_length()))):
        if count & size:
            found.append((start, size))
            start += size
    return found


def perfect(leaves):
    """The root of a power of two leaves."""
    while len(leaves) > 1:
        leaves = [node(leaves[i], leaves[i + 1]) for i in range(0, len(leaves), 2)]
    return leaves[0]


def peaks(leaves):
    return [perfect(leaves[start : start + size]) for start, size in ranges(len(leaves))]


def bag(hashes):
    """Starts with the rightmost peak and folds leftwards; None of nothing."""
    accumulator = None
    for peak in reversed(hashes):
        accumulator = peak if accumulator is None else node(peak, accumulator)
    return accumulator


def root(leaves):
    return bag(peaks(leaves)) or ZERO


def prove(leaves, index):
    """A proof: `siblings` from the leaf up, `right_bag` or None, `left_peaks` from right to left."""
    spans, tops = ranges(len(leaves)), peaks(leaves)
    at = next(i for i, (start, size) in enumerate(spans) if start <= index < start + size)
    start, size = spans[at]
    level, position, siblings = leaves[start : start + size], index - start, []
    while len(level) > 1:
        siblings.append(level[position ^ 1])
        level = [node(level[i], level[i + 1]) for i in range(0, len(level), 2)]
        position //= 2
    return {"siblings": siblings, "right_bag": bag(tops[at + 1 :]), "left_peaks": tops[:at][::-1]}


def verify(proof, leaf_hash, index, count):
    """The root a proof leads to, or None when its shape does not fit the index and the count."""
    if not 0 <= index < count:
        return None
    spans = ranges(count)
    at = next(i for i, (start, size) in enumerate(spans) if start <= index < start + size)
    start, size = spans[at]
    shape = (size.bit_length() - 1, at + 1 < len(spans), at)
    if shape != (len(proof["siblings"]), proof["right_bag"] is not None, len(proof["left_peaks"])):
        return None
    current, position = leaf_hash, index - start
    for sibling in proof["siblings"]:
        current = node(sibling, current) if position & 1 else node(current, sibling)
        position //= 2
    if proof["right_bag"] is not None:
        current = node(current, proof["right_bag"])
    for peak in proof["left_peaks"]:
        current = node(peak, current)
    return current
