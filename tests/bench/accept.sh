#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# accept.sh AGENT MODULE AGAINST: which acceptance checks of the agent protocol
# the two agents pass, in a table, and what the other one fails.  MODULE ""
# leaves OpenSSH out.  Started by run.sh, under with-vhsm; status 1 when ours
# fails one.
set -u
srcdir=$(cd "$(dirname "$0")/../.." && pwd)
agent=$1 module=$2 against=$3
work=$VHSM_DIR/accept
agent_pid=''
unset DISPLAY WAYLAND_DISPLAY SSH_AGENT_PID
# Its own, so that nobody's configuration has a say.
HOME=$work
XDG_CONFIG_HOME=$work
XDG_CACHE_HOME=$work
XDG_STATE_HOME=$work
XDG_RUNTIME_DIR=$work
export HOME XDG_CONFIG_HOME XDG_CACHE_HOME XDG_STATE_HOME XDG_RUNTIME_DIR

end()
{
	test -z "$agent_pid" || kill "$agent_pid" 2>/dev/null
	test -z "$agent_pid" || wait "$agent_pid" 2>/dev/null
	agent_pid=''
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

prepare()
{
	mkdir -m 700 "$work"
	printf '%s\n' "$VHSM_PIN" >"$work/pin"
	printf 'Key bulk\n\tUse any\n' >"$work/conf"
	chmod 600 "$work/conf"
	cat >"$work/askpass" <<-'END'
	#!/bin/sh
	exec cat "${0%/*}/pin"
	END
	chmod +x "$work/askpass"
	SSH_ASKPASS=$work/askpass
	SSH_ASKPASS_REQUIRE=force
	export SSH_ASKPASS SSH_ASKPASS_REQUIRE
}

# Until it answers, or 10 seconds; "no keys" is an answer.
await_agent()
{
	left=200
	while ssh-add -l >/dev/null 2>&1; test $? -eq 2; do
		left=$((left - 1))
		if test $left -eq 0 || ! kill -0 "$agent_pid" 2>/dev/null; then
			echo "accept: $1 does not start" >&2
			tail -n 3 "$work/agent.log" >&2
			exit 2
		fi
		sleep 0.05
	done
}

# judge COLUMN OPTION VALUE CHECK COMMAND...: by an agent of its own, as some
# do not survive some checks.  yes or no goes into the column.
judge()
{
	column=$1 option=$2 value=$3 number=$4
	shift 4
	SSH_AUTH_SOCK=$work/$column.$number
	export SSH_AUTH_SOCK
	"$@" -a "$SSH_AUTH_SOCK" >/dev/null 2>"$work/agent.log" &
	agent_pid=$!
	await_agent "$1"
	if "$python" -B "$srcdir/tests/e2e/accept.py" \
	    --pin-file "$work/pin" "$option" "$value" "$number" \
	    >"$work/steps" 2>&1; then
		echo yes >>"$work/$column"
	else
		echo no >>"$work/$column"
		grep -v ': ok$' "$work/steps" >>"$work/failed.$column"
	fi
	end
}

# Of each check, what it fails first, and how much more there is.
failures()
{
	awk -F ': ' '{
		n[$1]++
		if (n[$1] == 1) {
			order[++checks] = $1
			first[$1] = $0
		}
	}
	END {
		for (i = 1; i <= checks; i++) {
			k = order[i]
			more = n[k] > 1 ? ", and " n[k] - 1 " more" : ""
			printf "    %s%s\n", substr(first[k], 1, 160), more
		}
	}' "$1"
}

python=/usr/bin/python3
test -x $python || python=python3
"$python" -c 'import cryptography' 2>/dev/null || {
	echo "accept: no python3-cryptography here" >&2
	exit 0
}
prepare
"$python" -B "$srcdir/tests/e2e/accept.py" --titles | grep '^[0-9]* ' \
	>"$work/titles"
: >"$work/failed.ours"
: >"$work/failed.theirs"
while read -r number _; do
	judge ours --token DENK0100000 "$number" "$agent" -d \
		--config "$work/conf"
	if test -n "$module"; then
		judge theirs --provider "$module" "$number" ssh-agent -D \
			-P "$module"
	else
		echo - >>"$work/theirs"
	fi
done <"$work/titles"
printf '\nAcceptance checks of the agent protocol\n'
printf '  %-62s %6s %6s\n' '' ours theirs
paste "$work/titles" "$work/ours" "$work/theirs" |
	awk -F '\t' '{
		n = $1
		sub(/ .*/, "", n)
		sub(/^[0-9]* /, "", $1)
		printf "  %2d %-59s %6s %6s\n", n, $1, $2, $3
	}'
printf '  (theirs: %s)\n' "$against"
if test -s "$work/failed.theirs"; then
	echo '  What theirs fails first:'
	failures "$work/failed.theirs"
fi
if test -s "$work/failed.ours"; then
	echo '  What ours fails first:'
	failures "$work/failed.ours"
fi
! grep -q no "$work/ours"
