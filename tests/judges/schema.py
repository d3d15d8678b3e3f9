"""Judges the printed schemas with jsonschema: good documents, and the same with one thing wrong."""
import copy
import glob
import json
import os
import subprocess
import sys

import jsonschema
import yaml

# What is put at a path of a good Pod, and must be refused.
WRONG = (
    ("apiVersion", "podmox/v2"),
    ("metadata.name", "Web"),
    ("spec.unknown", 1),
    ("spec.resources.cores", 0),
    ("spec.resources.cores", "2"),
    ("spec.resources.memory", 1024),
    ("spec.resources.memory", "1024"),
    ("spec.resources.memory", None),
    ("spec.onboot", "yes"),
    ("spec.state", "runing"),
    ("spec.rootfs.size", "8"),
    ("spec.rootfs.volume", "local:vm-1-disk-0"),
    ("spec.image", "debian-12"),
    ("spec.network.interfaces", [{"bridge": "vmbr0"}]),
    ("spec.network.interfaces", [{"name": "eth0", "hwaddr": "01:00:5e:00:00:01"}]),
    ("spec.password", {"fromFile": "a", "fromEnv": "b"}),
    ("spec.ready.timeout", 60),
    ("spec.options.lock", "backup"),
)
# The same for what is right.
RIGHT = (
    ("spec.resources.swap", 0),
    ("spec.resources.cores", None),
    ("spec.startup", {"order": 1, "up": "10s", "down": 0}),
    ("spec.password", {"fromFile": "secrets/web.pw"}),
    ("spec.network.interfaces", [{"name": "eth0", "trunks": [6, "7"], "rate": 1.5}]),
    ("spec.env", {"TZ": "Europe/Vienna", "N": 1}),
)
# The same for a machine.
WRONG_VM = (
    ("spec.image", "local:vztmpl/x.tar.zst"),
    ("spec.cpu.typ", "host"),
    ("spec.cpu.cores", 0),
    ("spec.memory.size", 2048),
    ("spec.disks", [{"storage": "local", "size": "1Gi"}]),
    ("spec.disks", [{"slot": "scsi", "storage": "local"}]),
    ("spec.disks", [{"slot": "scsi0", "storage": "local", "cache": "some"}]),
    ("spec.disks", [{"slot": "ide2", "source": "local-lvm:vm-1-disk-0"}]),
    ("spec.network.interfaces", [{"slot": "net0", "model": "ne1000"}]),
    ("spec.cloudInit.sshKeys", "ssh-ed25519 AAAA"),
    ("spec.agent", {"type": "isa"}),
    ("spec.memory.hugepages", 4),
    ("spec.options.lock", "backup"),
)
RIGHT_VM = (
    ("spec.clone", {"from": 9000, "full": True}),
    ("spec.cpu.type", None),
    ("spec.cpu.phys-bits", 40),
    ("spec.memory.hugepages", 1024),
    ("spec.memory.hugepages", "any"),
    ("spec.disks", [{"slot": "scsi0", "storage": "local", "size": "1Gi", "serial": "A 1"}]),
    ("spec.network.interfaces", [{"slot": "net0", "trunks": [5, "10-19"]}]),
    ("spec.numa", [{"slot": "numa0", "cpus": [0, "1-3"]}]),
    ("spec.hotplug", [0]),
    ("spec.efidisk", None),
)
# Manifests outside of the examples that must be right.
MORE = ("tests/manifest/vm.yaml",)


def schema(*kind):
    text = subprocess.run([os.environ["PODMOX"], "schema", *kind], check=True, capture_output=True).stdout
    loaded = json.loads(text)
    jsonschema.Draft7Validator.check_schema(loaded)
    return jsonschema.Draft7Validator(loaded)


def documents():
    for path in sorted(glob.glob("manifests/**/*.y*ml", recursive=True)) + list(MORE):
        with open(path, encoding="utf-8") as file:
            for document in yaml.safe_load_all(file):
                if document is not None:
                    yield path, document


def changed(document, path, value):
    document = copy.deepcopy(document)
    at = document
    *parents, last = path.split(".")
    for name in parents:
        at = at.setdefault(name, {})
    at[last] = value
    return document


def main():
    kinds = {kind: schema(kind) for kind in ("Pod", "VirtualMachine", "Config")}
    every = schema()
    failed = judged = 0
    first = {}
    for path, document in documents():
        for validator in (kinds[document["kind"]], every):
            judged += 1
            for error in validator.iter_errors(document):
                failed += 1
                print(f"{path}: {list(error.path)}: {error.message[:200]}")
        first.setdefault(document["kind"], document)
    tables = (("Pod", WRONG, False), ("Pod", RIGHT, True), ("VirtualMachine", WRONG_VM, False),
              ("VirtualMachine", RIGHT_VM, True))
    for kind, table, right in tables:
        for path, value in table:
            judged += 1
            if kinds[kind].is_valid(changed(first[kind], path, value)) != right:
                failed += 1
                print(f"{kind} {path}: {value!r} is {'refused' if right else 'taken'}")
    print(f"schema: {judged} judged, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
