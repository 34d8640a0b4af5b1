#!/usr/bin/env python3
"""netctl without a running netd to ask: recordings, lines and frames, and
standing in for the game and for the network."""
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import zlib

BIN = os.path.abspath(os.environ.get("BIN", "bin"))
NETCTL = f"{BIN}/netctl"
NETD = f"{BIN}/netd"
ECHO = f"{BIN}/echo"
DEADLINE_S = 20

UP, DOWN, CHECKPOINT, RESTART, NOTE, END = range(1, 7)


def netctl(*args, stdin=b"", status=0):
    """Run it to its end: what it printed, and what it complained of."""
    p = subprocess.run([NETCTL, *args], input=stdin, capture_output=True,
                       timeout=DEADLINE_S)
    assert p.returncode == status, (args, p.returncode, p.stdout, p.stderr)
    return p.stdout, p.stderr.decode()


def record(type, position, data, time_us):
    head = struct.pack("<BBHIqQI", type, 0, 0, len(data), time_us, position,
                       zlib.crc32(data))
    return head + struct.pack("<I", zlib.crc32(head)) + data


def recording(text, records):
    """A recording made with nothing but recording.h's words on it."""
    magic = b"penstock recording 1\n"
    n = struct.pack("<I", len(text))
    head = magic + n + struct.pack("<I", zlib.crc32(magic + n + text)) + text
    return head + b"".join(record(*r) for r in records)


def frames(*lines):
    return netctl("make", stdin="\n".join(lines).encode() + b"\n")[0]


def game():
    """Two turns of an echo game."""
    return recording(b"program=echo\narg=--listen\n", [
        (DOWN, 1, frames('HELLO version=1 game="echo"'), 1_000_000),
        (UP, 1, frames("WELCOME version=1", "NOW id=5"), 2_000_000),
        (UP, 3, frames('OPENED id=7 peer="x"', 'MESSAGE id=7 "one"'),
         2_000_000),
        (DOWN, 2, frames('SEND id=7 "one"', "COMMIT id=4"), 2_500_000),
        (CHECKPOINT, 4, b"number=1", 2_600_000),
        (UP, 5, frames('MESSAGE id=7 "two"'), 3_000_000),
        (DOWN, 3, frames('SEND id=7 "two"', "COMMIT id=5"), 3_000_100),
        (UP, 6, frames("CLOSED id=7 channel=slow"), 4_000_000),
        (END, 6, b"how=signal signal=11", 5_000_000),
    ])


class Dir:
    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="netctl-test-")
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path)

    def file(self, name, data):
        path = f"{self.path}/{name}"
        with open(path, "wb" if isinstance(data, bytes) else "w") as f:
            f.write(data)
        return path

    def bytes(self, name):
        with open(f"{self.path}/{name}", "rb") as f:
            return f.read()


def dump(path, *options):
    return netctl("dump", *options, path)[0].decode().splitlines()


# ---- recordings -------------------------------------------------------------


def dumps_one_line_a_frame_with_direction_position_and_time():
    with Dir() as d:
        lines = dump(d.file("a.rec", game()))
    assert lines[0] == "# program=echo"
    assert lines[2] == "# begins at 1970-01-01T00:00:01.000000Z"
    assert '< 4 1.000000 MESSAGE id=7 "one"' in lines
    assert '> 2 1.500000 SEND id=7 "one"' in lines
    assert "> 2 1.500000 COMMIT id=4" in lines
    assert "# 4 1.600000 checkpoint number=1" in lines
    assert lines[-1] == "# 6 4.000000 end how=signal signal=11"


def filters_by_kind_and_connection():
    with Dir() as d:
        path = d.file("a.rec", game())
        kinds = [x.split()[3] for x in dump(path, "--kind", "message")
                 if x[0] in "<>"]
        conns = [x.split()[4] for x in dump(path, "--conn", "7")
                 if x[0] in "<>"]
    assert kinds == ["MESSAGE"] * 2, kinds
    assert conns == ["id=7"] * 6, conns


def what_is_dumped_can_be_made_again():
    with Dir() as d:
        path = d.file("a.rec", game())
        made = netctl("make", stdin=netctl("dump", "--all", path)[0])[0]
    want = frames('HELLO version=1 game="echo"', "WELCOME version=1",
                  "NOW id=5", 'OPENED id=7 peer="x"', 'MESSAGE id=7 "one"',
                  'SEND id=7 "one"', "COMMIT id=4", 'MESSAGE id=7 "two"',
                  'SEND id=7 "two"', "COMMIT id=5",
                  "CLOSED id=7 channel=slow")
    assert made == want


def dumps_a_raw_pipe_as_it_flows():
    with subprocess.Popen([NETCTL, "dump", "-"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as p:
        for i in range(1, 4):
            p.stdin.write(frames(f'MESSAGE id={i} "x"'))
            p.stdin.flush()
            assert select.select([p.stdout], [], [], DEADLINE_S)[0]
            got = p.stdout.readline().decode()
            assert got == f'< {i} MESSAGE id={i} "x"\n', got
        p.stdin.write(b"tpl\0garbage, not a frame, at all")
        p.stdin.close()
        assert p.wait(DEADLINE_S) == 1
        assert b"after 93 bytes, frame up 3" in p.stderr.read()


def cuts_and_joins_to_the_same_bytes_of_frames():
    with Dir() as d:
        whole = d.file("a.rec", game())
        lines = [x for x in dump(whole) if x[0] in "<>"]
        for at in range(1, 6):
            a, b, c = (f"{d.path}/{x}" for x in "abc")
            netctl("cut", whole, "--until", str(at), "-o", a)
            netctl("cut", whole, "--from", str(at + 1), "-o", b)
            netctl("join", a, b, "-o", c)
            got = [x for x in dump(c) if x[0] in "<>"]
            assert got == lines, (at, got)
        # An overlap is taken once.
        netctl("cut", whole, "--until", "5", "-o", a)
        netctl("cut", whole, "--from", "4", "-o", b)
        netctl("join", a, b, "-o", c)
        assert [x for x in dump(c) if x[0] in "<>"] == lines
        # A gap is refused, and nothing is left behind.
        os.unlink(c)
        netctl("cut", whole, "--until", "3", "-o", a)
        netctl("cut", whole, "--from", "5", "-o", b)
        why = netctl("join", a, b, "-o", c, status=1)[1]
        assert "the first one ends at" in why, why
        assert not os.path.exists(c)


def a_torn_recording_is_mended_and_a_damaged_one_ends_where_it_is_good():
    with Dir() as d:
        data = game()
        torn = d.file("torn.rec", data[:-3])
        out, why = netctl("dump", torn)
        assert b"CLOSED" in out and "torn at offset" in why, why
        netctl("cut", torn, "-o", f"{d.path}/mended.rec")
        out, why = netctl("dump", f"{d.path}/mended.rec")
        assert b"CLOSED" in out and why == "", why
        bad = bytearray(data)
        bad[-60] ^= 1  # in the CLOSED frame's record
        out, why = netctl("dump", d.file("bad.rec", bytes(bad)), status=1)
        assert b'"two"' in out and b"CLOSED" not in out
        assert "damaged at offset" in why, why


def says_what_is_not_a_recording():
    with Dir() as d:
        for data, words in (b"", "empty"), (b"hello", "not a recording"), \
                (b"penstock recording 7\n" + bytes(20), "another version"):
            why = netctl("stats", d.file("x", data), status=1)[1]
            assert words in why, why
        assert "No such file" in netctl("dump", f"{d.path}/none", status=1)[1]


def counts_frames_connections_and_rates():
    with Dir() as d:
        out = netctl("stats", d.file("a.rec", game()))[0].decode()
    assert "duration: 4.000000 s" in out, out
    assert re.search(r"^up: 6 frames, \d+ bytes, 1.5 frames/s", out, re.M), out
    assert re.search(r"^  MESSAGE +2 frames +66 bytes", out, re.M), out
    assert "connections: 1 opened, 1 closed, 1 at once" in out, out
    assert re.search(r"^  slow +1$", out, re.M), out
    assert out.endswith("ended: yes\n")


def refuses_a_line_with_its_column():
    why = netctl("make", stdin=b'TICK\nMESSAGE id=x\n', status=1)[1]
    assert why == "netctl: line 2, column 12: a number is wanted here\n", why


def says_when_its_output_cannot_be_written():
    with Dir() as d, open("/dev/full", "wb") as full:
        path = d.file("a.rec", game())
        p = subprocess.run([NETCTL, "dump", path], stdout=full,
                           stderr=subprocess.PIPE, timeout=DEADLINE_S)
        assert p.returncode == 1 and b"No space left" in p.stderr
        why = netctl("cut", path, "-o", "/dev/full", status=1)[1]
        assert "No space left" in why, why


# ---- standing in ------------------------------------------------------------

SCRIPT = """
# a player comes, says hello, goes
> LISTEN
< OPENED id=1 peer="a test"
< MESSAGE id=1 "hello"
> SEND id=1 "hello"
< MESSAGE id=1 "again"
< MESSAGE id=1 "and again"
>> SEND id=1 "and"*
< CLOSED id=1 channel=left
< STOP id=1000
> BYE
end 0
"""


def plays_the_network_of_a_game():
    with Dir() as d:
        netctl("network", "--script", d.file("s", SCRIPT), "--", ECHO)


def an_expectation_that_fails_names_its_line():
    with Dir() as d:
        bad = SCRIPT.replace('> SEND id=1 "hello"', '> SEND id=1 "hullo"')
        path = d.file("s", bad)
        why = netctl("network", "--script", path, "--", ECHO, status=1)[1]
        assert f'{path}:6: expected: SEND id=1 "hullo"' in why, why
        silent = d.file("t", "> LISTEN\n> SEND\n")
        why = netctl("network", "--timeout", "1", "--script", silent, "--",
                     ECHO, status=1)[1]
        assert f"{silent}:2: gave up before: SEND" in why, why


def a_game_that_cannot_start_or_ends_at_once_is_said():
    with Dir() as d:
        s = d.file("s", "> LISTEN\n")
        why = netctl("network", "--script", s, "--", "/bin/true", status=1)[1]
        assert "ended before it attached" in why, why
        why = netctl("network", "--script", s, "--", "/none", status=1)[1]
        assert "cannot start '/none'" in why, why


class Netd:
    """A netd that waits for a game, with one line:// listener."""

    def __init__(self, path):
        self.dir = path

    def __enter__(self):
        self.process = subprocess.Popen(
            [NETD, "--wait", self.dir, "line://127.0.0.1:0"],
            stderr=subprocess.PIPE)
        self.port = None
        log = b""
        until = time.monotonic() + DEADLINE_S
        while not (m := re.search(rb"url=line://127.0.0.1:(\d+)", log)) or \
                b"waiting" not in log:
            assert time.monotonic() < until, log
            if select.select([self.process.stderr], [], [], 1)[0]:
                more = os.read(self.process.stderr.fileno(), 65536)
                assert more, log
                log += more
        self.port = int(m[1])
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=DEADLINE_S)


def plays_the_game_of_a_netd():
    script = """
< OPENED
< MESSAGE "look"
> SEND id=1 "a room"
> CLOSE id=1 channel=kicked
>> BYE
"""
    script = script.replace(">> BYE", "<< CLOSED id=1\n> BYE\nend")
    with Dir() as d, Netd(f"{d.path}/wait") as netd:
        with socket.create_connection(("127.0.0.1", netd.port)) as player:
            player.settimeout(DEADLINE_S)
            player.sendall(b"look\n")
            netctl("game", f"{d.path}/wait", "--script", d.file("s", script))
            got = b""
            while more := player.recv(1000):
                got += more
            assert got.startswith(b"a room\n"), got


def a_person_types_a_game():
    with Dir() as d, Netd(f"{d.path}/wait") as netd, \
            subprocess.Popen([NETCTL, "game", f"{d.path}/wait"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE) as p:
        def until(words):
            while words not in (line := p.stdout.readline().decode()):
                assert line, f"it ended before {words}"
            return line

        until("WELCOME")
        with socket.create_connection(("127.0.0.1", netd.port)) as player:
            player.settimeout(DEADLINE_S)
            conn = re.search(r"OPENED id=(\d+)", until("OPENED"))[1]
            player.sendall(b"hi\n")
            until(f'MESSAGE id={conn} "hi"')
            p.stdin.write(f'SAY\nSEND id={conn} "hi too"\n'.encode())
            p.stdin.flush()
            assert player.recv(100) == b"hi too\n"
            p.stdin.close()
            assert p.wait(DEADLINE_S) == 0
            assert b"no such kind of message: 'SAY'" in p.stderr.read()


def nobody_there_is_said():
    with Dir() as d:
        why = netctl("game", d.path, status=1)[1]
        assert "cannot attach in" in why, why


def raw_sends_what_is_said_and_nothing_else():
    with Dir() as d, Netd(f"{d.path}/wait"):
        script = d.file("s", "> TICK_STOP\n> COMMIT\n<< FAULT\nend\n")
        out = netctl("game", f"{d.path}/wait", "--raw", "--script",
                     script)[0].decode()
        assert "HELLO" not in out and "FAULT" in out, out


def a_wrong_call_says_the_right_one():
    for args in ["dump"], ["cut", "a"], ["join", "a", "-o", "b"], \
            ["stats"], ["game"], ["network"], ["dump", "--bogus", "a"], \
            ["cut", "a", "--from", "x", "-o", "b"], ["dump", "--kind"]:
        assert f"usage: netctl {args[0]}" in netctl(*args, status=2)[1]
    assert "Commands:" in netctl(status=2)[1]
    assert b"Commands:" in netctl("--help")[0]


TESTS = [
    dumps_one_line_a_frame_with_direction_position_and_time,
    filters_by_kind_and_connection,
    what_is_dumped_can_be_made_again,
    dumps_a_raw_pipe_as_it_flows,
    cuts_and_joins_to_the_same_bytes_of_frames,
    a_torn_recording_is_mended_and_a_damaged_one_ends_where_it_is_good,
    says_what_is_not_a_recording,
    counts_frames_connections_and_rates,
    refuses_a_line_with_its_column,
    says_when_its_output_cannot_be_written,
    plays_the_network_of_a_game,
    an_expectation_that_fails_names_its_line,
    a_game_that_cannot_start_or_ends_at_once_is_said,
    plays_the_game_of_a_netd,
    a_person_types_a_game,
    nobody_there_is_said,
    raw_sends_what_is_said_and_nothing_else,
    a_wrong_call_says_the_right_one,
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
