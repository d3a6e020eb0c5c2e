#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""add-token.py [--certs-only] PIN-FILE NAME [CERTIFICATE]...

What ssh-add -s NAME [-C] CERTIFICATE... is from OpenSSH 9.6 on.  Prints the
type of the answer; 6 is success.
"""
import base64
import sys

import agentwire as w


def blob_of(path):
    with open(path, encoding="ascii") as f:
        return base64.b64decode(f.read().split()[1], validate=True)


def main(argv):
    only = argv[:1] == ["--certs-only"]
    pin_file, name, *certs = argv[1:] if only else argv
    with open(pin_file, encoding="ascii") as f:
        pin = f.readline().rstrip("\n")
    blobs = b"".join(w.string(blob_of(c)) for c in certs)
    with w.Agent() as agent:
        print(agent.code(w.ADD_TOKEN_CONSTRAINED, w.string(name) +
                         w.string(pin) +
                         w.extension("associated-certs-v00@openssh.com",
                                     bytes([only]) + w.string(blobs))))


if __name__ == "__main__":
    main(sys.argv[1:])
