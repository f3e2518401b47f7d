"""Work header, coinbase, content, header, body and block (headers-and-blocks.md)."""

from dataclasses import dataclass

import targets
import transactions
from codec import Reader, refuse_if, u8, u16, u32
from hashes import ZERO, node, sha256, sha256d, tagged

MAX_BYTES = 400
MIN_SCRIPT_BYTES = 2
MAX_SCRIPT_BYTES = 100
VERSION_MASK = 0xE000001F
VERSION_BASE = 0x20000000
CONTENT_VERSION = 1
MAGIC = b"STRL"
TX_LEN_BYTES = 2


@dataclass
class Content:
    height: int
    miner: bytes
    tx_count: int
    body_bytes: int
    tx_root: bytes
    state_root: bytes
    history_root: bytes

    def encode(self):
        counts = u32(self.tx_count) + u32(self.body_bytes)
        roots = self.tx_root + self.state_root + self.history_root
        return u16(CONTENT_VERSION) + u32(self.height) + self.miner + counts + roots

    def commitment(self):
        return tagged("starling/content", self.encode())


def read_content(reader):
    refuse_if(reader.u16() != CONTENT_VERSION, "bad_content_version")
    head = (reader.u32(), reader.take(20), reader.u32(), reader.u32())
    return Content(*head, reader.take(32), reader.take(32), reader.take(32))


def push_height(height):
    """BIP 34's push of a number, as Bitcoin Core writes it."""
    if height == 0:
        return b"\x00"
    if height <= 16:
        return u8(0x50 + height)
    number = height.to_bytes(height.bit_length() // 8 + 1, "little")  # one spare bit: the sign
    return u8(len(number)) + number


def script(height, extra):
    found = push_height(height) + extra
    refuse_if(len(found) < MIN_SCRIPT_BYTES, "extra_too_short")
    refuse_if(len(found) > MAX_SCRIPT_BYTES, "extra_too_long")
    return found


def coinbase(content, extra):
    text = script(content.height, extra)
    start = u32(2) + u8(1) + ZERO + b"\xff" * 4 + u8(len(text)) + text + b"\xff" * 4
    return start + u8(1) + bytes(8) + b"\x26\x6a\x24" + MAGIC + content.commitment() + bytes(4)


@dataclass
class Work:
    version: int
    parent: bytes
    root: bytes
    time: int
    bits: int
    nonce: int

    def encode(self):
        tail = u32(self.time) + u32(self.bits) + u32(self.nonce)
        return u32(self.version) + self.parent + self.root + tail


def read_work(reader):
    version = reader.u32()
    refuse_if(version & VERSION_MASK != VERSION_BASE, "bad_header_version")
    return Work(version, reader.take(32), reader.take(32), reader.u32(), reader.u32(), reader.u32())


def block_id(work):
    return sha256d(work)


def pow_hash(work, pow_kind):
    """`work` as 80 bytes; the kind as chain files write it."""
    return sha256(tagged("starling/pow", work)) if pow_kind == "sha256d-tagged" else sha256d(work)


def encode(work, extra, content):
    return work.encode() + u8(len(extra)) + extra + content.encode()


def read(reader):
    work = read_work(reader)
    extra_len = reader.u8()
    refuse_if(extra_len >= MAX_SCRIPT_BYTES, "extra_too_long")
    extra = reader.take(extra_len)
    content = read_content(reader)
    script(content.height, extra)
    return work, extra, content


def decode(data):
    refuse_if(len(data) > MAX_BYTES, "too_large")
    reader = Reader(data)
    header = read(reader)
    reader.finish()
    return header


def check_counts(content, max_body_bytes):
    """Counts that cannot be true, whatever the body."""
    count, size = content.tx_count, content.body_bytes
    least, most = transactions.MIN_BYTES + TX_LEN_BYTES, transactions.MAX_BYTES + TX_LEN_BYTES
    possible = size <= max_body_bytes and least * count <= size <= most * count
    refuse_if(not possible or (content.tx_root == ZERO) != (count == 0), "impossible_counts")


def check_alone(data, max_body_bytes):
    """What a header must satisfy by itself, short of its root and its work (consensus.md)."""
    work, _, content = decode(data)
    check_counts(content, max_body_bytes)
    targets.from_bits(work.bits)


def encode_body(txs):
    return b"".join(u16(len(tx)) + tx for tx in txs)


def decode_body(data, tx_count):
    """Returns the encoded transactions."""
    reader, txs = Reader(data), []
    refuse_if(tx_count * (transactions.MIN_BYTES + TX_LEN_BYTES) > len(data), "truncated")
    for _ in range(tx_count):
        size = reader.u16()
        refuse_if(size > transactions.MAX_BYTES, "too_large")
        tx = reader.take(size)
        transactions.decode(tx)
        txs.append(tx)
    reader.finish()
    return txs


def decode_block(data, max_body_bytes):
    reader = Reader(data)
    header = read(reader)
    body = reader.rest()
    refuse_if(len(body) > max_body_bytes, "too_large")
    return header, decode_body(body, header[2].tx_count)


def tree_levels(leaves):
    """The tree over `wtxid`s level by level, the leaves first; an odd last element is promoted."""
    levels = [list(leaves)]
    while len(levels[-1]) > 1:
        pairs = [levels[-1][i : i + 2] for i in range(0, len(levels[-1]), 2)]
        levels.append([node(*pair) if len(pair) == 2 else pair[0] for pair in pairs])
    return levels


def tx_root(wtxids):
    return tree_levels(wtxids)[-1][0] if wtxids else ZERO
