#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What speed rests on: how many commands the card is sent, and that nobody
# waits for the card who does not need it.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need ssh-add openssh-client

# at_most SENTENCE GOT LIMIT
at_most()
{
	if test "$2" -le "$3"; then
		pass "$1 ($2 of $3)"
	else
		fail "$1"
		say "got $2, at most $3 wanted"
		vhsmctl log | tail -n 60 | sed 's/^/# /'
	fi
}

sign()
{
	ssh-add -T "$E2E/$1.pub" >/dev/null 2>&1
}

# cost COMMAND...: the number of card commands that it causes.
cost()
{
	vhsmctl reset-count
	"$@" >/dev/null 2>&1 || say "failed: $*"
	vhsmctl count
}

# listing N: with N keys on the token, which has $keys of them now.
listing()
{
	while test "$keys" -lt "$1"; do
		keys=$((keys + 1))
		vhsmctl generate p256 "more-$keys" "$(printf %02x $keys)" \
			>/dev/null
	done
	vhsmctl reset-count
	agent_start || return
	is "all $1 keys are listed" "$(ssh-add -l | wc -l)" "$1"
	at_most "start and first listing of $1 keys: at most 4+2N commands" \
		"$(vhsmctl count)" $((4 + 2 * $1))
	is "a listing after that sends the card nothing ($1 keys)" \
		"$(cost ssh-add -L)" 0
	agent_stop
}

part_listing()
{
	keys=1
	listing 1
	listing 5
	listing 20
}

part_signing()
{
	agent_start || return
	save_keys
	# Label, serial number and both counters for the prompt, then VERIFY.
	at_most "the first signature, with the PIN" "$(cost sign ec)" 9
	for k in ec rsa ec rsa; do
		is "a steady signature with $k is one command" \
			"$(cost sign $k)" 1
	done
	vhsmctl reset-count
	for k in ec rsa ec ec rsa ec rsa ec rsa ec; do
		sign $k
	done
	is "ten signatures are ten commands" "$(vhsmctl count)" 10
	is "the PIN was asked for once" "$(prompts)" 1

	# Others at the card.  Fail, select, is it the same token, how many
	# tries are left, VERIFY, sign: safety has its price, and no more.
	vhsmctl reset
	at_most "a signature after the card was reset" "$(cost sign ec)" 6
	if has_program opensc-tool; then
		opensc-tool -s 00:A4:04:00:06:D2:76:00:01:24:01 \
			>/dev/null 2>&1
		at_most "a signature after another program selected" \
			"$(cost sign ec)" 5
	else
		skip "a signature after another program selected" \
			"opensc is missing"
	fi
	is "and then it is one command again" "$(cost sign ec)" 1
	is "nobody was asked for the PIN again" "$(prompts)" 1
	agent_stop
}

sign_until_told()
{
	while test ! -e "$E2E/enough"; do
		sign "$1"
	done
}

# Best of three rounds: another job of this machine can spoil one.  The
# figure of the promise, 5 ms, is for make bench, which has the machine alone.
part_busy()
{
	need_helper agent-ping || return
	agent_start || return
	save_keys
	check "the first signature" sign ec
	signers=
	for i in 1 2 3 4; do
		sign_until_told ec &
		signers="$signers $!"
	done
	best=
	for i in 1 2 3; do
		before=$(vhsmctl count 68)
		"$HELPERS/agent-ping" 1000 1000 >"$E2E/ping"
		say "round $i: $(cat "$E2E/ping"), $(($(vhsmctl count 68) - \
before)) signatures meanwhile"
		p99=$(sed -n 's/.* p99 \([0-9]*\) .*/\1/p' "$E2E/ping")
		test -z "$best" || test "$p99" -lt "$best" || continue
		best=$p99 signatures=$(($(vhsmctl count 68) - before))
	done
	if test "$signatures" -ge 2; then
		pass "the card was busy with signatures of 300 ms meanwhile"
	else
		fail "the card was busy meanwhile"
		say "$signatures signatures"
	fi
	if test "$best" -lt 100000; then
		pass "no listing waits for a signature"
	else
		fail "no listing waits for a signature"
		say "best p99: $best microseconds"
	fi
	: >"$E2E/enough"
	# shellcheck disable=SC2086 # several
	wait $signers
	agent_stop
}

test $# -eq 0 || { run_part "$1"; exit; }
part listing --key rsa2048:one:01
part signing --key p256:ec:01 --key rsa2048:rsa:02
part busy --latency 300 --key p256:ec:01
finish
