"""Golden values: gossip and request-response messages."""

import chains
import headers
import targets
import transactions
import wire
from codec import u8, u16, u32, u64
from examples import CHAIN_ID, GENESIS, GENESIS_ID, MAX_BODY_BYTES, hash_of, header, payments, refused
from hashes import ZERO

TXS = payments(3)
WTXIDS = [transactions.wtxid(tx) for tx in TXS]
BODY = headers.encode_body(TXS)
HEADER = headers.encode(*header(txs=TXS))
FIRST = headers.encode(*GENESIS)
BLOCK_ID = headers.block_id(HEADER[:80])
WORK = 123_456 * targets.work(0x1E100000)
STATUS = {
    "genesis": GENESIS_ID,
    "tip": BLOCK_ID,
    "height": 300,
    "work": WORK,
    "oldest_body": 0,
    "fee_floor": 10**11,
}
IDS = [hash_of(i) for i in range(3)]
FINE = u8(wire.FINE)


def wire_values():
    cases = [_case(*row) for row in _requests()] + [_case(*row) for row in _answers()]
    return {"cases": cases, "gossip": _gossip(), "refused": _refused()}


def _requests():
    status = wire.status(STATUS)
    yield "status", "status/1", "request", status, 0
    yield "headers, from genesis", "headers/1", "request", u16(2_000) + u8(1) + GENESIS_ID, 0
    yield "headers, three known", "headers/1", "request", u16(1) + u8(3) + wire.ids(IDS), 0
    yield "headers, none known", "headers/1", "request", u16(2_000) + u8(0), 0
    yield "bodies", "bodies/1", "request", u8(3) + wire.ids(IDS), 0
    yield "block ids", "block-ids/1", "request", BLOCK_ID, 0
    yield "block transactions", "block-txs/1", "request", BLOCK_ID + wire.indices([0, 2, 70_000]), 0
    yield "announce", "announce/1", "request", u16(3) + wire.ids(WTXIDS), 0
    yield "pool, from the beginning", "pool/1", "request", ZERO + u16(2_000), 0
    yield "pool, onwards", "pool/1", "request", WTXIDS[0] + u16(100), 0
    yield "transactions", "txs/1", "request", u16(2) + wire.ids(WTXIDS[:2]), 0
    yield "push of a block", "push/1", "request", u8(0) + wire.announcement(HEADER, WTXIDS), 0
    yield "push of a transaction", "push/1", "request", u8(1) + TXS[0], 0
    yield "block in short", "compact/1", "request", wire.compact(HEADER, WTXIDS), 0
    yield "blocks in short, please", "send-compact/1", "request", u8(1), 0
    yield "no more of them", "send-compact/1", "request", u8(0), 0
    yield "peers", "peers/1", "request", u8(64), 0


def _answers():
    """(name, protocol, direction, message, ids in the question)"""
    limited = u8(wire.RATE_LIMITED) + u32(1_500)
    yield "rate limited", "peers/1", "answer", limited, 0
    yield "not here", "block-ids/1", "answer", u8(wire.NOT_HERE), 0
    yield "bad request", "headers/1", "answer", u8(wire.BAD_REQUEST), 0
    yield "status", "status/1", "answer", FINE + wire.status(STATUS), 0
    yield "no headers", "headers/1", "answer", FINE + wire.sized_list([]), 0
    yield "two headers", "headers/1", "answer", FINE + wire.sized_list([FIRST, HEADER]), 0
    yield "bodies: one, none, an empty one", "bodies/1", "answer", FINE + wire.bodies_answer(
        [BODY, None, b""]
    ), 3
    yield "bodies: ended early", "bodies/1", "answer", FINE + wire.bodies_answer([BODY]), 3
    yield "block ids", "block-ids/1", "answer", FINE + u32(3) + wire.ids(WTXIDS), 0
    yield "block transactions", "block-txs/1", "answer", FINE + wire.sized_list([TXS[0], TXS[2]]), 0
    yield "announce", "announce/1", "answer", FINE, 0
    yield "pool, more to come", "pool/1", "answer", FINE + WTXIDS[1] + u16(2) + wire.ids(WTXIDS[:2]), 0
    yield "pool, the end", "pool/1", "answer", FINE + ZERO + u16(0), 0
    yield "transactions: one, none", "txs/1", "answer", FINE + u16(len(TXS[0])) + TXS[0] + u16(0), 2
    yield "push", "push/1", "answer", FINE, 0
    yield "block in short", "compact/1", "answer", FINE, 0
    yield "blocks in short, please", "send-compact/1", "answer", FINE, 0
    yield "no peers", "peers/1", "answer", FINE + u8(0), 0
    records = u8(2) + u16(3) + b"abc" + u16(1) + b"d"
    yield "two peers (opaque here)", "peers/1", "answer", FINE + records, 0


def _read(protocol, direction, asked):
    if direction == "request":
        return lambda data: wire.read_request(protocol, data, MAX_BODY_BYTES)
    return lambda data: wire.read_answer(protocol, data, MAX_BODY_BYTES, asked)


def _case(name, protocol, direction, message, asked):
    fields = _read(protocol, direction, asked)(message)
    if "work" in fields:
        fields = {key: value for key, value in fields.items() if key != "work"} | {
            "work_be": targets.be(fields["work"])
        }
    about = {"name": name, "protocol": protocol, "direction": direction, "asked": asked, "fields": fields}
    return about | {"frame_len": wire.framed(message)[:4], "message": message}


def _gossip():
    found = []
    empty = headers.encode(*header())
    rows = [
        ("a transaction", "tx/1", TXS[0]),
        ("a block", "block/1", wire.announcement(HEADER, WTXIDS)),
        ("an empty block", "block/1", wire.announcement(empty, [])),
        ("8,193 transactions: no ids", "block/1", wire.announcement(_many(8_193), [ZERO] * 8_193)),
    ]
    for name, path, data in rows:
        read = wire.read_announcement if path == "block/1" else transactions.decode
        read(data)
        topic = chains.name(CHAIN_ID, path)
        inputs = {"name": name, "chain_id": CHAIN_ID, "path": path, "topic": topic, "data": data}
        found.append(inputs | {"id": wire.gossip_id(topic, data)})
    return found


def _many(count):
    return headers.encode(*header(tx_count=count, body_bytes=171 * count, tx_root=hash_of(1)))


def _refused():
    found = []
    for name, data, error in _refused_announcements():
        found.append(
            refused(name, "block/1", data, error, wire.read_announcement) | {"direction": "topic", "asked": 0}
        )
    for name, protocol, direction, asked, data, error in _refused_messages():
        entry = refused(name, protocol, data, error, _read(protocol, direction, asked))
        found.append(entry | {"direction": direction, "asked": asked})
    return [entry | {"max_body_bytes": MAX_BODY_BYTES} for entry in found]


def _refused_announcements():
    good = wire.announcement(HEADER, WTXIDS)
    size = len(HEADER)
    yield "empty", b"", "truncated"
    yield "an id missing", good[:-32], "truncated"
    yield "half an id missing", good[:-16], "truncated"
    yield "an id too many", good + IDS[0], "trailing_bytes"
    yield "a byte too many", good + b"\x00", "trailing_bytes"
    yield "ids of a block of 8,193", wire.announcement(_many(8_193), []) + IDS[0], "trailing_bytes"
    yield "no ids of a block of 8,192", wire.announcement(_many(8_192), []), "truncated"
    yield "header length one too small", u16(size - 1) + good[2:], "truncated"
    yield "header length one too large", u16(size + 1) + good[2:], "trailing_bytes"
    yield "header length of 401", u16(401) + HEADER + bytes(401), "too_large"


def _refused_messages():
    ask = lambda name, protocol, data, error: (name, protocol, "request", 0, data, error)
    answer = lambda name, protocol, data, error, asked=0: (
        name,
        protocol,
        "answer",
        asked,
        FINE + data,
        error,
    )
    status = wire.status(STATUS)
    yield ask("empty", "status/1", b"", "truncated")
    yield ask("a byte short", "status/1", status[:-1], "truncated")
    yield ask("a byte long", "status/1", status + b"\x00", "trailing_bytes")
    yield ask("2,001 headers", "headers/1", u16(2_001) + u8(1) + IDS[0], "bad_field")
    yield ask("65 ids", "headers/1", u16(1) + u8(65) + bytes(65 * 32), "bad_field")
    yield ask("an id missing", "headers/1", u16(1) + u8(2) + IDS[0], "truncated")
    yield ask("17 ids", "bodies/1", u8(17) + bytes(17 * 32), "bad_field")
    yield ask("an id too many", "bodies/1", u8(1) + IDS[0] + IDS[1], "trailing_bytes")
    yield ask("31 bytes", "block-ids/1", IDS[0][:-1], "truncated")
    yield ask("an index twice", "block-txs/1", BLOCK_ID + wire.indices([3, 3]), "bad_field")
    yield ask("indices descending", "block-txs/1", BLOCK_ID + wire.indices([3, 2]), "bad_field")
    yield ask("an index missing", "block-txs/1", BLOCK_ID + u16(2) + u32(1), "truncated")
    yield ask("257 ids, one there", "announce/1", u16(257) + IDS[0], "bad_field")
    yield ask("257 ids, one there", "txs/1", u16(257) + IDS[0], "bad_field")
    yield ask("more than 2,000", "pool/1", ZERO + u16(2_001), "bad_field")
    yield ask("topic 2", "push/1", u8(2) + TXS[0], "bad_field")
    yield ask("nothing pushed", "push/1", b"", "truncated")
    yield ask("a transaction pushed as a block", "push/1", u8(0) + TXS[0], "too_large")
    short = wire.compact(HEADER, WTXIDS)
    yield ask("a short id missing", "compact/1", short[:-5], "truncated")
    yield ask("half a short id missing", "compact/1", short[:-2], "truncated")
    yield ask("a short id too many", "compact/1", short + short[-5:], "trailing_bytes")
    yield ask("a block of 8,193 in short", "compact/1", wire.compact(_many(8_193), []), "bad_field")
    yield ask("header length of 401", "compact/1", u16(401) + HEADER + bytes(401), "too_large")
    yield ask("neither yes nor no", "send-compact/1", u8(2), "bad_field")
    yield ask("neither", "send-compact/1", b"", "truncated")
    yield ask("yes and no", "send-compact/1", u8(1) + u8(0), "trailing_bytes")
    yield ask("65 peers", "peers/1", u8(65), "bad_field")
    yield "nothing", "status/1", "answer", 0, b"", "truncated"
    yield "result 4", "status/1", "answer", 0, u8(4), "bad_field"
    yield "rate limited, no time", "status/1", "answer", 0, u8(1), "truncated"
    yield "not here, and a byte", "status/1", "answer", 0, u8(2) + b"\x00", "trailing_bytes"
    yield answer("a header of 401 bytes", "headers/1", u16(1) + u16(401) + bytes(401), "too_large")
    yield answer("a header missing", "headers/1", u16(2) + u16(len(FIRST)) + FIRST, "truncated")
    yield answer("2,001 headers", "headers/1", u16(2_001), "bad_field")
    yield answer("presence 2", "bodies/1", u8(2), "bad_field", 1)
    yield answer("no entry", "bodies/1", b"", "truncated", 1)
    yield answer("more than asked", "bodies/1", b"\x00\x00", "trailing_bytes", 1)
    yield answer("a body over the limit", "bodies/1", u8(1) + u32(MAX_BODY_BYTES + 1), "too_large", 1)
    yield answer("an id missing", "block-ids/1", u32(2) + IDS[0], "truncated")
    yield answer("2^32 - 1 ids announced", "block-ids/1", u32(2**32 - 1) + IDS[0], "truncated")
    yield answer("an empty transaction", "block-txs/1", u16(1) + u16(0), "truncated")
    yield answer("a transaction too few", "txs/1", u16(0), "truncated", 2)
    yield answer("a transaction of 16,385 bytes", "txs/1", u16(16_385), "too_large", 1)
    yield answer("something after nothing", "announce/1", b"\x00", "trailing_bytes")
    yield answer("2,001 ids announced", "pool/1", ZERO + u16(2_001), "bad_field")
    yield answer("65 peers", "peers/1", u8(65), "bad_field")
    yield answer("fee floor short", "status/1", status[:-8] + u64(1)[:7], "truncated")
