#!/usr/bin/env python3
"""Writes the golden values under primitives/tests/golden/; with --check, compares them instead.

    python3 docs/spec/reference/generate.py [--check]

Needs Python 3.11 and its standard library. The reference first proves itself against published values.
"""

import json
import os
import sys

sys.dont_write_bytecode = True  # the modules below leave nothing behind

import golden_basics
import golden_blocks
import golden_transitions
import golden_trees
import golden_wire
import known_answers

GOLDEN = os.path.join(known_answers.HERE, "..", "..", "..", "primitives", "tests", "golden")
MAX_TOTAL_BYTES = 410_000
FILES = {
    "hashes.json": golden_basics.hash_values,
    "addresses.json": golden_basics.address_values,
    "amounts.json": golden_basics.amount_values,
    "targets.json": golden_basics.target_values,
    "asert.json": golden_basics.asert_values,
    "subsidy.json": golden_basics.subsidy_values,
    "transactions.json": golden_blocks.transaction_values,
    "headers.json": golden_blocks.header_values,
    "genesis.json": golden_blocks.genesis_values,
    "bodies.json": golden_blocks.body_values,
    "transitions.json": golden_transitions.transition_values,
    "state.json": golden_trees.state_values,
    "history.json": golden_trees.history_values,
    "wire.json": golden_wire.wire_values,
}


def plain(value):
    """Bytes become hex, tuples lists; all else is JSON already."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def render(sections):
    """One line per field of a case, so that a change shows as one line."""
    parts = []
    for section, entries in sections.items():
        rendered = []
        for entry in entries:
            fields = [f"   {json.dumps(key)}: {json.dumps(value)}" for key, value in entry.items()]
            rendered.append("  {\n" + ",\n".join(fields) + "\n  }")
        parts.append(f" {json.dumps(section)}: [\n" + ",\n".join(rendered) + "\n ]")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main():
    known_answers.check_all()
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not check:
        sys.exit("usage: generate.py [--check]")
    total, differ = 0, []
    for name, values in FILES.items():
        text = render(plain(values()))
        path = os.path.join(GOLDEN, name)
        total += len(text)
        if check:
            stored = open(path, encoding="ascii").read() if os.path.exists(path) else ""
            if stored != text:
                differ.append(name)
        else:
            with open(path, "w", encoding="ascii") as file:
                file.write(text)
    assert total <= MAX_TOTAL_BYTES, total
    if differ:
        sys.exit("these golden files differ from what the reference gives: " + ", ".join(differ))
    print(f"{len(FILES)} golden files, {total} bytes: " + ("unchanged" if check else "written"))


if __name__ == "__main__":
    main()
