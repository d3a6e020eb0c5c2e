#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# accept.sh AGENT MODULE AGAINST: which acceptance checks of the agent protocol
# the two agents pass, in a table, and what the other one fails.  MODULE ""
# leaves OpenSSH out.  Started by run.sh, under with-vhsm; status 1 when ours
# fails one.
set -u
srcdir=$(cd "$(dirname "$0")/../.." && pwd)
agent=$1 module=$2 against=$3
E2E=$VHSM_DIR/accept
# shellcheck source=tests/bench/agent-lib.sh
. "$srcdir/tests/bench/agent-lib.sh"

# judge COLUMN OPTION VALUE CHECK COMMAND...: by an agent of its own, as some
# do not survive some checks.  yes or no goes into the column.
judge()
{
	column=$1 option=$2 value=$3 number=$4
	shift 4
	start "$E2E/$column.$number" "$@" -a "$E2E/$column.$number" || exit 2
	if "$python" -B "$srcdir/tests/e2e/accept.py" \
	    --pin-file "$E2E/pin" "$option" "$value" "$number" \
	    >"$E2E/steps" 2>&1; then
		echo yes >>"$E2E/$column"
	else
		echo no >>"$E2E/$column"
		grep -v ': ok$' "$E2E/steps" >>"$E2E/failed.$column"
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
printf 'Key bulk\n\tUse any\n' >"$E2E/conf"
chmod 600 "$E2E/conf"
"$python" -B "$srcdir/tests/e2e/accept.py" --titles | grep '^[0-9]* ' \
	>"$E2E/titles"
: >"$E2E/failed.ours"
: >"$E2E/failed.theirs"
while read -r number _; do
	judge ours --token DENK0100000 "$number" "$agent" -d \
		--config "$E2E/conf"
	if test -n "$module"; then
		judge theirs --provider "$module" "$number" ssh-agent -D \
			-P "$module"
	else
		echo - >>"$E2E/theirs"
	fi
done <"$E2E/titles"
printf '\nAcceptance checks of the agent protocol\n'
printf '  %-62s %6s %6s\n' '' ours theirs
paste "$E2E/titles" "$E2E/ours" "$E2E/theirs" |
	awk -F '\t' '{
		n = $1
		sub(/ .*/, "", n)
		sub(/^[0-9]* /, "", $1)
		printf "  %2d %-59s %6s %6s\n", n, $1, $2, $3
	}'
printf '  (theirs: %s)\n' "$against"
if test -s "$E2E/failed.theirs"; then
	echo '  What theirs fails first:'
	failures "$E2E/failed.theirs"
fi
if test -s "$E2E/failed.ours"; then
	echo '  What ours fails first:'
	failures "$E2E/failed.ours"
fi
! grep -q no "$E2E/ours"
