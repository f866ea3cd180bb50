#!/usr/bin/env python3
"""Keep the recent part of a Synthea bundle: recent.py IN SINCE > OUT

Drops the encounters that began before SINCE, then whatever refers to something
dropped, then Provenance (which refers to everything). What is left is unchanged;
each entry is on a line of its own.
"""

import json
import sys


def references(value):
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from references(item)


def recent(entries, since):
    def is_old(resource):
        return resource["resourceType"] == "Encounter" and resource["period"]["start"] < since

    kept = [entry for entry in entries if entry["resource"]["resourceType"] != "Provenance"]
    dropped = {entry["fullUrl"] for entry in kept if is_old(entry["resource"])}
    while True:
        kept = [entry for entry in kept if entry["fullUrl"] not in dropped]
        orphans = {entry["fullUrl"] for entry in kept if not dropped.isdisjoint(references(entry["resource"]))}
        if not orphans:
            return kept
        dropped |= orphans


def main(path, since):
    with open(path, encoding="utf-8") as file:
        bundle = json.load(file)
    entries = recent(bundle["entry"], since)
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False, separators=(",", ":")) for entry in entries)
    print(f'{{"resourceType":"Bundle","type":"{bundle["type"]}","entry":[\n{lines}\n]}}')


main(*sys.argv[1:])
