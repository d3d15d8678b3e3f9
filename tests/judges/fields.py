"""Compares the JSON Schema of a kind of guest (stdin) with PVE's description of its API (the file named
first); the second argument is lxc or qemu."""
import json
import re
import sys

# Rows of ours without a PVE key, since other calls and paths carry them.
BY_NAME = ("node", "vmid", "pool")
# Where we differ on purpose: (key, fact): why.
COMMON = {
    ("description", "maxLength"): "leaves room for the marker",
    ("ha.state", "default"): "a guest without one is not managed",
    ("ha.state", "enum"): "enabled is another word for started",
}
CONTAINER = {
    ("net.type", "default"): "PVE adds it by itself when it is not given",
    ("dev.uid", "maximum"): "Linux knows no larger numbers",
    ("dev.gid", "maximum"): "Linux knows no larger numbers",
}
MACHINE = {
    ("hotplug", "default"): "a list; what PVE has without one is said in words",
    ("vmgenid", "default"): "PVE describes it in words",
    ("name", "maxLength"): "the longest DNS name",
}
for bus in ("ide", "sata", "scsi", "virtio"):
    MACHINE[(bus + ".size", "minimum")] = "no disk is smaller than a MiB"
# Sub-keys without a row: why.
WITHOUT = {
    "efidisk0.size": "PVE chooses it",
    "tpmstate0.size": "PVE chooses it",
    "cpu.reported-model": "for models of one's own only",
    "boot.legacy": "read, and written no more",
}
for bus in ("ide", "sata", "scsi", "virtio"):
    for sub in ("bps", "bps_rd", "bps_wr"):
        WITHOUT[f"{bus}.{sub}"] = "PVE makes mbps of it"
KNOWN = {}


def calls_of(node):
    """All (path, method, parameters) of PVE's tree."""
    if isinstance(node, list):
        for child in node:
            yield from calls_of(child)
        return
    for method, info in node.get("info", {}).items():
        yield node["path"], method, info.get("parameters", {}).get("properties", {})
    yield from calls_of(node.get("children", []))


def pve_keys(path, kind):
    calls = ((f"/nodes/{{node}}/{kind}", "POST"), (f"/nodes/{{node}}/{kind}/{{vmid}}/config", "PUT"))
    keys = {}
    with open(path, encoding="utf-8") as file:
        tree = json.load(file)
    for where, method, parameters in calls_of(tree):
        if (where, method) in calls:
            for name, facts in parameters.items():
                keys.setdefault(name, facts)
        if (where, method) == ("/cluster/ha/resources", "POST"):
            keys["ha"] = {"type": "string", "format": {k: v for k, v in parameters.items() if k not in ("sid", "type")}}
    return keys


WORD = re.compile(r"\[?,?\[?([a-z][a-z0-9_-]*)=\]?(?:<([^>]*)>)?")


def described(words):
    """What "host=<1|0>" says of a sub-key: not much, but its type."""
    if words in (None, ""):
        return {"type": "integer"}
    if words == "1|0":
        return {"type": "boolean"}
    if words == "integer":
        return {"type": "integer"}
    if words in ("string", "enum", "8-64|host") or "|" not in words:
        return {"type": "string"}
    return {"type": "string", "enum": words.split("|")}


def sub_keys(facts):
    """Of a property string; some are described in words only, which leaves bounds and defaults open."""
    if isinstance(facts.get("format"), dict):
        return {k: v for k, v in facts["format"].items() if "alias" not in v}, False
    words = facts.get("typetext", "")
    if isinstance(facts.get("format"), str) and "=" in words:
        return {k: described(v) for k, v in WORD.findall(words)}, True
    return {}, False


def is_list(row):
    return "array" in types(row) and row.get("items", {}).get("type") == "object"


def rows_of(schema):
    """PVE key: our schema, through groups but not into records. Numbered keys end in [n]."""
    for name, row in schema.get("properties", {}).items():
        if "x-podmox-of" in row:
            continue
        if "x-podmox-key" in row:
            for key in row.get("x-podmox-keys", [row["x-podmox-key"]]):
                yield key + ("[n]" if is_list(row) else ""), row
        elif name in BY_NAME:
            yield name, row
        elif "properties" in row:
            yield from rows_of(row)
            flat = {k: v for k, v in row["properties"].items() if "x-podmox-of" in v}
            for key in {v["x-podmox-of"] for v in flat.values()}:
                inner = {k: {**v, "x-podmox-of": None} for k, v in flat.items() if v["x-podmox-of"] == key}
                for v in inner.values():
                    del v["x-podmox-of"]
                yield key, {"type": "object", "properties": inner}


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
        return ours in (["number"], ["integer"]) or is_size(row)
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


def compare(key, pve, row, found, met, words=False):
    """words: PVE describes it in words, which leaves bounds and defaults open."""
    def differs(fact, theirs, ours):
        if (key, fact) in KNOWN:
            met.add((key, fact))
        else:
            found.append(f"{key}: {fact} is {theirs} at PVE, {ours} here")

    if not fits_type(pve, row):
        differs("type", pve["type"], row.get("type"))
    choices = row.get("enum") and {c for c in row["enum"] if isinstance(c, str)}
    if "enum" in pve and set(pve["enum"]) != choices:
        differs("enum", sorted(pve["enum"]), sorted(choices or []))
    if words:
        return
    for fact in ("minimum", "maximum"):
        theirs, ours = pve.get(fact), bound(row, fact)
        if theirs is not None and not same(theirs, ours):
            differs(fact, theirs, ours)
        if theirs is None and ours not in (None, 0):
            differs(fact, theirs, ours)
    for fact in ("minLength", "maxLength"):
        if pve.get(fact) != row.get(fact):
            differs(fact, pve.get(fact), row.get(fact))
    theirs, ours = pve.get("default"), row.get("x-podmox-default")
    if theirs is not None and is_value(theirs, pve):
        if ours is None or not same(theirs, ours):
            differs("default", theirs, ours)
    elif theirs is None and ours is not None and not (pve["type"] == "boolean" and ours == "0"):
        differs("default", theirs, ours)


def record_of(row):
    return row.get("items", row)


def compare_record(key, subs, words, row, found, met):
    """Rows that PVE does not know are the caller's: of a list over several families each knows some."""
    ours = dict(rows_of(record_of(row)))
    for sub, facts in subs.items():
        if facts.get("default_key") and sub in ("volume", "file"):
            continue  # made of storage, size and source
        if sub not in ours:
            if f"{key}.{sub}" not in WITHOUT:
                found.append(f"{key}: PVE knows {sub}, no row does")
        else:
            compare(f"{key}.{sub}", facts, ours[sub], found, met, words)
    return set(ours) - set(subs)


def compare_rows(rows, pve, found, met):
    """The parameters that are rows. The same row may stand at several keys."""
    unknown = {}
    for key in sorted(set(rows) & set(pve)):
        subs, words = sub_keys(pve[key])
        name = key.replace("[n]", "")
        if len(subs) == 1 and "properties" not in record_of(rows[key]):
            compare(name, next(iter(subs.values())), rows[key], found, met)
        elif subs:
            left = compare_record(name, subs, words, rows[key], found, met)
            at = rows[key]["x-podmox-key"] if "x-podmox-key" in rows[key] else key
            unknown[at] = unknown.get(at, left) & left
        else:
            compare(name, pve[key], rows[key], found, met)
    found += [f"{key}.{sub}: a row that PVE does not know" for key in unknown for sub in sorted(unknown[key])]


def main():
    text = sys.stdin.read()
    kind = sys.argv[2]
    if not text:
        print("fields: no schema came in")
        return 1
    KNOWN.update(COMMON)
    KNOWN.update(CONTAINER if kind == "lxc" else MACHINE)
    spec = json.loads(text)["properties"]["spec"]
    refused = [name[len("options."):] for name in spec["x-podmox-refused"] if name.startswith("options.")]
    rows = dict(rows_of(spec))
    pve = pve_keys(sys.argv[1], kind)
    found = []
    met = set()
    used = len(set(rows) & set(pve))
    compare_rows(rows, pve, found, met)
    for key in sorted(set(pve) - set(rows)):
        name = key.replace("[n]", "")
        if not any(name == r or (r.endswith("*") and name.startswith(r[:-1])) for r in refused):
            found.append(f"{key}: neither a row nor refused")
    found += [f"{key}: a row that PVE does not know" for key in rows if key not in pve]
    found += [f"{key}: {fact} no longer differs; take it from the list" for key, fact in KNOWN.keys() - met]
    for line in found:
        print(line)
    print(f"fields: {kind}: {len(pve)} parameters of PVE, {used} rows, {len(pve) - used} refused, {len(found)} differ")
    return 1 if found or not used else 0


sys.exit(main())
