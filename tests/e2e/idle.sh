#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# An agent that nobody asks anything does nothing: none of its threads wakes
# up, and the cards hear nothing.  IDLE_SECONDS=65 is how long it is watched:
# libpcsclite wakes up once a minute where it is let.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

# Thread and voluntary context switches, one a line; more of them when a
# thread comes, fewer when one goes.
switches()
{
	# shellcheck disable=SC2154	# agent_pid is set by lib.sh
	for t in "/proc/$agent_pid/task"/*; do
		echo "${t##*/} $(sed -n \
			's/^voluntary_ctxt_switches:[[:space:]]*//p' \
			"$t/status")"
	done
}

# What an answer leaves to be done is over when a second made no difference.
calm()
{
	switches >"$E2E/before"
	sleep 1
	switches >"$E2E/after"
	cmp -s "$E2E/before" "$E2E/after"
}

busy()
{
	test "$(vhsmctl -t 0 count 68)" -gt 50 &&
		test "$(vhsmctl -t 1 count 68)" -gt 50
}

part_idle()
{
	need_helper sign-on || return
	vhsmctl -t 1 generate rsa2048 other 02 >/dev/null
	agent_start || return
	check "both tokens are unlocked" "$HELPERS/sign-on" 4 3 ec other
	mkfifo "$E2E/hold"
	"$HELPERS/sign-on" 4 0 ec other <"$E2E/hold" >"$E2E/clients" 2>&1 &
	clients=$!
	exec 7>"$E2E/hold"
	check "clients sign" wait_for 10 busy
	exec 7>&-
	check "and go" wait $clients
	check "the agent comes to rest" wait_for 2 calm
	vhsmctl -t 0 reset-count
	vhsmctl -t 1 reset-count
	switches >"$E2E/before"
	say "watching for ${IDLE_SECONDS:-65} seconds:" \
		"$(wc -l <"$E2E/before") threads"
	sleep "${IDLE_SECONDS:-65}"
	switches >"$E2E/after"
	check "no thread has woken up" diff "$E2E/before" "$E2E/after"
	is "no card was sent a command" \
		"$(vhsmctl -t 0 count) $(vhsmctl -t 1 count)" "0 0"
	check "and it is awake at once" "$HELPERS/sign-on" 2 1 ec other
	is "without a prompt" "$(prompts)" 2
	agent_stop
}

test $# -eq 0 || { run_part "$1"; exit; }
part idle --tokens 2 --key p256:ec:01
finish
