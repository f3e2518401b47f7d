"""Transactions (transactions.md)."""

from dataclasses import dataclass

import addresses
import amounts
from codec import Reader, refuse_if, u8, u16, u32, u64
from hashes import tagged

VERSION = 1
TRANSFER = 0
MAX_BYTES = 16_384
MIN_BYTES = 169
MAX_MEMO_BYTES = 128


@dataclass
class Body:
    chain_id: int
    nonce: int
    fee: int
    valid_until: int
    outputs: list  # of (address, amount)
    memo: bytes = b""

    def encode(self):
        outputs = b"".join(address + amounts.encode(amount) for address, amount in self.outputs)
        payload = u8(TRANSFER) + u8(len(self.outputs)) + outputs + u8(len(self.memo)) + self.memo
        head = u8(VERSION) + u32(self.chain_id) + u64(self.nonce)
        return head + amounts.encode(self.fee) + u32(self.valid_until) + payload


def read_body(reader):
    refuse_if(reader.u8() != VERSION, "bad_version")
    chain_id, nonce = reader.u32(), reader.u64()
    fee, valid_until = amounts.read(reader), reader.u32()
    refuse_if(reader.u8() != TRANSFER, "bad_payload_kind")
    count = reader.u8()
    refuse_if(count == 0, "no_outputs")
    outputs = []
    for _ in range(count):
        address, amount = reader.take(20), amounts.read(reader)
        refuse_if(amount == 0, "zero_amount")
        outputs.append((address, amount))
    memo_len = reader.u8()
    refuse_if(memo_len > MAX_MEMO_BYTES, "memo_too_long")
    return Body(chain_id, nonce, fee, valid_until, outputs, reader.take(memo_len))


def encode_auth(policy, bitmap, signatures):
    """A single key's auth has no bitmap."""
    return (u16(bitmap) if policy[0] == 1 else b"") + b"".join(signatures)


def read_auth(reader, policy, m, key_count):
    """Returns (bitmap or None, signatures)."""
    if policy[0] == 0:
        return None, [reader.take(64)]
    bitmap = reader.u16()
    refuse_if(bitmap >> key_count or bitmap.bit_count() != m, "bad_bitmap")
    return bitmap, [reader.take(64) for _ in range(m)]


def decode(data):
    """Returns (Body, policy, bitmap, signatures)."""
    refuse_if(len(data) > MAX_BYTES, "too_large")
    reader = Reader(data)
    body = read_body(reader)
    m, keys, policy = addresses.read_policy(reader)
    bitmap, signatures = read_auth(reader, policy, m, len(keys))
    reader.finish()
    return body, policy, bitmap, signatures


def encode(body, policy, bitmap, signatures):
    return body.encode() + policy + encode_auth(policy, bitmap, signatures)


def txid(genesis_id, body, policy):
    """`body` and `policy` as bytes. This is what is signed."""
    return tagged("starling/tx", genesis_id + body + policy)


def wtxid(tx):
    return tagged("starling/wtx", tx)


def message_digest(text):
    """What is signed for a message that is not a transaction."""
    return tagged("starling/message", text)
