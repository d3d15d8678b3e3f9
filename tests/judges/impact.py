"""Judges when a change takes effect: x-podmox-impact of the schemas against PVE's recordings and PVE's source, and
whether what docs/reference/impact.md names as a source is there.

Usage: impact.py RECORDINGS SOURCES SCHEMA...   (SOURCES may be empty; a schema is the output of `podmox schema KIND`)
"""
import glob
import json
import os
import re
import sys

# Impacts that PVE's /pending shows as applied, and as waiting.
APPLIED = ("live", "live, link flaps", "live with hotplug", "next start")
KINDS = {"Pod": "lxc", "VirtualMachine": "qemu"}


def rows_of(schema):
    """PVE key: (row, its sub-rows by their key), through groups."""
    rows = {}

    def record(row):
        row = row.get("items", row)
        return {r["x-podmox-key"]: r for r in row.get("properties", {}).values() if "x-podmox-key" in r}

    def walk(node):
        for row in node.get("properties", {}).values():
            if "x-podmox-key" in row:
                rows[row["x-podmox-key"]] = (row, record(row))
            elif "properties" in row:
                walk(row)

    walk(schema["properties"]["spec"])
    return rows


def stem(key, rows):
    """The row's key of a numbered one."""
    if key in rows:
        return key
    return re.sub(r"\d+$", "", key)


# ---- recordings ----

class Guest:
    """What was written to a guest since it runs, and what was there before."""

    def __init__(self):
        self.running = False
        self.held = set()
        self.touched = {}  # key: was it there before


def changes(body):
    """Keys that a PUT sets and deletes."""
    body = body or {}
    gone = [k for k in re.split(r"[,; ]+", body.get("delete", "")) if k]
    back = [k for k in re.split(r"[,; ]+", body.get("revert", "")) if k]
    sets = [k for k in body if k not in ("delete", "revert", "digest", "vmid", "skiplock")]
    return sets, gone, back


def watch(file):
    """All (kind, key, added, waits) that the recordings of a file show."""
    guests = {}
    with open(file, encoding="utf-8") as text:
        entries = json.load(text)
    for entry in entries:
        request, response = entry.get("request"), entry.get("response")
        if not request or not response:
            continue
        match = re.match(r"/api2/json/nodes/[^/]+/(lxc|qemu)(?:/(\d+))?(/.*)?$", request["path"])
        if not match or response.get("status") != 200:
            continue
        kind, vmid, rest = match.groups()
        body = request.get("body") if isinstance(request.get("body"), dict) else {}
        if request["method"] == "POST" and vmid is None:
            guest = guests[str(body.get("vmid"))] = Guest()
            guest.held = set(body)
            continue
        guest = guests.setdefault(vmid, Guest())
        if rest in ("/status/start", "/status/reboot"):
            guest.running, guest.touched = True, {}
        elif rest in ("/status/stop", "/status/shutdown"):
            guest.running = False
        elif rest == "/config" and request["method"] in ("PUT", "POST") and guest.running:
            sets, gone, back = changes(body)
            for key in sets + gone:
                guest.touched[key] = guest.touched.get(key, False) or key in guest.held
                guest.held.add(key)
            for key in back:
                guest.touched.pop(key, None)
        elif rest == "/pending" and guest.running:
            shown = {row["key"]: row for row in response["body"]["data"]}
            for key, before in guest.touched.items():
                row = shown.get(key, {})
                yield kind, key, not before, "pending" in row or "delete" in row


def judge_recordings(folder, kinds, found):
    seen = 0
    for file in sorted(glob.glob(os.path.join(folder, "*.json"))):
        for kind, key, added, waits in watch(file):
            if kind not in kinds:
                continue
            rows = kinds[kind]
            name = stem(key, rows)
            if name not in rows:
                continue
            seen += 1
            row = rows[name][0]
            applied = row["x-podmox-impact"] in APPLIED
            if row["x-podmox-impact"] == "live with hotplug":
                applied = name not in ("memory", "vcpus")  # on when nothing is said: network, disk and usb
            if "items" in row and added and not waits:
                continue  # entries are plugged in where PVE can
            if applied == waits:
                found.append(f"{os.path.basename(file)}: {key} {'waits' if waits else 'is in force'}, "
                             f"but its impact is {row['x-podmox-impact']}")
    return seen


# ---- PVE's source ----

def body_of(text, start):
    """From a piece of text to the end of what it opens at the start of a line."""
    begin = text.index(start)
    end = re.compile(r"^\}", re.M).search(text, begin).start()
    return text[begin:end]


def fast_keys(text, name):
    return set(re.findall(r"'([\w-]+)'\s*=> 1", body_of(text, name)))


def compared(text, old, new):
    """Sub-keys whose old and new value a function compares."""
    pattern = re.escape(old) + r"->\{'?([\w-]+)'?\},\s*" + re.escape(new) + r"->\{'?([\w-]+)'?\}"
    return {a for a, b in re.findall(pattern, text) if a == b}


def hot_keys(text):
    """Keys that the loop over changes handles itself, numbered ones by their stem."""
    loop = text[text.rindex("foreach my $opt (sort keys %{ $conf->{pending} })")
                if "foreach my $opt (sort keys %{ $conf->{pending} }) {\n        next if $opt eq 'delete'" in text
                else text.rindex("foreach my $opt (keys %{ $conf->{pending} })"):]
    named = set(re.findall(r"\$opt eq '([\w-]+)'", loop)) | set(re.findall(r"\$opt =~ m/\^([a-z]+)\$/", loop))
    return (named | set(re.findall(r"\$opt =~ m/\^([a-z]+)\(\\d\+\)\$/", loop))) - {"delete"}


def expect(row, key, want, why, found):
    if row["x-podmox-impact"] not in want:
        found.append(f"{key}: impact is {row['x-podmox-impact']}, {why}")


def judge_lxc(sources, rows, found):
    folder = os.path.join(sources, "pve-container/src/PVE")
    with open(os.path.join(folder, "LXC/Config.pm"), encoding="utf-8") as file:
        config = file.read()
    with open(os.path.join(folder, "LXC.pm"), encoding="utf-8") as file:
        lxc = file.read()
    fast = fast_keys(config, "my $LXC_FASTPLUG_OPTIONS")
    hot = hot_keys(body_of(config, "sub vmconfig_hotplug_pending"))
    # Entries of these are only ever added to a running guest, never changed.
    added = {key for key in hot if f"hotplug over existing {key}" in config}
    fixed = set(re.findall(r"\$opt eq '(\w+)'\) \{\s*die \"unable to modify", config))
    judged = 0
    for key, (row, subs) in rows.items():
        if row["x-podmox-impact"] == "create":
            continue
        judged += 1
        if key in fixed:
            expect(row, key, ("replace",), "PVE refuses to modify it", found)
        elif key in fast or key in hot - added:
            expect(row, key, APPLIED, "PVE applies it to a running container", found)
        else:
            expect(row, key, ("pending",), "PVE keeps it for the next start", found)
    net = body_of(lxc, "sub update_net")
    flaps = compared(net, "$oldnet", "$newnet")
    addresses = set(re.findall(r'"?(gw|ip)\$suffix', lxc)) | {"ip", "gw"}
    for sub, row in rows["net"][1].items():
        judged += 1
        if sub == "type":
            continue  # there is one only
        if sub in flaps or sub.rstrip("6") in addresses:
            expect(row, f"net.{sub}", ("live", "live, link flaps"), "update_net applies it", found)
        else:
            expect(row, f"net.{sub}", ("next start",), "update_net passes over it", found)
    return judged


def judge_qemu(sources, rows, found):
    with open(os.path.join(sources, "qemu-server/src/PVE/QemuServer.pm"), encoding="utf-8") as file:
        text = file.read()
    fast = fast_keys(text, "my $fast_plug_option")
    fast |= set(re.findall(r"^    (\w+) => \{", body_of(text, "my $confdesc_cloudinit"), re.M))
    hot = hot_keys(body_of(text, "sub vmconfig_hotplug_pending"))
    drives = {"ide", "sata", "scsi", "virtio"}
    # Named in the loop only to be skipped; of the agent one word alone is taken over.
    skipped_whole = {"efidisk0", "tpmstate0", "agent"}
    net = body_of(text, "sub vmconfig_update_net")
    disk = body_of(text, "sub vmconfig_update_disk")
    judged = 0
    for key, (row, subs) in rows.items():
        if row["x-podmox-impact"] == "create":
            continue
        judged += 1
        if key in fast or key == "ipconfig" or key in (hot | drives) - skipped_whole:
            expect(row, key, APPLIED, "PVE applies it to a running machine", found)
        elif key != "agent":
            expect(row, key, ("pending",), "PVE keeps it for the next start", found)
    for sub, row in rows["net"][1].items():
        if sub in compared(net, "$oldnet", "$newnet"):
            judged += 1
            expect(row, f"net.{sub}", APPLIED[:3], "vmconfig_update_net applies it", found)
    skipped = set(re.findall(r"\$drive->\{(\w+)\}, \$old_drive->", disk[:disk.index("apply throttle")]))
    throttle = set(re.findall(r"safe_num_ne\(\s*\$drive->\{(\w+)\}", disk))
    for sub, row in rows[next(k for k in rows if k in drives)][1].items():
        judged += 1
        if sub in skipped - {"file"}:
            expect(row, f"disk.{sub}", ("pending",), "vmconfig_update_disk skips it", found)
        elif sub in throttle:
            expect(row, f"disk.{sub}", ("live",), "vmconfig_update_disk applies it", found)
    return judged


# ---- what the rows name ----

def names_of(page):
    """All sources of the page, split at their semicolons."""
    with open(page, encoding="utf-8") as file:
        for line in file:
            cells = [c.strip() for c in line.strip().strip("|").split(" | ")]
            if line.startswith("| `") and len(cells) == 5:
                yield from (source.strip() for source in cells[4].split(";"))


def judge_recording_name(source, folder, found):
    """recordings/05b, NAME and NAME: the file holds exchanges that are called so."""
    number, names = re.match(r"recordings/(\w+), (.*)", source).groups()
    known = set()
    for path in glob.glob(os.path.join(folder, number + "-*.json")):
        with open(path, encoding="utf-8") as file:
            known |= {entry.get("name") for entry in json.load(file)}
    found += [f"{source}: no exchange is called {name}" for name in names.split(" and ") if name not in known]


def judge_code_name(source, sources, found):
    """PVE::LXC::Config::sub: ..., or PVE::LXC::Config, WORD ...: the file is there and holds the word."""
    module, word = re.match(r"(PVE(?:::\w+)+)(?:, (\w+))?", source).groups()
    if not word:
        module, word = module.rsplit("::", 1)
    path = module.replace("::", "/") + ".pm"
    files = glob.glob(os.path.join(sources, "*", "src", path))
    if not files:
        return 0
    with open(files[0], encoding="utf-8") as file:
        if not re.search(r"\b" + re.escape(word) + r"\b", file.read()):
            found.append(f"{source}: {path} has no {word}")
    return 1


def judge_names(page, recordings, sources, found):
    seen = 0
    for source in sorted(set(names_of(page))):
        if source.startswith("recordings/"):
            judge_recording_name(source, recordings, found)
            seen += 1
        elif source.startswith("PVE::") and sources:
            seen += judge_code_name(source, sources, found)
    return seen


def main():
    recordings, sources, schemas = sys.argv[1], sys.argv[2], sys.argv[3:]
    found, kinds = [], {}
    for path in schemas:
        with open(path, encoding="utf-8") as file:
            schema = json.load(file)
        kinds[KINDS[schema["properties"]["kind"]["const"]]] = rows_of(schema)
    seen = judge_recordings(recordings, kinds, found)
    judged = 0
    if sources and "lxc" in kinds:
        judged += judge_lxc(sources, kinds["lxc"], found)
    if sources and "qemu" in kinds:
        judged += judge_qemu(sources, kinds["qemu"], found)
    named = judge_names("docs/reference/impact.md", recordings, sources, found)
    for line in found:
        print(line)
    print(f"impact: {named} sources that rows name, {seen} changes in recordings, {judged} rows by PVE's source"
          f"{'' if sources else ' (PVE_SOURCES is not set)'}, {len(found)} differ")
    return 1 if found or not seen else 0


sys.exit(main())
