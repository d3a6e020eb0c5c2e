#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Certificates by each type of CA, for each type of key, before those who have
# to believe them: ssh-keygen, sshd, ssh, paramiko, libssh and Go's
# x/crypto/ssh, and what step-ca does at an agent.
#
# paramiko 2.12 and libssh 0.10 ask no host for a certificate: they log in by
# one, and ssh and Go alone judge those of hosts.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2154,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need ssh openssh-client
need sshd openssh-server

CAS='ca-rsa2048 ca-rsa4096 ca-p256 ca-p384 ca-p521'
KEYS='rsa2048 rsa3072 rsa4096 p256 p384 p521 ed25519'
SK='sk_ecdsa sk_ed25519'
# OpenSSH's own stand-in for a security key.
SK_DUMMY=/usr/lib/openssh/regress/misc/sk-dummy/sk-dummy.so
# Which CA certified which host key of the server.
HOSTS='ca-rsa2048:ed25519 ca-rsa4096:rsa3072 ca-p256:p384 ca-p384:p521
ca-p521:p256'

python=/usr/bin/python3
test -x $python || python=python3

# make_key NAME: of the type that it says.
make_key()
{
	case $1 in
	rsa*)	set -- "$1" rsa -b "${1#rsa}" ;;
	p*)	set -- "$1" ecdsa -b "${1#p}" ;;
	*)	set -- "$1" ed25519 ;;
	esac
	make_name=$1
	shift
	ssh-keygen -q -t "$@" -N '' -C "$make_name" -f "$E2E/$make_name"
}

# Without a device for the security keys nobody logs in with them.
make_sk()
{
	for k in $SK; do
		if test -e $SK_DUMMY; then
			SSH_SK_PROVIDER=$SK_DUMMY ssh-keygen -q \
				-t "${k#sk_}-sk" -N '' -C "$k" -f "$E2E/$k"
		else
			cp "$srcdir/tests/data/ssh/$k.pub" "$E2E"
		fi
	done
}

make_keys()
{
	for k in $KEYS; do
		make_key "$k" &
		made="${made-} $!"
	done
	# shellcheck disable=SC2086	# numbers
	wait $made
	make_sk
}

# A program of Go's needs nothing but its packages in Debian, and no network.
build_gojudge()
{
	HOME=$E2E GO111MODULE=off GOPATH=/usr/share/gocode \
		GOCACHE=$E2E/gocache GOFLAGS=-p=2 \
		go build -o "$E2E/gojudge" "$srcdir/tests/e2e/gojudge.go"
}

# It is missing where Go is.
has_go()
{
	test -x "$E2E/gojudge"
}

write_paramiko()
{
	cat >"$E2E/with-paramiko.py" <<'EOP'
import sys
import paramiko
port, user, key, cert = sys.argv[1:]
for kind in paramiko.RSAKey, paramiko.ECDSAKey, paramiko.Ed25519Key:
    try:
        identity = kind.from_private_key_file(key)
        break
    except paramiko.SSHException:
        continue
identity.load_certificate(cert)
c = paramiko.SSHClient()
c.set_missing_host_key_policy(paramiko.AutoAddPolicy())
c.connect("127.0.0.1", int(port), user, pkey=identity, look_for_keys=False,
    allow_agent=False)
sys.stdout.write(c.exec_command("echo in")[1].read().decode())
c.close()
EOP
}

# sign user|host CA NAME: each key, into $E2E/KIND-CA.
sign()
{
	sign_dir=$E2E/$1-$2 sign_as='-z +1' sign_files=''
	test "$1" = user || sign_as='-h -z +101'
	mkdir "$sign_dir"
	for k in $KEYS $SK; do
		cp "$E2E/$k.pub" "$sign_dir"
		sign_files="$sign_files $sign_dir/$k.pub"
	done
	# shellcheck disable=SC2086	# words
	ssh-keygen -Us "$E2E/$2.pub" $sign_as -I "$1 by $2" -n "$3" \
		-V +1h $sign_files
}

# reads user|host CA: ssh-keygen reads all of them as what they are.
reads()
{
	cat "$E2E/$1-$2"/*-cert.pub >"$E2E/all" &&
		ssh-keygen -Lf "$E2E/all" >"$E2E/read" || return
	cat "$E2E/read"
	test "$(grep -c "Type: .* $1 certificate" "$E2E/read")" -eq 9 &&
		test "$(grep -c "Signing CA: .* $(pattern_of "$E2E/$2.pub") " \
		"$E2E/read")" -eq 9 &&
		test "$(grep -c 'Public key: ' "$E2E/read")" -eq 9
}

# judged user|host CA NAME: Go finds nothing against any of them.
judged()
{
	"$E2E/gojudge" verify "$1" "$E2E/$2.pub" "$3" \
		"$E2E/$1-$2"/*-cert.pub >"$E2E/verdicts" || return
	cat "$E2E/verdicts"
	test "$(wc -l <"$E2E/verdicts")" -eq 9
}

sign_all()	# KIND NAME
{
	for ca in $CAS; do
		check "$ca signs for each key of a $1" sign "$1" "$ca" "$2"
		check "ssh-keygen -L reads the $1 certificates by $ca" \
			reads "$1" "$ca"
		if has_go; then
			check "Go believes the $1 certificates by $ca" \
				judged "$1" "$ca" "$2"
		fi
	done
}

# saw ID: sshd let a certificate of that key id in, by $ca.
saw()
{
	grep -q "Accepted publickey .*-CERT .* ID $1 .* CA .* $(
		fingerprint "$E2E/$ca.pub")" "$E2E/sshd-server/log"
}

# says_in COMMAND...: the command at the server was run, and sshd saw the
# certificate $cert by $ca.
says_in()
{
	: >"$E2E/sshd-server/log"
	"$@" >"$E2E/said" 2>&1 </dev/null
	rc=$?
	tail -n 20 "$E2E/said"
	tail -n 5 "$E2E/sshd-server/log"
	test $rc -eq 0 && grep -q '^in' "$E2E/said" && saw "user by $ca"
}

# pick_host CA: ssh and Go ask for the host key that this one certified.
pick_host()
{
	host=$1
	for h in $HOSTS; do
		test "${h%:*}" != "$host" || host_key=${h#*:}
	done
	algorithm=$(cut -d' ' -f1 "$E2E/host-$host/$host_key-cert.pub")
	test "$host_key" != rsa3072 ||
		algorithm=rsa-sha2-512-cert-v01@openssh.com
	echo "@cert-authority server $(cat "$E2E/$host.pub")" \
		>"$E2E/known_hosts"
}

listen()
{
	set -- "TrustedUserCAKeys $E2E/trusted"
	for h in $HOSTS; do
		k=${h#*:}
		set -- "$@" "HostCertificate $E2E/host-${h%:*}/$k-cert.pub"
		test "$k" = ed25519 || set -- "$@" "HostKey $E2E/$k"
	done
	for ca in $CAS; do
		cat "$E2E/$ca.pub"
	done >"$E2E/trusted"
	mkdir "$E2E/sshd-server"
	cp "$E2E/ed25519" "$E2E/sshd-server/key"
	cp "$E2E/ed25519.pub" "$E2E/sshd-server/key.pub"
	sshd_listen server "$@" || {
		fail "an sshd listens on loopback"
		show "$E2E/sshd-server/log"
		return 1
	}
	trap 'kill $server; agent_kill' EXIT
}

with_ssh()	# KEY CERTIFICATE
{
	run_ssh -p "$port" -o HostKeyAlias=server \
		-o HostKeyAlgorithms="$algorithm" -o IdentityAgent=none \
		-o SecurityKeyProvider=$SK_DUMMY \
		-i "$1" -o CertificateFile="$2" "$me@127.0.0.1" 'echo in'
}

# logs_in CA KEY HOST-CA: by that certificate, with each client.
logs_in()
{
	ca=$1 key=$E2E/$2 cert=$E2E/user-$1/$2-cert.pub
	pick_host "$3"
	by="by $2, certified by $ca"
	at="at $host_key, certified by $host"
	check "ssh logs in $by, $at" says_in with_ssh "$key" "$cert"
	if has_go; then
		check "Go logs in $by, $at" says_in timeout 60 \
			"$E2E/gojudge" login "127.0.0.1:$port" server \
			"$E2E/$host.pub" "$algorithm" "$me" "$key" "$cert"
	fi
	if $has_paramiko; then
		check "paramiko logs in $by" says_in timeout 60 \
			$python "$E2E/with-paramiko.py" "$port" "$me" \
			"$key" "$cert"
	fi
	check "libssh logs in $by" says_in timeout 60 \
		"$HELPERS/libssh-login" 127.0.0.1 "$port" "$me" 'echo in' \
		"$key" "$cert"
}

# The other clients have no such keys.
sk_logs_in()	# CA KEY HOST-CA
{
	if ! test -e $SK_DUMMY; then
		skip "ssh logs in by $2" \
			"$SK_DUMMY is missing (package openssh-tests)"
		return
	fi
	ca=$1 key=$E2E/$2 cert=$E2E/user-$1/$2-cert.pub
	pick_host "$3"
	check "ssh logs in by $2, certified by $ca" says_in with_ssh \
		"$key" "$cert"
	has "... as a security key" "$E2E/sshd-server/log" \
		'Accepted publickey .* (ECDSA|ED25519)-SK-CERT '
}

# What ssh and Go believe, they believe from that CA alone.
strange_host()
{
	ca=ca-p256 key=$E2E/p256 cert=$E2E/user-ca-p256/p256-cert.pub
	pick_host ca-p256
	echo "@cert-authority server $(cat "$E2E/ca-p384.pub")" \
		>"$E2E/known_hosts"
	check_status "ssh does not believe a host by another CA" 255 \
		with_ssh "$key" "$cert"
	has_go || return
	check_status "nor does Go" 1 "$E2E/gojudge" login "127.0.0.1:$port" \
		server "$E2E/ca-p384.pub" "$algorithm" "$me" "$key" "$cert"
}

# steps CA: as step-ca asks for them; $E2E/user-CA/step-cert.pub is the last.
steps()
{
	"$E2E/gojudge" stepca "$SSH_AUTH_SOCK" "$1" "$E2E/ed25519.pub" "$me" \
		>"$E2E/step" || return
	tail -n 1 "$E2E/step" >"$E2E/user-$1/step-cert.pub"
	ssh-keygen -Lf "$E2E/step" >"$E2E/read" || return
	cat "$E2E/read"
	test "$(grep 'Serial: ' "$E2E/read" | sort -u | wc -l)" -eq 4
}

step_ca()
{
	if ! has_go; then
		skip "step-ca's way" "go is missing (package golang-go)"
		return
	fi
	for ca in $CAS; do
		check "$ca signs as step-ca asks for it" steps "$ca"
	done
	check_status "... and not by a comment that is nobody's" 1 \
		"$E2E/gojudge" stepca "$SSH_AUTH_SOCK" ca-p25 \
		"$E2E/ed25519.pub" "$me"
	pick_host ca-p256
	for ca in ca-rsa2048 ca-p521; do
		check "sshd lets one by $ca in" step_login
	done
}

step_login()
{
	: >"$E2E/sshd-server/log"
	with_ssh "$E2E/ed25519" "$E2E/user-$ca/step-cert.pub" &&
		saw "$me@example.org"
}

part_judges()
{
	agent_start || return
	save_keys
	make_keys
	me=$(id -un)
	if has_program go; then
		check "the judge in Go is built" build_gojudge
	else
		skip "Go judges" "it is missing (package golang-go)"
	fi
	has_paramiko=true
	$python -c 'import paramiko' 2>/dev/null || {
		has_paramiko=false
		skip "paramiko logs in" "it is missing (python3-paramiko)"
	}
	write_paramiko
	sign_all user "$me"
	sign_all host server
	listen || return
	logs_in ca-rsa2048 rsa2048 ca-p521
	logs_in ca-rsa4096 rsa4096 ca-p384
	logs_in ca-p256 p256 ca-rsa2048
	logs_in ca-p384 p384 ca-rsa4096
	logs_in ca-p521 p521 ca-p256
	logs_in ca-p256 rsa3072 ca-p384
	logs_in ca-rsa4096 ed25519 ca-p521
	logs_in ca-p521 rsa4096 ca-rsa2048
	logs_in ca-p521 p384 ca-p256
	logs_in ca-p256 p521 ca-rsa4096
	sk_logs_in ca-p384 sk_ecdsa ca-p521
	sk_logs_in ca-rsa2048 sk_ed25519 ca-p256
	strange_host
	step_ca
	agent_stop
}

test $# -eq 0 || { run_part "$1"; exit; }
part judges --key rsa2048:ca-rsa2048:01 --key rsa4096:ca-rsa4096:02 \
	--key p256:ca-p256:03 --key p384:ca-p384:04 --key p521:ca-p521:05
finish
