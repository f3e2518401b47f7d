"""Gossip and request-response messages (wire.md). Messages are built from and read into dicts."""

import headers
import transactions
from codec import Reader, refuse_if, u8, u16, u32, u64
from hashes import tagged
from siphash import siphash
from targets import be

MAX_IDS_IN_ANNOUNCEMENT = 8_192
SHORT_ID_BYTES = 5
FINE, RATE_LIMITED, NOT_HERE, BAD_REQUEST = range(4)
KIB, MIB = 1 << 10, 1 << 20


def caps(max_body_bytes):
    """Bytes of a message at the most, without the `len` before it."""
    # A server of bodies stops once 4 MiB are written, so the last one may lie beyond.
    body = max_body_bytes
    return {
        "status/1": KIB,
        "headers/1": MIB,
        "bodies/1": 4 * MIB + body + 6,
        "block-ids/1": body // 5,
        "block-txs/1": body + 64 * KIB,
        "announce/1": 8 * KIB,
        "pool/1": 64 * KIB,
        "txs/1": 4 * MIB,
        "push/1": 320 * KIB,
        "compact/1": 64 * KIB,
        "send-compact/1": 8,
        "peers/1": 32 * KIB,
    }


def gossip_id(topic, data):
    return tagged("starling/gossip", u8(len(topic)) + topic.encode("ascii") + data)[:20]


def framed(message):
    return u32(len(message)) + message


def ids(hashes):
    return b"".join(hashes)


def announcement(header, wtxids):
    """`block/1`: the ids are there if and only if there are at most 8,192."""
    listed = wtxids if len(wtxids) <= MAX_IDS_IN_ANNOUNCEMENT else []
    return u16(len(header)) + header + ids(listed)


def read_announcement(data):
    reader = Reader(data)
    header = reader.take(at_most(reader.u16(), headers.MAX_BYTES))
    count = headers.decode(header)[2].tx_count
    wtxids = read_ids(reader, count if count <= MAX_IDS_IN_ANNOUNCEMENT else 0)
    reader.finish()
    return {"header": header, "wtxids": wtxids}


def compact(header, wtxids):
    """`compact/1`: five bytes for each id, under a key of this block alone."""
    key = tagged("starling/compact", headers.block_id(header[:80]))[:16]
    shorts = [siphash(key, wtxid).to_bytes(8, "little")[:SHORT_ID_BYTES] for wtxid in wtxids]
    return u16(len(header)) + header + b"".join(shorts)


def read_compact(reader):
    header = reader.take(at_most(reader.u16(), headers.MAX_BYTES))
    count = counted(headers.decode(header)[2].tx_count, MAX_IDS_IN_ANNOUNCEMENT)
    data = reader.take(SHORT_ID_BYTES * count)
    shorts = [data[i : i + SHORT_ID_BYTES] for i in range(0, len(data), SHORT_ID_BYTES)]
    return {"header": header, "short_ids": shorts}


def at_most(size, limit):
    """Bytes."""
    refuse_if(size > limit, "too_large")
    return size


def counted(count, limit):
    """Items."""
    refuse_if(count > limit, "bad_field")
    return count


def read_ids(reader, count):
    """Bounded by the bytes at hand before anything is allocated."""
    data = reader.take(32 * count)
    return [data[i : i + 32] for i in range(0, len(data), 32)]


def sized_list(items):
    return u16(len(items)) + b"".join(u16(len(item)) + item for item in items)


def status(fields):
    head = fields["genesis"] + fields["tip"] + u32(fields["height"]) + be(fields["work"])
    return head + u32(fields["oldest_body"]) + u64(fields["fee_floor"])


def read_status(reader):
    names = ("genesis", "tip", "height", "work", "oldest_body", "fee_floor")
    values = (reader.take(32), reader.take(32), reader.u32(), int.from_bytes(reader.take(32), "big"))
    return dict(zip(names, values + (reader.u32(), reader.u64())))


def bodies_answer(bodies):
    """One entry per id asked: None where it is not here."""
    return b"".join(b"\x00" if body is None else b"\x01" + framed(body) for body in bodies)


def read_bodies_answer(reader, asked, max_body_bytes):
    """Ends early where the server stopped at its cap, after one entry at the least."""
    found = []
    while len(found) < asked and (reader.at < len(reader.data) or not found):
        flag = reader.u8()
        refuse_if(flag > 1, "bad_field")
        found.append(reader.take(at_most(reader.u32(), max_body_bytes)) if flag else None)
    return found


def indices(numbers):
    return u16(len(numbers)) + b"".join(u32(number) for number in numbers)


def read_indices(reader):
    found = []
    for _ in range(reader.u16()):
        found.append(reader.u32())
        refuse_if(len(found) > 1 and found[-2] >= found[-1], "bad_field")
    return found


def read_txs(reader, count, empty_allowed):
    """`len:u16 | tx` entries; an empty one stands for "not here" where that is allowed."""
    found = []
    for _ in range(count):
        tx = reader.take(at_most(reader.u16(), transactions.MAX_BYTES))
        if tx or not empty_allowed:
            transactions.decode(tx)
        found.append(tx)
    return found


def read_headers(reader):
    found = []
    for _ in range(counted(reader.u16(), 2_000)):
        header = reader.take(at_most(reader.u16(), headers.MAX_BYTES))
        headers.decode(header)
        found.append(header)
    return found


def read_request(protocol, data, max_body_bytes):
    """Reads a question; refuses what is not one."""
    at_most(len(data), caps(max_body_bytes)[protocol])
    reader = Reader(data)
    match protocol:
        case "status/1":
            fields = read_status(reader)
        case "headers/1":
            most = counted(reader.u16(), 2_000)
            fields = {"max": most, "ids": read_ids(reader, counted(reader.u8(), 64))}
        case "bodies/1":
            fields = {"ids": read_ids(reader, counted(reader.u8(), 16))}
        case "block-ids/1":
            fields = {"id": reader.take(32)}
        case "block-txs/1":
            fields = {"id": reader.take(32), "indices": read_indices(reader)}
        case "announce/1" | "txs/1":
            fields = {"wtxids": read_ids(reader, counted(reader.u16(), 256))}
        case "pool/1":
            fields = {"cursor": reader.take(32), "max": counted(reader.u16(), 2_000)}
        case "push/1":
            topic = reader.u8()
            refuse_if(topic > 1, "bad_field")
            fields = {"topic": topic, "data": reader.rest()}
            (read_announcement, transactions.decode)[topic](fields["data"])
        case "compact/1":
            fields = read_compact(reader)
        case "send-compact/1":
            fields = {"wanted": reader.u8()}
            refuse_if(fields["wanted"] > 1, "bad_field")
        case "peers/1":
            fields = {"max": counted(reader.u8(), 64)}
    reader.finish()
    return fields


def read_answer(protocol, data, max_body_bytes, asked):
    """Reads an answer; `asked` is the number of ids in the question (`bodies/1`, `txs/1`)."""
    at_most(len(data), caps(max_body_bytes)[protocol])
    reader = Reader(data)
    result = reader.u8()
    refuse_if(result > BAD_REQUEST, "bad_field")
    fields = {"result": result}
    if result == RATE_LIMITED:
        fields["retry_after_ms"] = reader.u32()
    elif result == FINE:
        fields |= read_fine(protocol, reader, max_body_bytes, asked)
    reader.finish()
    return fields


def read_fine(protocol, reader, max_body_bytes, asked):
    match protocol:
        case "status/1":
            return read_status(reader)
        case "headers/1":
            return {"headers": read_headers(reader)}
        case "bodies/1":
            return {"bodies": read_bodies_answer(reader, asked, max_body_bytes)}
        case "block-ids/1":
            return {"wtxids": read_ids(reader, reader.u32())}
        case "block-txs/1":
            return {"txs": read_txs(reader, reader.u16(), empty_allowed=False)}
        case "announce/1" | "push/1" | "compact/1" | "send-compact/1":
            return {}
        case "pool/1":
            next_cursor = reader.take(32)
            return {"next": next_cursor, "wtxids": read_ids(reader, counted(reader.u16(), 2_000))}
        case "txs/1":
            return {"txs": read_txs(reader, asked, empty_allowed=True)}
        case "peers/1":
            return {"records": [reader.take(reader.u16()) for _ in range(counted(reader.u8(), 64))]}
