#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The PIN: where it may come from, and when it is sent.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need ssh-add openssh-client
need opensc-tool opensc

SERIAL=DENK0100000
SERIAL_1=DENK0100001

# A signature with the first key, or the second.
sign()
{
	ssh-add -T "$E2E/key.pub"
}

sign_other()
{
	ssh-add -T "$E2E/other.pub"
}

# With nobody to ask.
alone()
{
	rm -f "$E2E/pin"
}

part_askpass()
{
	vhsmctl reset-count
	agent_start || return
	save_keys
	is "the agent sends no PIN by itself" "$(pins_sent)" 0
	check "a signature asks by SSH_ASKPASS and is made" sign
	is "once" "$(prompts)" 1
	has "the prompt names the token's label" "$E2E/prompts" \
		'token vhsm'
	has "the prompt names the serial number" "$E2E/prompts" "$SERIAL"
	has "the prompt tells the tries left" "$E2E/prompts" '3 tries left'
	for n in 2 3 4; do
		check "signature number $n is made" sign
	done
	is "it stays unlocked" "$(prompts)" 1
	is "one PIN was sent" "$(pins_sent)" 1
	agent_stop

	alone
	vhsmctl reset-count
	agent_start || return
	check_status "a cancelled prompt refuses the signature" 1 sign
	has "the log says that it was cancelled" "$AGENT_LOG" \
		'refused .* PIN entry was cancelled'
	is "nothing was sent" "$(pins_sent)" 0
	askpass_make
	check "the next signature asks again" sign
	agent_stop

	alone
	: >"$E2E/prompts"
	agent_start --unlock || return
	check "--unlock: the prompt is cancelled" \
		wait_for 20 in_file "$AGENT_LOG" 'PIN entry was cancelled'
	is "--unlock asks once when it is cancelled" "$(prompts)" 1
	askpass_make
	check "and a signature asks again" sign
	agent_stop

	: >"$E2E/prompts"
	agent_start --unlock || return
	check "--unlock: wait for it" wait_for 10 in_file "$AGENT_LOG" \
		'unlocked$'
	is "--unlock asks before anybody signs" "$(prompts)" 1
	check "a signature after --unlock is made" sign
	is "it does not ask again" "$(prompts)" 1
	agent_stop
}

part_terminal()
{
	need_helper pty-run || return
	unset SSH_ASKPASS SSH_ASKPASS_REQUIRE
	cat >"$E2E/session" <<EOF
rm -f "$E2E/agent.out"
"$AGENT" -D -a "$E2E/t.sock" >"$E2E/agent.out" 2>"$E2E/agent.t.log" &
agent=\$!
until grep -qs pid "$E2E/agent.out"; do
	kill -0 \$agent || exit 55
done
SSH_AUTH_SOCK=$E2E/t.sock
export SSH_AUTH_SOCK
ssh-add -L >"$E2E/key.pub"
ssh-add -T "$E2E/key.pub" && ssh-add -T "$E2E/key.pub"
rc=\$?
kill \$agent
wait \$agent
exit \$rc
EOF
	check "the agent asks at the terminal it was started from" \
		"$HELPERS/pty-run" 'tries left: ' "$PIN" \
		sh "$E2E/session"
	has "the prompt there names label, serial number and tries" \
		"$E2E/out" "vhsm.*$SERIAL.*3 tries left"
	is "it is shown once" "$(grep -c 'PIN for' "$E2E/out")" 1
	has_not "what is typed is not shown" "$E2E/out" "$PIN"

	check "--unlock asks at the terminal before it leaves it" \
		"$HELPERS/pty-run" 'tries left: ' "$PIN" \
		"$AGENT" --unlock -a "$E2E/bg.sock"
	agent_adopt "$E2E/out"
	check "and signs from the background" sign
	agent_dismiss

	check_status "a wrong PIN at the terminal refuses the signature" 1 \
		"$HELPERS/pty-run" 'tries left: ' 999999 sh "$E2E/session"
	is "one try is gone" "$(tries_left)" 63C2
	vhsmctl reset-count
	check_status "an empty answer cancels" 1 \
		"$HELPERS/pty-run" 'tries left: ' '' sh "$E2E/session"
	is "nothing was sent then" "$(pins_sent)" 0

	agent_start || return
	check_status "without terminal and askpass it is refused" 1 sign
	has "the log says how to give the PIN" "$AGENT_LOG" \
		'nobody to ask for the PIN'
	agent_stop
}

part_given()
{
	# By a descriptor.
	alone
	echo "$PIN" >"$E2E/secret"
	exec 7<"$E2E/secret"
	agent_start --pin-fd 7 || return
	exec 7<&-
	save_keys
	check "--pin-fd gives the PIN" sign
	check "for every signature" sign
	is "nobody was asked" "$(prompts)" 0
	agent_stop
	exec 7</dev/null
	check_status "--pin-fd with nothing in it is an error" 1 \
		agent_once -D -a "$E2E/no.sock" --pin-fd 7
	exec 7<&-
	check_status "--pin-fd of a descriptor that is not open, too" 1 \
		agent_once -D -a "$E2E/no.sock" --pin-fd 9
	has "it says which" "$E2E/out" 'pin-fd 9'

	# By a file.
	chmod 600 "$E2E/secret"
	echo "PinFile $E2E/secret" >"$E2E/conf"
	agent_start --config "$E2E/conf" || return
	check "PinFile gives the PIN" sign
	agent_stop
	is "nobody was asked for that either" "$(prompts)" 0

	agent_start --config "$E2E/conf" --unlock || return
	check "--unlock uses PinFile: wait for it" wait_for 10 in_file \
		"$AGENT_LOG" 'unlocked$'
	agent_stop

	for mode in 640 604 620 602; do
		chmod $mode "$E2E/secret"
		refused_file "with mode $mode" 'others can read or write it'
	done
	chmod 600 "$E2E/secret"
	mkfifo -m 600 "$E2E/fifo"
	echo "PinFile $E2E/fifo" >"$E2E/conf"
	refused_file "that is a FIFO" 'not a regular file'
	echo "PinFile $E2E/nowhere" >"$E2E/conf"
	refused_file "that is not there" 'No such file'
	: >"$E2E/empty"
	chmod 600 "$E2E/empty"
	echo "PinFile $E2E/empty" >"$E2E/conf"
	refused_file "that is empty" 'empty'

	if test "$(id -u)" -eq 0; then
		# Root reads anything; what counts is whose it is.
		chmod 711 "$E2E_TOP" "$E2E"
		chown 65534 "$E2E/secret"
		echo "PinFile $E2E/secret" >"$E2E/conf"
		refused_file "of another user" 'belongs to another user'
	else
		skip "a PinFile of another user is refused" "needs root"
	fi
}

# refused_file SENTENCE REASON
refused_file()
{
	vhsmctl reset-count
	agent_start --config "$E2E/conf" || return
	check_status "a PinFile $1 is refused" 1 sign
	has "the log says why ($1)" "$AGENT_LOG" "PIN file .*$2"
	is "no PIN was sent ($1)" "$(pins_sent)" 0
	agent_stop
}

part_wrong()
{
	vhsmctl reset-count
	echo 111111 >"$E2E/pin"
	agent_start || return
	save_keys
	check_status "a wrong PIN refuses the signature" 1 sign
	has "the log says so and how many tries are left" "$AGENT_LOG" \
		'refused .*wrong PIN, 2 tries left'
	is "it was sent once" "$(pins_sent)" 1
	status_says "status tells the reason" 'wrong PIN, 2 tries left'
	check_status "the same wrong PIN a second time is refused" 1 sign
	has "because the token has rejected it before" "$AGENT_LOG" \
		'has rejected this PIN before'
	check_status "by ssh-add -s as well" 1 ssh-add -s $SERIAL
	is "it was not sent again" "$(pins_sent)" 1
	is "the token still has two tries" "$(tries_left)" 63C2
	echo "$PIN" >"$E2E/pin"
	check "the right PIN then works" sign
	has "the prompt told the tries left" "$E2E/prompts" '2 tries left'
	is "the token has three tries again" "$(tries_left)" 63C3
	agent_stop

	# Given beforehand and wrong: once, and then never by itself.
	alone
	vhsmctl reset-count
	echo 222222 >"$E2E/secret"
	chmod 600 "$E2E/secret"
	echo "PinFile $E2E/secret" >"$E2E/conf"
	agent_start --config "$E2E/conf" || return
	for n in 1 2 3 4; do
		check_status "no signature with a wrong PinFile ($n)" 1 sign
	done
	is "a wrong PIN from PinFile is sent once, whatever comes" \
		"$(pins_sent)" 1
	is "two tries are left" "$(tries_left)" 63C2
	echo "$PIN" >"$E2E/secret"
	check "the file put right is used" sign
	agent_stop

	vhsmctl reset-count
	echo 333333 >"$E2E/secret"
	exec 7<"$E2E/secret"
	agent_start --unlock --pin-fd 7 || return
	exec 7<&-
	wait_for 10 in_file "$AGENT_LOG" 'wrong PIN'
	sign >/dev/null 2>&1
	sign >/dev/null 2>&1
	is "a wrong PIN from --pin-fd is sent once" "$(pins_sent)" 1
	askpass_make
	check "a person can still give the right one" sign
	agent_stop
}

# status_says SENTENCE PATTERN
status_says()
{
	if test -x "$KEYUTIL"; then
		"$KEYUTIL" status >"$E2E/status" 2>&1
		has "$1" "$E2E/status" "$2"
	else
		skip "$1" "hsm-keyutil is not built"
	fi
}

part_last_try()
{
	agent_start || return
	save_keys
	wrong_pins 2
	is "one try is left" "$(tries_left)" 63C1
	vhsmctl reset-count
	check_status "with one try left a signature is refused" 1 sign
	is "without asking anybody" "$(prompts)" 0
	has "the log says why" "$AGENT_LOG" 'last one is never spent'
	check_status "ssh-add -s with the right PIN is refused" 1 \
		ssh-add -s $SERIAL
	is "nothing was sent" "$(pins_sent)" 0
	is "the try is still there" "$(tries_left)" 63C1
	status_says "status tells the reason" 'last'
	agent_stop

	exec 7<"$E2E/pin"
	vhsmctl reset-count
	agent_start --unlock --pin-fd 7 || return
	exec 7<&-
	check_status "nor does --pin-fd spend it" 1 sign
	is "nothing was sent then" "$(pins_sent)" 0

	wrong_pins 1
	vhsmctl reset-count
	check_status "a blocked PIN is refused" 1 sign
	has "the log says that it is blocked" "$AGENT_LOG" 'blocked'
	is "nothing was sent to a blocked token" "$(pins_sent)" 0
	agent_stop
}

part_ssh_add()
{
	agent_start || return
	save_keys
	check "ssh-add -s SERIAL unlocks the token" ssh-add -s $SERIAL
	is "ssh-add asks, the agent does not" \
		"$(grep -c 'PIN for token' "$E2E/prompts")" 0
	n=$(prompts)
	check "a signature needs no prompt after it" sign
	is "and shows none" "$(prompts)" "$n"
	check "ssh-add -s again does no harm" ssh-add -s $SERIAL
	check "the key still signs" sign
	is "the keys are still listed" "$(ssh-add -l | wc -l)" 1

	check "ssh-add -e SERIAL locks it" ssh-add -e $SERIAL
	is "the keys stay listed" "$(ssh-add -l | wc -l)" 1
	: >"$E2E/prompts"
	check "a signature asks again" sign
	is "once, and it is the agent that asks" \
		"$(grep -c 'PIN for token' "$E2E/prompts")" 1
	check "ssh-add -D locks it too" ssh-add -D
	alone
	check_status "then nothing is signed without the PIN" 1 sign
	askpass_make

	check "ssh-add -s by the label of the token" \
		ssh-add -s vhsm
	vhsmctl reset-count
	check_status "ssh-add -s of a token that is not there" 1 \
		ssh-add -s DENK9999999
	is "sends the PIN to nobody" "$(pins_sent)" 0
	has "the log says that there is none" "$AGENT_LOG" \
		'unlock of token DENK9999999 .*no such token'
	module=$(find /usr/lib -name opensc-pkcs11.so | head -n 1)
	ssh-add -D 2>/dev/null
	if test -n "$module"; then
		check "ssh-add -s with the path of a PKCS#11 module" \
			ssh-add -s "$module"
		alone
		check "means the only token" sign
		askpass_make
	else
		skip "ssh-add -s with a path" "opensc-pkcs11 is missing"
	fi
	check_status "a path outside of the allowed ones is refused" 1 \
		ssh-add -s "$E2E/askpass"
	ssh-add -D 2>/dev/null
	echo 444444 >"$E2E/pin"
	vhsmctl reset-count
	check_status "ssh-add -s with a wrong PIN is refused" 1 \
		ssh-add -s $SERIAL
	has "the log tells the tries left" "$AGENT_LOG" \
		"unlock of token $SERIAL .*wrong PIN, 2 tries left"
	check_status "and again" 1 ssh-add -s $SERIAL
	is "it was sent once" "$(pins_sent)" 1
	agent_stop
}

part_label()
{
	agent_start || return
	save_keys
	check "ssh-add -s by a label that was not needed before" \
		ssh-add -s vhsm
	alone
	check "the token is unlocked then" sign
	agent_stop
}

part_lifetime()
{
	agent_start -t 1 || return
	save_keys
	check "a signature with -t 1" sign
	check "the unlock ends" wait_for 10 in_file "$AGENT_LOG" 'has expired'
	: >"$E2E/prompts"
	check "a signature after it is made" sign
	is "when the PIN was given again" "$(prompts)" 1
	agent_stop
	for t in 1x -5 ''  h; do
		check_status "-t '$t' is a usage error" 2 \
			agent_once -D -t "$t" -a "$E2E/no.sock"
	done
}

part_two()
{
	vhsmctl -t 1 generate p256 other 02 >/dev/null
	alone
	echo "$PIN" >"$E2E/secret"
	chmod 600 "$E2E/secret"
	vhsmctl -t 0 reset-count
	vhsmctl -t 1 reset-count

	exec 7<"$E2E/secret"
	agent_start --unlock --pin-fd 7 || return
	exec 7<&-
	save_keys
	is "the keys of both tokens are listed" \
		"$(wc -l <"$E2E/listing")" 2
	check_status "a global PIN is not for the first of two tokens" 1 \
		sign
	check_status "nor for the second" 1 sign_other
	is "the first was sent nothing" "$(pins_sent 0)" 0
	is "the second was sent nothing" "$(pins_sent 1)" 0
	agent_stop

	exec 7<"$E2E/secret"
	agent_start --pin-fd 7 --token $SERIAL_1 || return
	exec 7<&-
	check "--token names the one it is for" sign_other
	check_status "not the other one" 1 sign
	is "which was sent nothing" "$(pins_sent 0)" 0
	has "the other one's prompt named it" "$E2E/prompts" "$SERIAL\\)"
	agent_stop

	cat >"$E2E/conf" <<EOF
Token $SERIAL
	PinFile $E2E/secret
EOF
	vhsmctl -t 1 reset-count
	agent_start --config "$E2E/conf" || return
	check "a PinFile in a Token block is for that token" sign
	check_status "and for no other" 1 sign_other
	is "which was sent nothing" "$(pins_sent 1)" 0

	askpass_make
	check "each token is asked for by itself" sign_other
	has "by its serial number" "$E2E/prompts" "$SERIAL_1\\)"
	check "one can be locked alone" ssh-add -e $SERIAL_1
	: >"$E2E/prompts"
	check "the other one then still signs" sign
	is "without a prompt" "$(prompts)" 0
	check_status "ssh-add -s with a path is refused: which of two?" 1 \
		ssh-add -s "$(find /usr/lib -name 'libc.so*' | head -n 1)"
	check "ssh-add -D locks both" ssh-add -D
	alone
	check_status "the second then asks" 1 sign_other
	agent_stop
}

test $# -eq 0 || { run_part "$1"; exit; }
part askpass --key p256:key:01
part terminal --key p256:key:01
part given --key p256:key:01
part wrong --key p256:key:01
part last_try --key p256:key:01
part ssh_add --key p256:key:01
part label --key p256:key:01
part lifetime --key p256:key:01
part two --tokens 2 --key p256:key:01
finish
