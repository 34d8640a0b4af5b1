#!/usr/bin/env python3
"""A game that knows nothing but ipc/PROTOCOL.md plays with a real netd."""
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
NETD = os.environ.get("NETD", os.path.join(HERE, "../../bin/netd"))
WAIT_S = 10


def wait_for(what, condition):
    end = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not in {WAIT_S} s")
        time.sleep(0.002)


class World:
    """netd, the game, and what they said."""

    def __init__(self, folder):
        self.log = open(os.path.join(folder, "netd.log"), "w+b")
        self.wait = os.path.join(folder, "wait")
        self.netd = subprocess.Popen(
            [NETD, "--wait", self.wait], stdin=subprocess.DEVNULL,
            stdout=self.log, stderr=self.log)
        self.game = None
        wait_for("netd waits",
                 lambda: os.path.exists(self.wait + "/penstock.sock"))

    def play(self, *urls):
        self.game = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "echo_game.py"),
             self.wait, *urls],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        return [self.game.stdout.readline().strip() for _ in urls]

    def said(self):
        self.log.seek(0)
        return self.log.read().decode()

    def end(self):
        # The game first: without netd it would complain amid our lines.
        for p in (self.game, self.netd):
            if p and p.poll() is None:
                p.kill()
            if p:
                p.wait()
        if self.game:
            self.game.stdout.close()
        self.log.close()


def connect(url):
    host, port = url.split("://")[1].split("/")[0].rsplit(":", 1)
    s = socket.create_connection((host.strip("[]"), int(port)), WAIT_S)
    s.settimeout(WAIT_S)
    return s, s.makefile("rb")


def echoes_lines_and_frames(w):
    line_url, tcp_url = w.play("line://127.0.0.1:0", "tcp://127.0.0.1:0")
    a, a_in = connect(line_url)
    assert a_in.readline() == b"hello from python\n"
    a.sendall("one\nzwei \u00e4\n".encode())
    assert a_in.readline() == b"one\n"
    assert a_in.readline() == "zwei \u00e4\n".encode()
    b, b_in = connect(tcp_url)
    hello = b"hello from python"
    assert b_in.read(4 + len(hello)) == len(hello).to_bytes(4, "big") + hello
    b.sendall(b"\0\0\0\5a\0b\nc")
    assert b_in.read(9) == b"\0\0\0\5a\0b\nc"
    b.sendall(b"\0\0\0\11all of us")
    assert a_in.readline() == b"of us\n"
    assert b_in.read(9) == b"\0\0\0\5of us"


def hangs_up_with_a_last_word(w):
    [url] = w.play("line://127.0.0.1:0")
    s, s_in = connect(url)
    s.sendall(b"bye\n")
    assert s_in.read() == b"hello from python\nso long\n"
    wait_for("the reason in the log", lambda: "why=kicked" in w.said())


def keeps_ten_thousand_messages_in_order(w):
    [url] = w.play("line://127.0.0.1:0")
    s, s_in = connect(url)
    assert s_in.readline() == b"hello from python\n"
    for begin in range(0, 10000, 500):
        some = b"".join(b"%d\n" % i for i in range(begin, begin + 500))
        s.sendall(some)
        for i in range(begin, begin + 500):
            got = s_in.readline()
            assert got == b"%d\n" % i, (i, got)


def says_goodbye_on_stop(w):
    [url] = w.play("line://127.0.0.1:0")
    _, s_in = connect(url)
    assert s_in.readline() == b"hello from python\n"
    w.netd.send_signal(signal.SIGTERM)
    assert b"goodbye\n" in s_in.read()
    assert w.netd.wait(WAIT_S) == 0, w.netd.returncode
    assert w.game.wait(WAIT_S) == 0, w.game.returncode


def outlives_its_game_and_takes_the_next(w):
    [url] = w.play("line://127.0.0.1:0")
    s, s_in = connect(url)
    assert s_in.readline() == b"hello from python\n"
    w.game.kill()
    w.game.wait()
    w.game.stdout.close()
    wait_for("netd notices", lambda: "game_gone" in w.said())
    s.sendall(b"anybody?\n")
    w.play("line://127.0.0.1:0")
    # The player is told of again, and what they said waited.
    assert s_in.readline() == b"hello from python\n"
    assert s_in.readline() == b"anybody?\n"


TESTS = [echoes_lines_and_frames, hangs_up_with_a_last_word,
         keeps_ten_thousand_messages_in_order, says_goodbye_on_stop,
         outlives_its_game_and_takes_the_next]


def main():
    failed = 0
    print(f"1..{len(TESTS)}")
    for n, test in enumerate(TESTS, 1):
        with tempfile.TemporaryDirectory(prefix="penstock-") as folder:
            w = World(folder)
            try:
                test(w)
                print(f"ok {n} - {test.__name__}")
            except Exception as e:
                failed += 1
                print(f"not ok {n} - {test.__name__}")
                print(f"# {type(e).__name__}: {e}\n# netd said:")
                print("".join(f"#   {x}\n" for x in w.said().splitlines()))
            finally:
                w.end()
    return 1 if failed else 0


sys.exit(main())
