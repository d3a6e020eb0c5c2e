#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The ledger that the agent keeps of what it certifies: nothing is handed out
# that is not in it, whatever happens to the processes, the disk and the file.
# shellcheck source=tests/e2e/lib.sh disable=SC2016,SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need ssh openssh-client
need sshd openssh-server
need jq jq

LEDGER=hsm-ssh-agent/ledger.db

# certify SERIAL [ARGUMENT...]: $E2E/user.pub, by the key "ca".
certify()
{
	certify_serial=$1
	shift
	rm -f "$E2E/user-cert.pub"
	ssh-keygen -Us "$E2E/ca.pub" -I "id-$certify_serial" -n alice -V +1h \
		-z "$certify_serial" "$@" "$E2E/user.pub"
}

refused()	# SENTENCE SERIAL PATTERN
{
	check_status "$1" 255 certify "$2"
	has "... and the log says why" "$AGENT_LOG" "refused [(].*$3"
	check "... and there is no certificate" test ! -e "$E2E/user-cert.pub"
}

begin()
{
	agent_start || return
	save_keys
	test -e "$E2E/user" ||
		ssh-keygen -q -t ed25519 -N '' -C user -f "$E2E/user"
}

# The serial numbers in it, in the order in which they were signed.
serials()
{
	"$KEYUTIL" ca log --all --json | jq -r '[.[].serial] | join(" ")'
}

is_whole()
{
	check "the ledger is whole" "$KEYUTIL" ca log verify
}

# The process that the agent has started for it.
keeper()
{
	pgrep -P "$agent_pid" -f hsm-ssh-agent-ledger
}

part_once()
{
	begin || return
	check "a certificate with a number" certify 7
	refused "the same number is refused" 7 \
		'serial number 7 was used for the certificate "id-7" of'
	check "the status tells" sh -c \
		'"$KEYUTIL" status | tr -s "\n " " " |
		grep -q "serial number 7 was used"'
	reconfigure "AuditLog $E2E/audit"
	check "one without a number" certify 0
	check "and another" certify 0
	agent_stop
	begin || return
	refused "the number is refused after a restart" 7 'was used'
	"$AGENT" -D -a "$E2E/second.sock" >"$E2E/second.out" \
		2>"$E2E/second.log" &
	second=$!
	wait_for 20 in_file "$E2E/second.out" '^echo Agent pid'
	check_status "and by a second agent" 255 \
		env SSH_AUTH_SOCK="$E2E/second.sock" ssh-keygen \
		-Us "$E2E/ca.pub" -I x -n alice -V +1h -z 7 "$E2E/user.pub"
	check "which signs what is new" \
		env SSH_AUTH_SOCK="$E2E/second.sock" ssh-keygen \
		-Us "$E2E/ca.pub" -I x -n alice -V +1h -z 8 "$E2E/user.pub"
	kill "$second"
	wait "$second"
	refused "and the first knows of it" 8 'was used'
	is "all of it is in the ledger" "$(serials)" "7 0 0 8"
	is_whole
	has "with a checkpoint by the CA's key" "$E2E/out" '[Cc]heckpoint'
	agent_stop
}

part_rate()
{
	configure "CA ca" "MaxRate 2/1h"
	begin || return
	check "two in an hour" certify 1
	check "are allowed" certify 2
	refused "a third is not" 3 'signed 2 certificates in 1 h'
	agent_stop
	begin || return
	refused "nor after a restart" 3 'signed 2 certificates in 1 h'
	agent_stop
}

# The process of the ledger is slow, or dies: nobody else minds.
part_process()
{
	begin || return
	sshd_make server
	sshd_lets server "$E2E/login.pub"
	check "a certificate" certify 1
	pid=$(keeper)
	check "another process keeps the ledger" kill -0 "$pid"
	check "the agent has no database in it" sh -c \
		'! grep -q sqlite "/proc/$1/maps"' sh "$agent_pid"
	kill -KILL "$pid"
	wait_for 10 gone "$pid"
	check "it is killed, and the next certificate is signed" certify 2
	kill -STOP "$(keeper)"
	certify 3 >"$E2E/late" 2>&1 &
	late=$!
	wait_for 10 in_file "/proc/$(keeper)/status" '^State:.*stopped'
	check "it hangs, and keys are listed" timeout 10 ssh-add -l
	check "and somebody logs in" login_with server "$E2E/login.pub"
	check "and the certificate waits" test ! -e "$E2E/user-cert.pub"
	kill -CONT "$(keeper)"
	wait "$late"
	is "until it goes on" $? 0
	kill -STOP "$(keeper)"
	certify 4 >"$E2E/late" 2>&1 &
	late=$!
	wait_for 10 in_file "/proc/$(keeper)/status" '^State:.*stopped'
	kill -KILL "$(keeper)"
	late_rc=0
	wait "$late" || late_rc=$?
	is "it dies with a certificate, which is refused" $late_rc 255
	has "and the log says why" "$AGENT_LOG" 'hsm-ssh-agent-ledger ended'
	check "and the next one is signed" certify 5
	is "nothing is missing" "$(serials | tr ' ' '\n' | grep -v 4 |
		tr '\n' ' ')" "1 2 3 5 "
	is_whole
	agent_stop
}

part_disk()
{
	sshd_make server
	XDG_STATE_HOME=/dev/null/nowhere
	begin || return
	sshd_lets server "$E2E/login.pub"
	refused "where there is no place for it nothing is certified" 1 \
		'/dev/null'
	check "but one logs in" login_with server "$E2E/login.pub"
	agent_stop
	XDG_STATE_HOME=$E2E/state-file
	mkdir -p "$XDG_STATE_HOME/hsm-ssh-agent"
	echo 'no database' >"$XDG_STATE_HOME/$LEDGER"
	begin || return
	refused "nor where something else is in its place" 1 'ledger.db'
	agent_stop
	XDG_STATE_HOME=$E2E/state-open
	mkdir -p "$XDG_STATE_HOME/hsm-ssh-agent"
	: >"$XDG_STATE_HOME/$LEDGER"
	chmod 666 "$XDG_STATE_HOME/$LEDGER"
	begin || return
	refused "nor where others could write to it" 1 'writable by nobody else'
	agent_stop
	XDG_STATE_HOME=$E2E/state-full
	full
	XDG_STATE_HOME=$E2E/home/state
}

# No file may become longer than 250 KiB, the agent's log included.
full()
{
	(ulimit -f 500 && agent_start && echo "$agent_pid" >"$E2E/pid")
	agent_pid=$(cat "$E2E/pid")
	AGENT_LOG=$E2E/agent.$((agent_n + 1)).log
	n=1
	while certify $n >/dev/null 2>&1; do
		cp "$E2E/user-cert.pub" "$E2E/full-$n"
		n=$((n + 1))
		test $n -lt 200 || break
	done
	check "a full disk refuses sooner or later" test $n -lt 200
	check "and not the first one" test $n -gt 1
	has "and the log says why" "$AGENT_LOG" 'refused [(]system.*ledger'
	kill -TERM "$agent_pid"
	wait_for 10 gone "$agent_pid"
	agent_pid='' agent_n=$((agent_n + 1))
	is "all that were handed out are in it" \
		"$(serials | wc -w | tr -d ' ')" "$((n - 1))"
	is_whole
}

part_old()
{
	begin || return
	sshd_make server
	sshd_lets server "$E2E/login.pub"
	check "a certificate" certify 1
	agent_stop
	cp -R "$XDG_STATE_HOME/hsm-ssh-agent" "$E2E/backup"
	begin || return
	check "and another" certify 2
	agent_stop
	cp "$E2E/backup/ledger.db" "$XDG_STATE_HOME/$LEDGER"
	begin || return
	refused "with an old copy of the ledger nothing is certified" 3 \
		'is older than what was written to it.*ca log resume'
	check "but one logs in" login_with server "$E2E/login.pub"
	check_status "and it is not whole" 1 "$KEYUTIL" ca log verify
	check "a person says that it is to go on" "$KEYUTIL" ca log resume \
		--yes --reason "the disk was lost"
	refused "but with none of the numbers that were lost" 2 \
		'may be that of a certificate that the ledger has lost'
	check "and it does" certify 3
	is_whole
	agent_stop
	cp "$E2E/backup/ledger.db" "$E2E/backup/ledger.db.head" \
		"$XDG_STATE_HOME/hsm-ssh-agent"
	begin || return
	refused "an old copy with its head is found, too" 4 \
		'is older than what was written to it.*ca log resume'
	check_status "... by who looks" 1 "$KEYUTIL" ca log verify
	agent_stop
	rm "$XDG_STATE_HOME/$LEDGER"* "$XDG_CACHE_HOME"/*/ledger-*
	cp "$E2E/backup/ledger.db" "$XDG_STATE_HOME/$LEDGER"
	begin || return
	refused "the same without its head" 4 'has lost its head'
	agent_stop
}

# Whatever is killed at any moment: what was handed out is there.
part_killed()
{
	begin || return
	n=1
	while test $n -le 25; do
		certify $n >/dev/null 2>&1 &
		one=$!
		# A later moment each time, by what it takes to look.
		until keeper >/dev/null; do :; done
		i=0
		while test $i -lt $((n * 1500)); do
			kill -0 "$one" 2>/dev/null
			i=$((i + 1))
		done
		kill -KILL "$agent_pid"
		wait "$one" && cp "$E2E/user-cert.pub" "$E2E/out-$n"
		wait "$agent_pid" 2>/dev/null
		n=$((n + 1))
		agent_start || return
	done
	say "$(find "$E2E" -name 'out-*' | wc -l) certificates came out"
	for f in "$E2E"/out-*; do
		test -e "$f" || continue
		serials | tr ' ' '\n' | grep -qx "${f##*out-}" ||
			fail "certificate ${f##*out-} is in the ledger"
	done
	pass "the agent was killed 25 times while it certified"
	is_whole
	agent_stop
}

test $# -eq 0 || { run_part "$1"; exit; }
part once --key p256:login --key p256:ca:11
part rate --key p256:ca
part process --key p256:login --key p256:ca:11
part disk --key p256:login --key p256:ca:11
part old --key p256:login --key p256:ca:11
part killed --latency 10 --key p256:ca
finish
