#!/usr/bin/env python3
"""An echo game for netd, from ipc/PROTOCOL.md and Python's library alone.

    netd --wait DIR &
    echo_game.py DIR line://127.0.0.1:4000

Every player gets back what they say; "bye" hangs up on them, "all TEXT" goes
to everybody. It prints the address of its listener, and ends on STOP.
"""
import array
import os
import socket
import struct
import sys

HELLO, WELCOME, OPENED, MESSAGE, CLOSED = 1, 2, 11, 12, 13
LISTENING, STOP, FAULT = 19, 20, 22
COMMIT, SEND, SEND_GROUP, CLOSE, LISTEN, BYE = 40, 41, 42, 44, 48, 58
KICKED = 2
BINARY = 4
NUMBERS = {"c": "B", "v": "H", "u": "I", "U": "Q"}


def frame(kind, flags=0, channel=0, ident=0, data=b""):
    return (b"tpl\0" + struct.pack("<I", 30 + len(data)) + b"ccvUB\0"
            + struct.pack("<BBHQI", kind, flags, channel, ident, len(data))
            + data)


def image(fmt, *values):
    """A typed message's bytes."""
    out = b""
    for t, v in zip(fmt, values):
        if t in NUMBERS:
            out += struct.pack("<" + NUMBERS[t], v)
        elif t == "s":
            out += struct.pack("<I", len(v) + 1) + v
        else:
            out += struct.pack("<I", len(v)) + v
    head = b"tpl" + bytes([2 if "s" in fmt else 0])
    name = fmt.encode() + b"\0"
    return head + struct.pack("<I", 8 + len(name) + len(out)) + name + out


def fields(fmt, data):
    """The values of a typed message."""
    name = fmt.encode() + b"\0"
    length = struct.unpack_from("<I", data, 4)[0]
    if length != len(data) or data[8:8 + len(name)] != name:
        raise ValueError(f"an image that is not of {fmt}")
    at, values = 8 + len(name), []
    for t in fmt:
        if t in NUMBERS:
            size = struct.calcsize("<" + NUMBERS[t])
            values.append(struct.unpack_from("<" + NUMBERS[t], data, at)[0])
            at += size
            continue
        n = struct.unpack_from("<I", data, at)[0]
        n = max(n - 1, 0) if t == "s" else n
        values.append(data[at + 4:at + 4 + n])
        at += 4 + n
    if at != len(data):
        raise ValueError("bytes left over")
    return values


class Link:
    """The two pipes: whole frames up, turns down."""

    def __init__(self, folder):
        up, netd_up = os.pipe()
        netd_down, down = os.pipe()
        self.control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control.connect(os.path.join(folder, "penstock.sock"))
        fds = array.array("i", [netd_up, netd_down])
        self.control.sendmsg(
            [struct.pack("<IIQ", 1, 0, 0)],
            [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
        os.close(netd_up)
        os.close(netd_down)
        self.up, self.down = up, down
        self.seen, self.taken, self.max = b"", 0, 1 << 20

    def write(self, *frames):
        data = b"".join(frames)
        while data:
            data = data[os.write(self.down, data):]

    def turn(self):
        """All whole frames of one read: (kind, flags, channel, id, bytes)."""
        out = []
        while not out:
            more = os.read(self.up, 65536)
            if not more:
                raise EOFError("netd is gone")
            self.seen += more
            while len(self.seen) >= 30:
                whole = struct.unpack_from("<I", self.seen, 4)[0]
                if self.seen[:4] != b"tpl\0" or not 30 <= whole <= self.max:
                    raise ValueError("not a frame")
                if len(self.seen) < whole:
                    break
                kind, flags, channel, ident, n = struct.unpack_from(
                    "<BBHQI", self.seen, 14)
                if n != whole - 30 or self.seen[8:14] != b"ccvUB\0":
                    raise ValueError("not a frame")
                out.append((kind, flags, channel, ident,
                            self.seen[30:whole]))
                self.seen = self.seen[whole:]
                self.taken += 1
        return out


def answer(kind, flags, channel, ident, data):
    """The frames that one frame makes the game write."""
    if kind == OPENED:
        return [frame(SEND, 0, 0, ident, b"hello from python")]
    if kind == MESSAGE and data == b"bye":
        return [frame(CLOSE, 0, KICKED, ident, b"so long")]
    if kind == MESSAGE and data.startswith(b"all "):
        return [frame(SEND_GROUP, flags & BINARY, 0, 0, data[4:])]
    if kind == MESSAGE:
        return [frame(SEND, flags & BINARY, 0, ident, data)]
    if kind == LISTENING:
        _, error, url, text = fields("uvss", data)
        if error:
            raise OSError(text.decode())
        print(url.decode(), flush=True)
    if kind == FAULT:
        raise ValueError(fields("Us", data)[1].decode())
    return []


def main():
    link = Link(sys.argv[1])
    link.write(frame(HELLO, 0, 0, 0, image(
        "vuUUs", 1, 1 << 20, 0, os.getpid(), b"python-echo")))
    stopping = False
    while not stopping:
        out = []
        for kind, flags, channel, ident, data in link.turn():
            if kind == WELCOME:
                version, link.max, *_ = fields("vuUUus", data)
                if version != 1:
                    raise ValueError(f"netd speaks version {version}")
                out += [frame(LISTEN, 0, 0, n, image("s", url.encode()))
                        for n, url in enumerate(sys.argv[2:], 1)]
            elif kind == STOP:
                stopping = True
                out += [frame(SEND_GROUP, 0, 0, 0, b"goodbye"), frame(BYE)]
            else:
                out += answer(kind, flags, channel, ident, data)
        out.append(frame(COMMIT, 0, 0, link.taken))
        link.write(*out)


if __name__ == "__main__":
    main()
