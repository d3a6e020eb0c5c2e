# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
#
# What survive.sh and accept.sh share: an agent at a time, in the directory
# $E2E, with nobody's configuration but its own, and with the token's PIN from
# an askpass.

agent_pid=''
unset DISPLAY WAYLAND_DISPLAY SSH_AGENT_PID
HOME=$E2E
XDG_CONFIG_HOME=$E2E
XDG_CACHE_HOME=$E2E
XDG_STATE_HOME=$E2E
XDG_RUNTIME_DIR=$E2E
export E2E HOME XDG_CONFIG_HOME XDG_CACHE_HOME XDG_STATE_HOME XDG_RUNTIME_DIR

prepare()
{
	mkdir -m 700 "$E2E"
	printf '%s\n' "$VHSM_PIN" >"$E2E/pin"
	cat >"$E2E/askpass" <<-'END'
	#!/bin/sh
	exec cat "${0%/*}/pin"
	END
	chmod +x "$E2E/askpass"
	SSH_ASKPASS=$E2E/askpass
	SSH_ASKPASS_REQUIRE=force
	export SSH_ASKPASS SSH_ASKPASS_REQUIRE
}

# start SOCKET COMMAND...: until it answers, or 10 seconds; "no keys" is an
# answer.
start()
{
	SSH_AUTH_SOCK=$1
	export SSH_AUTH_SOCK
	shift
	"$@" >/dev/null 2>"$E2E/agent.log" &
	agent_pid=$!
	left=200
	while ssh-add -l >/dev/null 2>&1; test $? -eq 2; do
		left=$((left - 1))
		if test $left -eq 0 || ! kill -0 "$agent_pid" 2>/dev/null; then
			echo "$1 does not start" >&2
			tail -n 3 "$E2E/agent.log" >&2
			return 1
		fi
		sleep 0.05
	done
}

end()
{
	test -n "$agent_pid" || return 0
	kill "$agent_pid" 2>/dev/null
	wait "$agent_pid" 2>/dev/null
	agent_pid=''
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
