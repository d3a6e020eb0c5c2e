# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent protocol as a client writes it: RFC 9987, RFC 4252 and OpenSSH's
PROTOCOL.agent, PROTOCOL.certkeys and PROTOCOL.sshsig.

Shares no line with the agent, and uses no library that speaks SSH: keys and
signatures are those of python3-cryptography, everything else is written down
here.  A judge may send what no client should, so nothing is checked on the
way out.
"""
import base64
import hashlib
import os
import socket

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric import utils

FAILURE = 5
SUCCESS = 6
LIST = 11
LISTED = 12
SIGN = 13
SIGNED = 14
ADD_KEY = 17
REMOVE_KEY = 18
REMOVE_ALL = 19
ADD_TOKEN = 20
REMOVE_TOKEN = 21
LOCK = 22
UNLOCK = 23
ADD_KEY_CONSTRAINED = 25
ADD_TOKEN_CONSTRAINED = 26
EXTENSION = 27
EXTENSION_FAILURE = 28
EXTENSION_RESPONSE = 29

RSA_SHA256 = 2
RSA_SHA512 = 4

BIND = b"session-bind@openssh.com"
RESTRICT = b"restrict-destination-v00@openssh.com"
HOSTBOUND = b"publickey-hostbound-v00@openssh.com"

PATIENCE = 60       # seconds until an answer that does not come is given up


def u32(n):
    return n.to_bytes(4, "big")


def u64(n):
    return n.to_bytes(8, "big")


def string(b):
    if isinstance(b, str):
        b = b.encode()
    return u32(len(b)) + b


def mpint(n):
    return string(n.to_bytes(n.bit_length() // 8 + 1, "big") if n else b"")


class Malformed(Exception):
    """The agent sent what nobody can read."""


class Reader:
    def __init__(self, data):
        self.data = data

    def take(self, n):
        if n > len(self.data):
            raise Malformed("the answer ends too early")
        head, self.data = self.data[:n], self.data[n:]
        return head

    def u8(self):
        return self.take(1)[0]

    def u32(self):
        return int.from_bytes(self.take(4), "big")

    def u64(self):
        return int.from_bytes(self.take(8), "big")

    def string(self):
        return self.take(self.u32())

    def mpint(self):
        return int.from_bytes(self.string(), "big", signed=True)

    def strings(self):
        all_of_them = []
        while self.data:
            all_of_them.append(self.string())
        return all_of_them

    def end(self):
        if self.data:
            raise Malformed("%d bytes behind the answer" % len(self.data))


class Agent:
    """One connection."""

    def __init__(self, path=None):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(path or os.environ["SSH_AUTH_SOCK"])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, kind, body=b""):
        self.socket.sendall(u32(len(body) + 1) + bytes([kind]) + body)

    def receive(self):
        """The whole answer, as (type, what is behind it)."""
        n = int.from_bytes(self._exactly(4), "big")
        if not 0 < n <= 256 * 1024:
            raise Malformed("an answer of %d bytes" % n)
        answer = self._exactly(n)
        return answer[0], answer[1:]

    def _exactly(self, n):
        got = b""
        while len(got) < n:
            more = self.socket.recv(n - len(got))
            if not more:
                raise Malformed("the agent hung up")
            got += more
        return got

    def ask(self, kind, body=b""):
        self.send(kind, body)
        return self.receive()

    def code(self, kind, body=b""):
        """The type of the answer.  One without contents must have none."""
        code, rest = self.ask(kind, body)
        if code in (FAILURE, SUCCESS, EXTENSION_FAILURE) and rest:
            raise Malformed("answer %d with %d bytes in it" %
                            (code, len(rest)))
        return code

    def keys(self):
        """What is listed, as [(blob, comment)]."""
        code, body = self.ask(LIST)
        if code != LISTED:
            raise Malformed("answer %d to a request for the keys" % code)
        r = Reader(body)
        n = r.u32()
        keys = [(r.string(), r.string().decode()) for _ in range(n)]
        r.end()
        return keys

    def blobs(self):
        return [blob for blob, _ in self.keys()]

    def sign(self, blob, data, flags=0):
        """(type of the answer, signature or b"")."""
        code, body = self.ask(SIGN, string(blob) + string(data) + u32(flags))
        if code != SIGNED:
            return code, b""
        r = Reader(body)
        signature = r.string()
        r.end()
        return code, signature

    def bind(self, host, session, forwarding=False, signature=None):
        return self.code(EXTENSION, bind(host, session, forwarding, signature))


def bind(host, session, forwarding=False, signature=None, blob=None):
    """The contents of a session-bind@openssh.com."""
    if signature is None:
        signature = host.sign(session)
    return (string(BIND) + string(blob or host.blob) + string(session) +
            string(signature) + bytes([forwarding]))


# --- keys of our own: host keys, users' and CAs' ---

CURVES = {b"nistp256": (ec.SECP256R1, hashes.SHA256),
          b"nistp384": (ec.SECP384R1, hashes.SHA384),
          b"nistp521": (ec.SECP521R1, hashes.SHA512)}


class Ed25519:
    def __init__(self):
        self.key = ed25519.Ed25519PrivateKey.generate()
        raw = self.key.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.blob = string("ssh-ed25519") + string(raw)

    def sign(self, data):
        return string("ssh-ed25519") + string(self.key.sign(data))


class Ecdsa:
    def __init__(self, curve=b"nistp256"):
        curve_class, self.hash = CURVES[curve]
        self.name = b"ecdsa-sha2-" + curve
        self.key = ec.generate_private_key(curve_class())
        point = self.key.public_key().public_bytes(
            serialization.Encoding.X962,
            serialization.PublicFormat.UncompressedPoint)
        self.blob = string(self.name) + string(curve) + string(point)

    def sign(self, data):
        r, s = utils.decode_dss_signature(
            self.key.sign(data, ec.ECDSA(self.hash())))
        return string(self.name) + string(mpint(r) + mpint(s))


class Rsa:
    def __init__(self, bits=2048):
        self.key = rsa.generate_private_key(65537, bits)
        n = self.key.public_key().public_numbers()
        self.blob = string("ssh-rsa") + mpint(n.e) + mpint(n.n)

    def sign(self, data):
        return string("rsa-sha2-512") + string(self.key.sign(
            data, padding.PKCS1v15(), hashes.SHA512()))


def key_type(blob):
    return Reader(blob).string()


def base64_of(blob):
    """As in a file .pub."""
    return base64.b64encode(blob).decode()


def verifies(blob, data, signature, algorithm=None):
    """Whether it is a signature of the data by the key, of that algorithm."""
    r, s = Reader(blob), Reader(signature)
    kind, name = r.string(), s.string()
    raw = s.string()
    s.end()
    if algorithm is not None and name != algorithm:
        return False
    try:
        if kind == b"ssh-rsa":
            hash_of = {b"rsa-sha2-256": hashes.SHA256,
                       b"rsa-sha2-512": hashes.SHA512}.get(name)
            e, n = r.mpint(), r.mpint()
            if hash_of is None or len(raw) != (n.bit_length() + 7) // 8:
                return False
            rsa.RSAPublicNumbers(e, n).public_key().verify(
                raw, data, padding.PKCS1v15(), hash_of())
        elif kind == b"ssh-ed25519" and name == kind:
            ed25519.Ed25519PublicKey.from_public_bytes(r.string()).verify(
                raw, data)
        elif kind.startswith(b"ecdsa-sha2-") and name == kind:
            curve_class, hash_class = CURVES[r.string()]
            public = ec.EllipticCurvePublicKey.from_encoded_point(
                curve_class(), r.string())
            pair = Reader(raw)
            der = utils.encode_dss_signature(pair.mpint(), pair.mpint())
            pair.end()
            public.verify(der, data, ec.ECDSA(hash_class()))
        else:
            return False
    except InvalidSignature:
        return False
    return True


# --- what is signed ---

def userauth(session, key, user="root", algorithm=None, host=None,
             service="ssh-connection", method=None):
    """A login (RFC 4252 sec. 7), bound to the host key if one is given."""
    if method is None:
        method = b"publickey" if host is None else HOSTBOUND
    data = (string(session) + bytes([50]) + string(user) + string(service) +
            string(method) + b"\1" + string(algorithm or key_type(key)) +
            string(key))
    return data if host is None else data + string(host)


def hostbased(session, key, user="root"):
    """A login by the client's host key (RFC 4252 sec. 9)."""
    return (string(session) + bytes([50]) + string(user) +
            string("ssh-connection") + string("hostbased") +
            string(key_type(key)) + string(key) + string("client.example.") +
            string("user"))


def sshsig(message, namespace="file"):
    return (b"SSHSIG" + string(namespace) + string("") + string("sha512") +
            string(hashlib.sha512(message).digest()))


HOST_CERT = 2
USER_CERT = 1


def certificate_body(ca_blob, subject, kind=USER_CERT, principals=("root",),
                     valid=(0, 2**32), serial=1, key_id="judge"):
    """What a CA signs.  The subject is a key blob."""
    r = Reader(subject)
    name = r.string() + b"-cert-v01@openssh.com"
    return (string(name) + string(os.urandom(32)) + r.data + u64(serial) +
            u32(kind) + string(key_id) +
            string(b"".join(string(p) for p in principals)) +
            u64(valid[0]) + u64(valid[1]) + string("") + string("") +
            string("") + string(ca_blob))


def certificate(ca, subject, **more):
    body = certificate_body(ca.blob, subject, **more)
    return body + string(ca.sign(body))


# What stands between the type and the serial number, without the nonce.
KEY_FIELDS = {b"ssh-rsa": 2, b"ssh-ed25519": 1}


def read_certificate(path):
    """(what was signed, the signature) of a file -cert.pub."""
    with open(path, encoding="ascii") as f:
        blob = base64.b64decode(f.read().split()[1], validate=True)
    r = Reader(blob)
    name = r.string()
    if not name.endswith(b"-cert-v01@openssh.com"):
        raise Malformed("%s is no certificate" % path)
    # Nonce, key, serial, kind, key id, principals, validity, options,
    # extensions, reserved, CA.
    for _ in range(1 + KEY_FIELDS.get(name[:-len("-cert-v01@openssh.com")],
                                      2)):
        r.string()
    r.take(8 + 4)
    r.string()
    r.string()
    r.take(8 + 8)
    for _ in range(4):
        r.string()
    body = blob[:len(blob) - len(r.data)]
    signature = r.string()
    r.end()
    return body, signature


# --- constraints ---

def lifetime(seconds):
    return b"\1" + u32(seconds)


CONFIRM = b"\2"


def extension(name, details=b""):
    return b"\xff" + string(name) + details


def hop(host="", keys=(), user="", reserved=b""):
    """keys: (blob, whether it is a CA) each."""
    return (string(user) + string(host) + string(reserved) +
            b"".join(string(blob) + bytes([is_ca]) for blob, is_ca in keys))


def way(to, start=None, reserved=b""):
    """From hop to hop; no start: from where the agent is."""
    return string(string(start or hop()) + string(to) + string(reserved))


def restrict(*ways):
    return extension(RESTRICT, string(b"".join(ways)))
