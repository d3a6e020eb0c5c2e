#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The acceptance checks: what an agent with keys in a token has to do.

    accept.py --pin-file FILE (--token NAME | --provider PATH)
              [--work DIR] [CHECK]...

judges the agent at $SSH_AUTH_SOCK, under with-vhsm, by messages of our own
(agentwire.py).  With --token it is ours: it is given the token by that name,
and has to do a little more.  With --provider it is any that loads a PKCS#11
module.  Each step is a line on standard output,

    check N: SENTENCE: ok
    check N: SENTENCE: fails: WHY

and the status is 1 if one fails.  --titles prints "N TITLE" for each check.
Without CHECKs all are made, but not 3b: it needs --second NAME, another token
with the same PIN.  The token has an EC key on P-256 labelled "ec" and an RSA
key "rsa".  A key "bulk", if there is one, may sign anything.  What ssh-keygen
makes is left in DIR.
"""
import argparse
import subprocess
import sys
import tempfile

import judge
import judge_bind                                       # noqa: F401
import judge_token                                      # noqa: F401
from agentwire import Malformed


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--titles", action="store_true")
    p.add_argument("--pin-file")
    p.add_argument("--token")
    p.add_argument("--provider")
    p.add_argument("--second")
    p.add_argument("--work")
    p.add_argument("checks", nargs="*", metavar="CHECK")
    options = p.parse_args()
    if options.titles:
        for number, function in judge.CHECKS.items():
            print(number, function.__doc__)
        return 0
    if options.pin_file is None or (
            (options.token is None) == (options.provider is None)):
        p.error("--pin-file, and either --token or --provider")
    with tempfile.TemporaryDirectory() as directory:
        options.work = options.work or directory
        t = judge.Judge(options)
        numbers = options.checks or [n for n in judge.CHECKS if n.isdigit()]
        for t.number in numbers:
            try:
                judge.CHECKS[t.number](t)
            except (OSError, Malformed, subprocess.SubprocessError) as e:
                t.step("it goes on to its end", False, str(e))
    return 1 if t.failures else 0


if __name__ == "__main__":
    sys.exit(main())
