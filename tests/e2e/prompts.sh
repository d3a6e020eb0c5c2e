#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A question for the PIN that stays open: whom it keeps waiting, and what
# takes it away.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need ssh-add openssh-client
need jq jq

SERIAL=DENK0100000
SERIAL_1=DENK0100001

sign()
{
	ssh-add -T "$E2E/key.pub"
}

sign_other()
{
	ssh-add -T "$E2E/other.pub"
}

# An askpass that waits for answer(); its process is in $E2E/asker.
askpass_waits()
{
	test -p "$E2E/answer" || mkfifo "$E2E/answer"
	cat >"$E2E/askpass" <<EOF
#!/bin/sh
printf '%s\\n' "\$1" >>"$E2E/prompts"
echo \$\$ >"$E2E/asker.new"
mv "$E2E/asker.new" "$E2E/asker"
exec cat "$E2E/answer"
EOF
	: >"$E2E/prompts"
	rm -f "$E2E/asker"
}

is_asking()
{
	test -s "$E2E/asker" && ! gone "$(cat "$E2E/asker")"
}

asks_no_more()
{
	gone "$(cat "$E2E/asker")"
}

answer()
{
	echo "$PIN" >"$E2E/answer"
}

# asked N: so many requests have come to need the PIN: each asks the token
# how many tries are left.  vhsmctl reset-count begins.
asked()
{
	test "$(vhsmctl count 20)" -ge "$1"
}

none_planned()
{
	test "$(vhsmctl planned)" = 0
}

# client NAME: it signs in the background, its status goes to $E2E/NAME.rc.
client()
{
	rm -f "$E2E/$1.rc"
	{
		sign >/dev/null 2>&1
		echo $? >"$E2E/$1.rc"
	} &
}

# ended NAME STATUS
ended()
{
	wait_for 10 test -s "$E2E/$1.rc" &&
		test "$(cat "$E2E/$1.rc")" -eq "$2"
}

# A client that waits for it.
open_prompt()
{
	askpass_waits
	vhsmctl reset-count
	client one
	check "a signature asks for the PIN" wait_for 10 is_asking
}

refusals()
{
	"$KEYUTIL" status --json |
	    jq -r --arg t "$1" \
	    '[.agent.refusals[] | select(.text | test($t))] | length'
}

part_shared()
{
	agent_start || return
	save_keys
	askpass_waits
	vhsmctl reset-count
	clients='1 2 3 4 5 6 7 8'
	for n in $clients; do
		client "c$n"
	done
	check "eight clients need the PIN" wait_for 10 asked 8
	check "somebody is asked" wait_for 10 is_asking
	check "the keys are listed meanwhile" timeout 5 ssh-add -l
	check "and the prompt is still there" is_asking
	answer
	for n in $clients; do
		check "client $n has its signature" ended "c$n" 0
	done
	is "one prompt was enough" "$(prompts)" 1
	is "and one PIN" "$(vhsmctl pins)" "1 0 0"
	agent_stop

	agent_start || return
	askpass_waits
	vhsmctl reset-count
	client a
	client b
	check "two clients need the PIN" wait_for 10 asked 2
	check "somebody is asked" wait_for 10 is_asking
	kill "$(cat "$E2E/asker")"
	check "the prompt is cancelled: one is refused" ended a 1
	check "and the other" ended b 1
	is "each with the reason" "$(refusals 'PIN entry was cancelled')" 2
	is "after one prompt" "$(prompts)" 1

	askpass_waits
	vhsmctl reset-count
	client a
	client b
	check "two more" wait_for 10 asked 2
	check "and a prompt" wait_for 10 is_asking
	echo 111111 >"$E2E/answer"
	check "a wrong PIN: one is refused" ended a 1
	check "and the other" ended b 1
	is "each with the reason" "$(refusals 'wrong PIN, 2 tries left')" 2
	is "after one prompt" "$(prompts)" 1
	is "and one try" "$(vhsmctl pins)" "1 1 0"
	agent_stop
}

# Signs for ssh-add, which can be killed: not as a function of this shell.
start_signer()
{
	ssh-add -T "$E2E/key.pub" >/dev/null 2>&1 &
	signer=$!
}

part_gone()
{
	agent_start || return
	save_keys
	askpass_waits
	start_signer
	check "a client has somebody asked" wait_for 10 is_asking
	kill "$signer"
	check "it is killed: the prompt goes away" wait_for 10 asks_no_more
	has_not "nobody is there to be refused" "$AGENT_LOG" refused

	askpass_waits
	vhsmctl reset-count
	start_signer
	check "a client has somebody asked" wait_for 10 is_asking
	client two
	check "another waits, too" wait_for 10 asked 2
	kill "$signer"
	check "the first is killed" wait_for 10 gone "$signer"
	check "keys are listed" ssh-add -l
	check "the prompt is still there" is_asking
	answer
	check "and is for the other" ended two 0
	is "which needed no other" "$(prompts)" 1
	ssh-add -D 2>/dev/null

	# It goes while the token is asked how many tries are left.
	askpass_waits
	: >"$AGENT_LOG"
	vhsmctl reset-count
	vhsmctl at 1 20 before ping
	vhsmctl delay 500 20
	start_signer
	check "a client's request is at the token" wait_for 10 none_planned
	kill "$signer"
	check "it is killed; the token answers" wait_for 10 asked 1
	vhsmctl delay 0
	check_status "and is locked after that" 1 ssh-add -e $SERIAL
	has_not "nobody is asked for a client that is gone" "$AGENT_LOG" \
		'asking for the PIN'
	agent_stop
}

part_timeout()
{
	printf 'PinTimeout 1\n' >"$E2E/conf"
	cat >"$E2E/notify" <<EOF
#!/bin/sh
printf '%s\\n' "\$#" "\$1" "\$2" >"$E2E/notice.new"
mv "$E2E/notice.new" "$E2E/notice"
EOF
	chmod 700 "$E2E/notify"
	echo "NotifyCommand $E2E/notify" >>"$E2E/conf"
	agent_start --config "$E2E/conf" || return
	save_keys
	open_prompt
	check "PinTimeout ends it" ended one 1
	check "and takes the prompt away" wait_for 10 asks_no_more
	is "with a reason that names it" "$(refusals \
		'nobody entered the PIN within 1 seconds .PinTimeout')" 1
	check "NotifyCommand is run" wait_for 10 test -s "$E2E/notice"
	is "with two arguments, the first a title" \
		"$(sed 1q "$E2E/notice") $(sed -n 2p "$E2E/notice")" \
		"2 hsm-ssh-agent"
	has "the second says what was refused, and why" "$E2E/notice" \
		'^refused .*key key .*PinTimeout'
	askpass_make
	check "the next one may answer sooner" sign
	agent_stop
}

part_two()
{
	vhsmctl -t 1 generate p256 other 02 >/dev/null
	agent_start || return
	save_keys
	check "the second token is unlocked" sign_other
	open_prompt
	has "for the first" "$E2E/prompts" "$SERIAL\\)"
	for n in 1 2 3; do
		check "the second goes on signing ($n)" timeout 5 \
			ssh-add -T "$E2E/other.pub"
	done
	check "keys are listed" timeout 5 ssh-add -l
	check "the second is locked alone" timeout 5 ssh-add -e $SERIAL_1
	check "and the prompt is still there" is_asking
	vhsmctl -t 1 pull >/dev/null
	vhsmctl -t 1 insert >/dev/null
	check "whatever the second does" is_asking
	answer
	check "the first has its signature" ended one 0
	is "for one prompt" "$(prompts)" 1
	agent_stop
}

part_taken_away()
{
	agent_start || return
	save_keys
	n=0
	for lock in "ssh-add -D" "ssh-add -e $SERIAL" "$KEYUTIL lock"; do
		open_prompt
		# shellcheck disable=SC2086	# words
		check "${lock##*/} while it is open" timeout 10 $lock
		check "takes it away" wait_for 10 asks_no_more
		check "the client is refused" ended one 1
		n=$((n + 1))
		is "with the reason" "$(refusals 'was locked meanwhile')" $n
		is "and nothing was sent" "$(vhsmctl pins)" "0 0 0"
	done

	open_prompt
	vhsmctl pull >/dev/null
	check "the token is pulled: the prompt goes away" \
		wait_for 10 asks_no_more
	rm "$E2E/asker"
	vhsmctl insert >/dev/null
	check "it is back: the client is asked again" wait_for 10 is_asking
	answer
	check "and has its signature" ended one 0

	ssh-add -D 2>/dev/null
	open_prompt
	check "the agent ends with a prompt open" agent_stop
	check "which goes away" wait_for 10 asks_no_more
	check "and with it the client" ended one 1

	# One that does not want to go keeps nobody waiting.
	agent_start || return
	askpass_waits
	cat >"$E2E/askpass" <<EOF
#!/bin/sh
trap '' TERM
echo \$\$ >"$E2E/asker"
cat "$E2E/answer"
EOF
	client one
	check "a prompt that does not heed SIGTERM" wait_for 10 is_asking
	check "is taken away by ssh-add -D, too" timeout 10 ssh-add -D
	check "in the end" wait_for 10 asks_no_more
	check "and its client refused" ended one 1
	agent_stop
	echo >"$E2E/answer" &	# the cat that it left behind
	wait $!
}

need opensc-tool opensc
test $# -eq 0 || { run_part "$1"; exit; }
for p in shared gone timeout taken_away; do
	part $p --key p256:key:01
done
part two --tokens 2 --key p256:key:01
finish
