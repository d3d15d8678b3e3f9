"""Measures podmox against a simulated cluster: CPU and memory per object, wall time against wrk, peers.

usage: bench.py PODMOX PODMOX_SIM FLOOR CLIENT

Environment: BENCH_ONLY=watch leaves all but the watcher out, BENCH_SIZES (default "100 1000 10000"), BENCH_RUNS (default 5), BENCH_PEERS=0 leaves peers out.
Every figure is the median of its runs. CPU is user and system time of the whole client process. Goals are for
10,000 guests and an API token, as the README recommends; a ticket is five times as long, and libcurl copies
headers character by character. A shared machine changes its speed from minute to minute, so every figure in
microseconds also stands as a ratio to what the libraries cost alone in the same minute (floor.c): the goals of 30
and 75 us were set where libyaml's events cost 17 us and a bare libcurl read 28.7 us.

The client (client.c) is 16 threads on one client, each making one blocking read after the other, beside wrk with as
many connections as the client may open: 6 to each of three hosts. Each thread keeps to the guests of one node, as
each connection of wrk does: with reads at random, chance alone leaves one of nine workers idle a twelfth of the time.
"""
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from watcher import watch_run

PODMOX, SIM, FLOOR, CLIENT = (os.path.realpath(p) for p in sys.argv[1:5])
SIZES = [int(n) for n in os.environ.get("BENCH_SIZES", "100 1000 10000").split()]
RUNS = int(os.environ.get("BENCH_RUNS", "5"))
ONLY = os.environ.get("BENCH_ONLY", "")
PEERS = os.environ.get("BENCH_PEERS", "1") != "0"
CONNECTIONS = 6  # what podmox opens for reads to one host
THREADS = 16
faults = []


class Simulator:
    """A simulator with seeded guests and the manifests that describe them."""

    def __init__(self, guests, nodes=1, latency=None):
        self.dir = tempfile.mkdtemp(prefix="podmox-bench.")
        self.guests, self.nodes = guests, nodes
        self.manifests = os.path.join(self.dir, "manifests")
        self.config = os.path.join(self.dir, "sim.yaml")
        self.control = "unix:" + os.path.join(self.dir, "ctl")
        command = [SIM, "--listen", "127.0.0.1:0", "--nodes", str(nodes), "--seed", "1",
                   "--seed-guests", str(guests), "--seed-manifests", self.manifests, "--stats-lag", "0ms",
                   "--config-out", self.config, "--control", self.control]
        if latency:
            command += ["--latency", latency, "--workers", "3"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.ready = json.loads(self.process.stdout.readline())
        self.ticket_config = os.path.join(self.dir, "ticket.yaml")
        with open(self.config) as f:
            ticket = f.read()
        token = re.sub(r"username: .*\n.*realm: .*\n.*password: .*", 'tokenId: "%s"\n      tokenSecret: "%s"' % (
            self.ready["tokenId"], self.ready["tokenSecret"]), ticket)
        own = f"journal: {{dir: {self.dir}/state}}\naudit: {{file: {self.dir}/state/audit.jsonl}}\n"
        for path, text in ((self.config, token), (self.ticket_config, ticket)):
            with open(path, "w", opener=lambda p, flags: os.open(p, flags, 0o600)) as f:
                f.write(text + own)  # nothing of a benchmark lies where the system keeps its own

    def ctl(self, *words):
        return subprocess.run([SIM, "ctl", self.control, *words], check=True, capture_output=True, text=True).stdout

    def stats(self):
        return json.loads(self.ctl("counters"))

    def close(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.dir)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def measure(command, status=0, env=None):
    """(cpu seconds, wall seconds, peak bytes, stdout) of one run."""
    out = tempfile.TemporaryFile()
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE, env={**os.environ, **(env or {})})
    errors = process.stderr.read()
    _, code, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(code)
    if process.returncode != status:
        sys.exit(f"{' '.join(command)}: exit {process.returncode}: {errors.decode()[:500]}")
    out.seek(0)
    return usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss * 1024, out.read().decode()


def median(rows, column):
    return statistics.median(r[column] for r in rows)


def report(name, value, unit, goal=None, fmt="{:.2f}", least=False):
    met = goal is not None and (value >= goal if least else value <= goal)
    verdict = "" if goal is None else f"  goal {'>=' if least else '<='} {goal:.3g}: {'met' if met else 'MISSED'}"
    print(f"  {name:<58} {fmt.format(value):>10} {unit}{verdict}", flush=True)


def plan(sim, config=None):
    return [PODMOX, "-c", config or sim.config, "plan", sim.manifests, "--detailed-exitcode"]


def bare_reads(sim):
    """Command that reads /pending of every guest and does nothing with it."""
    path = os.path.join(sim.dir, "paths")
    guests = json.loads(subprocess.run([PODMOX, "-c", sim.config, "get", "pods", "-o", "json"], check=True,
                                       capture_output=True, text=True).stdout)
    with open(path, "w") as f:
        f.writelines(f"/api2/json/nodes/{g['node']}/lxc/{g['vmid']}/pending\n" for g in guests)
    header = f"Authorization: PVEAPIToken={sim.ready['tokenId']}={sim.ready['tokenSecret']}"
    return [FLOOR, "http", sim.ready["urls"][0], header, path]


def wrk_rate(sim, seconds=2):
    """Reads a second that wrk gets over as many connections, rotating over the guests."""
    script = os.path.join(sim.dir, "wrk.lua")
    paths = json.loads(subprocess.run([PODMOX, "-c", sim.config, "get", "pods", "-o", "json"], check=True,
                                      capture_output=True, text=True).stdout)
    rates = []
    for node in range(sim.nodes):
        mine = [f"/api2/json/nodes/{p['node']}/lxc/{p['vmid']}/pending" for p in paths
                if p["node"] == f"pve{node + 1}"]
        with open(script, "w") as f:
            f.write("local paths = {" + ",".join(f'"{p}"' for p in mine[:2000]) + "}\nlocal i = 0\n"
                    "request = function() i = i % #paths + 1; return wrk.format('GET', paths[i]) end\n")
        token = f"PVEAPIToken={sim.ready['tokenId']}={sim.ready['tokenSecret']}"
        out = subprocess.run(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-H", f"Authorization: {token}",
                              "-s", script, sim.ready["urls"][node]], check=True, capture_output=True, text=True).stdout
        rates.append(float(next(l.split()[1] for l in out.splitlines() if l.startswith("Requests/sec"))))
    return sum(rates) if sim.nodes > 1 else rates[0]


def size_run(n):
    """CPU, memory and requests at no latency; returns the plan's CPU microseconds an object."""
    with Simulator(n) as sim:
        print(f"\n{n} guests, one node, no latency")
        pairs = [(measure([PODMOX, "validate", sim.manifests])[0], measure([FLOOR, "yaml", sim.manifests])[0])
                 for _ in range(RUNS)]
        validate = [(a,) for a, _ in pairs]
        measure(plan(sim))
        before = sim.stats()
        rows = [measure(plan(sim)) for _ in range(RUNS)]
        after = sim.stats()
        bare = bare_reads(sim)
        if f"{n} unchanged" not in rows[0][3]:
            faults.append(f"{n} guests: the plan is not empty:\n{rows[0][3][-400:]}")
        tickets = [measure(plan(sim, sim.ticket_config)) for _ in range(RUNS)]
        requests = (after["requests"] - before["requests"]) / RUNS
        handshakes = (after["connections"] - before["connections"]) / RUNS
        cpu = median(rows, 0) / n * 1e6
        big = n >= 10000
        report("validate: client CPU per object", median(validate, 0) / n * 1e6, "us", 30 if big else None, "{:.1f}")
        report("validate: CPU / libyaml's events alone", statistics.median(a / b for a, b in pairs), "x",
               30 / 17 if big else None)
        report("plan: CPU / libyaml's events and bare libcurl reads", statistics.median(
            measure(plan(sim))[0] / (measure([FLOOR, "yaml", sim.manifests])[0] + measure(bare)[0])
            for _ in range(RUNS)), "x", 75 / (17 + 28.7) if big else None)
        report("plan: client CPU per object", cpu, "us", 75 if big else None, "{:.1f}")
        report("plan with a ticket instead of a token: client CPU", median(tickets, 0) / n * 1e6, "us", None, "{:.1f}")
        report("plan: wall time", median(rows, 1), "s", None, "{:.3f}")
        report("plan: peak memory", median(rows, 2) / 2**20, "MiB", 16 + 6 * n / 1024, "{:.1f}")
        report("plan: requests per object", requests / n, "", 1.01 if big else None, "{:.4f}")
        report("plan: TLS handshakes per request", handshakes / requests, "", 0.02 if big else None, "{:.4f}")
        if shutil.which("wrk"):
            floor = n / wrk_rate(sim)
            report("plan: wall time / wrk for as many reads", median(rows, 1) / floor, "x", 5 if big else None)
        return cpu


def latency_run(nodes, n):
    with Simulator(n, nodes, "5ms") as sim:
        print(f"\n{n} guests, {nodes} node{'s' if nodes > 1 else ''}, 5 ms service time, 3 workers a node")
        rows = [measure(plan(sim)) for _ in range(3)]
        if shutil.which("wrk"):
            floor = n / wrk_rate(sim, 4)
            report("plan: wall time / wrk for as many reads", median(rows, 1) / floor, "x", 1.05, "{:.3f}")
        else:
            print("  wrk is not installed: no floor")


def guest_paths(sim, name, prefix=""):
    """A file with the path of every guest's configuration, node by node; and the paths of each node."""
    guests = json.loads(subprocess.run([PODMOX, "-c", sim.config, "get", "pods", "-o", "json"], check=True,
                                       capture_output=True, text=True).stdout)
    nodes = [[f"{prefix}/nodes/{g['node']}/lxc/{g['vmid']}/config" for g in guests if g["node"] == f"pve{i + 1}"]
             for i in range(sim.nodes)]
    path = os.path.join(sim.dir, name)
    with open(path, "w") as f:
        f.writelines(p + "\n" for node in nodes for p in node)
    return path, nodes


WRK_NODES = """
local next_node = 0
function setup(thread)
    next_node = next_node + 1
    local host, port = hosts[next_node]:match("(.*):(.*)")
    thread.addr = wrk.lookup(host, port)[1]
    thread:set("node", next_node)
end
function init()
    requests, at = {}, 0
    for i, path in ipairs(paths[node]) do requests[i] = wrk.format("GET", path) end
end
function request()
    at = at % #requests + 1
    return requests[at]
end
"""


def wrk_all(sim, seconds=2):
    """Reads a second that wrk gets from all nodes together, over as many connections as the client may open."""
    script = os.path.join(sim.dir, "all.lua")
    if not os.path.exists(script):
        _, nodes = guest_paths(sim, "wrk-paths", "/api2/json")
        with open(script, "w") as f:
            f.write("local hosts = {" + ",".join(f'"{u.split("//")[1]}"' for u in sim.ready["urls"]) + "}\n" +
                    "paths = {" + ",".join("{" + ",".join(f'"{p}"' for p in n) + "}" for n in nodes) + "}" + WRK_NODES)
    token = f"PVEAPIToken={sim.ready['tokenId']}={sim.ready['tokenSecret']}"
    out = subprocess.run(["wrk", f"-t{sim.nodes}", f"-c{CONNECTIONS * sim.nodes}", f"-d{seconds}s", "-H",
                          f"Authorization: {token}", "-s", script, sim.ready["urls"][0]], check=True,
                         capture_output=True, text=True).stdout
    return float(next(l.split()[1] for l in out.splitlines() if l.startswith("Requests/sec")))


def run_client(sim, paths, seconds=2, meanwhile=None):
    process = subprocess.Popen([CLIENT, sim.config, paths, str(THREADS), str(seconds)], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    process.stdout.readline()  # "go"
    if meanwhile:
        meanwhile()
    out, errors = process.communicate()
    if process.returncode != 0:
        sys.exit(f"client: exit {process.returncode}: {errors[:500]}")
    return json.loads(out), errors


def floor_us(sim, paths):
    """CPU of a bare libcurl loop for each of the paths, all of one node."""
    header = f"Authorization: PVEAPIToken={sim.ready['tokenId']}={sim.ready['tokenSecret']}"
    with open(paths) as f:
        n = sum(1 for _ in f)
    return measure([FLOOR, "http", sim.ready["urls"][0], header, paths])[0] / n * 1e6


def client_run(n, latency=None):
    with Simulator(n, 3, latency) as sim:
        print(f"\n{THREADS} threads on one client, three hosts, {latency or 'no'} service time")
        paths, _ = guest_paths(sim, "paths")
        full, nodes = guest_paths(sim, "full", "/api2/json")
        with open(full, "w") as f:
            f.writelines(p + "\n" for p in nodes[0] * (15000 // len(nodes[0]) + 1))
        rows = []
        for _ in range(RUNS):
            result, errors = run_client(sim, paths)
            if result["failed"]:
                faults.append(f"client, {latency or 'no latency'}: {result['failed']} calls failed: {errors[:300]}")
            rows.append((result["rate"] / wrk_all(sim) if shutil.which("wrk") else 0, result["cpu_us"],
                         result["cpu_us"] / floor_us(sim, full) if not latency else 0))
        if shutil.which("wrk"):
            report("reads a second / wrk over 18 connections", median(rows, 0), "x", 0.95 if latency else 0.4, least=True)
        if not latency:
            report("client CPU per read of a config", median(rows, 1), "us", 45, "{:.1f}")
            report("client CPU / bare libcurl reads", median(rows, 2), "x", 45 / 29)


def killed_run(n):
    """One of three hosts goes away under load; what concerns the other nodes must not notice."""
    with Simulator(n, 3) as sim:
        print(f"\n{THREADS} threads, one of three hosts is killed")
        path, nodes = guest_paths(sim, "living")
        slowest, late = [], []
        for victim in (0, 1, 2):
            living = [p for i, node in enumerate(nodes) if i != victim for p in node]
            with open(path, "w") as f:
                f.writelines(f"{p}\n/cluster/status\n/version\n" for p in living)
            calm, _ = run_client(sim, path, 1)
            result, errors = run_client(sim, path, 2, lambda: sim.ctl("host-kill", f"pve{victim + 1}"))
            sim.ctl("host-start", f"pve{victim + 1}")
            if result["failed"]:
                faults.append(f"pve{victim + 1} killed: {result['failed']} calls failed: {errors[:300]}")
            slowest.append((result["slowest_ms"] - calm["slowest_ms"]) / 1000)
            late.append(result["late"])
        report("largest added latency of a call", max(slowest), "s", 1, "{:.3f}")
        report("calls of more than 100 ms, at most", max(late), "", THREADS, "{:.0f}")


PROXMOXER = """
import sys, json, urllib3
urllib3.disable_warnings()
from proxmoxer import ProxmoxAPI
r = json.loads(sys.argv[1])
host = r["urls"][0].split("//")[1]
user, token = r["tokenId"].split("!")
api = ProxmoxAPI(host.split(":")[0], port=int(host.split(":")[1]), user=user, token_name=token,
                 token_value=r["tokenSecret"], verify_ssl=False)
for g in api.cluster.resources.get(type="vm"):
    api.nodes(g["node"]).lxc(g["vmid"]).config.get()
"""


def peers(n):
    with Simulator(n, 1, "5ms") as sim:
        print(f"\npeers: {n} guests, one node, 5 ms service time, 3 workers")
        ours = [measure(plan(sim)) for _ in range(3)]
        report("podmox plan: wall", median(ours, 1), "s", None, "{:.3f}")
        if subprocess.run(["/usr/bin/python3", "-c", "import proxmoxer, requests"], capture_output=True).returncode == 0:
            rows = [measure(["/usr/bin/python3", "-c", PROXMOXER, json.dumps(sim.ready)]) for _ in range(2)]
            report("python3-proxmoxer, list and configs: wall / podmox", median(rows, 1) / median(ours, 1), "x")
            report("python3-proxmoxer: CPU / podmox", median(rows, 0) / median(ours, 0), "x")
        else:
            print("  python3-proxmoxer (with python3-requests) is not installed")
    ansible(20)


def ansible(n):
    if not shutil.which("ansible-playbook", path="/usr/bin"):
        print("  ansible is not installed")
        return
    with Simulator(n, 1, "5ms") as sim:
        host, port = sim.ready["urls"][0].split("//")[1].split(":")
        user, token = sim.ready["tokenId"].split("!")
        guests = json.loads(subprocess.run([PODMOX, "-c", sim.config, "get", "pods", "-o", "json"], check=True,
                                           capture_output=True, text=True).stdout)
        play = [{"hosts": "localhost", "gather_facts": False, "tasks": [{
            "community.general.proxmox": {
                "api_host": f"{host}:{port}", "api_user": user, "api_token_id": token,
                "api_token_secret": sim.ready["tokenSecret"], "node": "pve1", "vmid": "{{ item }}",
                "hostname": "guest-{{ item }}",
                "ostemplate": "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst", "state": "present"},
            "loop": [g["vmid"] for g in guests]}]}]
        path = os.path.join(sim.dir, "play.json")
        with open(path, "w") as f:
            json.dump(play, f)
        ours = [measure(plan(sim)) for _ in range(3)]
        command = ["/usr/bin/ansible-playbook", "-i", "localhost,", "-c", "local", "-e",
                   "ansible_python_interpreter=/usr/bin/python3", path]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            print(f"  ansible could not run against the simulator: {done.stdout[-300:]}")
            return
        rows = [measure(command) for _ in range(2)]
        report(f"ansible, {n} guests, nothing to do: wall / podmox", median(rows, 1) / median(ours, 1), "x", None, "{:.0f}")
        report("ansible: CPU / podmox", median(rows, 0) / median(ours, 0), "x", None, "{:.0f}")


def main():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    if ONLY == "watch":
        watch_run(Simulator, report, PODMOX)
        return 0
    costs = [size_run(n) for n in SIZES]
    for a, b, n in zip(costs, costs[1:], SIZES[1:]):
        report(f"growth of CPU per object up to {n}", b / a, "x", 1.3)
    latency_run(1, max(SIZES))
    latency_run(3, max(SIZES))
    client_run(3000)
    client_run(3000, "5ms")
    killed_run(3000)
    watch_run(Simulator, report, PODMOX)
    if PEERS:
        peers(1000)
    for fault in faults:
        print("FAULT:", fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
