#!/usr/bin/env python3
"""pygase:// with clients in Python: one written from the wire alone, of nothing
but the standard library, and PyGaSe's own where PYGASE_PATH says it lies (a
folder with the package pygase in it, and u-msgpack-python to import)."""
import collections
import collections.abc
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
BIN = os.environ.get("BIN", os.path.join(HERE, "../../bin"))
PYGASE = os.environ.get("PYGASE_PATH")
WAIT_S = 15
BAD = "loss=20%&delay=10ms&jitter=10ms&reorder=5%&seed=7"


def wait_for(what, condition, wait_s=WAIT_S):
    end = time.monotonic() + wait_s
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not in {wait_s} s")
        time.sleep(0.002)


class Game:
    def __init__(self, name, query="", *more):
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [os.path.join(BIN, name), "--listen",
             f"pygase://127.0.0.1:0{query and '?' + query}", *more],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        wait_for("the game listens", lambda: b"url=pygase" in self.said())
        self.port = int(re.search(
            rb"url=pygase://127.0.0.1:(\d+)", self.said()).group(1))

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def child(self, name):
        """The process id of the newest child with this name."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat") as f:
                    stat = f.read()
            except OSError:
                continue
            if f"({name})" in stat and \
                    int(stat.rsplit(")", 1)[1].split()[1]) == \
                    self.process.pid:
                found.append(int(pid))
        return max(found)

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(WAIT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()


# ---- msgpack, as much as the wire needs -----------------------------------------

def pack(v):
    if v is None:
        return b"\xc0"
    if isinstance(v, bool):
        return b"\xc3" if v else b"\xc2"
    if isinstance(v, int):
        if 0 <= v < 128:
            return bytes([v])
        if -32 <= v < 0:
            return struct.pack("b", v)
        return struct.pack(">Bq", 0xd3, v)
    if isinstance(v, float):
        return struct.pack(">Bf", 0xca, v)
    if isinstance(v, str):
        b = v.encode()
        head = bytes([0xa0 | len(b)]) if len(b) < 32 else \
            struct.pack(">BH", 0xda, len(b))
        return head + b
    if isinstance(v, bytes):
        return struct.pack(">BB", 0xc4, len(v)) + v
    if isinstance(v, (list, tuple)):
        return struct.pack(">BH", 0xdc, len(v)) + b"".join(map(pack, v))
    return struct.pack(">BH", 0xde, len(v)) + b"".join(
        pack(k) + pack(x) for k, x in v.items())


def unpack(b, at=0):
    def number(form):
        n = struct.calcsize(form)
        return struct.unpack_from(">" + form, b, at + 1)[0], at + 1 + n

    def some(n, at, pairs=False):
        out = []
        for _ in range(n * (2 if pairs else 1)):
            v, at = unpack(b, at)
            out.append(v)
        if not pairs:
            return out, at
        made = dict(zip(out[::2], out[1::2]))
        assert len(made) == n, "a key is there twice"
        return made, at

    c = b[at]
    if c < 0x80:
        return c, at + 1
    if c < 0x90:
        return some(c & 15, at + 1, True)
    if c < 0xa0:
        return some(c & 15, at + 1)
    if c < 0xc0:
        return b[at + 1:at + 1 + (c & 31)].decode(), at + 1 + (c & 31)
    if c >= 0xe0:
        return c - 256, at + 1
    simple = {0xc0: None, 0xc2: False, 0xc3: True}
    if c in simple:
        return simple[c], at + 1
    forms = {0xca: "f", 0xcb: "d", 0xcc: "B", 0xcd: "H", 0xce: "I",
             0xcf: "Q", 0xd0: "b", 0xd1: "h", 0xd2: "i", 0xd3: "q"}
    if c in forms:
        return number(forms[c])
    sizes = {0xc4: "B", 0xc5: "H", 0xd9: "B", 0xda: "H", 0xdc: "H",
             0xdd: "I", 0xde: "H", 0xdf: "I"}
    n, at = number(sizes[c])
    if c in (0xdc, 0xdd):
        return some(n, at)
    if c in (0xde, 0xdf):
        return some(n, at, True)
    raw = bytes(b[at:at + n])
    return (raw if c < 0xd0 else raw.decode()), at + n


# ---- a client from the wire alone -----------------------------------------------

DELETED = b"\xd2\x81\xe5\xba"


def distance(a, b):
    d = a - b
    return d - 65535 if d > 32767 else d + 65535 if d < -32767 else d


def merge(into, change):
    for key, value in change.items():
        if value == DELETED and key in into:
            del into[key]
        elif isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value


class WireClient:
    """As the document has it; a thread plays the network."""

    def __init__(self, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", port))
        self.socket.settimeout(0.005)
        self.lock = threading.Lock()
        self.state = {}
        self.holds = self.sequence = self.newest = self.bits = 0
        self.queue, self.under_way, self.heard = [], {}, []
        self.acks = collections.Counter()
        self.number = 0
        self.problem = None
        self.runs = True
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        due = 0
        try:
            while self.runs:
                try:
                    self.got(self.socket.recv(4096))
                except (socket.timeout, ConnectionRefusedError):
                    pass
                now = time.monotonic()
                if now >= due:
                    due = now + 0.025
                    self.speak(now)
        except Exception as e:  # what would have ended PyGaSe's client
            self.problem = e

    def speak(self, now):
        with self.lock:
            for sent, (at, events) in list(self.under_way.items()):
                if now - at > 1.0:
                    del self.under_way[sent]
                    self.queue += events
            events, self.queue = self.queue[:5], self.queue[5:]
            self.sequence = self.sequence % 65535 + 1
            if events:
                self.under_way[self.sequence] = (now, events)
            head = struct.pack(">IHHIH", 0xffd0fab9, self.sequence,
                               self.newest, self.bits, self.holds)
        self.socket.send(head + b"".join(
            struct.pack(">H", len(e)) + e for _, e in events))

    def got(self, d):
        magic, sequence, ack, bits, n = struct.unpack_from(">IHHIH", d)
        assert magic == 0xffd0fab9 and n > 0 and 14 + n <= len(d) <= 2048
        gap = distance(sequence, self.newest) if self.newest else 0
        if not self.newest:
            self.newest = sequence
        elif gap > 0:
            self.bits = (self.bits >> gap | 1 << 31 >> gap - 1) \
                if gap <= 32 else 0
            self.newest = sequence
        else:
            assert -32 <= gap < 0, f"number {sequence} again or too old"
            assert not self.bits >> 32 + gap & 1, "a number twice"
            self.bits |= 1 << 32 + gap
        with self.lock:
            for sent in list(self.under_way):
                behind = distance(ack, sent)
                if behind == 0 or 1 <= behind <= 32 and \
                        bits >> 32 - behind & 1:
                    for number, _ in self.under_way.pop(sent)[1]:
                        self.acks[number] += 1
        update, end = unpack(d, 14)
        assert end == 14 + n
        assert update.get("game_status", 0) in (0, 1)
        order = update["time_order"]
        with self.lock:
            if distance(order, self.holds) > 0:
                merge(self.state, update)
                self.holds = order
        while end < len(d):
            size = struct.unpack_from(">H", d, end)[0]
            event, at = unpack(d, end + 2)
            assert at == end + 2 + size
            end = at
            assert sorted(event) == ["handler_args", "handler_kwargs", "type"]
            self.heard.append((event["type"], event["handler_args"]))

    def dispatch(self, name, *args, **kwargs):
        with self.lock:
            self.number += 1
            self.queue.append((self.number, pack(
                {"type": name, "handler_args": args,
                 "handler_kwargs": kwargs})))

    def snapshot(self):
        with self.lock:
            return unpack(pack(self.state))[0]

    def acked(self):
        return sum(self.acks.values())

    def check(self):
        if self.problem:
            raise self.problem

    def latency(self):
        return 0

    def shutdown_server(self):
        self.runs = False
        self.thread.join()
        self.socket.send(b"shutdown")
        self.socket.close()

    def end(self):
        self.runs = False
        self.thread.join()
        self.socket.close()


# ---- PyGaSe's own ----------------------------------------------------------------

class PygaseClient:
    """The same face on the unmodified client."""

    def __init__(self, port):
        from pygase import Client
        self.client = Client()
        self.heard, self.acks = [], []
        for name in ("ECHOED", "HEARD", "PLAYER_CREATED"):
            self.client.register_event_handler(
                name, lambda *args, name=name: self.heard.append(
                    (name, list(args))))
        self.died = []
        self.hook = threading.excepthook
        threading.excepthook = lambda a: self.died.append(a.exc_value)
        self.client.connect_in_thread(hostname="127.0.0.1", port=port)

    def dispatch(self, name, *args, **kwargs):
        self.client.dispatch_event(
            name, *args, retries=3,
            ack_callback=lambda: self.acks.append(name), **kwargs)

    def snapshot(self):
        with self.client.access_game_state() as state:
            # Attributes of its own in one version, a dict in the next.
            held = {k: v for k, v in vars(state).items() if k != "data"}
            held.update(vars(state).get("data", {}))
            return unpack(pack({k: int(v) if isinstance(v, int) and
                                not isinstance(v, bool) else v
                                for k, v in held.items()}))[0]

    def acked(self):
        return len(self.acks)

    def check(self):
        if self.died:
            raise self.died[0]

    def latency(self):
        return self.client.connection.latency

    def shutdown_server(self):
        self.client.disconnect(shutdown_server=True)

    def end(self):
        self.client.disconnect()
        threading.excepthook = self.hook


# ---- the cases --------------------------------------------------------------------

def playing(query="", name="sync"):
    def outer(case):
        def run(kind):
            game = Game(name, query)
            client = kind(game.port)
            try:
                case(game, client, kind)
                client.check()
            except AssertionError:
                client.check()
                raise
            finally:
                client.end()
                game.end()
        run.__name__ = case.__name__
        return run
    return outer


def until_state(client, what, **wanted):
    def there():
        client.check()
        state = client.snapshot()
        return all(state.get(k) == v for k, v in wanted.items())
    wait_for(what, there)


@playing()
def gets_the_state_and_follows_it(game, client, kind):
    until_state(client, "the state", hello="world", players={})
    first = client.snapshot()["tick"]
    wait_for("it ticks", lambda: client.snapshot()["tick"] > first + 25)
    assert client.snapshot()["game_status"] == 1


@playing()
def any_value_comes_back_unchanged(game, client, kind):
    values = [1, "two", [3.5], None, True, -5, 70000, -2 ** 40, b"\x01\x02",
              {7: "int key", "deep": {"er": [1, [2, [3]]]}}, "ä€"]
    client.dispatch("ECHO", *values)
    wait_for("ECHOED", lambda: client.heard)
    name, args = client.heard[0]
    assert name == "ECHOED" and args == values, args
    wait_for("its ack", lambda: client.acked() == 1)


@playing()
def events_change_the_state(game, client, kind):
    client.dispatch("JOIN", 0, "ann")
    client.dispatch("JOIN", 1, "bob")
    client.dispatch("MOVE", player_id=0, new_position=(12.5, -3))
    until_state(client, "players", players={
        0: {"name": "ann", "position": [12.5, -3]},
        1: {"name": "bob", "position": [0.0, 0.0]}})
    client.dispatch("SET", "deep", {"a": {"b": 1}})
    client.dispatch("SET", "deep", {"a": {"c": 2}})
    until_state(client, "deep", deep={"a": {"b": 1, "c": 2}})
    client.dispatch("LEAVE", 0)
    client.dispatch("DEL", "deep")
    client.dispatch("NOBODY_KNOWS_THIS", 1)
    client.dispatch("JOIN", ["wrong"])
    wait_for("deletes", lambda: list(client.snapshot()["players"]) == [1] and
             "deep" not in client.snapshot())


@playing()
def a_state_too_long_for_any_datagram_comes_whole(game, client, kind):
    for i in range(60):
        client.dispatch("JOIN", i, "x" * 30 + str(i))
    wait_for("sixty players",
             lambda: len(client.snapshot().get("players", {})) == 60)
    late = kind(game.port)
    try:
        wait_for("the same for one who is late",
                 lambda: late.snapshot().get("players") ==
                 client.snapshot()["players"])
        late.check()
    finally:
        late.end()


@playing()
def shouts_reach_everybody_once(game, client, kind):
    other = kind(game.port)
    try:
        until_state(client, "state", hello="world")
        until_state(other, "state", hello="world")
        for i in range(20):
            client.dispatch("SHOUT", i)
        for c in (client, other):
            wait_for("all heard", lambda: len(c.heard) >= 20)
            assert sorted(a[0] for _, a in c.heard) == list(range(20))
    finally:
        other.end()


@playing(BAD)
def a_bad_network_changes_nothing(game, client, kind):
    def missing():
        client.check()
        return [i for i in range(40) if client.snapshot().get(f"k{i}") != i]
    end = time.monotonic() + 40
    for i in missing():
        client.dispatch("SET", f"k{i}", i)
    while missing():
        assert time.monotonic() < end, missing()
        time.sleep(1.5)
        # PyGaSe's newest version forgets to say again what was lost.
        for i in missing() if kind is PygaseClient else []:
            client.dispatch("SET", f"k{i}", i)
    if kind is WireClient:
        wait_for("acks", lambda: client.acked() == 40)
        assert max(client.acks.values()) == 1


@playing()
def an_idle_line_keeps_its_latency(game, client, kind):
    until_state(client, "state", hello="world")
    end = time.monotonic() + 3
    while time.monotonic() < end:
        client.check()
        assert client.latency() < 0.25
        time.sleep(0.05)


@playing()
def the_game_may_die(game, client, kind):
    client.dispatch("JOIN", 7, "ann")
    until_state(client, "joined", players={
        7: {"name": "ann", "position": [0.0, 0.0]}})
    os.kill(game.child("sync"), signal.SIGKILL)
    client.dispatch("MOVE", player_id=7, new_position=(1, 2))
    until_state(client, "moved", players={
        7: {"name": "ann", "position": [1, 2]}})


@playing()
def netd_may_die(game, client, kind):
    client.dispatch("JOIN", 7, "ann")
    until_state(client, "joined", players={
        7: {"name": "ann", "position": [0.0, 0.0]}})
    wait_for("acks", lambda: client.acked() == 1)
    os.kill(game.child("netd"), signal.SIGKILL)
    wait_for("another netd", lambda: game.said().count(b"listening") == 2)
    client.dispatch("MOVE", player_id=7, new_position=(1, 2))
    until_state(client, "moved", players={
        7: {"name": "ann", "position": [1, 2]}})


@playing()
def only_the_host_shuts_the_game_down(game, client, kind):
    until_state(client, "state", hello="world")
    other = kind(game.port)
    until_state(other, "state", hello="world")
    other.shutdown_server()
    time.sleep(1.2)
    client.check()
    assert game.process.poll() is None
    client.shutdown_server()
    wait_for("the end", lambda: game.process.poll() is not None)
    assert game.process.returncode == 0


@playing(name="chase")
def chase_is_played(game, client, kind):
    client.dispatch("JOIN", "ann")
    wait_for("a number", lambda: client.heard)
    name, [me] = client.heard[0]
    assert name == "PLAYER_CREATED"

    def player(n):
        client.check()
        return client.snapshot().get("players", {}).get(n)
    wait_for("its player", lambda: player(me))
    assert player(me)["name"] == "ann"
    assert client.snapshot()["chaser_id"] == me
    client.dispatch("MOVE", player_id=me, new_position=(320.5, 200.25))
    wait_for("it ran", lambda: player(me)["position"] == [320.5, 200.25])
    other = kind(game.port)
    try:
        # Another's player does not move by its word.
        other.dispatch("MOVE", player_id=me, new_position=(1, 2))
        other.dispatch("JOIN", "bob")
        wait_for("its number", lambda: other.heard)
        bob = other.heard[0][1][0]
        wait_for("the other", lambda: player(bob))
        assert player(me)["position"] == [320.5, 200.25]
    finally:
        other.end()
    wait_for("who left is taken out", lambda: player(bob) is None)


@playing(name="chase")
def who_went_with_netd_is_taken_out(game, client, kind):
    other = kind(game.port)
    try:
        for name, c in ("ann", client), ("bob", other):
            c.dispatch("JOIN", name)
            wait_for("a number", lambda: c.heard)
        gone = [c.heard[0][1][0] for c in (client, other)]
        for c in (client, other):
            wait_for("both", lambda: sorted(
                c.snapshot().get("players", {})) == sorted(gone))
        os.kill(game.child("netd"), signal.SIGKILL)
        # For the game all have left; their clients did not notice.
        for c in (client, other):
            wait_for("nobody plays", lambda: c.snapshot()["players"] == {})
            c.check()
        client.dispatch("JOIN", "ann again")
        wait_for("the news", lambda: [
            p["name"] for p in other.snapshot()["players"].values()] ==
            ["ann again"])
    finally:
        other.end()


def metrics_tell_of_lines(kind):
    game = Game("sync", BAD, "--listen", "ws://127.0.0.1:0/")
    client = kind(game.port)

    def metric(name):
        said = urllib.request.urlopen(
            "http://127.0.0.1:%s/metrics" % re.search(
                rb"url=ws://127.0.0.1:(\d+)", game.said()).group(1).decode(),
            timeout=WAIT_S).read().decode()
        return float(re.search(
            rf'^penstock_line_{name}{{transport="pygase"}} (.*)$', said,
            re.M).group(1))
    try:
        wait_for("it listens", lambda: b"url=ws:" in game.said())
        before = metric("loss_ratio_sum")
        # 10 ms each way and 20 % lost are not to be mistaken.
        wait_for("loss", lambda: metric("loss_ratio_sum") > before + 0.05)
        count = metric("rtt_seconds_count")
        assert count >= 1
        assert 0.02 < metric("rtt_seconds_sum") / count < 2
        client.check()
    finally:
        client.end()
        game.end()


CASES = [
    gets_the_state_and_follows_it,
    any_value_comes_back_unchanged,
    events_change_the_state,
    a_state_too_long_for_any_datagram_comes_whole,
    shouts_reach_everybody_once,
    a_bad_network_changes_nothing,
    an_idle_line_keeps_its_latency,
    the_game_may_die,
    netd_may_die,
    only_the_host_shuts_the_game_down,
    chase_is_played,
    who_went_with_netd_is_taken_out,
    metrics_tell_of_lines,
]


def have_pygase():
    """None, or why it cannot be used."""
    if not PYGASE:
        return "PYGASE_PATH is not set"
    # An older u-msgpack looks for it where it was until Python 3.10.
    collections.Hashable = collections.abc.Hashable
    sys.path.insert(0, PYGASE)
    try:
        import pygase  # noqa: F401
        import umsgpack  # noqa: F401
    except ImportError as e:
        return str(e)
    import logging
    logging.disable(logging.CRITICAL)
    return None


def main():
    bad = n = 0
    why_not = have_pygase()
    for kind in (WireClient, PygaseClient):
        for case in CASES:
            n += 1
            name = f"{kind.__name__}: {case.__name__}"
            if kind is PygaseClient and why_not:
                print(f"ok {n} - {name} # SKIP {why_not}", flush=True)
                continue
            try:
                case(kind)
                print(f"ok {n} - {name}", flush=True)
            except Exception as e:
                bad += 1
                print(f"not ok {n} - {name}: {type(e).__name__} {e}",
                      flush=True)
    print(f"1..{n}")
    return bad != 0


if __name__ == "__main__":
    sys.exit(main())
