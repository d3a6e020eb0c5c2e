#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# How long a PIN and a login are kept, for which token, and what ends them.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need ssh-add openssh-client
need jq jq

SERIAL=DENK0100000
SERIAL_1=DENK0100001
PIN_1=135724		# of the second token, where there are two

sign()
{
	ssh-add -T "$E2E/key.pub"
}

sign_other()
{
	ssh-add -T "$E2E/other.pub"
}

# conf_start LINE...: an agent with that configuration.
conf_start()
{
	printf '%s\n' "$@" >"$E2E/conf"
	chmod 600 "$E2E/conf"
	: >"$E2E/prompts"
	agent_start --config "$E2E/conf" && save_keys
}

# costs SENTENCE N COMMAND...: it works, with so many prompts.
costs()
{
	costs_what=$1 costs_n=$2
	shift 2
	: >"$E2E/prompts"
	check "$costs_what" "$@"
	is "... with $costs_n prompts" "$(prompts)" "$costs_n"
}

# The answer to a question for the tries left, in the session as it is.
login_state()
{
	vhsmctl -t "${1:-0}" send 00200081
}

is_logged_out()
{
	test "$(login_state)" = 63C3
}

# states: of the agent's tokens, in the order of their serial numbers.
states()
{
	"$KEYUTIL" status --json |
	    jq -r '[.agent.tokens | sort_by(.serial)[] | .state] | join(" ")'
}

is_state()
{
	test "$(states)" = "$1"
}

# locked SENTENCE: in a moment, and nobody is logged in.
locked()
{
	check "$1" wait_for 10 is_state locked
	check "... and nobody is logged in" wait_for 10 is_logged_out
}

# Somebody else takes the login away, in one way or the other.
lose_login()
{
	vhsmctl logout >/dev/null
}

reset_card()
{
	opensc-tool -r 0 --reset >/dev/null 2>&1
}

part_cache()
{
	conf_start "PinCache session" || return
	costs "PinCache session: the first signature" 1 sign
	costs "the next" 0 sign
	lose_login
	costs "after another program took the login" 1 sign
	costs "and then" 0 sign
	reset_card
	costs "after another program reset the card" 1 sign
	agent_stop

	conf_start "PinCache memory" || return
	costs "PinCache memory: the first signature" 1 sign
	lose_login
	costs "after another program took the login" 0 sign
	reset_card
	costs "after another program reset the card" 0 sign
	agent_stop

	for conf in "PinCache never" "PinCache never
LoginScope transaction" "PinCache session
LoginScope transaction"; do
		what=$(echo "$conf" | tr '\n' ' ')
		conf_start "$conf" || return
		vhsmctl reset-count
		for n in 1 2 3; do
			costs "$what: signature $n" 1 sign
			is "... and nobody is logged in" "$(login_state)" 63C3
			is "... nor is the token unlocked" "$(states)" locked
		done
		is "one PIN was sent for each, none wrong" \
			"$(vhsmctl pins)" "3 0 0"
		check_status "ssh-add -s is refused" 1 ssh-add -s $SERIAL
		has "with the reason" "$AGENT_LOG" \
			'refused .denied.: unlock .*asked for at each signature'
		is "and sends nothing" "$(vhsmctl pins)" "3 0 0"
		agent_stop
	done

	conf_start "LoginScope transaction" || return
	costs "LoginScope transaction: the first signature" 1 sign
	is "... and nobody is logged in" "$(login_state)" 63C3
	is "... but the PIN is kept" "$(states)" unlocked
	reset_card
	costs "after a reset" 0 sign
	is "... and nobody is logged in" "$(login_state)" 63C3
	agent_stop
}

# Each token's own PIN, by the serial number in the question.
two_pins()
{
	vhsmctl -t 1 init $PIN_1 3537363231383830 second
	vhsmctl -t 1 generate p256 other 02 >/dev/null
	cat >"$E2E/askpass" <<EOF
#!/bin/sh
printf '%s\\n' "\$1" >>"$E2E/prompts"
case \$1 in
*$SERIAL_1*)	echo $PIN_1 ;;
*$SERIAL*)	echo $PIN ;;
esac
EOF
}

# no_pin_went_astray N M: so many PINs were sent to each, and none wrong.
no_pin_went_astray()
{
	is "the first token had $1 PINs, all its own" \
		"$(vhsmctl -t 0 pins)" "$1 0 0"
	is "the second had $2" "$(vhsmctl -t 1 pins)" "$2 0 0"
}

part_blocks()
{
	two_pins
	for t in 0 1; do
		vhsmctl -t $t reset-count
	done
	conf_start "PinCache never" "Token $SERIAL" "	PinCache memory" ||
		return
	costs "a block by serial number: the first signature" 1 sign
	costs "its PIN is kept" 0 sign
	for n in 1 2; do
		costs "the global keyword holds for the other ($n)" 1 \
			sign_other
	done
	no_pin_went_astray 1 2
	agent_stop

	conf_start "PinCache session" "Token second" "	PinCache never" \
		"	LoginScope transaction" "Token $SERIAL" \
		"	LoginScope session" || return
	for n in 1 2; do
		costs "a block by label ($n)" 1 sign_other
		is "... and nobody is logged in" "$(login_state 1)" 63C3
	done
	costs "the other token's first signature" 1 sign
	costs "and its next" 0 sign
	is "... while it is logged in" "$(login_state)" 9000
	no_pin_went_astray 2 4
	agent_stop

	conf_start "PinCache never" "Token second" "	PinCache never" \
		"Token $SERIAL_1" "	PinCache memory" || return
	costs "a block by serial number goes before one by label" 1 sign_other
	costs "and then" 0 sign_other
	agent_stop

	# Kept for both: neither is tried on the other, whatever happens.
	vhsmctl -t 0 reset-count
	vhsmctl -t 1 reset-count
	conf_start "PinCache memory" || return
	costs "two tokens: the first" 1 sign
	costs "the second, which has another PIN" 1 sign_other
	for n in 1 2; do
		vhsmctl -t 0 logout >/dev/null
		vhsmctl -t 1 logout >/dev/null
		costs "the first, logged out" 0 sign
		costs "the second, logged out" 0 sign_other
	done
	no_pin_went_astray 3 3
	agent_stop

	# One PIN that was given, for the one it is named for.
	echo "$PIN_1" >"$E2E/given"
	chmod 600 "$E2E/given"
	conf_start "Token second" "	PinFile $E2E/given" || return
	vhsmctl -t 0 reset-count
	vhsmctl -t 1 reset-count
	costs "a PinFile in a block" 0 sign_other
	costs "is not for the other" 1 sign
	no_pin_went_astray 1 1
	agent_stop
}

now_ms()
{
	echo $(($(date +%s%N) / 1000000))
}

# sign_until_ms T: without a break.
sign_until_ms()
{
	while test "$(now_ms)" -lt "$1"; do
		sign || return 1
	done
}

# For ten seconds at the most.
sign_until_asked_again()
{
	: >"$E2E/prompts"
	sign_end=$(($(now_ms) + 10000))
	until test "$(prompts)" -gt 0; do
		sign && test "$(now_ms)" -lt $sign_end || return 1
	done
}

# It answers once.
ask_once()
{
	cat >"$E2E/askpass" <<EOF
#!/bin/sh
printf '%s\\n' "\$1" >>"$E2E/prompts"
cat "$E2E/pin" && rm "$E2E/pin"
EOF
}

part_ends()
{
	conf_start "LockAfterIdle 1" || return
	begin=$(now_ms)
	costs "LockAfterIdle: signatures without a break" 1 \
		sign_until_ms $((begin + 2000))
	locked "without any it locks"
	costs "the next" 1 sign
	agent_stop

	conf_start "Lifetime 1" "LockAfterIdle 1h" || return
	costs "Lifetime: a signature" 1 sign
	check "signatures make it no longer" sign_until_asked_again
	locked "it ends"
	has "the log says so" "$AGENT_LOG" 'the unlock has expired'
	agent_stop

	# It may end while a signature is being made.
	need_helper sign-on || return
	ask_once
	mkfifo "$E2E/end"
	for n in 1 2 3; do
		echo "$PIN" >"$E2E/pin"
		conf_start "Lifetime 1" || return
		"$HELPERS/sign-on" 2 0 key <"$E2E/end" >"$E2E/sign-on" 2>&1 &
		signer=$!
		exec 7>"$E2E/end"
		check "Lifetime ends in the midst of signatures ($n)" \
			wait_for 10 in_file "$AGENT_LOG" 'refused .cancelled'
		exec 7>&-
		wait $signer
		locked "and then it is locked"
		agent_stop
	done
}

part_now()
{
	conf_start "PinCache memory" || return
	for lock in "ssh-add -D" "ssh-add -e $SERIAL" "$KEYUTIL lock"; do
		check "unlocked" sign
		is "... which status tells" "$(states)" unlocked
		# shellcheck disable=SC2086	# words
		check "${lock##*/} locks" $lock
		is "... at once" "$(states) $(login_state)" "locked 63C3"
		costs "the next signature" 1 sign
	done

	vhsmctl pull >/dev/null
	check "a token that is pulled" wait_for 10 is_state ''
	vhsmctl insert >/dev/null
	check "and put back" wait_for 10 is_state locked
	costs "has to be unlocked again" 1 sign

	kill -USR1 "$VHSM_HARNESS_PID"
	check "a restart of pcscd" wait_for 20 vhsmctl pcscd wait
	costs "costs nothing" 0 sign
	vhsmctl pcscd stop
	check "without pcscd there is no token" wait_for 10 is_state ''
	vhsmctl pull >/dev/null
	vhsmctl pcscd start
	vhsmctl insert >/dev/null
	check "pcscd is back" wait_for 20 vhsmctl pcscd wait
	check "and the token" wait_for 20 sign
	agent_stop
}

BAR()
{
	echo "$XDG_STATE_HOME/hsm-ssh-agent/pin-rejected-$SERIAL"
}

# barred SENTENCE: once more, and nothing is sent.
barred()
{
	check_status "$1: nothing is signed without a person" 1 sign
	is "... and no PIN sent" "$(vhsmctl pins)" "$2"
}

part_bar()
{
	rm "$E2E/pin"
	echo 111111 >"$E2E/given"
	chmod 600 "$E2E/given"
	vhsmctl reset-count
	conf_start "PinFile $E2E/given" || return
	check_status "a wrong PinFile" 1 sign
	is "is sent once" "$(vhsmctl pins)" "1 1 0"
	barred "again" "1 1 0"
	check "there is a file that says so" test -f "$(BAR)"
	is "for its owner alone" "$(stat -c %a "$(BAR)")" 600
	has_not "without a PIN" "$(BAR)" '[0-9]'
	has "the prompt told what was wrong" "$E2E/prompts" \
		'The PIN in PinFile was rejected'
	agent_stop

	conf_start "PinFile $E2E/given" || return
	barred "an agent that is started again" "1 1 0"
	has "the prompt told why" "$E2E/prompts" 'PinFile was rejected'
	echo "$PIN" >"$E2E/pin"
	costs "a person gives the right one" 1 sign
	check "that removes the file" test ! -e "$(BAR)"
	rm "$E2E/pin"
	ssh-add -D 2>/dev/null
	check_status "then PinFile has its one chance again" 1 sign
	is "which it takes" "$(vhsmctl pins)" "3 2 0"
	check "and misses" test -e "$(BAR)"
	is "two tries are left" "$(vhsmctl tries)" 2
	agent_stop

	conf_start "PinFile $E2E/given" || return
	barred "barred" "3 2 0"
	echo "$PIN" >"$E2E/given"
	costs "PinFile is changed, and is sent" 0 sign
	check "it was right: the bar is gone" test ! -e "$(BAR)"
	is "and all tries are there" "$(vhsmctl tries)" 3
	agent_stop

	vhsmctl reset-count
	echo 222222 >"$E2E/given"
	: >"$E2E/conf"
	for n in 1 2; do
		exec 7<"$E2E/given"
		agent_start --pin-fd 7 || return
		exec 7<&-
		barred "--pin-fd, wrong, agent $n" "1 1 0"
		agent_stop
	done
	exec 7<"$E2E/given"
	agent_start --pin-fd 7 || return
	exec 7<&-
	check "the file is removed by hand" rm "$(BAR)"
	barred "--pin-fd has another chance" "2 2 0"
	vhsmctl tries 3
	rm -f "$(BAR)"
	agent_stop

	# A directory that cannot be made: the bar holds as long as the agent.
	vhsmctl reset-count
	XDG_STATE_HOME=/dev/null/state
	conf_start "PinFile $E2E/given" || return
	barred "without a place for the file" "1 1 0"
	barred "nor again" "1 1 0"
	has "the log tells that it will be forgotten" "$AGENT_LOG" \
		'forgotten when the agent ends: .*/dev/null/state'
	agent_stop
}

# A program, said to print the PIN, that does this.
command_that()
{
	printf '#!/bin/sh\n%s\n' "$1" >"$E2E/command"
	chmod 700 "$E2E/command"
}

# fails SENTENCE REASON: with the configuration as it is, and no PIN is sent.
fails()
{
	vhsmctl reset-count
	conf_start "$3" || return
	check_status "$1" 1 sign
	has "... which the log tells" "$AGENT_LOG" "$2"
	has "... and the prompt" "$E2E/prompts" "$2"
	is "... and nothing is sent" "$(vhsmctl pins)" "0 0 0"
	agent_stop
}

part_sources()
{
	rm "$E2E/pin"
	command_that "test \$# -eq 2 && test \"\$1\" = 'one word' || exit 3
test \"\$2\" = '\$HOME' || exit 4
echo $PIN; echo more"
	conf_start "PinCommand $E2E/command \"one word\" \$HOME" || return
	costs "PinCommand gives the PIN, and no shell sees it" 0 sign
	agent_stop
	run="PinCommand $E2E/command"
	command_that "echo $PIN; exit 7"
	fails "a PinCommand that fails" "$E2E/command.*7" "$run"
	command_that "exit 0"
	fails "one that prints nothing" "$E2E/command.*(nothing|empty|no PIN)" \
		"$run"
	rm "$E2E/command"
	fails "one that is not there" "$E2E/command.*No such file" "$run"
	command_that "echo $PIN"
	echo "PinCommand command" >"$E2E/conf"
	check_status "one without its whole path is a mistake" 2 \
		agent_once -D -a "$E2E/no.sock" --config "$E2E/conf"
	has "which is named with its line" "$E2E/out" 'conf:1: PinCommand takes the whole path'

	vhsmctl reset-count
	command_that "echo 111111"
	conf_start "$run" || return
	barred "a PinCommand that is wrong" "1 1 0"
	has "the prompt tells" "$E2E/prompts" 'PIN of PinCommand was rejected'
	command_that "echo $PIN"
	barred "and put right: nobody can tell" "1 1 0"
	echo "$PIN" >"$E2E/pin"
	costs "a person ends that" 1 sign
	rm "$E2E/pin"
	ssh-add -D 2>/dev/null
	costs "then it is asked again" 0 sign
	agent_stop

	mkdir -m 700 "$E2E/creds"
	(umask 077 && echo "$PIN" >"$E2E/creds/pin")
	fails "PinCredential without systemd" 'redential pin: .*systemd' \
		"PinCredential pin"
	CREDENTIALS_DIRECTORY=$E2E/creds
	export CREDENTIALS_DIRECTORY
	conf_start "PinCredential pin" || return
	costs "PinCredential gives the PIN" 0 sign
	agent_stop
	fails "a credential that is not there" 'credential none: .*No such file' \
		"PinCredential none"
	chmod 644 "$E2E/creds/pin"
	fails "one that others can read" 'credential pin: .*others can read' \
		"PinCredential pin"
	echo "PinCredential ../pin" >"$E2E/conf"
	check_status "a path is no name of one" 2 \
		agent_once -D -a "$E2E/no.sock" --config "$E2E/conf"
	unset CREDENTIALS_DIRECTORY
}

# A bus of its own, and somebody on it who is systemd-logind.
start_logind()
{
	cat >"$E2E/bus.conf" <<EOF
<busconfig>
  <listen>unix:path=$E2E/bus</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
EOF
	dbus-daemon --nofork --config-file="$E2E/bus.conf" 2>"$E2E/bus.out" &
	bus_pid=$!
	wait_for 10 test -S "$E2E/bus"
	DBUS_SYSTEM_BUS_ADDRESS=unix:path=$E2E/bus
	export DBUS_SYSTEM_BUS_ADDRESS
	mkfifo "$E2E/logind.in"
	"$HELPERS/fake-logind" <"$E2E/logind.in" >"$E2E/logind" 2>&1 &
	logind_pid=$!
	exec 8>"$E2E/logind.in"
	wait_for 10 in_file "$E2E/logind" '^ready$'
}

logind_says()
{
	: >"$E2E/logind"
	echo "$1" >&8
	wait_for 10 in_file "$E2E/logind" '^ok$'
}

part_absence()
{
	if ! test -x "$HELPERS/fake-logind" || ! has_program dbus-daemon; then
		skip "tokens are locked when their user is away" \
			"built without libsystemd, or no dbus-daemon"
		return
	fi
	check "a bus with a logind" start_logind
	conf_start "LockOnScreenLock yes" 8>&- || return
	check "the agent holds up sleep" wait_for 10 in_file "$E2E/logind" \
		'^inhibit .* sleep delay$'
	check "unlocked" sign
	check "the machine goes to sleep" logind_says sleep
	check "sleep is not held up for long" wait_for 10 \
		in_file "$E2E/logind" '^released$'
	is "by then all is locked" "$(states) $(login_state)" "locked 63C3"
	check "it wakes up" logind_says wake
	check "sleep is held up again" wait_for 10 in_file "$E2E/logind" \
		'^inhibit .* sleep delay$'
	costs "a signature" 1 sign
	check "the screen is locked" logind_says "lock 1"
	locked "LockOnScreenLock"
	has "the log tells" "$AGENT_LOG" 'the screen was locked: locking all'
	agent_stop

	conf_start "LockOnSuspend no" 8>&- || return
	costs "LockOnSuspend no: a signature" 1 sign
	check "the screen is locked" logind_says "lock 1"
	check "the machine goes to sleep" logind_says sleep
	costs "which is nothing to it" 0 sign
	agent_stop
	exec 8>&-
	wait "$logind_pid"
	kill "$bus_pid"
	wait "$bus_pid" 2>/dev/null
}

need opensc-tool opensc
test $# -eq 0 || { run_part "$1"; exit; }
part cache --key p256:key:01
part blocks --tokens 2 --key p256:key:01
for p in ends now bar sources absence; do
	part $p --key p256:key:01
done
finish
