#!/usr/bin/env python3
"""A soak of the daemon: random edits of manifests, random changes on the simulator, random faults.

soak.py SECONDS [SEED]      needs PODMOX and PODMOX_SIM; prints TAP

In the end the cluster is what the tree says, memory and descriptors of the daemon are flat, nobody was
deleted who was not taken out of the tree, and what belongs to others is as it was."""
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time

SECONDS = float(sys.argv[1])
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(1 << 30)
PODMOX = os.path.realpath(os.environ["PODMOX"])
SIM = os.path.realpath(os.environ["PODMOX_SIM"])
IMAGE = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"
NAMES = [f"s{i}" for i in range(12)]
FOREIGN = (901, 902)
rng = random.Random(SEED)
tests = {"n": 0, "bad": 0}


def ok(name, good, why=""):
    tests["n"] += 1
    tests["bad"] += not good
    print(f"{'ok' if good else 'not ok'} {tests['n']} - {name}")
    if not good:
        print("# " + str(why).replace("\n", "\n# "))
    sys.stdout.flush()


class World:
    """A simulator, a tree, and the daemon that keeps them equal."""

    def __init__(self, top):
        self.top = top
        self.tree = os.path.join(top, "m")
        os.mkdir(self.tree)
        self.ctl_path = os.path.join(top, "ctl")
        self.config = os.path.join(top, "sim.yaml")
        self.requests = os.path.join(top, "requests")
        self.log = open(os.path.join(top, "log"), "ab")
        self.wanted = {}
        self.ever_gone = set()
        self.counts = {}
        self.sim = subprocess.Popen(
            [SIM, "--listen", "127.0.0.1:0", "--nodes", "3", "--task-time", "50ms", "--no-401-delay",
             "--seed", str(SEED), "--control", "unix:" + self.ctl_path, "--config-out", self.config,
             "--log", self.requests],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        json.loads(self.sim.stdout.readline())
        with open(self.config, "a") as f:
            f.write(f"journal: {{dir: {top}/state}}\naudit: {{file: {top}/state/audit.jsonl}}\n"
                    "sync: {interval: 5s, debounce: 20ms, prune: true, restart: allow, maxDeletes: 50}\n")
        self.daemon = None

    def ctl(self, *words):
        s = socket.socket(socket.AF_UNIX)
        s.connect(self.ctl_path)
        s.sendall((" ".join(words) + "\n").encode())
        s.shutdown(socket.SHUT_WR)
        out = b""
        while chunk := s.recv(65536):
            out += chunk
        s.close()
        return out.decode()

    def start(self):
        self.daemon = subprocess.Popen([PODMOX, "-c", self.config, "watch", self.tree],
                                       stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def plan(self):
        r = subprocess.run([PODMOX, "-c", self.config, "plan", self.tree, "--prune", "--detailed-exitcode"],
                           stdin=subprocess.DEVNULL, capture_output=True, text=True)
        return r.returncode, r.stdout + r.stderr

    def usage(self):
        pid = self.daemon.pid
        with open(f"/proc/{pid}/status") as f:
            rss = next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))
        return rss, len(os.listdir(f"/proc/{pid}/fd"))

    def guests(self):
        return {int(w) for w in self.ctl("guests").replace(":", " ").split() if w.isdigit() and 100 <= int(w) <= 999}


def vmid(name):
    return 200 + int(name[1:])


def manifest(name, memory, cores, tag):
    return (f"apiVersion: podmox/v1\nkind: Pod\nmetadata: {{name: {name}, namespace: soak}}\nspec:\n"
            f"  image: {IMAGE}\n  vmid: {vmid(name)}\n  rootfs: {{storage: local-lvm, size: 1Gi}}\n"
            f"  resources: {{memory: {memory}Mi, cores: {cores}}}\n  tags: [{tag}]\n"
            "  lifecycle: {restart: allow}\n")


def path(w, name):
    return os.path.join(w.tree, name + ".yaml")


def put(w, name):
    text = manifest(name, rng.choice((128, 256, 512)), rng.randint(1, 4), rng.choice("abc"))
    if rng.random() < 0.5:
        with open(path(w, name), "w") as f:
            f.write(text)
    else:
        with open(path(w, name) + ".new", "w") as f:
            f.write(text)
        os.rename(path(w, name) + ".new", path(w, name))
    w.wanted[name] = text


def edit(w):
    put(w, rng.choice(NAMES))


def remove(w):
    if len(w.wanted) > 4:
        name = rng.choice(sorted(w.wanted))
        os.unlink(path(w, name))
        del w.wanted[name]
        w.ever_gone.add(vmid(name))


def spoil(w):
    if w.wanted:
        name = rng.choice(sorted(w.wanted))
        with open(path(w, name), "w") as f:
            f.write(w.wanted[name][:rng.randrange(len(w.wanted[name]))])


def away(w):
    other = w.tree + ".away"
    os.rename(w.tree, other)
    time.sleep(rng.random() * 0.3)
    os.rename(other, w.tree)


def mend(w):
    for name, text in w.wanted.items():
        with open(path(w, name), "w") as f:
            f.write(text)


def drift(w):
    guest = rng.choice(sorted(w.guests()) or [0])
    if guest and guest not in FOREIGN:
        w.ctl("set", str(guest), rng.choice(("memory=333", "cores=7", "onboot=1", "swap=64")))


def vanish(w):
    guest = rng.choice(sorted(w.guests()) or [0])
    if guest and guest not in FOREIGN and rng.random() < 0.2:
        w.ctl("delete", str(guest))


def fault(w):
    what = rng.choice((
        ("fail", "GET /cluster/resources:500:2"), ("fail", "POST /nodes/*/lxc:500:1"),
        ("fail", "PUT /nodes/*:500:1"), ("fail", "GET /nodes/*:drop-after:2"),
        ("host-pause", "pve2"), ("host-kill", "pve3"), ("node-off", "pve2"), ("quorum-off",),
        ("network-off",), ("daemon-stop", "pve1"), ("tickets-expire",), ("rate-limit", "pve1", "on", "1"),
        ("hold-lock", str(vmid(rng.choice(NAMES))), "2")))
    w.ctl(*what)
    w.counts[what[0]] = w.counts.get(what[0], 0) + 1


def heal(w):
    w.ctl("fail-clear")
    w.ctl("heal")


ACTIONS = [(edit, 10), (remove, 3), (spoil, 1), (mend, 2), (away, 1), (drift, 4), (vanish, 1), (fault, 2), (heal, 4)]


def median(values):
    return sorted(values)[len(values) // 2] if values else 0


def deletes(w):
    found = set()
    with open(w.requests) as f:
        for line in f:
            r = json.loads(line)
            part = r["path"].split("/")
            if r["method"] == "DELETE" and "lxc" in part and len(part) == part.index("lxc") + 2:
                found.add(int(part[-1]))
    return found


def soak(w):
    begin = time.monotonic()
    samples = []
    next_sample = begin
    while time.monotonic() < begin + SECONDS and w.daemon.poll() is None:
        action = rng.choices([a for a, _ in ACTIONS], [n for _, n in ACTIONS])[0]
        action(w)
        w.counts[action.__name__] = w.counts.get(action.__name__, 0) + 1
        time.sleep(rng.random() * 0.4)
        if time.monotonic() >= next_sample:
            samples.append(w.usage())
            next_sample += 1
    return samples


def flat(samples):
    """The last quarter against the second one: what grows for ever has grown by then."""
    n = len(samples) // 4
    early, late = samples[n:2 * n], samples[3 * n:]
    rss = median([s[0] for s in early]), median([s[0] for s in late])
    fds = max(s[1] for s in early), max(s[1] for s in late)
    return rss, fds


def main(top):
    w = World(top)
    try:
        for guest in FOREIGN:
            subprocess.run([PODMOX, "-c", w.config, "ct", "create", str(guest), "--node", "pve1",
                            "ostemplate=" + IMAGE, "rootfs=local-lvm:1", f"hostname=other{guest}"],
                           check=True, stdin=subprocess.DEVNULL, capture_output=True)
        before = [w.ctl("get", str(g)) for g in FOREIGN]
        for name in NAMES[:8]:
            put(w, name)
        w.start()
        samples = soak(w)
        ok("the daemon lives", w.daemon.poll() is None, w.daemon.poll())
        heal(w)
        mend(w)
        end = time.monotonic() + 120
        status, text = 1, ""
        while status != 0 and time.monotonic() < end:
            time.sleep(0.5)
            status, text = w.plan()
        ok("in the end the cluster is what the tree says", status == 0, text)
        ok("nobody else is there", w.guests() == {vmid(n) for n in w.wanted} | set(FOREIGN), w.guests())
        ok("what belongs to others is as it was", [w.ctl("get", str(g)) for g in FOREIGN] == before)
        gone = deletes(w)
        ok("nobody was deleted who was never taken out", gone <= w.ever_gone, gone - w.ever_gone)
        rss, fds = flat(samples)
        ok("memory is flat", rss[1] <= rss[0] * 1.1 + 2048, rss)
        ok("descriptors are flat", fds[1] <= fds[0] + 4, fds)
        w.daemon.send_signal(signal.SIGTERM)
        ok("it ends when it is told to", w.daemon.wait(60) == 0, w.daemon.returncode)
        print(f"# soak: {int(SECONDS)} s, seed {SEED}, {sum(w.counts.values())} events, memory {rss[0]} to {rss[1]} KiB")
        print("# " + ", ".join(f"{k} {v}" for k, v in sorted(w.counts.items())))
    finally:
        for p in (w.daemon, w.sim):
            if p and p.poll() is None:
                p.kill()
                p.wait()
        if os.environ.get("SOAK_LOG"):
            os.rename(os.path.join(top, "log"), os.environ["SOAK_LOG"])
    print(f"1..{tests['n']}")
    return tests["bad"] != 0


with tempfile.TemporaryDirectory(prefix="podmox-soak.") as folder:
    sys.exit(main(folder))
