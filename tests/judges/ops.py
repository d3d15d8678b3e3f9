#!/usr/bin/env python3
"""The table of calls against PVE's schema: ops.py SCHEMA TABLE, where TABLE is what `ops table` prints.
Every row's method and path, every parameter's key, type, bounds, words and default, every parameter that PVE
requires, and the kind of the answer must be as the schema of PVE 9.2 says."""
import json
import pathlib
import sys

# What the schema says of a parameter's type, for each of ours.
TYPES = {"int": {"integer", "number"}, "bool": {"boolean"}, "vmid": {"integer"}}
# The schema of these has no words, but a format or an enumeration that is filled in at run time.
OPEN = {("storage content", "content"), ("storage download", "compression")}
# PVE's schema writes the type of an answer loosely.
ANSWERS = {"none": {"null"}, "list": {"array"}, "task": {"string", "null"},
           "value": {"object", "integer", "string"}}

faults = []


def fault(row, text):
    faults.append(f"{row['noun']} {row['verb']}: {text}")


def find(nodes, path):
    found = None
    for part in path.strip("/").split("/"):
        literal = next((n for n in nodes if n["path"].rsplit("/", 1)[-1] == part), None)
        variable = next((n for n in nodes if n["path"].rsplit("/", 1)[-1].startswith("{")), None)
        found = variable if part.startswith("{") else literal
        if found is None:
            return None
        nodes = found.get("children", [])
    return found


def number(value):
    return None if value is None else float(value)


def check_param(row, p, rule):
    kind = rule.get("type", "string")
    if kind not in TYPES.get(p["type"], {"string"}) and not (p["type"] == "vmid" and rule.get("format") == "pve-vmid-list"):
        fault(row, f"{p['name']} is {p['type']}, PVE has {kind}")
    if bool(rule.get("optional")) == p["required"] and not p["found"]:
        fault(row, f"{p['name']} is {'required' if p['required'] else 'optional'} here only")
    if p["type"] == "int":
        low = None if p["min"] == p["max"] == 0 else float(p["min"])
        high = None if p["unbounded"] or p["min"] == p["max"] == 0 else float(p["max"])
        if (low, high) != (number(rule.get("minimum")), number(rule.get("maximum"))):
            fault(row, f"{p['name']} is from {low} to {high}, PVE has {rule.get('minimum')} to {rule.get('maximum')}")
    elif p["max"] and p["max"] != rule.get("maxLength"):
        fault(row, f"{p['name']} has {p['max']} bytes, PVE has {rule.get('maxLength')}")
    words = rule.get("enum")
    if p["choices"] and words and set(p["choices"].split()) != set(words):
        fault(row, f"{p['name']} is one of {p['choices']}, PVE has {' '.join(words)}")
    if p["choices"] and not words and (f"{row['noun']} {row['verb']}", p["name"]) not in OPEN:
        fault(row, f"{p['name']} has words here only")
    if words and not p["choices"] and len(words) < 20:
        fault(row, f"{p['name']} lacks the words {' '.join(words)}")


def is_plain(value):
    return value is not None and (str(value).isdigit() or " " not in str(value))


def check_defaults(rows, schemas):
    """A default stands in the row where all kinds have the same one."""
    for name in {p["name"] for row in rows for p in row["params"]}:
        seen, ours = set(), set()
        for row, rules in zip(rows, schemas):
            for p in row["params"]:
                if p["name"] == name and not p["ours"] and p["key"] in rules:
                    value = rules[p["key"]].get("default")
                    seen.add(str(value) if is_plain(value) else None)
                    ours.add(p["default"])
        want = seen.pop() if len(seen) == 1 else None
        if ours and ours != {want}:
            fault(rows[0], f"{name} has the default {ours.pop()}, PVE has {want}")


def check_row(tree, row):
    path, _, query = row["path"].partition("?")
    path = path.replace("{type}", {"ct": "lxc", "vm": "qemu"}.get(row["kind"], "{type}"))
    for p in row["params"]:
        path = path.replace("{%s}" % p["name"], "{%s}" % p["key"])
    node = find(tree, path)
    info = (node or {}).get("info", {}).get(row["method"])
    if info is None:
        fault(row, f"PVE has no {row['method']} {path}")
        return {}
    rules = (info.get("parameters") or {}).get("properties") or {}
    given = {pair.partition("=")[0] for pair in query.split("&") if pair}
    for key in given - set(rules):
        fault(row, f"PVE knows no {key}")
    for p in row["params"]:
        if p["ours"] and p["type"] != "file":
            continue
        if p["type"] == "file":
            continue
        if p["key"] not in rules:
            fault(row, f"PVE knows no {p['key']}")
            continue
        given.add(p["key"])
        check_param(row, p, rules[p["key"]])
    for key, rule in rules.items():
        if not rule.get("optional") and key not in given and not row["any_keys"]:
            fault(row, f"PVE requires {key}")
    kind = (info.get("returns") or {}).get("type", "null")
    if kind not in ANSWERS[row["answer"]]:
        fault(row, f"the answer is {row['answer']}, PVE has {kind}")
    return rules


def main():
    tree = json.loads(pathlib.Path(sys.argv[1]).read_text())
    table = json.loads(pathlib.Path(sys.argv[2]).read_text())
    groups = {}
    for row in table:
        groups.setdefault(row["id"], []).append(row)
    for rows in groups.values():
        check_defaults(rows, [check_row(tree, row) for row in rows])
    for line in faults:
        print(line)
    params = sum(len(row["params"]) for row in table)
    print(f"ops: {len(groups)} rows, {len(table)} calls, {params} parameters judged, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
