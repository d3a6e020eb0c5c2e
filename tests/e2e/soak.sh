#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# "make soak": random faults and random clients for SOAK_MINUTES (120), from
# SOAK_SEED.  Memory and descriptors stay as they are, no answer and no PIN
# try is lost.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

# The askpass knows which token it is asked for: their PINs change.
askpass_for_two()
{
	cp "$E2E/pin" "$E2E/pin.1"
	cat >"$E2E/askpass" <<'EOS'
#!/bin/sh
here=${0%/*}
printf '%s\n' "$1" >>"$here/prompts"
case $1 in
*DENK0100001*)	exec cat "$here/pin.1" ;;
*)		exec cat "$here/pin" ;;
esac
EOS
}

# A sanitizer keeps what was freed for a while; that is no leak of ours, and
# its leak check at the end finds those.
bound_sanitizer()
{
	is_sanitized || return 0
	ASAN_OPTIONS=quarantine_size_mb=1:${ASAN_OPTIONS-}
	SOAK_SLACK_KIB=16384
	export ASAN_OPTIONS SOAK_SLACK_KIB
}

# How things are when it went wrong.
show_scene()
{
	{
		for t in 0 1; do
			echo "token $t:" "$(vhsmctl -t $t reader)" \
				"$(vhsmctl -t $t serial)"
		done
		opensc-tool -l
		"$KEYUTIL" status
		ls -l "/proc/$agent_pid/fd"
		grep -Ev ' (signed|refused) ' "$AGENT_LOG" | tail -n 20
	} >"$E2E/scene" 2>&1
	show "$E2E/scene"
}

part_soak()
{
	need_helper soak || return
	askpass_for_two
	bound_sanitizer
	vhsmctl -t 1 generate rsa2048 rsa-1 03 >/dev/null
	vhsmctl -t 1 generate p256 ec-1 04 >/dev/null
	export PIN AGENT_LOG
	agent_start || return
	seconds=$((${SOAK_MINUTES:-120} * 60))
	seed=${SOAK_SEED:-$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')}
	say "SOAK_SEED=$seed, $seconds seconds"
	# shellcheck disable=SC2154	# agent_pid is set by lib.sh
	"$HELPERS/soak" "$agent_pid" "$seconds" "$seed" >"$E2E/out" 2>&1 &
	tail -n +1 -f --pid=$! "$E2E/out" | sed -n -u '/^#/p'
	wait $! || :
	grep -E '^(not )?ok - ' "$E2E/out" >"$E2E/results"
	while IFS= read -r line; do
		case $line in
		ok*)	pass "${line#ok - }" ;;
		*)	fail "${line#not ok - }" ;;
		esac
	done <"$E2E/results"
	test -s "$E2E/results" || fail "the soak came to its end"
	grep -Ev '^(#|ok|not ok)' "$E2E/out" | sort | uniq -c |
		sed 's/^/# /'
	test ! -e "$E2E_TOP/failed" || show_scene
	agent_stop
}

test $# -eq 0 || { run_part "$1"; exit; }
part soak --tokens 2 --key rsa2048:rsa:01 --key p256:ec:02
finish
