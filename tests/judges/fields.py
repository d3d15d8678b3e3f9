"""Compares the JSON Schema of Pod (stdin) with PVE's description of its API (the file named first)."""
import json
import re
import sys

CALLS = (("/nodes/{node}/lxc", "POST"), ("/nodes/{node}/lxc/{vmid}/config", "PUT"))
# Rows of ours without a PVE key, since other calls and paths carry them.
BY_NAME = ("node", "vmid", "pool")
# Where we differ on purpose: (key, fact): why.
KNOWN = {
    ("description", "maxLength"): "leaves room for the marker",
    ("net.type", "default"): "PVE adds it by itself when it is not given",
    ("dev.uid", "maximum"): "Linux knows no larger numbers",
    ("dev.gid", "maximum"): "Linux knows no larger numbers",
    ("startup.order", "maximum"): "a bound of ours, far above use",
    ("startup.up", "maximum"): "a bound of ours, far above use",
    ("startup.down", "maximum"): "a bound of ours, far above use",
}


def calls_of(node):
    """All (path, method, parameters) of PVE's tree."""
    if isinstance(node, list):
        for child in node:
            yield from calls_of(child)
        return
    for method, info in node.get("info", {}).items():
        yield node["path"], method, info.get("parameters", {}).get("properties", {})
    yield from calls_of(node.get("children", []))


def pve_keys(path):
    keys = {}
    with open(path, encoding="utf-8") as file:
        tree = json.load(file)
    for where, method, parameters in calls_of(tree):
        if (where, method) in CALLS:
            for name, facts in parameters.items():
                keys.setdefault(name.replace("[n]", ""), facts)
    return keys


def sub_keys(facts):
    """Of a property string; startup is described in words only."""
    if isinstance(facts.get("format"), dict):
        return facts["format"]
    if facts.get("format") == "pve-startup-order":
        return {k: {"type": "integer"} for k in re.findall(r"\[?(\w+)=", facts["typetext"])}
    return {}


def rows_of(schema):
    """PVE key: our schema, through groups but not into records."""
    for name, row in schema.get("properties", {}).items():
        if "x-podmox-key" in row:
            yield row["x-podmox-key"], row
        elif name in BY_NAME:
            yield name, row
        elif "properties" in row:
            yield from rows_of(row)


def types(row):
    t = row.get("type", [])
    return [x for x in ([t] if isinstance(t, str) else t) if x != "null"]


def is_size(row):
    return "x-podmox-minimum" in row


def fits_type(pve, row):
    ours = types(row)
    if pve["type"] == "boolean":
        return ours == ["boolean"]
    if pve["type"] == "integer":
        return ours == ["integer"] or is_size(row)
    if pve["type"] == "number":
        return ours == ["number"]
    return ours != ["boolean"]  # texts, and what we read out of them


def bound(row, name):
    if is_size(row):
        value = row.get("x-podmox-" + name)
        return None if value is None else value / row.get("x-podmox-unit", 1)
    return row.get(name)


def same(a, b):
    try:
        return float(a) == float(b)
    except (TypeError, ValueError):
        return str(a) == str(b)


def is_value(default, pve):
    """PVE describes some defaults in words."""
    return pve["type"] == "string" or re.fullmatch(r"-?[0-9.]+", str(default)) is not None


def compare(key, pve, row, found, met):
    def differs(fact, theirs, ours):
        if (key, fact) in KNOWN:
            met.add((key, fact))
        else:
            found.append(f"{key}: {fact} is {theirs} at PVE, {ours} here")

    if not fits_type(pve, row):
        differs("type", pve["type"], row.get("type"))
    for fact in ("minimum", "maximum"):
        theirs, ours = pve.get(fact), bound(row, fact)
        if theirs is not None and not same(theirs, ours):
            differs(fact, theirs, ours)
        if theirs is None and ours not in (None, 0):
            differs(fact, theirs, ours)
    for fact in ("minLength", "maxLength"):
        if pve.get(fact) != row.get(fact):
            differs(fact, pve.get(fact), row.get(fact))
    choices = row.get("enum") and {c for c in row["enum"] if c is not None}
    if "enum" in pve and set(pve["enum"]) != choices:
        differs("enum", sorted(pve["enum"]), sorted(choices or []))
    theirs, ours = pve.get("default"), row.get("x-podmox-default")
    if theirs is not None and is_value(theirs, pve):
        if ours is None or not same(theirs, ours):
            differs("default", theirs, ours)
    elif theirs is None and ours is not None and not (pve["type"] == "boolean" and ours == "0"):
        differs("default", theirs, ours)


def record_of(row):
    return row.get("items", row)


def compare_record(key, subs, row, found, met):
    ours = dict(rows_of(record_of(row)))
    for sub, facts in subs.items():
        if facts.get("default_key") and sub == "volume":
            continue  # made of storage, size and source
        if sub not in ours:
            found.append(f"{key}: PVE knows {sub}, no row does")
        else:
            compare(f"{key}.{sub}", facts, ours[sub], found, met)
    found += [f"{key}.{sub}: a row that PVE does not know" for sub in ours if sub not in subs]


def main():
    text = sys.stdin.read()
    if not text:
        print("fields: no schema came in")
        return 1
    spec = json.loads(text)["properties"]["spec"]
    refused = [name[len("options."):] for name in spec["x-podmox-refused"] if name.startswith("options.")]
    rows = dict(rows_of(spec))
    pve = pve_keys(sys.argv[1])
    found = []
    met = set()
    used = 0
    for key, facts in sorted(pve.items()):
        if key in rows:
            used += 1
            subs = sub_keys(facts)
            if subs:
                compare_record(key, subs, rows[key], found, met)
            else:
                compare(key, facts, rows[key], found, met)
        elif not any(key == r or (r.endswith("*") and key.startswith(r[:-1])) for r in refused):
            found.append(f"{key}: neither a row nor refused")
    found += [f"{key}: a row that PVE does not know" for key in rows if key not in pve]
    found += [f"{key}: {fact} no longer differs; take it from the list" for key, fact in KNOWN.keys() - met]
    for line in found:
        print(line)
    print(f"fields: {len(pve)} parameters of PVE, {used} rows, {len(pve) - used} refused, {len(found)} differ")
    return 1 if found or not used else 0


sys.exit(main())
