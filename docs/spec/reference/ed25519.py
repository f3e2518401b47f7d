"""Ed25519: signing as in RFC 8032, verification by the consensus rule (consensus.md: Signatures)."""

import hashlib

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)
IDENTITY = (0, 1, 1, 0)


def _add(p, q):
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _multiply(scalar, point):
    result = IDENTITY
    while scalar:
        if scalar & 1:
            result = _add(result, point)
        point = _add(point, point)
        scalar >>= 1
    return result


def _negate(point):
    return (-point[0] % P, point[1], point[2], -point[3] % P)


def _same(p, q):
    return (p[0] * q[2] - q[0] * p[2]) % P == 0 and (p[1] * q[2] - q[1] * p[2]) % P == 0


def _recover_x(y, sign):
    """The x of that sign, or None when y is on no point; x = 0 is returned for either sign."""
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_1 % P
    if (x * x - square) % P:
        return None
    return P - x if x and x & 1 != sign else x


def encode(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def decode(data):
    """The point of 32 bytes, of any encoding (y is taken modulo p); None when there is none."""
    value = int.from_bytes(data, "little")
    y, sign = (value & (1 << 255) - 1) % P, value >> 255
    x = _recover_x(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


def is_canonical(data):
    """By bytes alone: y below p, and not one of the two encodings of x = 0 with the sign set."""
    value = int.from_bytes(data, "little")
    y, sign = value & (1 << 255) - 1, value >> 255
    return y < P and not (sign and y in (1, P - 1))


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE = decode(BASE_Y.to_bytes(32, "little"))


def _hash_number(*parts):
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


def _expand(secret):
    digest = hashlib.sha512(secret).digest()
    scalar = int.from_bytes(digest[:32], "little")
    return scalar & (1 << 254) - 8 | 1 << 254, digest[32:]


def public_key(secret):
    return encode(_multiply(_expand(secret)[0], BASE))


def sign(secret, message):
    scalar, prefix = _expand(secret)
    key = encode(_multiply(scalar, BASE))
    nonce = _hash_number(prefix, message) % ORDER
    commitment = encode(_multiply(nonce, BASE))
    challenge = _hash_number(commitment, key, message) % ORDER
    return commitment + ((nonce + challenge * scalar) % ORDER).to_bytes(32, "little")


def small_order_encodings():
    """The canonical encodings of the eight points of order 1, 2, 4 and 8, ascending as byte strings."""
    torsion = None
    y = 2
    while torsion is None:
        point = decode(y.to_bytes(32, "little"))
        candidate = point and _multiply(ORDER, point)
        if candidate and not _same(_multiply(4, candidate), IDENTITY):
            torsion = candidate
        y += 1
    return sorted(encode(_multiply(i, torsion)) for i in range(8))


SMALL_ORDER = small_order_encodings()


def non_canonical_encodings():
    """Every non-canonical 32-byte string that some decoder could take for a point, ascending."""
    found = []
    for y in [1, P - 1] + list(range(P, 2**255)):
        for sign in (0, 1):
            data = (y | sign << 255).to_bytes(32, "little")
            if not is_canonical(data) and decode(data) is not None:
                found.append(data)
    return sorted(found)


def verify(key, message, signature):
    """The consensus rule; returns None, or the name of the first violation."""
    commitment, scalar = signature[:32], int.from_bytes(signature[32:], "little")
    if scalar >= ORDER:
        return "scalar_not_reduced"
    if not is_canonical(key):
        return "key_not_canonical"
    if not is_canonical(commitment):
        return "nonce_not_canonical"
    if key in SMALL_ORDER:
        return "key_small_order"
    a, r = decode(key), decode(commitment)
    if a is None or r is None:
        return "key_not_a_point" if a is None else "nonce_not_a_point"
    challenge = _hash_number(commitment, key, message) % ORDER
    right = _add(r, _multiply(challenge, a))
    difference = _add(_multiply(scalar, BASE), _negate(right))
    return None if _same(_multiply(8, difference), IDENTITY) else "wrong_signature"
