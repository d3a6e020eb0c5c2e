#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# How long a login lasts, who can use it meanwhile, and what it costs in card
# commands to take one back.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

READER='Virtual HSM A 00 00'

# at_most SENTENCE GOT LIMIT
at_most()
{
	if test "$2" -le "$3"; then
		pass "$1: at most $3 commands ($2)"
	else
		fail "$1: at most $3 commands"
		say "$2 commands:"
		vhsmctl log | tail -n 20 | sed 's/^/# /'
	fi
}

sign()
{
	"$HELPERS/sign-on" 1 1 "$1"
}

# costs SENTENCE LIMIT KEY: the next signature, which has to work.
costs()
{
	ssh-add -l >/dev/null		# a look at the keys is not its cost
	vhsmctl reset-count
	if sign "$3" >"$E2E/out" 2>&1; then
		at_most "$1" "$(vhsmctl count)" "$2"
	else
		fail "$1"
		show "$E2E/out"
		show_logs
	fi
}

select_hsm()
{
	opensc-tool -r 0 \
		-s 00:A4:04:00:0B:E8:2B:06:01:04:01:81:C3:1F:02:01:00 \
		>/dev/null 2>&1
}

# The PIN status before each VERIFY is promise 1, so 4 where it would be 3.
# counts EXTRA: what a signature costs, in card commands.
counts()
{
	need_helper sign-on || return
	agent_start || return
	check "the first signature" sign ec
	for k in ec rsa ec; do
		costs "a steady signature ($k)" 1 $k
	done
	select_hsm
	costs "the next one after another program selected the applet" 4 ec
	vhsmctl logout >/dev/null
	costs "... and logged out" 4 rsa
	opensc-tool -r 0 --reset >/dev/null 2>&1
	costs "... and reset the card" $((4 + $1)) rsa
	# Neither is known before a SIGN has failed, and SELECT has to come
	# before the tries can be asked for.
	vhsmctl other-applet >/dev/null
	costs "... and selected another applet" $((5 + $1)) ec
	vhsmctl reset
	costs "... and reset the card, unseen by PC/SC" $((5 + $1)) ec
	costs "and then" 1 ec
	is "the PIN was asked for once" "$(prompts)" 1
	agent_stop
}

part_stick() { counts 0; }

# A card that can be exchanged has to show its serial number, too.
part_slot() { counts 1; }

# signatures_of_others SCOPE: while eight clients have 25 each.
signatures_of_others()
{
	rm -f "$E2E/end"
	mkfifo "$E2E/end"
	"$HELPERS/ride" "$READER" 01 <"$E2E/end" >"$E2E/ride" 2>&1 &
	ride=$!
	exec 7>"$E2E/end"
	check "$1: eight clients have all their signatures" \
		"$HELPERS/sign-on" 8 25 ec
	exec 7>&-
	check "$1: another program tried meanwhile" wait $ride
	say "$1: another program $(cat "$E2E/ride")"
	others=$(sed -n 's/.* signed //p' "$E2E/ride")
}

# scope_start SCOPE
scope_start()
{
	need_helper sign-on || return
	need_helper ride || return
	echo "LoginScope $1" >"$E2E/config"
	chmod 600 "$E2E/config"
	agent_start --config "$E2E/config" || return
	check "$1: the first signature" sign ec
}

part_session()
{
	scope_start session || return
	signatures_of_others session
	if test "${others:-0}" -gt 0; then
		pass "session: whoever reaches the reader can sign"
	else
		fail "session: whoever reaches the reader can sign"
	fi
	costs "session: a signature" 1 ec
	agent_stop
}

part_transaction()
{
	scope_start transaction || return
	is "transaction: nobody is logged in after it" \
		"$(vhsmctl send 00200081)" 63C3
	signatures_of_others transaction
	is "transaction: no other program can ever sign" "$others" 0
	is "transaction: nobody is logged in afterwards" \
		"$(vhsmctl send 00200081)" 63C3
	costs "transaction: PIN status, VERIFY, SIGN, SELECT" 4 ec
	vhsmctl reset
	check "transaction: a signature after a reset" sign rsa
	is "transaction: the PIN was asked for once" "$(prompts)" 1
	is "transaction: and never wrong" \
		"$(vhsmctl pins | cut -d' ' -f2)" 0
	agent_stop
}

part_wrong()
{
	echo "LoginScope forever" >"$E2E/config"
	chmod 600 "$E2E/config"
	check_status "another scope is a mistake in the file" 2 \
		agent_once -d -a "$E2E/agent.sock" --config "$E2E/config"
	has "which is named with its line" "$E2E/out" 'config:1: LoginScope'
}

need opensc-tool opensc
test $# -eq 0 || { run_part "$1"; exit; }
part stick --stick --key p256:ec:01 --key rsa2048:rsa:02
for p in slot session transaction; do
	part $p --key p256:ec:01 --key rsa2048:rsa:02
done
bare_part wrong
finish
