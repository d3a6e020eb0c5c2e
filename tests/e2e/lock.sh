#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# hsm-keyutil lock: through the running agent, and without one.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need ssh-keygen openssh-client
need opensc-tool opensc
need jq jq

# The state of the PIN, without a SELECT that would change it.
pin_state()
{
	opensc-tool -c default -s 00:20:00:81 2>/dev/null |
	    sed -n 's/^Received (SW1=0x\(..\), SW2=0x\(..\)).*/\1\2/p'
}

# sign NAME: with the key of that name.
sign()
{
	echo text | ssh-keygen -q -Y sign -n file -f "$E2E/$1.pub"
}

# states: of the agent's tokens, in the order of their serial numbers.
states()
{
	"$KEYUTIL" status --json |
	    jq -r '[.agent.tokens | sort_by(.serial)[] | .state] | join(" ")'
}

last_code()
{
	"$KEYUTIL" status --json | jq -r '.agent.refusals[-1].code'
}

start_agent_with_keys()
{
	agent_start || return 1
	wait_for 10 save_keys && test -s "$E2E/user.pub"
}

part_agent()
{
	start_agent_with_keys || { fail "the agent has the key"; return; }
	check "a token that is locked is told apart" \
	    says 'DENK0100000 "vhsm" was locked already' 0 \
	    "$KEYUTIL" lock vhsm
	check "signing unlocks" sign user
	is "which status shows" "$(states)" unlocked
	check "lock says what it has locked" \
	    says 'DENK0100000 "vhsm" is locked now' 0 "$KEYUTIL" lock
	is "the agent is locked" "$(states)" locked
	is "and nobody is logged in" "$(pin_state)" 63C3
	rm "$E2E/pin"
	check_status "the PIN is forgotten" 255 sign user
	is "that refusal has its code" "$(last_code)" cancelled
	echo "$PIN" >"$E2E/pin"
	check "with the PIN it signs again" sign user
	check "a label names a token" says 'is locked now' 0 \
	    "$KEYUTIL" lock vhsm
	check "a token that is not there exits 3, with the agent's reason" \
	    says 'no such token' 3 "$KEYUTIL" lock DENK7777777
	is "and that has its code" "$(last_code)" no-token
	check_status "two names are one too many" 2 "$KEYUTIL" lock a b
	check_status "an empty name is none" 2 "$KEYUTIL" lock ''
	agent_stop
}

part_two()
{
	vhsmctl -t 1 generate p256 other >/dev/null
	start_agent_with_keys || { fail "the agent has the keys"; return; }
	check "one is unlocked" sign user
	check "the other, too" sign other
	is "both are" "$(states)" "unlocked unlocked"
	check "one is locked by its serial number" \
	    says 'DENK0100001 "vhsm" is locked now' 0 \
	    "$KEYUTIL" lock DENK0100001
	is "the other is not" "$(states)" "unlocked locked"
	has_not "nor is it mentioned" "$E2E/said" 'DENK0100000 '
	check "so it is with --token" says 'was locked already' 0 \
	    "$KEYUTIL" lock --token DENK0100001
	check "a token is named once" says 'one token' 2 \
	    "$KEYUTIL" lock --token DENK0100001 DENK0100000
	check "a label of two is refused, with the agent's reason" \
	    says 'name one by its serial number' 1 "$KEYUTIL" lock vhsm
	check "all are locked" says 'DENK0100000 "vhsm" is locked now' 0 \
	    "$KEYUTIL" lock
	has "those that were are told apart" "$E2E/said" \
	    'DENK0100001 "vhsm" was locked already'
	is "nobody is left" "$(states)" "locked locked"
	agent_stop
}

# Somebody holds the card meanwhile: pcscd takes the power from one that
# nobody holds, and a login with it.
log_in()
{
	mkfifo "$E2E/hold.in"
	"$HELPERS/hold-card" shared <"$E2E/hold.in" >"$E2E/held" 2>&1 &
	exec 7>"$E2E/hold.in"
	wait_for 10 in_file "$E2E/held" '^held' || return 1
	printf 'app default { reader_driver pcsc {\n%s\n%s\n%s\n} }\n' \
	    'disconnect_action = leave;' 'transaction_end_action = leave;' \
	    'reconnect_action = leave;' >"$E2E/opensc.conf"
	OPENSC_CONF=$E2E/opensc.conf
	export OPENSC_CONF
	"$KEYUTIL" status >/dev/null	# selects the applet on a fresh card
	pin=$(printf %s "$PIN" | od -An -tx1 | tr ' ' : | tr -d '\n')
	opensc-tool -c default -s "00:20:00:81:06$pin" >/dev/null 2>&1
	test "$(pin_state)" = 9000
}

part_by_hand()
{
	need_helper hold-card || return
	check "without an agent there is nobody to log out" \
	    says 'DENK0100000 "vhsm" was locked already; nobody' 0 \
	    "$KEYUTIL" lock
	has "and that is said" "$E2E/said" 'Agent: not running'
	log_in || fail "another program is logged in"
	check "another token's name leaves it alone" \
	    says 'there is no token' 3 "$KEYUTIL" lock DENK7777777
	is "it does" "$(pin_state)" 9000
	check "a program that was logged in no longer is" \
	    says 'DENK0100000 "vhsm" is logged out now' 0 "$KEYUTIL" lock
	is "it is not" "$(pin_state)" 63C3
	exec 7>&-
	vhsmctl pull >/dev/null
	check "without a token it exits 3" wait_for 10 \
	    says 'put in the token' 3 "$KEYUTIL" lock
}

# A token may be called as another one's serial number.
part_named()
{
	chmod 600 "$E2E/pin"
	check "one token has the number of the other as its label" \
	    "$KEYUTIL" label --token DENK0100000 --pin-file "$E2E/pin" \
	    --token-itself DENK0100001
	start_agent_with_keys || { fail "the agent has the keys"; return; }
	check_status "labels are read where one is named" 1 ssh-add -s nobody
	check "by that number" ssh-add -s DENK0100001
	is "the one that has it is unlocked" "$(states)" "locked unlocked"
	is "by its PIN" "$(pins_sent 1)" 1
	has_not "which the other one did not get" "$AGENT_LOG" \
	    'DENK0100000: unlocked'
	agent_stop
}

test $# -eq 0 || { run_part "$1"; exit; }
part agent --key p256:user
part two --tokens 2 --key p256:user
part named --tokens 2 --key p256:user
part by_hand --key p256:user
finish
