#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# RenewCertificates: the agent has short certificates of its own keys made
# anew by its own CA, in time, under the CA's rules, and nothing else.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2154,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"
# shellcheck source=tests/e2e/casign-lib.sh
. "$srcdir/tests/e2e/casign-lib.sh"

need ssh openssh-client
need sshd openssh-server

# The agent finds hsm-keyutil beside itself where they are installed.
PATH=$builddir/keyutil:$PATH

# An agent that does not renew, and its keys in files.
start()
{
	PLACE=$E2E/place
	mkdir "$PLACE"
	configure "Certificates $PLACE"
	agent_start || return 1
	save_keys
}

# renewing LINE...: from now on it renews.
renewing()
{
	configure "Certificates $PLACE" "RenewCertificates yes" "$@"
	agent_stop
	agent_start && ssh-add -L >"$E2E/listing"
}

# made NAME SERIAL VALIDITY: such a certificate of the key "auth" by "ca".
made()
{
	ssh-keygen -q -Us "$E2E/ca.pub" -I "id of $1" -n "$(me)" \
		-z "$2" -O no-pty -V "$3" "$E2E/auth.pub" &&
		mv "$E2E/auth-cert.pub" "$PLACE/$1-cert.pub" &&
		cp "$PLACE/$1-cert.pub" "$E2E/$1.old"
}

differs()
{
	! cmp -s "$PLACE/$1-cert.pub" "$E2E/$1.old"
}

# lasts NAME MINUTES: at least that long, from now on.
lasts()
{
	test "$(valid_for "$PLACE/$1-cert.pub")" -ge $(($2 * 60))
}

part_due()
{
	start || return
	check "one has a minute left of eleven" made due 1 -10m:+1m
	check "one has half of its time left" made half 2 -10m:+10m
	check "one was for longer than a week" made long 3 -8d:+1m
	check "one has ended" made past 4 -10m:-1m
	ssh-keygen -q -t ed25519 -N '' -f "$E2E/foreign"
	ssh-keygen -q -s "$E2E/foreign" -I x -n a -V -10m:+1m "$E2E/auth.pub"
	mv "$E2E/auth-cert.pub" "$PLACE/foreign-cert.pub"
	cp "$PLACE/foreign-cert.pub" "$E2E/foreign.old"
	new_key other
	ssh-keygen -q -Us "$E2E/ca.pub" -I x -n a -z 5 -V -10m:+1m \
		"$E2E/other.pub"
	mv "$E2E/other-cert.pub" "$PLACE/other-cert.pub"
	cp "$PLACE/other-cert.pub" "$E2E/other.old"
	is "an agent that was not told to does not look" \
		"$(grep -c renew "$AGENT_LOG")" 0

	renewing || return
	check "the one that is due is made anew" wait_for 20 differs due
	wait_for 5 in_file "$AGENT_LOG" 'renewed'
	has "the log says so" "$AGENT_LOG" "renewed $PLACE/due-cert.pub"
	check "... for as long as it was" lasts due 10
	for i in "Key ID" Type "Public key" "Signing CA" force-command; do
		is "... with its $i" "$(field "$PLACE/due-cert.pub" "$i")" \
			"$(field "$E2E/due.old" "$i")"
	done
	is "... and the next serial number" \
		"$(field "$PLACE/due-cert.pub" Serial)" 6
	check "the ledger has both" "$KEYUTIL" ca log verify
	is "... of that name" \
		"$("$KEYUTIL" ca log | grep -c 'id of due')" 2
	is "the PIN was asked for once by each agent" "$(prompts)" 2
	for i in half long past foreign other; do
		check_status "the other stays: $i" 1 differs $i
	done
	is "only one was renewed" "$(grep -c ' renewed' "$AGENT_LOG")" 1
	sshd_make trusting "TrustedUserCAKeys $E2E/ca.pub"
	check "sshd lets the new one in" login_with trusting \
		"$PLACE/due-cert.pub"
	has "it is the new one" "$E2E/sshd-trusting/log" \
		'id of due \(serial 6\)'
	agent_stop
}

# Twice in a row, as time goes by: thirds of half a minute.
part_again()
{
	start || return
	check "one of half a minute" made short 1 -1s:+29s
	renewing || return
	check "it is made anew" wait_for 40 differs short
	cp "$PLACE/short-cert.pub" "$E2E/short.old"
	check "... and once more" wait_for 40 differs short
	is "its serial number" "$(field "$PLACE/short-cert.pub" Serial)" 3
	agent_stop
}

part_refused()
{
	start || return
	check "one is due" made due 1 -10m:+1m
	renewing "CA ca" "Principals nobody" || return
	check "the CA's rules hold" wait_for 20 in_file "$AGENT_LOG" \
		"cannot renew $PLACE/due-cert.pub"
	check_status "the file is as it was" 1 differs due
	check "the agent goes on" ssh-add -L
	is "it was tried once" \
		"$(grep -c 'cannot renew' "$AGENT_LOG")" 1
	agent_stop
}

test $# -eq 0 || { run_part "$1"; exit; }
part due --key p256:ca:01 --key p256:auth:02
part again --key p256:ca:01 --key p256:auth:02
part refused --key p256:ca:01 --key p256:auth:02
finish
