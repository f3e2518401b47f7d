"""Chain parameters, genesis and chain identity (chains.md)."""

import tomllib

import addresses
import amounts
import headers
import rules
import state
import targets
from codec import refuse_if, u8, u32
from hashes import ZERO, tagged

POW_KINDS = ("sha256d", "sha256d-tagged")
NO_FUTURE_LIMIT = 2**32 - 1


def easiest_bits(given, genesis_bits):
    """The larger of the given target and the target of the genesis bits."""
    return max(given, genesis_bits, key=targets.from_bits)


def rule_bytes(chain):
    """What `extra` of genesis commits to. `half_life` None is fixed difficulty, written as 0."""
    fixed = chain["half_life"] is None
    prefix = chain["prefix"].encode("ascii")
    return b"".join(
        [
            u8(POW_KINDS.index(chain["pow"])),
            u32(chain["interval"]),
            u32(0 if fixed else chain["half_life"]),
            u32(chain["step"]),
            u32(NO_FUTURE_LIMIT if chain["future_limit"] is None else chain["future_limit"]),
            u8(1 if fixed else 0),
            u32(easiest_bits(chain["easiest_bits"], chain["bits"])),
            u32(chain["max_body_bytes"]),
            amounts.encode(chain["subsidy"]),
            u32(chain["halving_interval"]),
            amounts.encode(chain["account_charge"]),
            u8(len(prefix)),
            prefix,
        ]
    )


def from_file(text):
    """The parameters in a chain file, without its checks of ranges. Returns (chain, stated genesis id)."""
    file = tomllib.loads(text)
    first = file["genesis"]
    number = lambda bits: int(bits, 16)
    read = lambda entry: (
        addresses.from_text(file["prefix"], entry["address"]),
        amounts.from_star(entry["balance"]),
    )
    chain = {
        key: file[key] for key in ("prefix", "pow", "interval", "step", "max_body_bytes", "halving_interval")
    }
    chain |= {key: file.get(key) for key in ("half_life", "future_limit")}
    chain |= {key: amounts.from_star(file[key]) for key in ("subsidy", "account_charge")}
    chain |= {
        "easiest_bits": number(file["easiest_bits"]),
        "bits": number(first["bits"]),
        "time": first["time"],
    }
    return chain | {"accounts": [read(entry) for entry in first.get("account", [])]}, first["id"]


def genesis(chain):
    """The genesis header as (work, extra, content); accounts are (address, balance)."""
    held = {address: balance for address, balance in chain["accounts"]}
    refuse_if(len(held) != len(chain["accounts"]), "repeated_account")
    refuse_if(0 in held.values(), "empty_account")
    supply = rules.supply(sum(held.values()), chain["subsidy"], chain["halving_interval"])
    refuse_if(supply > amounts.MAX_MOTES, "too_much_money")
    entries = {state.account_key(to): state.account_value(0, balance) for to, balance in held.items()}
    extra = tagged("starling/chain", rule_bytes(chain))
    content = headers.Content(0, bytes(20), 0, 0, ZERO, state.root(entries), ZERO)
    root = headers.sha256d(headers.coinbase(content, extra))
    work = headers.Work(headers.VERSION_BASE, ZERO, root, chain["time"], chain["bits"], 0)
    return work, extra, content


def chain_id(genesis_id):
    return int.from_bytes(genesis_id[:4], "little")


def name(number, path):
    """A topic or protocol name."""
    return f"/starling/{number:08x}/{path}"
