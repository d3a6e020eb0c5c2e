# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks 13 to 22: adding tokens, lock, signatures, other programs."""
import os
import statistics
import threading
import time

import agentwire as w
from agentwire import Agent
from judge import card_asked, check, forget_commands, run, said_by, tries_left

WRONG_PIN = "000000"


# --- adding a token ---

def bad_constraints():
    a, b = w.Ed25519().blob, w.Ed25519().blob
    to_a = w.hop("a", [(a, False)])
    good = w.way(to_a)
    for kind in (0, 3, 4, 254):
        yield "an unknown constraint %d" % kind, bytes([kind])
    yield "an unknown extension", w.extension("unknown@example.org", b"\0")
    yield "an extension without a name", w.extension("")
    yield "a lifetime twice", w.lifetime(60) + w.lifetime(60)
    yield "confirm twice", w.CONFIRM + w.CONFIRM
    yield "destinations twice", w.restrict(good) + w.restrict(good)
    yield "half a lifetime", b"\1\0\0"
    yield "a good one and half of another", w.CONFIRM + b"\1\0\0"
    for n in (1, 5, len(w.RESTRICT) + 4, -1):
        yield "destinations cut at %d" % n, w.restrict(good)[:n]
    yield "a way from a user", w.restrict(
        w.way(to_a, w.hop("b", [(b, False)], user="u")))
    yield "a way from a name without keys", w.restrict(
        w.way(to_a, w.hop("b")))
    yield "a way from keys without a name", w.restrict(
        w.way(to_a, w.hop("", [(b, False)])))
    yield "a way to no name", w.restrict(w.way(w.hop("", [(a, False)])))
    yield "a way to no keys", w.restrict(w.way(w.hop("a")))
    yield "a way to what is no key", w.restrict(
        w.way(w.hop("a", [(b"no key", False)])))
    yield "something reserved in a hop", w.restrict(
        w.way(w.hop("a", [(a, False)], reserved=b"x")))
    yield "something reserved in a way", w.restrict(
        w.way(to_a, reserved=b"x"))
    yield "a user of 257 bytes", w.restrict(
        w.way(w.hop("a", [(a, False)], user="u" * 257)))
    yield "1025 ways", w.restrict(*[good] * 1025)


@check("13")
def bad_adds(t):
    """Constraints that are not understood cost no PIN try"""
    t.fresh()
    t.remove()
    tries = tries_left()
    for what, constraint in bad_constraints():
        forget_commands()
        for pin in (t.pin, WRONG_PIN):
            t.gets("%s, with %s PIN" % (what, "the" if pin == t.pin else
                                        "a wrong"),
                   t.add(constraint, pin=pin), w.FAILURE)
        t.step("nothing was added (%s)" % what, t.has_none(), "it was")
        t.gets("the card was not even asked (%s)" % what,
               (card_asked(), tries_left()), ("0", tries))
    forget_commands()
    with Agent() as agent:
        t.gets("a name with a NUL in it", agent.code(
            w.ADD_TOKEN, w.string(t.id + "\0x") + w.string(t.pin)),
            w.FAILURE)
        t.gets("a PIN with a NUL in it", agent.code(
            w.ADD_TOKEN, w.string(t.id) + w.string(t.pin[:3] + "\0" +
                                                   t.pin[3:])), w.FAILURE)
        t.gets("no PIN at all",
               agent.code(w.ADD_TOKEN, w.string(t.id)), w.FAILURE)
    t.gets("the card was not asked for these, too",
           (card_asked(), tries_left()), ("0", tries))
    good_adds(t)


def good_adds(t):
    way = w.way(w.hop("a", [(w.Ed25519().blob, False)]))
    for what, constraint in (
            ("no destinations, which means any", w.restrict()),
            ("a user of 256 bytes", w.restrict(w.way(
                w.hop("a", [(w.Ed25519().blob, False)], user="u" * 256)))),
            ("1024 ways", w.restrict(*[way] * 1024)),
            ("a lifetime and confirm", w.lifetime(3600) + w.CONFIRM)):
        if not t.ours:
            t.remove()
        t.gets("what is allowed is taken: " + what, t.add(constraint),
               w.SUCCESS)


@check("14")
def add_when_bound(t):
    """Nor does an add over a bound connection"""
    t.fresh()
    t.remove()
    host = w.Ed25519()
    for what, forwarding, signature in (("a good", False, None),
                                        ("a forwarding", True, None),
                                        ("a bad", False, b"")):
        for constraints in ((), (w.lifetime(60),)):
            forget_commands()
            tries = tries_left()
            with Agent() as agent:
                agent.bind(host, t.session, forwarding, signature)
                for pin in (t.pin, WRONG_PIN):
                    t.gets("an add after %s bind, %s PIN" % (
                        what, "the" if pin == t.pin else "a wrong"),
                        t.add(*constraints, pin=pin, agent=agent), w.FAILURE)
            t.gets("the card was not even asked",
                   (card_asked(), tries_left()), ("0", tries))
    t.step("nothing was added", t.has_none(), "it was")
    t.gets("another connection may", t.add(), w.SUCCESS)


# --- lock ---

@check("15")
def lock(t):
    """Locked with a password; a wrong one delays nobody else"""
    t.fresh()
    ec = t.key("ec")
    with Agent() as agent:
        t.gets("unlock when not locked",
               agent.code(w.UNLOCK, w.string("x")), w.FAILURE)
        t.gets("lock with an empty password",
               agent.code(w.LOCK, w.string("")), w.FAILURE)
        t.gets("lock", agent.code(w.LOCK, w.string("pass")), w.SUCCESS)
    try:
        locked(t, ec)
        wrong_unlocks(t)
    finally:
        with Agent() as agent:
            t.gets("the right password",
                   agent.code(w.UNLOCK, w.string("pass")), w.SUCCESS)
            t.step("the keys are back", ec in agent.blobs(), "not so")
            t.signs("and sign", agent, ec, w.userauth(t.session, ec))


def locked(t, ec):
    host = w.Ed25519()
    with Agent() as agent:
        t.gets("a bind is taken, locked", agent.bind(host, t.session, True),
               w.SUCCESS)
        t.gets("a bad one is not", agent.bind(host, os.urandom(32), True, b""),
               w.EXTENSION_FAILURE)
        t.gets("no key is listed", len(agent.keys()), 0)
        t.refuses("none signs", agent, ec, w.userauth(t.session, ec))
    token = w.string(t.id) + w.string(t.pin)
    forget_commands()
    with Agent() as agent:
        for what, kind, body in (
                ("lock", w.LOCK, w.string("other")),
                ("remove all", w.REMOVE_ALL, b""),
                ("remove one", w.REMOVE_KEY, w.string(ec)),
                ("add a token", w.ADD_TOKEN, token),
                ("the same with constraints", w.ADD_TOKEN_CONSTRAINED,
                 token + w.lifetime(60)),
                ("remove a token", w.REMOVE_TOKEN, token),
                ("query", w.EXTENSION, w.string("query"))):
            t.gets("locked, it does not " + what, agent.code(kind, body),
                   w.FAILURE)
    t.gets("and asks the card for nothing", card_asked(), "0")


def wrong_unlocks(t):
    """Each takes longer, but for nobody else."""
    took, others = [], []

    def ask(connection):
        start = time.monotonic()
        code = connection.code(w.UNLOCK, w.string("wrong"))
        took.append(time.monotonic() - start)
        t.gets("a wrong password", code, w.FAILURE)

    with Agent() as one, Agent() as other:
        for _ in range(3):
            asking = threading.Thread(target=ask, args=(one,))
            asking.start()
            while asking.is_alive():
                start = time.monotonic()
                other.code(w.LIST)
                others.append(time.monotonic() - start)
    t.step("the answers come later and later", took[0] < took[1] < took[2],
           str(took))
    # A list that had to wait for another client's answer took that long.
    slow = sum(s for s in others if s > 0.05)
    t.step("others are answered in under 50 ms meanwhile",
           statistics.median(others) < 0.05 and slow < sum(took) / 2,
           "%d answers in %.0f ms, at worst %.0f ms" % (
               len(others), 1000 * sum(took), 1000 * max(others)))


# --- signatures ---

def public_file(t, label, name):
    """The key as a file for OpenSSH's programs; (its blob, the path)."""
    directory = os.path.join(t.work, name)
    os.makedirs(directory)
    path = os.path.join(directory, "%s.pub" % label)
    blob = t.key(label)
    with open(path, "w", encoding="ascii") as f:
        f.write("%s %s %s\n" % (w.key_type(blob).decode(),
                                w.base64_of(blob), label))
    return blob, path


def keygen_signs(t, label, name, files, *options):
    """ssh-keygen -U; (the CA's key, the certificates)."""
    blob, ca = public_file(t, label, name)
    directory = os.path.dirname(ca)
    names = [os.path.join(directory, "%s-%d" % (name, i))
             for i in range(files)]
    for n in names:
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", n)
    result = run("ssh-keygen", "-Us", ca, "-I", name, "-V", "+1h", *options,
                 *[n + ".pub" for n in names])
    if result.returncode != 0:
        raise w.Malformed(result.stdout.decode(errors="replace").strip())
    return blob, [n + "-cert.pub" for n in names]


@check("16")
def certificates(t):
    """Users and hosts are certified by ssh-keygen"""
    t.fresh()
    me = said_by("id", "-un")
    for label, name, algorithm, kind, options in (
            ("ec", "users-ec", b"ecdsa-sha2-nistp256", "user", ()),
            ("rsa", "users-rsa", b"rsa-sha2-512", "user", ()),
            ("rsa", "users-256", b"rsa-sha2-256", "user",
             ("-t", "rsa-sha2-256")),
            ("ec", "hosts-ec", b"ecdsa-sha2-nistp256", "host", ("-h",)),
            ("rsa", "hosts-rsa", b"rsa-sha2-512", "host", ("-h",))):
        ca, certs = keygen_signs(t, label, name, 3, "-n", me + ",alice",
                                 *options)
        for cert in certs:
            body, signature = w.read_certificate(cert)
            shown = said_by("ssh-keygen", "-Lf", cert)
            t.step("%s by %s" % (os.path.basename(cert), algorithm.decode()),
                   w.verifies(ca, body, signature, algorithm) and
                   "%s certificate" % kind in shown and
                   "using %s)" % algorithm.decode() in shown, shown)
    if t.ours:
        over_a_forwarded_connection(t)


def over_a_forwarded_connection(t):
    ec, subject = t.key("ec"), w.Ed25519().blob
    with Agent() as agent:
        t.signs("a certificate on a connection of this machine", agent, ec,
                w.certificate_body(ec, subject))
        for what, values in (("without an end", {"valid": (0, 2**64 - 1)}),
                             ("without principals", {"principals": ()}),
                             ("with a comma in a principal",
                              {"principals": ("deploy,root",)})):
            t.refuses("a certificate " + what, agent, ec,
                      w.certificate_body(ec, subject, **values))
        agent.bind(w.Ed25519(), t.session, True)
        for kind in (w.USER_CERT, w.HOST_CERT):
            t.refuses("a certificate over a forwarded one (kind %d)" % kind,
                      agent, ec, w.certificate_body(ec, subject, kind=kind))


@check("17")
def long_data(t):
    """Long data is signed, and long certificates"""
    t.fresh()
    bulk = t.key("bulk")
    with Agent() as agent:
        for n in (10000, 200000):
            t.signs("%d bytes are signed" % n, agent, bulk, os.urandom(n))
        if t.ours:
            for n in (10000, 1025, 1023, 1):
                t.refuses("%d random bytes, by a key not told so" % n, agent,
                          t.key("ec"), os.urandom(n))
    names = ",".join("%03d-%s" % (i, "x" * 200) for i in range(256))
    ca, certs = keygen_signs(t, "ec", "long", 1, "-n", names)
    body, signature = w.read_certificate(certs[0])
    t.step("a certificate with 256 long principals",
           len(body) > 50000 and w.verifies(ca, body, signature),
           "the signature is not good")


@check("18")
def add_twice(t):
    """Adding a token twice is harmless"""
    t.fresh()
    again = t.add()
    if t.ours:
        t.gets("the token is added again", again, w.SUCCESS)
    else:
        t.step("the token is added again", again in (w.SUCCESS, w.FAILURE),
               str(again))
    with Agent() as agent:
        for label in ("ec", "rsa"):
            key = t.key(label)
            t.signs("%s signs on" % label, agent, key,
                    w.userauth(t.session, key, algorithm=b"rsa-sha2-512"
                               if label == "rsa" else None),
                    flags=w.RSA_SHA512 if label == "rsa" else 0)
    _, path = public_file(t, "ec", "twice")
    result = run("ssh-add", "-T", path)
    t.step("ssh-add -T works on", result.returncode == 0,
           result.stdout.decode(errors="replace"))


@check("19")
def remove_twice(t):
    """A token that is gone cannot be removed"""
    t.fresh()
    t.gets("the token is removed", t.remove(), w.SUCCESS)
    t.gets("removed once more", t.remove(), w.FAILURE)
    with Agent() as agent:
        t.gets("one that nobody has", agent.code(
            w.REMOVE_TOKEN, w.string("nobody's") + w.string("")), w.FAILURE)
    if t.ours:
        t.step("its keys are still listed", t.key("ec") is not None)


@check("20")
def unknown_flags(t):
    """Signature flags that are not known are refused"""
    t.fresh()
    rsa = t.key("rsa")
    with Agent() as agent:
        for flags in (0x08, 0x01, 0x09, 0x0c, 0x80000000):
            for name in (b"ssh-rsa", b"rsa-sha2-512"):
                t.refuses("RSA with flags 0x%x (%s)" % (
                    flags, name.decode()), agent, rsa,
                    w.userauth(t.session, rsa, algorithm=name), flags)
        for flags, name in ((2, b"rsa-sha2-256"), (4, b"rsa-sha2-512")):
            t.signs("RSA with flags %d: %s" % (flags, name.decode()), agent,
                    rsa, w.userauth(t.session, rsa, algorithm=name), name,
                    flags)


# --- other programs, and the plug ---

def signs_now(t, sentence, key):
    with Agent() as agent:
        t.signs(sentence, agent, key, w.userauth(t.session, key))


@check("21")
def other_programs(t):
    """Another program's selection or reset is survived"""
    for what, words in (
            ("selects another applet", ("send", "00A4040006D27600012401")),
            ("resets the card", ("send", "00B0000000", "reset"))):
        t.fresh()
        # Not sooner: OpenSC would take the card for an OpenPGP card.
        run("vhsmctl", "quirk", "other-applet", "on")
        try:
            survives(t, what, words)
        finally:
            run("vhsmctl", "quirk", "other-applet", "off")


def survives(t, what, words):
    ec = t.key("ec")
    signs_now(t, "a signature before another program " + what, ec)
    t.gets("the other program " + what, run("vhsmuser", *words).returncode,
           0)
    signs_now(t, "the next signature after it " + what, ec)
    signs_now(t, "and one more", ec)


def until(seconds, asks):
    end = time.monotonic() + seconds
    while not asks():
        if time.monotonic() > end:
            raise w.Malformed("nothing happens for %d seconds" % seconds)
        time.sleep(0.02)


@check("22")
def replug(t):
    """So is a token that is pulled and put back"""
    t.fresh()
    ec = t.key("ec")
    signs_now(t, "a signature before", ec)
    run("vhsmctl", "pull")
    until(10, lambda: run("vhsmuser", "send",
                          "00200081").returncode != 0)
    run("vhsmctl", "insert")
    run("vhsmctl", "pcscd", "wait")
    signs_now(t, "the next one after the token was pulled and put back", ec)
    signs_now(t, "and one more", ec)
