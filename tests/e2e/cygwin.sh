#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# CygwinSocket: the agent for programs that take a file and a port of loopback
# for a socket.  node's ssh2 is such a program, whatever system it runs on.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2154,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need sshd openssh-server
need python3 python3

# start [LINE...]: an agent with a Cygwin socket, $SOCKET.
start()
{
	SOCKET=$E2E/cygwin.sock
	configure "CygwinSocket $SOCKET" "PinFile $E2E/pin" \
		"AuditLog $E2E/audit" "$@"
	agent_start
}

peer()
{
	timeout 120 python3 "$srcdir/tests/e2e/cygwin-peer.py" "$SOCKET" "$1"
}

# --- who gets in ---

part_peers()
{
	chmod 600 "$E2E/pin"
	start || return
	is "the file is for its owner" "$(stat -c %a "$SOCKET")" 600
	only_loopback
	check "a program of Cygwin lists the keys" peer list
	check "... byte by byte" peer split
	check "... and all at once" peer eager
	check "who has not read the file hears nothing" peer wrong
	has "... and is told of" "$AGENT_LOG" \
		'CygwinSocket: refused: somebody who has not read'
	check "who is slow is dropped, and delays nobody" peer slow
	check "nor do hundreds of them" peer flood
	check "who is not the quickest is heard amid others" peer amid
	is "... of which the log has few lines" \
		"$(test "$(grep -c 'CygwinSocket: refused' "$AGENT_LOG")" -lt \
		20 && echo few)" few
	check "other clients are as they were" ssh-add -l
	agent_stop
	check "the file goes with the agent" test ! -e "$SOCKET"
}

# Of all that listens the agent has one port, and that on 127.0.0.1 alone.
only_loopback()
{
	port=$(peer port)
	hex=$(printf '%04X' "$port")
	is "it listens on 127.0.0.1 and nowhere else" \
		"$(awk -v p=":$hex" 'FNR > 1 && $4 == "0A" && $2 ~ p "$" {
		print $2 }' /proc/net/tcp /proc/net/tcp6)" "0100007F:$hex"
}

# --- the file ---

part_file()
{
	start || return
	old=$(cat "$SOCKET")
	agent_kill
	is "a killed agent leaves it" "$(cat "$SOCKET")" "$old"
	start || return
	is "... and the next one writes another" \
		"$(test "$(cat "$SOCKET")" != "$old" && echo another)" another
	check "... which works" peer list
	echo '!<socket >1 s 0-0-0-0' >"$SOCKET"
	agent_stop
	check "one that is another's by now stays" test -e "$SOCKET"
	echo precious >"$SOCKET"
	check_status "what is no such file is not replaced" 1 \
		agent_once -D -a "$E2E/other.sock"
	has "... and the reason is told" "$E2E/out" \
		'CygwinSocket: .*something that is not the file of a Cygwin'
	is "... it is as it was" "$(cat "$SOCKET")" precious
	configure "CygwinSocket /no/such/place/sock"
	check_status "a place that is not there is a mistake" 2 agent_once -T
	has "... which says where" "$E2E/out" '/no/such/place'
}

# An agent that runs keeps its file, whoever else has the same configuration.
part_two()
{
	start || return
	file=$(cat "$SOCKET")
	check "an agent for a COMMAND lists the keys" agent_once ssh-add -l
	is "... and leaves the file to the one that has it" \
		"$(cat "$SOCKET")" "$file"
	check_status "no other agent takes it" 1 \
		agent_once -D -a "$E2E/other.sock"
	has "... and the reason is told" "$E2E/out" \
		'CygwinSocket: .*an agent is listening there already'
	is "... the file is as it was" "$(cat "$SOCKET")" "$file"
	check "... and works" peer list
	agent_stop
	sshd_listen server || {
		fail "an sshd listens on loopback"
		return
	}
	trap 'kill $server; agent_kill' EXIT
	printf '!<socket >%s s %s' "$port" \
		01234567-89ABCDEF-01234567-89ABCDEF >"$SOCKET"
	start || return
	check "a port that somebody else has by now is no agent" peer list
	agent_stop
}

# --- logins ---

node_login()
{
	says_in node "$srcdir/tests/e2e/ssh2-login.js" "$port" "$(id -un)" \
		"$SOCKET"
}

part_node()
{
	if ! command -v node >/dev/null ||
	    ! test -d "${E2E_NODE-}/node_modules/ssh2"; then
		skip "node's ssh2 logs in" "it is missing (npm: ssh2, in \
\$E2E_NODE)"
		return
	fi
	start "Key ec" "RelayedUse none" || return
	"$KEYUTIL" export rsa >"$E2E/rsa.pub"
	"$KEYUTIL" export ec >"$E2E/ec.pub"
	sshd_listen server || {
		fail "an sshd listens on loopback"
		return
	}
	trap 'kill $server; agent_kill' EXIT
	sshd_lets server "$E2E/rsa.pub"
	check "node's ssh2 logs in through the Cygwin socket" node_login
	has "... with the key of the token" "$E2E/sshd-server/log" \
		"Accepted publickey .*$(pattern_of "$E2E/rsa.pub")"
	has "the log says that the client is relayed" "$AGENT_LOG" \
		'for a relayed client [(]pid [0-9]* there[)]'
	has "... and so does the audit log" "$E2E/audit" \
		'"action":"sign","verdict":"allowed".*"relayed":true'
	sshd_lets server "$E2E/ec.pub"
	check_status "RelayedUse keeps a key from it" 1 node_login
	has "... and says so" "$AGENT_LOG" \
		'for a relayed client the key is not for "auth"; see RelayedUse'
	sshd_make local
	sshd_lets local "$E2E/ec.pub"
	check "... but not from others" login_with local "$E2E/ec.pub"
	has "... who are not relayed" "$E2E/audit" '"relayed":false'
}

test $# -eq 0 || { run_part "$1"; exit; }
part peers --key rsa2048:rsa:01 --key p256:ec:02
part file --key p256:ec:02
part two --key p256:ec:02
part node --key rsa2048:rsa:01 --key p256:ec:02
finish
