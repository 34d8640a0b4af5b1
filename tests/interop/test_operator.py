#!/usr/bin/env python3
"""netctl asks a running netd, whose game and players are scripts here."""
import os
import re
import resource
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time

BIN = os.path.abspath(os.environ.get("BIN", "bin"))
NETCTL = f"{BIN}/netctl"
NETD = f"{BIN}/netd"
DEADLINE_S = 20


def until(what, condition):
    end = time.monotonic() + DEADLINE_S
    while not (got := condition()):
        assert time.monotonic() < end, f"{what}: not in {DEADLINE_S} s"
        time.sleep(0.002)
    return got


class World:
    """netd, a game that this file plays through netctl, players."""

    def __init__(self, *options, operator=True):
        self.dir = tempfile.mkdtemp(prefix="operator-test-")
        self.op = f"{self.dir}/op"
        self.log = open(f"{self.dir}/log", "w+b")
        argv = [NETD, "--wait", f"{self.dir}/wait", *options]
        if operator:
            argv += ["--operator", self.op]
        env = dict(os.environ, XDG_RUNTIME_DIR=self.dir)
        self.netd = subprocess.Popen(argv + ["line://127.0.0.1:0"],
                                     stderr=self.log, env=env)
        self.game = None
        self.players = []
        said = until("netd waits", lambda: (
            t := self.said()) and "waiting" in t and t)
        if operator:
            # Its path is there before it can be connected to: mode 0600 is
            # set between the two, so wait for an answer.
            until("the operator's socket answers", self.answers)
        self.port = int(re.search(r"url=line://127.0.0.1:(\d+)", said)[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for p in self.players:
            p.close()
        if self.game:
            self.game.kill()
            self.game.communicate(timeout=DEADLINE_S)
        if self.netd.poll() is None:
            self.netd.send_signal(signal.SIGKILL)
        self.netd.wait(DEADLINE_S)
        self.log.close()
        shutil.rmtree(self.dir)

    def answers(self):
        with socket.socket(socket.AF_UNIX) as s:
            try:
                s.connect(f"{self.op}/operator.sock")
            except OSError:
                return False
        return True

    def said(self):
        with open(f"{self.dir}/log", "rb") as f:
            return f.read().decode()

    def play(self):
        self.game = subprocess.Popen(
            [NETCTL, "game", f"{self.dir}/wait"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.came("WELCOME")

    def came(self, words):
        """The next line with these words that the game got."""
        while words not in (line := self.line(DEADLINE_S)):
            assert line, f"nothing with {words}"
        return line

    def line(self, seconds):
        if b"\n" not in getattr(self, "rest", b""):
            self.rest = getattr(self, "rest", b"")
            while b"\n" not in self.rest:
                if not select.select([self.game.stdout], [], [], seconds)[0]:
                    return ""
                more = os.read(self.game.stdout.fileno(), 65536)
                if not more:
                    return ""
                self.rest += more
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode()

    def do(self, line):
        self.game.stdin.write(line.encode() + b"\n")
        self.game.stdin.flush()

    def player(self):
        s = socket.create_connection(("127.0.0.1", self.port))
        s.settimeout(DEADLINE_S)
        self.players.append(s)
        return s

    def ask(self, *words, status=0):
        p = subprocess.run([NETCTL, "-s", self.op, *words],
                           capture_output=True, timeout=DEADLINE_S)
        assert p.returncode == status, (words, p.stdout, p.stderr)
        return (p.stderr if status else p.stdout).decode()


def shows_status_and_connections():
    with World() as w:
        assert "game link=none" in w.ask("status")
        w.play()
        w.player().sendall(b"hi\n")
        w.came("MESSAGE")
        out = w.ask("status")
        assert 'link=linked name="netctl"' in out, out
        assert "connections all=1 playing=1 accepted=1" in out, out
        assert f"url=line://127.0.0.1:{w.port}" in out, out
        out = w.ask("conns")
        assert re.fullmatch(
            r"conn=1 transport=line peer=127.0.0.1:\d+ phase=playing "
            r"queued_bytes=0 idle_ms=\d+ waiting_ms=0\n", out), out
        assert w.ask("slow") == ""
        assert "penstock_accepted_total 1" in w.ask("metrics")
        assert "message_bytes=65536" in w.ask("limits")
        assert "pause" in w.ask("help")


def names_the_slow():
    with World("--limit", "soft_bytes=1k") as w:
        w.play()
        s = w.player()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        s.sendall(b"hi\n")
        w.came("MESSAGE")
        text = "x" * 20000
        for _ in range(500):
            w.do(f'SEND id=1 flags=0 "{text}"')
            if w.ask("slow"):
                break
        assert "conn=1" in w.ask("slow")


def kicks_with_a_word():
    with World() as w:
        w.play()
        s = w.player()
        s.sendall(b"hi\n")
        w.came("MESSAGE")
        w.ask("kick", "1", "not", "today")
        w.came("CLOSED id=1 channel=2")
        got = b""
        while more := s.recv(100):
            got += more
        assert b"not today" in got, got
        assert "no such connection" in w.ask("kick", "1", status=1)
        assert "which connection" in w.ask("kick", "x", status=1)
        assert "too long" not in w.ask("kick", "2", "y", status=1)


def pauses_and_steps_frame_by_frame():
    with World() as w:
        w.play()
        s = w.player()
        s.sendall(b"zero\n")
        w.came("MESSAGE")
        assert "paused behind frame" in w.ask("pause")
        s.sendall(b"one\ntwo\n")
        until("both are there", lambda: "messages_in=3" in w.ask("status"))
        assert "goes" in w.ask("step")
        assert '"one"' in w.came("MESSAGE")
        # Still nothing more: a whole request to netd and back went by.
        w.ask("status")
        assert w.line(0) == "", "it ran on"
        assert "goes" in w.ask("step", "frame")
        assert '"two"' in w.came("MESSAGE")
        assert "the next frame will go" in w.ask("step")
        s.sendall(b"three\nfour\n")
        assert '"three"' in w.came("MESSAGE")
        until("all five", lambda: "messages_in=5" in w.ask("status"))
        assert w.line(0) == "", "it ran on"
        w.ask("resume")
        assert '"four"' in w.came("MESSAGE")
        assert "not paused" in w.ask("step", status=1)


def steps_to_the_next_tick():
    with World() as w:
        w.play()
        w.do("TICK_START id=1000")
        w.came("TICK")
        w.ask("pause")
        while w.line(0):
            pass
        w.ask("step", "tick")
        assert " TICK " in w.came("TICK")
        w.ask("status")
        while line := w.line(0):
            assert " TICK " not in line, "it ran on"
        w.ask("resume")
        w.came("TICK")
        w.came("TICK")


def traces_a_connection_a_kind_and_ends_it():
    with World() as w:
        w.play()
        a, b = w.player(), None
        a.sendall(b"hi\n")
        w.came("MESSAGE")
        b = w.player()
        b.sendall(b"hi\n")
        w.came("MESSAGE id=2")
        traces = [subprocess.Popen([NETCTL, "-s", w.op, "trace", x],
                                   stdout=subprocess.PIPE)
                  for x in ("2", "MESSAGE", "all")]
        try:
            # A trace is on when its first line comes: talk until it does.
            talked = 0
            while not all(select.select([t.stdout], [], [], 0)[0]
                          for t in traces):
                b.sendall(b"again\n")
                talked += 1
                w.came('MESSAGE id=2 "again"')
            a.sendall(b"other\n")
            w.came('MESSAGE id=1 "other"')
            w.do('SEND id=2 "bye"')
            assert b.recv(100) == b"bye\n"
            w.ask("untrace")
            out = [t.communicate(timeout=DEADLINE_S)[0].decode()
                   for t in traces]
            assert [t.returncode for t in traces] == [0, 0, 0]
        finally:
            for t in traces:
                if t.poll() is None:
                    t.kill()
                    t.wait()
        assert 'MESSAGE id=2 "again"' in out[0]
        assert 'SEND id=2 "bye"' in out[0] and "id=1" not in out[0], out[0]
        assert 'MESSAGE id=1 "other"' in out[1] and "SEND" not in out[1]
        assert "NOW" in out[2] and "SEND" in out[2]


def holds_everybody_and_loses_nothing():
    with World() as w:
        w.play()
        s = w.player()
        s.sendall(b"zero\n")
        w.came("MESSAGE")
        w.ask("hold")
        late = w.player()
        s.sendall(b"held\n")
        late.sendall(b"late\n")
        out = w.ask("status")
        assert "held=1 players_read=0" in out and "all=1 " in out, out
        assert w.line(0) == ""
        w.ask("resume")
        both = w.came("MESSAGE") + w.came("MESSAGE")
        assert '"held"' in both and '"late"' in both, both


def stops_netd_in_order():
    with World() as w:
        w.play()
        w.ask("stop")
        w.came("STOP")
        w.do("BYE")
        assert w.netd.wait(DEADLINE_S) == 0
        assert not os.path.exists(w.op), "its folder is left behind"


def the_socket_is_for_its_owner_alone():
    with World() as w:
        assert stat.S_IMODE(os.stat(w.op).st_mode) == 0o700
        assert stat.S_IMODE(os.stat(f"{w.op}/operator.sock").st_mode) == 0o600
        if os.geteuid() != 0:
            return
        # Even where the way is open, another user is not listened to.
        os.chmod(w.dir, 0o755)
        os.chmod(w.op, 0o755)
        os.chmod(f"{w.op}/operator.sock", 0o666)
        asks = ("import os,socket,sys\n"
                "os.setuid(65534)\n"
                "s = socket.socket(socket.AF_UNIX)\n"
                f"s.connect('{w.op}/operator.sock')\n"
                "try:\n    s.sendall(b'status\\n')\n"
                "    print(len(s.recv(100)))\n"
                "except (BrokenPipeError, ConnectionResetError):\n"
                "    print(0)\n")
        out = subprocess.run([sys.executable, "-c", asks], timeout=DEADLINE_S,
                             capture_output=True, text=True)
        assert out.stdout == "0\n", out
        assert "pid=" in w.ask("status")


def is_found_by_itself():
    with World(operator=False) as w:
        env = dict(os.environ, XDG_RUNTIME_DIR=w.dir)
        env.pop("PENSTOCK_OPERATOR", None)
        def found():
            return subprocess.run(
                [NETCTL, "-s", f"{w.dir}/penstock-{w.netd.pid}", "status"],
                capture_output=True, env=env, timeout=DEADLINE_S).stdout

        assert f"pid={w.netd.pid}".encode() in until("it answers", found)
        # Others of the same user may run on this machine: then it lists.
        p = subprocess.run([NETCTL, "status"], capture_output=True, env=env,
                           timeout=DEADLINE_S)
        said = p.stdout + p.stderr
        assert f"pid={w.netd.pid}".encode() in said or \
            f"penstock-{w.netd.pid}/operator.sock".encode() in said, said
        p = subprocess.run([NETCTL, "-s", "/none", "status"], env=env,
                           capture_output=True, timeout=DEADLINE_S)
        assert p.returncode == 1 and b"cannot reach netd at '/none'" in p.stderr


def refuses_what_it_does_not_know():
    with World() as w:
        assert "no such request" in w.ask("dance", status=1)
        assert "trace ID|KIND|all" in w.ask("trace", "x", status=1)
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(DEADLINE_S)
            s.connect(f"{w.op}/operator.sock")
            s.sendall(b"x" * 5000)
            got = b""
            try:
                while more := s.recv(1000):
                    got += more
            except ConnectionResetError:
                pass
            assert b"too long" in got, got
        w.ask("status")


def a_trace_that_nobody_reads_costs_nothing():
    with World() as w:
        w.play()
        s = w.player()
        s.sendall(b"zero\n")
        w.came("MESSAGE")
        with socket.socket(socket.AF_UNIX) as t:
            t.settimeout(DEADLINE_S)
            t.connect(f"{w.op}/operator.sock")
            t.sendall(b"trace all\n")
            w.ask("status")
            line = b"y" * 60 + b"\n"
            for i in range(400):
                s.sendall(line * 100)
                while "MESSAGE id=1 " in w.line(0):
                    pass
            s.sendall(b"last\n")
            w.came('MESSAGE id=1 "last"')
            got = b""
            while b"left out" not in got:
                more = t.recv(1 << 20)
                assert more
                got = got[-100:] + more
                s.sendall(b"x\n")


def records_while_it_runs():
    with World() as w:
        w.play()
        s = w.player()
        s.sendall(b"before\n")
        w.came("MESSAGE")
        path = f"{w.dir}/a.rec"
        w.ask("record", path)
        assert "recording=1" in w.ask("status")
        assert "on already" in w.ask("record", path + "2", status=1)
        s.sendall(b"during\n")
        w.came("MESSAGE")
        w.do('SEND id=1 "yes"')
        assert s.recv(100) == b"yes\n"
        w.ask("record", "off")
        s.sendall(b"after\n")
        w.came("MESSAGE")
        assert "nothing is being recorded" in w.ask("record", "off", status=1)
        p = subprocess.run([NETCTL, "dump", path], capture_output=True,
                           text=True, timeout=DEADLINE_S)
        assert p.returncode == 0 and not p.stderr, p
        out = p.stdout
        assert '# program=netctl' in out and "limit.message_bytes" in out
        assert 'MESSAGE id=1 "during"' in out and 'SEND id=1 "yes"' in out
        assert "before" not in out and "after" not in out, out
        assert " COMMIT " in out and "how=off" in out, out
        assert "cannot create" in w.ask("record", path, status=1)


def a_full_disk_ends_the_recording_and_not_the_game():
    with World() as w:
        w.play()
        s = w.player()
        s.sendall(b"hi\n")
        w.came("MESSAGE")
        with open("/dev/full", "wb") as full, \
                socket.socket(socket.AF_UNIX) as op:
            op.settimeout(DEADLINE_S)
            op.connect(f"{w.op}/operator.sock")
            socket.send_fds(op, [b"record full\n"], [full.fileno()])
            assert b"error: cannot record: No space left" in op.recv(1000)
        # Full later on: a file that may not grow.
        path = f"{w.dir}/b.rec"
        with open(path, "wb") as f, socket.socket(socket.AF_UNIX) as op:
            op.settimeout(DEADLINE_S)
            op.connect(f"{w.op}/operator.sock")
            socket.send_fds(op, [b"record b.rec\n"], [f.fileno()])
            assert op.recv(1000) == b".\n"
            size = until("its head is there", lambda: os.path.getsize(path))
            resource.prlimit(w.netd.pid, resource.RLIMIT_FSIZE,
                             (size + 500, size + 500))
            s.sendall(b"x" * 1000 + b"\n")
            assert "b.rec stopped: File too large" in w.came("NOTICE")
        s.sendall(b"on we go\n")
        w.came('"on we go"')
        p = subprocess.run([NETCTL, "dump", path], capture_output=True,
                           text=True, timeout=DEADLINE_S)
        assert p.returncode == 0 and not p.stderr, p


def with_pipes(launcher):
    """The game itself: neither launcher nor netd nor frozen copies, which
    hold no pipe end."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as f:
                name, _, rest = f.read().partition("(")[2].partition(")")
            if name != "echo" or int(pid) == launcher or \
                    int(rest.split()[3]) != os.getsid(launcher):
                continue
            with open(f"/proc/{pid}/cmdline") as f:
                if "127.0.0.1:0" not in f.read():
                    continue
            parent = int(rest.split()[1])
            fds = [os.readlink(f"/proc/{pid}/fd/{n}")
                   for n in os.listdir(f"/proc/{pid}/fd") if int(n) > 2]
        except OSError:
            continue
        if parent == launcher and \
                sum(fd.startswith("pipe:") for fd in fds) >= 2:
            return int(pid)
    return 0


class Echo(World):
    """bin/echo as a person starts it: launcher, its netd, the game; and one
    player."""

    def __init__(self):
        super().__init__(operator=False)
        env = dict(os.environ, XDG_RUNTIME_DIR=self.dir)
        self.echo = subprocess.Popen(
            [f"{BIN}/echo", "--listen", "line://127.0.0.1:0"], env=env,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        said = b""
        while not (m := re.search(rb"127.0.0.1[: ](\d+)", said)):
            ready = select.select([self.echo.stdout, self.echo.stderr], [],
                                  [], DEADLINE_S)[0]
            assert ready, said
            said += os.read(ready[0].fileno(), 65536)
        self.port = int(m[1])
        self.socket = self.player()
        self.lines = self.socket.makefile("r")
        self.op = until("its netd", self.find)
        until("it answers", self.answers)

    def __exit__(self, *args):
        self.echo.terminate()
        self.echo.communicate(timeout=DEADLINE_S)
        super().__exit__(*args)

    def find(self):
        for name in os.listdir(self.dir):
            if name.startswith("penstock-") and not \
                    name.endswith(f"-{self.netd.pid}"):
                return f"{self.dir}/{name}"

    def talk(self, i):
        self.socket.sendall(f"line {i}\n".encode())
        assert self.lines.readline() == f"line {i}\n"

    def dumped(self, path):
        p = subprocess.run([NETCTL, "dump", path], capture_output=True,
                           text=True, timeout=DEADLINE_S)
        assert p.returncode == 0 and not p.stderr, p
        return p.stdout


def a_recording_goes_on_over_a_death_without_gap_or_double():
    with Echo() as w:
        path = f"{w.dir}/c.rec"
        w.ask("record", path)
        for i in range(30):
            if i % 10 == 5:
                os.kill(until("the game", lambda: with_pipes(w.echo.pid)),
                        signal.SIGKILL)
            w.talk(i)
        assert "recoveries=3" in w.ask("status")
        w.ask("record", "off")
        out = w.dumped(path)
        for i in range(30):
            for kind in "MESSAGE", "SEND":
                n = len(re.findall(f'{kind} id=1 "line {i}"', out))
                assert n == 1, (kind, i, n)


def upgrades_and_records_both_lives():
    with Echo() as w:
        path = f"{w.dir}/d.rec"
        w.ask("record", path)
        w.talk(0)
        w.ask("upgrade")
        until("the new game", lambda: "upgrades=1" in w.ask("status"))
        for i in range(1, 10):
            w.talk(i)
        w.ask("record", "off")
        out = w.dumped(path)
        first, second = out.split(" restart why=upgrade\n")
        assert 'MESSAGE id=1 "line 0"' in first and "STOP" in first, out
        assert "WELCOME" in second and "OPENED id=1" in second, second
        assert "READY" in second and 'SEND id=1 "line 9"' in second, second
    with World() as w:
        assert "no launcher" in w.ask("upgrade", status=1)


TESTS = [
    shows_status_and_connections,
    names_the_slow,
    kicks_with_a_word,
    pauses_and_steps_frame_by_frame,
    steps_to_the_next_tick,
    traces_a_connection_a_kind_and_ends_it,
    holds_everybody_and_loses_nothing,
    stops_netd_in_order,
    the_socket_is_for_its_owner_alone,
    is_found_by_itself,
    refuses_what_it_does_not_know,
    a_trace_that_nobody_reads_costs_nothing,
    records_while_it_runs,
    a_full_disk_ends_the_recording_and_not_the_game,
    a_recording_goes_on_over_a_death_without_gap_or_double,
    upgrades_and_records_both_lives,
]


def main():
    failed = 0
    print(f"1..{len(TESTS)}")
    for i, test in enumerate(TESTS, 1):
        try:
            test()
            print(f"ok {i} - {test.__name__}")
        except Exception as e:  # whatever it was, the others still run
            failed = 1
            print(f"not ok {i} - {test.__name__}")
            print(f"# {type(e).__name__}: {e}")
        sys.stdout.flush()
    return failed


sys.exit(main())
