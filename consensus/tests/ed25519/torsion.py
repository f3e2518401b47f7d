#!/usr/bin/env python3
"""Prints torsion.json: signatures whose key, R or S is crafted, with the verdict of the signature rule.

Plain integers and hashlib after RFC 8032 section 6: a second implementation, sharing nothing with the node's.
Run it here: `python3 torsion.py > torsion.json`.
"""

import hashlib
import json

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)  # a square root of -1


def add(a, b):
    (x1, y1), (x2, y2) = a, b
    t = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + t, P - 2, P) % P
    y = (y1 * y2 + x1 * x2) * pow(1 - t, P - 2, P) % P
    return x, y


def times(n, a):
    out = (0, 1)
    while n:
        if n & 1:
            out = add(out, a)
        a, n = add(a, a), n >> 1
    return out


def decode(data):
    """The point of an encoding, as ZIP 215 reads it (non-canonical ones too), or None."""
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number % 2**255 % P
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * ROOT % P
    if x * x % P != square:
        return None
    return (P - x if x % 2 != sign else x) % P, y


def encode(point):
    return (point[1] | (point[0] % 2) << 255).to_bytes(32, "little")


BASE = decode((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def torsion_points():
    """The eight points of small order, as multiples of one of order eight."""
    y = 2
    while True:
        point = decode(y.to_bytes(32, "little"))
        if point and times(4, small := times(L, point)) != (0, 1):
            return [times(i, small) for i in range(8)]
        y += 1


TORSION = torsion_points()
OFF_CURVE = next(y.to_bytes(32, "little") for y in range(2, 99) if not decode(y.to_bytes(32, "little")))
# The non-canonical encodings of points of small order: x = 0 with the sign set, or y not reduced.
ODD = [y | sign << 255 for y, sign in ((1, 1), (P - 1, 1), (P, 0), (P, 1), (P + 1, 0), (P + 1, 1))]
ODD = [number.to_bytes(32, "little") for number in ODD]


def digest(*parts):
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % L


def zip215(key, signature, message):
    """Whether ZIP 215 alone accepts."""
    s = int.from_bytes(signature[32:], "little")
    a, r = decode(key), decode(signature[:32])
    if s >= L or a is None or r is None:
        return False
    right = add(r, times(digest(signature[:32], key, message), a))
    return times(8, times(s, BASE)) == times(8, right)


CASES = []


def case(name, verdict, key, signature, message):
    CASES.append(
        {
            "name": name,
            "key": key.hex(),
            "signature": signature.hex(),
            "message": message.hex(),
            "zip215": zip215(key, signature, message),
            "verdict": verdict,
        }
    )


def signed(a, key, r, nonce, message):
    """R || S for the secret scalars a and r, whatever else key and nonce are made of."""
    s = (r + digest(nonce, key, message) * a) % L
    return nonce + s.to_bytes(32, "little")


def text(i):
    return hashlib.sha256(b"torsion %d" % i).digest()


def main():
    a, r = digest(b"secret scalar"), digest(b"secret nonce")
    honest, good_r = encode(times(a, BASE)), encode(times(r, BASE))
    for i in range(8):
        key = encode(add(times(a, BASE), TORSION[i]))
        for j in range(8):
            nonce = encode(add(times(r, BASE), TORSION[j]))
            name = f"key + {i}T, R + {j}T"
            case(name, "accepted", key, signed(a, key, r, nonce, text(8 * i + j)), text(8 * i + j))
        nonce = encode(TORSION[i])
        case(f"key + {i}T, R = {i}T", "accepted", key, signed(a, key, 0, nonce, text(64 + i)), text(64 + i))
        small = encode(TORSION[i])
        case(f"key = {i}T", "KeySmallOrder", small, signed(0, small, r, good_r, text(72 + i)), text(72 + i))
        wrong = signed(a, key, r, encode(add(times(r, BASE), TORSION[i])), text(80 + i))
        case(f"key + {i}T, R + {i}T, another message", "Wrong", key, wrong, text(88 + i))
    for i, odd in enumerate(ODD):
        signature = signed(a, honest, 0, odd, text(96 + i))
        case(f"R = {odd.hex()}", "NonceNotCanonical", honest, signature, text(96 + i))
        signature = signed(0, odd, r, good_r, text(104 + i))
        case(f"key = {odd.hex()}", "KeyNotCanonical", odd, signature, text(104 + i))
    good = signed(a, honest, r, good_r, text(112))
    s = int.from_bytes(good[32:], "little")
    for n in (1, 2, 14):
        raised = good[:32] + (s + n * L).to_bytes(32, "little")
        case(f"S + {n}L", "ScalarNotReduced", honest, raised, text(112))
    case("S = L", "ScalarNotReduced", honest, good[:32] + L.to_bytes(32, "little"), text(112))
    case("S = L - 1", "Wrong", honest, good[:32] + (L - 1).to_bytes(32, "little"), text(112))
    case("key off the curve", "KeyNotAPoint", OFF_CURVE, good, text(112))
    case("R off the curve", "NonceNotAPoint", honest, OFF_CURVE + good[32:], text(112))
    print("[\n" + ",\n".join(json.dumps(c) for c in CASES) + "\n]")


main()
