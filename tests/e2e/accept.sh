#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The acceptance checks of the agent protocol, by a client that shares no line
# with the agent: accept.py says more.  "make bench" asks OpenSSH's agent with
# OpenSC the same.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need ssh openssh-client
need sshd openssh-server

python=/usr/bin/python3
test -x $python || python=python3
$python -c 'import cryptography' 2>/dev/null ||
	skip_all "python3-cryptography is missing (package python3-paramiko)"

# accept [ARGUMENT...]: each step is a test.
accept()
{
	$python -B "$srcdir/tests/e2e/accept.py" --pin-file "$E2E/pin" \
		--token DENK0100000 --work "$E2E/made" "$@" \
		>"$E2E/steps" 2>"$E2E/python.err"
	accept_rc=$?
	while read -r line; do
		case $line in
		*': ok')
			pass "${line%: ok}" ;;
		*': fails: '*)
			fail "${line%%: fails: *}"
			say "${line#*: fails: }" ;;
		*)	say "$line" ;;
		esac
	done <"$E2E/steps"
	if test $accept_rc -gt 1 || test -s "$E2E/python.err"; then
		fail "the judge itself does not stumble"
		show "$E2E/python.err"
	fi
	test $accept_rc -eq 0 || show_logs
}

start_with_bulk()
{
	cat >"$E2E/conf" <<-'END'
	Key bulk
		Use any
	END
	chmod 600 "$E2E/conf"
	agent_start --config "$E2E/conf"
}

part_accept()
{
	start_with_bulk || return
	accept
	is "no PIN was wrong" "$(vhsmctl pins | cut -d' ' -f2)" 0
	is "all tries are left" "$(vhsmctl tries)" 3
	sshd_believes
	agent_stop
}

# What check 16 left behind has to open doors.
sshd_believes()
{
	while read -r name ca; do
		made=$E2E/made/$name
		sshd_make "for-$name" "TrustedUserCAKeys $made/$ca.pub"
		check "check 16: sshd lets a certificate in ($name)" \
			login_with "for-$name" "$made/$name-0" \
			-o CertificateFile="$made/$name-0-cert.pub"
	done <<-'END'
	users-ec ec
	users-rsa rsa
	users-256 rsa
	END
}

part_two()
{
	vhsmctl -t 1 generate p256 other 09 >/dev/null
	agent_start || return
	accept --second DENK0100001 3b
	agent_stop
}

# Not among the 22, but a constraint that each user of ssh-add can give.
part_confirm()
{
	agent_start || return
	save_keys
	check "ssh-add -c -s" ssh-add -c -s DENK0100000
	: >"$E2E/prompts"
	for n in 1 2; do
		check "a signature that is allowed ($n)" \
			ssh-add -T "$E2E/ec.pub"
		is "... was asked about" "$(prompts)" $n
	done
	rm "$E2E/pin"
	check_status "one that is not" 1 ssh-add -T "$E2E/ec.pub"
	is "... was asked about, too" "$(prompts)" 3
	echo "$PIN" >"$E2E/pin"
	check "ssh-add -e" ssh-add -e DENK0100000
	check "ssh-add -s" ssh-add -s DENK0100000
	: >"$E2E/prompts"
	check "ssh-add -s without -c: a signature" ssh-add -T "$E2E/ec.pub"
	is "... nobody is asked about" "$(prompts)" 0
	agent_stop
}

test $# -eq 0 || { run_part "$1"; exit; }
part accept --key p256:ec:01 --key rsa2048:rsa:02 --key p256:bulk:03
part confirm --key p256:ec:01
part two --tokens 2 --key p256:ec:01 --key rsa2048:rsa:02
finish
