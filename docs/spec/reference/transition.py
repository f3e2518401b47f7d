"""What a block does to the accounts (consensus.md: Block rules 4 and 5); signatures are not looked at."""

import amounts
import rules
from codec import refuse_if

LAST_NONCE = 2**64 - 1


def apply_transaction(accounts, tx, account_charge):
    """Changes `accounts`, a dict of address to (nonce, balance); returns the motes burned."""
    sender, outputs = tx["sender"], tx["outputs"]
    spent = tx["fee"] + sum(amount for _, amount in outputs)
    refuse_if(spent > amounts.MAX_MOTES, "tx_sum")
    nonce, balance = accounts.get(sender, (0, 0))
    refuse_if(tx["nonce"] != nonce, "tx_nonce")
    refuse_if(nonce == LAST_NONCE, "tx_nonce_exhausted")
    burned = account_charge * len({to for to, _ in outputs if to not in accounts})
    refuse_if(balance < spent + burned, "tx_balance")
    accounts[sender] = (nonce + 1, balance - spent - burned)
    for to, amount in outputs:
        nonce, balance = accounts.get(to, (0, 0))
        accounts[to] = (nonce, balance + amount)
    return burned


def apply_block(before, txs, miner, height, params):
    """Returns (accounts after the block, motes burned)."""
    accounts, burned = dict(before), 0
    for tx in txs:
        refuse_if(tx["valid_until"] and tx["valid_until"] < height, "tx_expired")
        burned += apply_transaction(accounts, tx, params["account_charge"])
    reward = rules.subsidy(height, params["subsidy"], params["halving_interval"])
    reward += sum(tx["fee"] for tx in txs)
    if reward:
        nonce, balance = accounts.get(miner, (0, 0))
        accounts[miner] = (nonce, balance + reward)
    return accounts, burned
