# SPDX-License-Identifier: GPL-3.0-or-later
"""What the acceptance checks share: accept.py makes one Judge, judge_bind.py
and judge_token.py register the checks with it."""
import os
import subprocess

import agentwire as w
from agentwire import Agent

CHECKS = {}


def check(number):
    def register(function):
        CHECKS[number] = function
        return function
    return register


class Judge:
    def __init__(self, options):
        self.ours = options.token is not None
        self.id = options.token or options.provider
        self.second = options.second
        self.work = options.work
        with open(options.pin_file, encoding="ascii") as f:
            self.pin = f.readline().rstrip("\n")
        self.number = None
        self.failures = 0
        self.session = os.urandom(32)

    def step(self, sentence, ok, why=""):
        if not ok:
            self.failures += 1
        print("check %s: %s: %s" % (self.number, sentence,
                                    "ok" if ok else "fails: " + why[:300]),
              flush=True)

    def gets(self, sentence, got, wanted):
        self.step(sentence, got == wanted, "%s, not %s" % (got, wanted))

    # The token.

    def add(self, *constraints, pin=None, agent=None, name=None):
        body = (w.string(name or self.id) +
                w.string(self.pin if pin is None else pin) +
                b"".join(constraints))
        kind = w.ADD_TOKEN_CONSTRAINED if constraints else w.ADD_TOKEN
        if agent is not None:
            return agent.code(kind, body)
        with Agent() as new:
            return new.code(kind, body)

    def remove(self):
        with Agent() as agent:
            return agent.code(w.REMOVE_TOKEN, w.string(self.id) +
                              w.string(""))

    def fresh(self, *constraints):
        """The token added with these constraints, and nothing before."""
        if not self.ours:
            self.remove()
        if self.add(*constraints) != w.SUCCESS:
            raise w.Malformed("the token cannot be added")

    def key(self, label):
        """Of that label, else the first of its type."""
        wanted = b"ssh-rsa" if label == "rsa" else b"ecdsa-sha2-nistp256"
        with Agent() as agent:
            keys = agent.keys()
        for blob, comment in keys:
            if comment == label:
                return blob
        for blob, _ in keys:
            if w.key_type(blob) == wanted:
                return blob
        raise w.Malformed("key %s is not listed" % label)

    def has_none(self):
        """Nothing was added: no key, or, ours, no login."""
        if self.ours:
            return self.remove() == w.FAILURE
        with Agent() as agent:
            none = agent.keys() == []
        self.remove()
        return none

    # Signatures.

    def signs(self, sentence, agent, blob, data, algorithm=None, flags=0):
        code, signature = agent.sign(blob, data, flags)
        if code != w.SIGNED:
            self.gets(sentence, code, w.SIGNED)
        else:
            self.step(sentence, w.verifies(blob, data, signature, algorithm),
                      "the signature is not good")

    def refuses(self, sentence, agent, blob, data, flags=0):
        self.gets(sentence, agent.sign(blob, data, flags)[0], w.FAILURE)


def run(*argv, patience=60):
    return subprocess.run(argv, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=patience, check=False)


def said_by(*argv):
    return run(*argv).stdout.decode(errors="replace").strip()


def card_asked():
    """PIN commands that the card was sent since it was last forgotten."""
    return said_by("vhsmctl", "count", "20")


def forget_commands():
    run("vhsmctl", "reset-count")


def tries_left():
    return said_by("vhsmctl", "tries")
