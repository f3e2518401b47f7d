#!/usr/bin/env python3
"""Prints the genesis id of chain files, and says where a file states another.

python3 docs/spec/reference/genesis_id.py genesis/chains/testnet.toml ...
"""

import sys

sys.dont_write_bytecode = True  # the modules below leave nothing behind

import chains
import headers


def main():
    wrong = []
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            chain, stated = chains.from_file(file.read())
        found = headers.block_id(chains.genesis(chain)[0].encode())[::-1].hex()
        print(f"{found}  {path}")
        if found != stated:
            wrong.append(f"{path} states {stated}")
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
