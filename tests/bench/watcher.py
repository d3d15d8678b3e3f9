"""What `podmox watch` costs: from an edit to the first request, and while nothing happens.

Between the daemon and the simulator stands a proxy that sees when the first bytes leave; it reads no TLS."""
import glob
import os
import re
import selectors
import socket
import statistics
import subprocess
import threading
import time

DEBOUNCE = 0.300  # the default
IDLE_SECONDS = 30
YOUNG = 4.0


class Proxy(threading.Thread):
    """Hands bytes on; `first` is when the first one of the daemon came since it was asked for."""

    def __init__(self, host, port):
        super().__init__(daemon=True)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.target = (host, port)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.server, selectors.EVENT_READ, None)
        self.first = None
        self.begin = 0.0

    def ask(self):
        self.first, self.begin = None, time.monotonic()

    def run(self):
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is self.server:
                    self.open()
                else:
                    self.hand_on(key.fileobj, *key.data)

    def open(self):
        near, _ = self.server.accept()
        far = socket.create_connection(self.target)
        for a, b, mine in ((near, far, True), (far, near, False)):
            a.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.selector.register(a, selectors.EVENT_READ, (b, mine))

    def hand_on(self, source, sink, mine):
        try:
            data = source.recv(65536)
            if mine and data and self.first is None and time.monotonic() > self.begin:
                self.first = time.monotonic()
            if data:
                sink.sendall(data)
                return
        except OSError:
            pass
        for s in (source, sink):
            try:
                self.selector.unregister(s)
            except (KeyError, ValueError):
                pass
            s.close()


class Watcher:
    """A daemon over the guests of a simulator, that has come to rest."""

    def __init__(self, sim, podmox, through=None):
        self.log = os.path.join(sim.dir, "watch.log")
        config = os.path.join(sim.dir, "watch.yaml")
        with open(sim.config) as f:
            text = f.read()
        if through:
            text = re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{through.port}", text, count=1)
        with open(config, "w", opener=lambda p, flags: os.open(p, flags, 0o600)) as f:
            f.write(text + f"sync: {{interval: 10m, debounce: {int(DEBOUNCE * 1000)}ms}}\n")
        self.process = subprocess.Popen([podmox, "-v", "-c", config, "watch", sim.manifests],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=open(self.log, "wb"))
        self.wait("cluster read", 1)
        self.rest()

    def count(self, what):
        with open(self.log) as f:
            return sum(what in line for line in f)

    def wait(self, what, n, seconds=120):
        end = time.monotonic() + seconds
        while self.count(what) < n:
            if time.monotonic() > end or self.process.poll() is not None:
                raise RuntimeError(f"the daemon does not say '{what}': {open(self.log).read()[-500:]}")
            time.sleep(0.02)

    def rest(self):
        """Until it used no CPU for half a second."""
        last = -1
        while self.cpu() != last:
            last = self.cpu()
            time.sleep(0.5)

    def cpu(self):
        with open(f"/proc/{self.process.pid}/stat") as f:
            part = f.read().rsplit(")", 1)[1].split()
        return (int(part[11]) + int(part[12])) / os.sysconf("SC_CLK_TCK")

    def rss(self):
        with open(f"/proc/{self.process.pid}/status") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:")) * 1024

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def edit(path, turn):
    """Another memory size, by renaming over; returns when it was done."""
    with open(path) as f:
        text = f.read()
    new = re.sub(r"(memory: *)\d+\w*", lambda m: f"{m[1]}{512 + 16 * (turn % 8)}Mi", text, count=1)
    with open(path + ".new", "w") as f:
        f.write(new)
    os.rename(path + ".new", path)
    return time.monotonic()


def latencies(proxy, change, times, rest):
    """After a first change, made when no file is so young any more that its looks are not trusted."""
    time.sleep(YOUNG)
    change(times)
    time.sleep(YOUNG)
    found = []
    for turn in range(times):
        proxy.ask()
        start = change(turn)
        while proxy.first is None and time.monotonic() < start + 20:
            time.sleep(0.0005)
        if proxy.first is None:
            raise RuntimeError("no request follows the edit")
        found.append(proxy.first - start - DEBOUNCE)
        rest()  # what this edit caused is over: the next first request is the next edit's
    return found


def watch_run(Simulator, report, podmox):
    with Simulator(1000) as sim:
        print("\nwatch: 1000 guests, one node")
        host, port = re.match(r"https://([^:]+):(\d+)", sim.ready["urls"][0]).groups()
        proxy = Proxy(host, int(port))
        proxy.start()
        path = sorted(glob.glob(sim.manifests + "/**/*.yaml", recursive=True))[0]
        with Watcher(sim, podmox, proxy) as w:
            one = latencies(proxy, lambda turn: edit(path, turn), 15, w.rest)
            report("edit to first request, less the debounce: median", statistics.median(one) * 1e3, "ms", 5)
            w.rest()
            before, cpu = sim.stats()["requests"], w.cpu()
            time.sleep(IDLE_SECONDS)
            report("idle: CPU of one core", (w.cpu() - cpu) / IDLE_SECONDS * 100, "%", 0.1, "{:.3f}")
            report("idle: resident memory", w.rss() / 2**20, "MiB", 24, "{:.1f}")
            report("idle: requests a node and minute", (sim.stats()["requests"] - before) / IDLE_SECONDS * 60, "", 2)
    with Simulator(10000) as sim:
        print("\nwatch: 10000 guests, one node")
        host, port = re.match(r"https://([^:]+):(\d+)", sim.ready["urls"][0]).groups()
        proxy = Proxy(host, int(port))
        proxy.start()
        files = sorted(glob.glob(sim.manifests + "/**/*.yaml", recursive=True))
        with Watcher(sim, podmox, proxy) as w:
            folder = os.path.dirname(files[0])

            def whole(turn):
                """A folder that comes and goes makes all files be looked at again."""
                os.mkdir(os.path.join(folder, f"new{turn}"))
                return edit(files[0], turn)

            report(f"edit with {len(files)} files hashed again: median",
                   statistics.median(latencies(proxy, whole, 7, w.rest)) * 1e3, "ms", 150)
            w.rest()
            report("resident memory", w.rss() / 2**20, "MiB", 96, "{:.1f}")
