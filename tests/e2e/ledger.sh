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

# The card is signing what the agent was asked for.
card_signs()
{
	test "$(vhsmctl planned)" = 0
}

card_signed()
{
	test "$(vhsmctl count 68)" -gt 0
}

# killed_at SERIAL MOMENT: the agent, so many looks after the card began to
# sign; the certificate is $E2E/out-SERIAL if it came out.
killed_at()
{
	vhsmctl delay 100 at 1 68 >/dev/null
	certify "$1" >"$E2E/late" 2>&1 &
	one=$!
	until card_signs; do
		kill -0 "$one" || break
	done
	kept=$(keeper)
	i=0
	while test $i -lt "$2"; do
		kill -0 "$one" 2>/dev/null
		i=$((i + 1))
	done
	kill -KILL "$agent_pid"
	wait "$one" && cp "$E2E/user-cert.pub" "$E2E/out-$1"
	wait "$agent_pid" 2>/dev/null
	wait_for 10 gone "$kept"
	card_signs || fail "the card was asked to sign $1"
}

# The next moment: to and fro about the one at which certificates come out.
move_on()
{
	way=1
	test ! -e "$E2E/out-$n" || way=-1
	test $((way * step)) -gt 0 || step=$((step / -2))
	test $((way * step)) -gt 200 || step=$((way * 200))
	moment=$((moment + step))
}

# rows SERIAL: how many it has in the ledger.
rows()
{
	serials | tr ' ' '\n' | grep -cx "$1"
}

# A number without a row may be asked for again, and no other one.
again()
{
	again_rows=$(rows "$1") again_rc=0
	certify "$1" >"$E2E/again" 2>&1 || again_rc=$?
	test $again_rc -ne 0 || cp "$E2E/user-cert.pub" "$E2E/again-$1"
	test $again_rc -eq $((again_rows * 255)) || {
		fail "with $again_rows rows, $1 is asked for again"
		show "$E2E/again"
	}
}

came_out()
{
	find "$E2E" -name 'out-*' -o -name 'again-*'
}

# have_rows: each that came out, this very certificate, has one.
have_rows()
{
	"$KEYUTIL" ca log --all --json >"$E2E/ledger.json" || return
	for f in $(came_out); do
		jq -e --arg line "$(cut -d' ' -f1,2 "$f")" \
			'map(select(.certificate == $line)) | length == 1' \
			"$E2E/ledger.json" >/dev/null || {
			echo "${f##*/} has not"
			return 1
		}
	done
}

# numbers_once: neither in the ledger nor outside of it is one there twice.
numbers_once()
{
	serials | tr ' ' '\n' | sort | uniq -d >"$E2E/twice"
	for f in $(came_out); do
		ssh-keygen -Lf "$f" | grep '^ *Serial: '
	done | sort | uniq -d >>"$E2E/twice"
	cat "$E2E/twice"
	test ! -s "$E2E/twice"
}

# Between the signature and its row: nobody has it, then or later.
killed_before_the_row()
{
	check "a certificate" certify 100
	stopped=$(keeper)
	vhsmctl reset-count >/dev/null
	vhsmctl delay 300 at 1 68 >/dev/null
	certify 101 >"$E2E/late" 2>&1 &
	one=$!
	wait_for 10 card_signs
	kill -STOP "$stopped"
	wait_for 10 card_signed || fail "the card has signed"
	kill -KILL "$agent_pid"
	late_rc=0
	wait "$one" || late_rc=$?
	is "signed, and killed before it has a row, it is nobody's" \
		$late_rc 255
	wait "$agent_pid" 2>/dev/null
	kill -CONT "$stopped"
	wait_for 10 gone "$stopped"
	check "... and there is no certificate" \
		test ! -e "$E2E/user-cert.pub"
}

# Whatever is killed at any moment: what was handed out is there.
part_killed()
{
	begin || return
	n=1 moment=0 step=8000
	while test $n -le 25; do
		killed_at $n $moment
		agent_start || return
		move_on
		again $n
		n=$((n + 1))
	done
	out=$(find "$E2E" -name 'out-*' | wc -l)
	say "$out of 25 certificates came out, $(find "$E2E" -name \
		'again-*' | wc -l) numbers were used again"
	check "the agent was killed before a certificate came out" \
		test "$out" -lt 25
	check "and after one had come out" test "$out" -gt 0
	killed_before_the_row
	begin || return
	check "all that came out are in the ledger, once" have_rows
	check "no number was used twice" numbers_once
	is_whole
	agent_stop
}

test $# -eq 0 || { run_part "$1"; exit; }
part once --key p256:login --key p256:ca:11
part rate --key p256:ca
part process --key p256:login --key p256:ca:11
part disk --key p256:login --key p256:ca:11
part old --key p256:login --key p256:ca:11
part killed --key p256:ca
finish
