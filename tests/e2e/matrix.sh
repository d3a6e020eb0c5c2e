#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The fault matrix: what people and programs do to a token, at each moment of
# the agent's work, and whether the session survives it.  matrix.c says how
# one row is made.  MATRIX="FAULT..." (one a line) runs those rows alone.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

PARTS='one two three'

# A part works with an agent of its own, and with another when one is lost.
agent_replace()
{
	kill -TERM "$agent_pid" 2>/dev/null
	wait_for 5 gone "$agent_pid" || kill -KILL "$agent_pid"
	wait "$agent_pid" 2>/dev/null
	agent_start
}

# row FAULT: TAP without numbers; they come when all parts are done.
row()
{
	row_rc=0
	"$HELPERS/matrix" "$agent_pid" "$1" >"$E2E/out" 2>&1 || row_rc=$?
	grep -Ev '^(matrix|counts) ' "$E2E/out" | sed 's/^\([^#]\)/# \1/'
	grep -E '^(matrix|counts) ' "$E2E/out" >>"$E2E/rows"
	case $row_rc in
	0)	echo "ok - $1" ;;
	1)	echo "not ok - $1" ;;
	*)	echo "not ok - $1 (status $row_rc)"
		uniq "$AGENT_LOG" >"$E2E/uniq"
		show "$E2E/uniq" ;;
	esac
	test $row_rc -le 1 || agent_replace
	PIN=$(cat "$E2E/pin")
}

# rows PART: the rows whose number is that of the part, in threes.
rows()
{
	export PIN AGENT_LOG
	: >"$E2E/rows"
	agent_start || return
	while IFS= read -r fault; do
		row "$fault" </dev/null
	done <"$E2E_TOP/faults.$1"
	agent_rc=0
	kill -TERM "$agent_pid"
	wait "$agent_pid" || agent_rc=$?
	agent_pid=''
	if test $agent_rc -eq 0 && ! sanitizer_reports >"$E2E/reports"; then
		echo "ok - after all that the agent ends well ($1)"
	else
		echo "not ok - after all that the agent ends well ($1)"
		say "status $agent_rc"
		show "$E2E/reports"
		show_logs
	fi
}

part_one() { rows one; }
part_two() { rows two; }
part_three() { rows three; }

# Faults go round the parts, so that slow ones do not all come together.
deal()
{
	"$HELPERS/matrix" >"$E2E_TOP/faults" || :
	test -z "${MATRIX-}" || printf '%s\n' "$MATRIX" >"$E2E_TOP/faults"
	# shellcheck disable=SC2086 # words
	awk -v top="$E2E_TOP" -v parts="$PARTS" '
	    { n = split(parts, p, " ")
	      print >(top "/faults." p[(NR - 1) % n + 1]) }' \
		"$E2E_TOP/faults"
}

print_results()
{
	say "Each cell: RSA with one client, with eight; EC with one, with eight."
	say ". all is well; r well, and some clients were refused a signature"
	say "meanwhile; X not well, which is said above."
	printf '# %-32s list sign S-V  V-S  amid idle\n' ''
	sed -n 's/^matrix /# /p' "$E2E_TOP"/*/rows
	awk '/^counts/ {
		for (i = 2; i <= 9; i++) n[i] += $i
		for (i = 10; i <= 11; i++) if ($i > n[i]) n[i] = $i }
	    END { printf "# %d cells, %d of them not well; %d requests\n", \
		n[2], n[3], n[4]
		printf "# %d signatures, %d refused; %d prompts\n", \
		n[5], n[6], n[7]
		printf "# %d PINs sent, %d tries lost; slowest answer", \
		n[8], n[9]
		printf " %d ms, slowest next signature %d ms\n", \
		n[10], n[11] }' "$E2E_TOP"/*/rows
}

test $# -eq 0 || { run_part "$1"; exit; }
top_start
need_helper matrix || exit 1
deal
for p in $PARTS; do
	: >>"$E2E_TOP/faults.$p"
	part "$p" --key rsa2048:rsa:01 --key p256:ec:02 >"$E2E_TOP/tap.$p" &
done
wait
for p in $PARTS; do
	while IFS= read -r line; do
		case $line in
		'ok - '*)	pass "${line#ok - }" ;;
		'not ok - '*)	fail "${line#not ok - }" ;;
		*)		printf '%s\n' "$line" ;;
		esac
	done <"$E2E_TOP/tap.$p"
done
print_results
finish
