"""What the golden values are made of: keys, addresses, a chain and transactions by simple rules."""

import addresses
import chains
import ed25519
import headers
import transactions
from codec import Refused, u32
from hashes import tagged

MAX_BODY_BYTES = 4_194_304
STAR = 10**18


def hash_of(i):
    """The i-th example hash."""
    return tagged("golden", u32(i))


def address_of(i):
    """The i-th example address."""
    return hash_of(i)[:20]


def secret_of(i):
    """The i-th example secret key."""
    return tagged("golden/key", u32(i))


def by_key(numbers):
    """(public key, secret key) of those numbers, ascending by public key."""
    return sorted((ed25519.public_key(secret_of(i)), secret_of(i)) for i in numbers)


def chain(**changes):
    """The example chain: lab's parameters."""
    plain = {
        "name": "example",
        "prefix": "dstar",
        "pow": "sha256d",
        "interval": 12,
        "half_life": 3_456,
        "step": 3,
        "future_limit": 150,
        "easiest_bits": 0x1E100000,
        "max_body_bytes": MAX_BODY_BYTES,
        "subsidy": 12 * STAR,
        "halving_interval": 10_519_200,
        "account_charge": STAR // 100,
        "time": 1_700_000_000,
        "bits": 0x1E100000,
        "accounts": [(address_of(i), (i + 1) * 1_000 * STAR) for i in range(3)],
    }
    return plain | changes


GENESIS = chains.genesis(chain())
GENESIS_ID = headers.block_id(GENESIS[0].encode())
CHAIN_ID = chains.chain_id(GENESIS_ID)


def body(outputs, **changes):
    fields = {"chain_id": CHAIN_ID, "nonce": 0, "fee": 169 * 10**11, "valid_until": 0, "memo": b""}
    return transactions.Body(outputs=outputs, **(fields | changes))


def sign_single(content, number):
    """Returns (tx, policy, bitmap, signatures, secret keys)."""
    secret = secret_of(number)
    policy = addresses.single(ed25519.public_key(secret))
    return _sign(content, policy, None, [secret])


def sign_multi(content, numbers, signers):
    """`signers` are positions among the ascending keys; their number is m."""
    pairs = by_key(numbers)
    policy = addresses.multi(len(signers), [key for key, _ in pairs])
    bitmap = sum(1 << i for i in signers)
    return _sign(content, policy, bitmap, [pairs[i][1] for i in sorted(signers)])


def _sign(content, policy, bitmap, secrets):
    txid = transactions.txid(GENESIS_ID, content.encode(), policy)
    signatures = [ed25519.sign(secret, txid) for secret in secrets]
    tx = transactions.encode(content, policy, bitmap, signatures)
    return tx, policy, bitmap, signatures, secrets


def payments(count):
    """Ordinary payments: the i-th is signed by key i and pays address i i + 1 STAR."""
    return [sign_single(body([(address_of(i), (i + 1) * STAR)]), i)[0] for i in range(count)]


def header(height=300, extra=b"starling", txs=(), **changes):
    """A header over those transactions; nonce 0, so without work."""
    whole = headers.encode_body(txs)
    root = headers.tx_root([transactions.wtxid(tx) for tx in txs])
    fields = {
        "height": height,
        "miner": address_of(100),
        "tx_count": len(txs),
        "body_bytes": len(whole),
        "tx_root": root,
        "state_root": hash_of(101),
        "history_root": hash_of(102),
    }
    content = headers.Content(**(fields | changes))
    root = headers.sha256d(headers.coinbase(content, extra))
    work = headers.Work(0x20000000, hash_of(103), root, 1_700_003_600, 0x207FFFFF, 0)
    return work, extra, content


def refused(name, decoder, data, error, decode):
    """A refused entry, after checking that `decode` refuses the bytes under that name."""
    assert error_of(decode, data) == error, (name, error, error_of(decode, data))
    return {"name": name, "decoder": decoder, "bytes": data, "error": error}


def error_of(function, *inputs):
    try:
        function(*inputs)
    except Refused as refusal:
        return refusal.name
    return None
