#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program of Cygwin as the agent sees it, and several that are none.

cygwin-peer.py FILE WHAT: prints "ok" when the agent behind the socket's file
does what it should.  Written down from what Cygwin does; shares no line with
the agent.
"""
import re
import socket
import struct
import sys
import time

LIST = b"\0\0\0\1\x0b"
PATIENCE = 20


def read_file(path):
    text = open(path, "rb").read().decode()
    m = re.fullmatch("!<socket >([0-9]+) s ([0-9A-F]{8})-([0-9A-F]{8})-"
                     "([0-9A-F]{8})-([0-9A-F]{8})", text)
    if m is None:
        sys.exit("not what Cygwin writes: %r" % text)
    words = [int(w, 16) for w in m.groups()[1:]]
    return int(m.group(1)), struct.pack("<4I", *words)


def connect(port):
    s = socket.create_connection(("127.0.0.1", port), PATIENCE)
    s.settimeout(PATIENCE)
    return s


def take(s, n):
    got = b""
    while len(got) < n:
        more = s.recv(n - len(got))
        if not more:
            sys.exit("hung up after %d of %d bytes" % (len(got), n))
        got += more
    return got


def put_slowly(s, data):
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for i in range(len(data)):
        s.sendall(data[i:i + 1])


def shake(port, nonce, put=socket.socket.sendall):
    return shake_on(connect(port), nonce, put)


def shake_on(s, nonce, put=socket.socket.sendall):
    put(s, nonce)
    if take(s, 16) != nonce:
        sys.exit("another nonce came back")
    put(s, struct.pack("<3I", 4242, 1000, 1000))
    take(s, 12)
    return s


def listed(s, put=socket.socket.sendall):
    put(s, LIST)
    n = struct.unpack(">I", take(s, 4))[0]
    body = take(s, n)
    if body[0] != 12:
        sys.exit("no list of keys came")
    return struct.unpack(">I", body[1:5])[0]


def must_have_keys(s, put=socket.socket.sendall):
    if listed(s, put) == 0:
        sys.exit("the list is empty")


def must_hang_up(s):
    """Without a byte, and whoever waits for it is told when."""
    begin = time.monotonic()
    try:
        if s.recv(1):
            sys.exit("it was answered")
    except ConnectionResetError:
        pass
    except socket.timeout:
        sys.exit("the connection stays open")
    return time.monotonic() - begin


def do_list(port, nonce):
    s = shake(port, nonce)
    must_have_keys(s)
    must_have_keys(s)


def do_split(port, nonce):
    must_have_keys(shake(port, nonce, put_slowly), put_slowly)


def do_eager(port, nonce):
    """All at once, with the first request behind it."""
    s = connect(port)
    s.sendall(nonce + bytes(12) + LIST)
    if take(s, 16) != nonce:
        sys.exit("another nonce came back")
    take(s, 12)
    n = struct.unpack(">I", take(s, 4))[0]
    if take(s, n)[0] != 12:
        sys.exit("no list of keys came")


def do_wrong(port, nonce):
    for at in (0, 15):
        bad = bytearray(nonce)
        bad[at] ^= 1
        s = connect(port)
        s.sendall(bytes(bad))
        must_hang_up(s)
    s = connect(port)
    s.sendall(LIST + bytes(11))
    must_hang_up(s)


def do_slow(port, nonce):
    """One says nothing, one stops halfway, one does not say who it is."""
    slow = [connect(port) for _ in range(3)]
    slow[1].sendall(nonce[:15])
    slow[2].sendall(nonce)
    if take(slow[2], 16) != nonce:
        sys.exit("another nonce came back")
    begin = time.monotonic()
    must_have_keys(shake(port, nonce))
    took = time.monotonic() - begin
    if took > 2:
        sys.exit("others waited for %.1f s" % took)
    for s in slow:
        must_hang_up(s)


def do_flood(port, nonce):
    """Hundreds say nothing; those who do are let in at once."""
    flood = []
    worst = 0
    for i in range(900):
        flood.append(connect(port))
        if i % 100 == 99:
            begin = time.monotonic()
            must_have_keys(shake(port, nonce))
            worst = max(worst, time.monotonic() - begin)
    if worst > 2:
        sys.exit("others waited for %.1f s" % worst)
    for s in flood[:300]:
        must_hang_up(s)


def do_amid(port, nonce):
    """One gets a word in after others have come behind him."""
    for _ in range(5):
        s = connect(port)
        others = [connect(port) for _ in range(50)]
        must_have_keys(shake_on(s, nonce))
        for o in others:
            o.close()


def main():
    port, nonce = read_file(sys.argv[1])
    {"list": do_list, "split": do_split, "eager": do_eager,
     "wrong": do_wrong, "slow": do_slow, "flood": do_flood, "amid": do_amid,
     "port": lambda port, nonce: print(port)}[sys.argv[2]](port, nonce)
    if sys.argv[2] != "port":
        print("ok")


main()
