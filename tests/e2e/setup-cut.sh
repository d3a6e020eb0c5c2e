#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# hsm-keyutil init, cut off at each card command: the token works, and init
# again completes it.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need pkcs15-tool opensc
# shellcheck source=tests/e2e/setup-lib.sh
. "$srcdir/tests/e2e/setup-lib.sh"

# The token works: with the old PIN while the old key is there, else with the
# new one, or not at all.
works()
{
	if "$KEYUTIL" list | grep -q old; then
		opensc_takes "$PIN"
	else
		opensc_takes new-pin8
	fi
}

# Killed while its Nth card command is under way: the program itself, which
# the shell becomes.
killed_at()
{
	vhsmctl delay 300 at "$1"
	# shellcheck disable=SC2034	# init, in setup-lib.sh, reads it
	(become="exec" && init --label desk --dkek-shares 1) >"$E2E/cut" 2>&1 \
	    </dev/null &
	pid=$!
	wait_for 20 came_or_ended $pid
	kill -KILL $pid 2>/dev/null
	wait $pid
}

came_or_ended()
{
	test "$(vhsmctl planned)" = 0 || ! kill -0 "$1" 2>/dev/null
}

# cut_off N KIND: init meets that at its Nth card command; false: it has fewer.
cut_off()
{
	vhsmctl init "$PIN" "$SO" vhsm
	vhsmctl generate p256 old >/dev/null
	case $2 in
	kill)	killed_at "$1" ;;
	pull)	vhsmctl at "$1" after pull ;;
	*)	vhsmctl fail "$1" "$2" ;;
	esac 2>/dev/null
	cut_rc=$?
	if test "$2" != kill; then
		init --label desk --dkek-shares 1 >"$E2E/cut" 2>&1 </dev/null
		cut_rc=$?
	fi
	cut_left=$(vhsmctl planned)
	vhsmctl forget
	if test "$2" = pull; then vhsmctl insert >/dev/null; fi
	vhsmctl pcscd wait >/dev/null
	test "$cut_left" -eq 0
}

# whole KIND: after whatever was cut off.
whole()
{
	works || return 1
	init --label desk --dkek-shares 1 && opensc_takes new-pin8 &&
	    "$KEYUTIL" status | tee "$E2E/status" | grep '"desk"' &&
	    test "$(tries)" = "3 15"
}

each_cut()
{
	secrets
	n=1
	while cut_off $n "$1"; do
		whole >"$E2E/whole" 2>&1 || {
			fail "$1 at card command $n of init"
			show "$E2E/cut"
			show "$E2E/whole"
			return
		}
		n=$((n + 1))
	done
	is "init that is left alone succeeds" "$cut_rc" 0
	check "$1 at each of $((n - 1)) card commands of init: it works, and \
init again completes" test $n -gt 10
}

part_drop() { each_cut drop; }
part_drop_after() { each_cut drop-after; }
part_pull() { each_cut pull; }
part_kill() { each_cut kill; }

# With --new-so-pin-file there is one more step, after which the old SO-PIN
# is wrong: the person has both.
part_so_cut()
{
	secrets
	for kind in drop drop-after; do
		vhsmctl init "$PIN" "$SO" vhsm
		vhsmctl fail 1 24 $kind
		check "$kind when the SO-PIN is changed is told" \
		    says 'SO-PIN' 3 init --new-so-pin-file "$E2E/other-so"
		vhsmctl pcscd wait >/dev/null
		file=so
		test $kind = drop || file=other-so
		check "init again with the right one completes" \
		    "$KEYUTIL" init --yes $SERIAL \
		    --so-pin-file "$E2E/$file" --pin-file "$E2E/new"
	done
	is "no try was lost" "$(tries)" "3 15"
}

test $# -eq 0 || { run_part "$1"; exit; }
part drop
part drop_after
part pull
part kill
part so_cut
finish
