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
# shellcheck source=tests/bench/agent-lib.sh
. "$srcdir/tests/bench/agent-lib.sh"

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
	start "$@" || return 1
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
