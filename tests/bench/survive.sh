#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# survive.sh AGENT MODULE AGAINST: which events the sessions of the two agents
# survive, in a table.  MODULE "" leaves OpenSSH out.  Started by run.sh,
# under with-vhsm; status 1 when ours does not survive one.
set -u
srcdir=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/e2e/survive-checks.sh
. "$srcdir/tests/e2e/survive-checks.sh"
agent=$1 module=$2 against=$3
E2E=$VHSM_DIR/survive
export E2E
agent_pid=''
unset DISPLAY WAYLAND_DISPLAY SSH_AGENT_PID
# Its own, so that nobody's configuration has a say.
HOME=$E2E
XDG_CONFIG_HOME=$E2E
XDG_CACHE_HOME=$E2E
XDG_RUNTIME_DIR=$E2E
export HOME XDG_CONFIG_HOME XDG_CACHE_HOME XDG_RUNTIME_DIR

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

# Until it answers, or 10 seconds; "no keys" is an answer.
await_agent()
{
	left=200
	while ssh-add -l >/dev/null 2>&1; test $? -eq 2; do
		left=$((left - 1))
		test $left -gt 0 || return 1
		sleep 0.05
	done
}

start()	# SOCKET COMMAND...
{
	SSH_AUTH_SOCK=$1
	export SSH_AUTH_SOCK
	shift
	"$@" >/dev/null 2>"$E2E/agent.log" &
	agent_pid=$!
	await_agent
}

end()
{
	test -z "$agent_pid" || kill "$agent_pid" 2>/dev/null
	agent_pid=''
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# What a user of the agent has to do before it works again; ours: nothing.
revive_ours() { :; }

revive_theirs()
{
	survive_signs "$E2E/key.pub" && return
	added=$((added + 1))
	ssh-add -e "$module" >/dev/null 2>&1
	ssh-add -s "$module" >/dev/null 2>&1
}

note()
{
	echo "$2" >>"$E2E/$column"
	echo "$3" >>"$E2E/sentences.$column"
}

run()	# COLUMN SOCKET COMMAND...
{
	column=$1
	shift
	start "$@" || { echo "survive: $1 does not start" >&2; return 1; }
	added=0
	test "$column" = ours || ssh-add -s "$module" >/dev/null 2>&1
	ssh-add -L | sed -n '/^ecdsa/{p;q;}' >"$E2E/key.pub"
	survive_checks "$E2E/key.pub" "revive_$column" note
	echo "$added" >"$E2E/added.$column"
	end
}

prepare
run ours "$E2E/ours.sock" "$agent" -d -a "$E2E/ours.sock" || exit 2
if test -n "$module"; then
	run theirs "$E2E/theirs.sock" ssh-agent -D -P "$module" \
		-a "$E2E/theirs.sock" || exit 2
else
	sed 's/.*/-/' "$E2E/ours" >"$E2E/theirs"
	echo - >"$E2E/added.theirs"
fi
printf '\nDoes the next signature work, with no ssh-add again, after\n'
printf '  %-50s %8s %8s\n' '' ours "theirs"
paste "$E2E/sentences.ours" "$E2E/ours" "$E2E/theirs" |
	awk -F '\t' '{ printf "  %-50s %8s %8s\n", $1, $2, $3 }'
printf '  %-50s %8s %8s\n' 'times that the token had to be added again' \
	"$(cat "$E2E/added.ours")" "$(cat "$E2E/added.theirs")"
printf '  (theirs: %s)\n' "$against"
! grep -q no "$E2E/ours"
