# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks 1 to 12: extensions, session-bind and destinations."""
import os
import time

import agentwire as w
from agentwire import Agent
from judge import check


def flip(b, at):
    return b[:at] + bytes([b[at] ^ 1]) + b[at + 1:]


HOST_TYPES = (("Ed25519", w.Ed25519),
              ("P-256", w.Ecdsa),
              ("P-384", lambda: w.Ecdsa(b"nistp384")),
              ("P-521", lambda: w.Ecdsa(b"nistp521")),
              ("RSA", w.Rsa))


# --- extensions and session-bind ---

@check("1")
def query(t):
    """Extensions are listed, and an unknown one does no harm"""
    with Agent() as agent:
        code, body = agent.ask(w.EXTENSION, w.string("query"))
        t.gets("query is answered", code, w.EXTENSION_RESPONSE)
        if code == w.EXTENSION_RESPONSE:
            names = w.Reader(body).strings()
            t.gets("the answer has the name of what was asked", names[:1],
                   [b"query"])
            t.step("session-bind is listed", w.BIND in names[1:], str(names))
            if t.ours:
                t.step("so is our own", b"status@hsm-ssh-agent" in names[1:],
                       str(names))
        for name in ("unknown@example.org", "", "query@openssh.com"):
            t.gets("an unknown extension %r is answered by 5 alone" % name,
                   agent.ask(w.EXTENSION, w.string(name) + b"contents"),
                   (w.FAILURE, b""))
        t.gets("the connection is kept", agent.code(w.LIST), w.LISTED)


@check("2")
def good_bind(t):
    """A connection is bound to a host"""
    t.fresh()
    ec = t.key("ec")
    for name, make in HOST_TYPES:
        host = make()
        with Agent() as agent:
            t.gets("a good bind by a host key %s" % name,
                   agent.bind(host, t.session), w.SUCCESS)
            t.step("the keys are listed after it (%s)" % name,
                   ec in agent.blobs(), "the key is missing")
            t.signs("and sign (%s)" % name, agent, ec,
                    w.userauth(t.session, ec, host=host.blob))
    cert = w.certificate(w.Ed25519(), host.blob, kind=w.HOST_CERT)
    with Agent() as agent:
        t.gets("a good bind by a host certificate",
               agent.code(w.EXTENSION, w.bind(host, t.session, blob=cert)),
               w.SUCCESS)


def bad_binds(session):
    """(what is wrong, the message)."""
    for name, make in HOST_TYPES:
        host = make()
        good = host.sign(session)
        yield ("a bit of the signature changed (%s)" % name,
               w.bind(host, session, signature=flip(good, len(good) - 1)))
        yield ("a bit of the session id changed (%s)" % name,
               w.bind(host, flip(session, 7), signature=good))
        yield ("a bit of the key changed (%s)" % name,
               w.bind(host, session,
                      blob=flip(host.blob, len(host.blob) - 1)))
        yield ("another key of that type (%s)" % name,
               w.bind(host, session, blob=make().blob))
    yield ("a signature by another algorithm",
           w.bind(w.Ecdsa(), session, signature=w.Ed25519().sign(session)))
    yield ("no signature", w.bind(host, session, signature=b""))
    whole = w.bind(host, session)
    for n in (len(w.string(w.BIND)), len(w.string(w.BIND)) + 2,
              len(whole) // 2, len(whole) - 1):
        yield "the message cut at %d bytes" % n, whole[:n]


@check("3")
def bad_bind(t):
    """A false bind is refused, and hides constrained keys"""
    to_a = w.restrict(w.way(w.hop("a", [(w.Ed25519().blob, False)])))
    t.fresh(to_a)
    for what, message in bad_binds(t.session):
        with Agent() as agent:
            t.gets("a bind with %s" % what,
                   agent.code(w.EXTENSION, message), w.EXTENSION_FAILURE)
            t.gets("constrained keys are not listed after it",
                   len(agent.keys()), 0)
    if t.ours:
        # OpenSSH says yes to the longer one and forgets it.
        for n, code in ((128, w.SUCCESS), (129, w.EXTENSION_FAILURE)):
            with Agent() as agent:
                t.gets("a bind with a session id of %d bytes" % n,
                       agent.bind(w.Ed25519(), os.urandom(n)), code)
    t.fresh()
    with Agent() as agent:
        agent.code(w.EXTENSION, message)
        t.step("keys without constraints are listed after it",
               t.key("ec") in agent.blobs(), "the key is missing")


@check("3b")
def bad_bind_two_tokens(t):
    """... and no other keys"""
    to_a = w.restrict(w.way(w.hop("a", [(w.Ed25519().blob, False)])))
    t.fresh(to_a)
    t.gets("another token is added without constraints",
           t.add(name=t.second), w.SUCCESS)
    host = w.Ed25519()
    with Agent() as agent:
        all_keys = agent.blobs()
        t.gets("a bad bind", agent.bind(host, t.session, signature=b""),
               w.EXTENSION_FAILURE)
        left = agent.blobs()
        t.step("the other token's keys alone are listed after it",
               0 < len(left) < len(all_keys) and t.key("ec") not in left,
               "%d of %d keys" % (len(left), len(all_keys)))
        for blob in left:
            t.signs("and sign", agent, blob, w.userauth(t.session, blob))
        t.refuses("the constrained ones do not", agent, t.key("ec"),
                  w.userauth(t.session, t.key("ec")))


@check("4")
def bind_again(t):
    """A connection is bound once"""
    a, b = w.Ed25519(), w.Ecdsa()
    other = os.urandom(32)
    for what, host, session, forwarding in (
            ("the same", a, t.session, False),
            ("the same as forwarding", a, t.session, True),
            ("another session", a, other, False),
            ("another host", b, other, False),
            ("another host, forwarding", b, other, True)):
        with Agent() as agent:
            t.gets("a good bind", agent.bind(a, t.session), w.SUCCESS)
            t.gets("after it: " + what,
                   agent.bind(host, session, forwarding),
                   w.EXTENSION_FAILURE)


@check("5")
def many_binds(t):
    """Sixteen hops are followed, and no more"""
    hosts = [w.Ed25519() for _ in range(17)]
    ids = [os.urandom(32) for _ in range(17)]
    with Agent() as agent:
        t.gets("sixteen forwarding binds",
               [agent.bind(hosts[i], ids[i], True) for i in range(16)],
               [w.SUCCESS] * 16)
        t.gets("a seventeenth", agent.bind(hosts[16], ids[16], True),
               w.EXTENSION_FAILURE)
    with Agent() as agent:
        agent.bind(hosts[0], ids[0], True)
        t.gets("the same forwarding bind once more",
               agent.bind(hosts[0], ids[0], True), w.SUCCESS)
        t.gets("the same session, another key",
               agent.bind(hosts[1], ids[0], True), w.EXTENSION_FAILURE)
    with Agent() as agent:
        agent.bind(hosts[0], ids[0], True)
        t.gets("another session, the same key",
               agent.bind(hosts[0], ids[1], True), w.SUCCESS)
    with Agent() as agent:
        for byte in (2, 128, 255):
            t.gets("a bind whose byte for forwarding is %d" % byte,
                   agent.bind(hosts[byte % 16], ids[byte % 16], byte),
                   w.SUCCESS)


# --- destinations ---

@check("6")
def unbound(t):
    """A constrained key signs nothing on a connection not bound"""
    a = w.Ed25519()
    t.fresh(w.restrict(w.way(w.hop("hosta", [(a.blob, False)]))))
    ec = t.key("ec")
    with Agent() as agent:
        t.step("a constrained key is listed unbound", ec in agent.blobs(),
               "the key is missing")
        t.refuses("and does not sign", agent, ec,
                  w.userauth(t.session, ec, host=a.blob))
        t.refuses("nor with the method without a host", agent, ec,
                  w.userauth(t.session, ec))


@check("7")
def bound(t):
    """A constrained key signs a login where it may"""
    a, other = w.Ed25519(), w.Ecdsa()
    t.fresh(w.restrict(w.way(w.hop("hosta", [(other.blob, True),
                                             (a.blob, False)]))))
    for label in ("ec", "rsa"):
        key = t.key(label)
        flags = w.RSA_SHA512 if label == "rsa" else 0
        name = b"rsa-sha2-512" if label == "rsa" else None
        with Agent() as agent:
            agent.bind(a, t.session)
            t.step("the key %s is listed" % label, key in agent.blobs(),
                   "it is missing")
            for host in (None, a.blob):
                t.signs("a login there by %s%s" % (
                    label, ", bound to the host" if host else ""),
                    agent, key,
                    w.userauth(t.session, key, algorithm=name, host=host),
                    name, flags)
            t.refuses("a login in another session by %s" % label, agent, key,
                      w.userauth(os.urandom(32), key, algorithm=name), flags)
            t.refuses("a login bound to another host by %s" % label, agent,
                      key, w.userauth(t.session, key, algorithm=name,
                                      host=other.blob), flags)
    by_host_certificate(t)
    if t.ours:
        with_certificate(t)


def by_host_certificate(t):
    ca, a = w.Ecdsa(), w.Ed25519()
    t.fresh(w.restrict(w.way(w.hop("hosta", [(ca.blob, True)]))))
    ec = t.key("ec")
    now = int(time.time())
    for what, code, more in (
            ("of the CA named", w.SIGNED, {}),
            ("for another name", w.FAILURE, {"principals": ("hostb",)}),
            ("that is over", w.FAILURE, {"valid": (0, now - 60)}),
            ("that is for users", w.FAILURE, {"kind": w.USER_CERT}),
            ("of another CA", w.FAILURE, {"by": w.Ecdsa()})):
        values = {"kind": w.HOST_CERT, "principals": ("hosta",), **more}
        cert = w.certificate(values.pop("by", ca), a.blob, **values)
        with Agent() as agent:
            agent.code(w.EXTENSION, w.bind(a, t.session, blob=cert))
            t.gets("a login at a host with a certificate " + what,
                   agent.sign(ec, w.userauth(t.session, ec, host=cert))[0],
                   code)
    with Agent() as agent:
        agent.bind(ca, t.session)
        t.refuses("a login at a host whose plain key is that of the CA",
                  agent, ec, w.userauth(t.session, ec, host=ca.blob))


def with_certificate(t):
    """ssh asks so, where CertificateFile has it; OpenSSH's agent refuses."""
    a = w.Ed25519()
    t.fresh(w.restrict(w.way(w.hop("hosta", [(a.blob, False)]))))
    for label, kind, flags in (("ec", None, 0),
                               ("rsa", b"rsa-sha2-512-cert-v01@openssh.com",
                                w.RSA_SHA512)):
        key = t.key(label)
        cert = w.certificate(w.Ecdsa(), key)
        foreign = w.certificate(w.Ecdsa(), w.Ecdsa().blob)
        with Agent() as agent:
            agent.bind(a, t.session)
            t.signs("a login by a certificate for key %s" % label, agent,
                    key, w.userauth(t.session, cert, algorithm=kind,
                                    host=a.blob), flags=flags)
            t.refuses("by a certificate for another key (%s)" % label, agent,
                      key, w.userauth(t.session, foreign, host=a.blob),
                      flags)


@check("8")
def bound_elsewhere(t):
    """It is not even shown on a connection bound to elsewhere"""
    a, b = w.Ed25519(), w.Ed25519()
    t.fresh(w.restrict(w.way(w.hop("hosta", [(a.blob, False)]))))
    ec = t.key("ec")
    with Agent() as agent:
        t.gets("a bind to another host", agent.bind(b, t.session), w.SUCCESS)
        t.gets("no key is listed", len(agent.keys()), 0)
        t.refuses("and none signs", agent, ec,
                  w.userauth(t.session, ec, host=b.blob))


def hops(a, b, user=""):
    """-h hosta -h "hosta>user@hostb"."""
    keys_a, keys_b = [(a.blob, False)], [(b.blob, False)]
    return w.restrict(w.way(w.hop("hosta", keys_a)),
                      w.way(w.hop("hostb", keys_b, user),
                            w.hop("hosta", keys_a)))


def bound_over(a, b, session):
    agent = Agent()
    if (agent.bind(a, os.urandom(32), True), agent.bind(b, session)) != (
            w.SUCCESS, w.SUCCESS):
        raise w.Malformed("two binds are not taken")
    return agent


@check("9")
def two_hops(t):
    """A login over another host has to be bound to its host"""
    a, b, c = w.Ed25519(), w.Ecdsa(), w.Ed25519()
    t.fresh(hops(a, b))
    ec = t.key("ec")
    with bound_over(a, b, t.session) as agent:
        t.step("the key is listed over the first host", ec in agent.blobs(),
               "it is missing")
        t.refuses("a login at the second, not bound to it", agent, ec,
                  w.userauth(t.session, ec))
        t.signs("the same, bound to it", agent, ec,
                w.userauth(t.session, ec, host=b.blob))
        t.refuses("bound to the first", agent, ec,
                  w.userauth(t.session, ec, host=a.blob))
    with bound_over(c, b, t.session) as agent:
        t.gets("over a host that was not named: no key",
               len(agent.keys()), 0)
        t.refuses("and no login", agent, ec,
                  w.userauth(t.session, ec, host=b.blob))
    with Agent() as agent:
        agent.bind(b, t.session)
        t.refuses("no login at the second without the first", agent, ec,
                  w.userauth(t.session, ec, host=b.blob))
    with Agent() as agent:
        agent.bind(a, t.session, True)
        t.step("the key is listed at the first, forwarded there",
               ec in agent.blobs(), "it is missing")
        t.refuses("but signs no login in that session", agent, ec,
                  w.userauth(t.session, ec, host=a.blob))
        agent.bind(b, t.session + b"2", True)
        t.gets("forwarded on to the second, it is not", len(agent.keys()), 0)


@check("10")
def users(t):
    """A constraint may name users"""
    a, b = w.Ed25519(), w.Ed25519()
    for pattern, good, bad in (("alice", "alice", "bob"),
                               ("al?c*", "alicia", "alba"),
                               ("*", "bob", None)):
        t.fresh(hops(a, b, pattern))
        ec = t.key("ec")
        with bound_over(a, b, t.session) as agent:
            t.signs("user %s fits %s" % (good, pattern), agent, ec,
                    w.userauth(t.session, ec, good, host=b.blob))
            if bad is not None:
                t.refuses("user %s does not fit %s" % (bad, pattern), agent,
                          ec, w.userauth(t.session, ec, bad, host=b.blob))


@check("11")
def not_a_login(t):
    """A constrained key signs nothing but logins"""
    a = w.Ed25519()
    t.fresh(w.restrict(w.way(w.hop("hosta", [(a.blob, False)]))))
    ec = t.key("ec")
    good = w.userauth(t.session, ec, host=a.blob)
    with Agent() as agent:
        agent.bind(a, t.session)
        t.signs("a login", agent, ec, good)
        for what, data in (
                ("an SSHSIG", w.sshsig(b"message")),
                ("a certificate", w.certificate_body(ec, a.blob)),
                ("a host certificate",
                 w.certificate_body(ec, a.blob, kind=w.HOST_CERT)),
                ("1024 random bytes", os.urandom(1024)),
                ("a key exchange hash", os.urandom(32)),
                ("a login by the client's host", w.hostbased(t.session, ec)),
                ("a login with a byte after it", good + b"\0"),
                ("a login cut short", good[:-1]),
                ("a login to another service",
                 w.userauth(t.session, ec, host=a.blob, service="ssh-other")),
                ("a login by another method",
                 w.userauth(t.session, ec, method=b"password")),
                ("a login with another key in it",
                 w.userauth(t.session, t.key("rsa"), host=a.blob)),
                ("nothing", b"")):
            t.refuses(what, agent, ec, data)


@check("12")
def remove_unseen(t):
    """A key that is not shown cannot be removed"""
    a, b = w.Ed25519(), w.Ed25519()
    t.fresh(w.restrict(w.way(w.hop("hosta", [(a.blob, False)]))))
    ec = t.key("ec")
    with Agent() as agent:
        agent.bind(b, t.session)
        t.gets("removal of a key not visible here",
               agent.code(w.REMOVE_KEY, w.string(ec)), w.FAILURE)
    with Agent() as agent:
        t.step("the key is still there", ec in agent.blobs(), "it is gone")
        t.gets("removal of a key nobody has",
               agent.code(w.REMOVE_KEY, w.string(b.blob)), w.FAILURE)
        t.gets("removal of a key that is visible",
               agent.code(w.REMOVE_KEY, w.string(ec)), w.SUCCESS)
        t.step("it is gone, and no other", ec not in agent.blobs() and
               t.key("rsa") in agent.blobs(), "not so")
        t.gets("removal once more",
               agent.code(w.REMOVE_KEY, w.string(ec)), w.FAILURE)
        t.refuses("it does not sign", agent, ec, w.userauth(t.session, ec))
    t.fresh()
    with Agent() as agent:
        t.step("the token, added again, brings it back", ec in agent.blobs(),
               "it is missing")
