#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# 500 clients, 100 of them hostile in ten ways, and one that only wants its
# keys listed and its signatures made: that one hardly notices.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

HOSTILE="lists junk deaf bytes half maximal signs sign-and-go oversize hang-up"

# Microseconds that are always good enough.  A listing takes a fraction of a
# millisecond alone, and one signature in a hundred may meet whatever else
# this machine does: that is no fault of the agent.  Behind those of the
# flood, without turns, the good client waits for 250 ms.
LIST_FLOOR=2000
WORST_FLOOR=100000

# field NAME FILE: the number after that word.
field()
{
	sed -n "s/.*$1 \([0-9]*\).*/\1/p" "$2"
}

descriptors()
{
	# shellcheck disable=SC2012,SC2154	# names are numbers
	ls "/proc/$agent_pid/fd" | wc -l
}

resident_kib()
{
	sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\).*/\1/p' \
		"/proc/$agent_pid/status"
}

# The good client: agent-ping's and sign-pace's lines as $1.list, $1.sign.
good()
{
	"$HELPERS/agent-ping" 150 10000 >"$E2E/$1.list" &&
		"$HELPERS/sign-pace" ec 120 60 >"$E2E/$1.sign"
}

# With little of the processor: the agent is on trial, and not the kernel,
# which has to run the good client and the card beside them.
throng()
{
	nice -n 19 "$HELPERS/throng" "$1" "$2" <"$E2E/hold" >"$E2E/throng.$1" 2>&1 &
	throngs="$throngs $!"
}

all_ready()
{
	test "$(cat "$E2E"/throng.* | grep -c '^ready$')" -eq 12
}

# They stay until descriptor 7 is closed.
gather()
{
	rm -f "$E2E"/throng.*
	throngs=
	mkfifo "$E2E/hold"
	throng idle 349
	throng polite 50
	for kind in $HOSTILE; do
		throng "$kind" 10
	done
	exec 7>"$E2E/hold"
	check "$1: 499 others come" wait_for 60 all_ready
}

dismiss()
{
	exec 7>&-
	for pid in $throngs; do
		wait "$pid" || fail "a throng ended badly"
	done
	rm "$E2E/hold"
	sed -n '/^ready/d; s/^/# /p' "$E2E"/throng.*
}

few_descriptors()
{
	test "$(descriptors)" -le "$1"
}

# twice WHAT FIELD FLOOR: beside the others it was not slower than that.
twice()
{
	alone=$(field "$2" "$E2E/alone.$1")
	beside=$(field "$2" "$E2E/beside.$1")
	limit=$((2 * ${alone:-0}))
	test "$limit" -gt "$3" || limit=$3
	test "${beside:-999999999}" -le "$limit"
}

fast_enough()
{
	twice sign p50 0 && twice sign p99 $WORST_FLOOR && twice list p50 $LIST_FLOOR
}

# One round of it; the times alone may be spoilt by other jobs of this
# machine, and so have three rounds.
round()
{
	check "round $1: the good client is served alone" good alone
	gather "round $1"
	check "round $1: and beside the others" good beside
	rss=$(resident_kib)
	dismiss
	for what in list sign; do
		say "$what alone: $(cat "$E2E/alone.$what")," \
			"beside: $(cat "$E2E/beside.$what") microseconds"
	done
	check "round $1: all descriptors are given back" \
		wait_for 20 few_descriptors "$fds"
	say "resident beside the others: $rss KiB, before: $rss_before KiB"
}

part_many()
{
	for h in agent-ping sign-on sign-pace throng; do
		need_helper $h || return
	done
	agent_start || return
	check "the token is unlocked" "$HELPERS/sign-on" 1 3 ec
	fds=$(descriptors)
	rss_before=$(resident_kib)
	for i in 1 2 3; do
		round $i
		! fast_enough || break
	done
	if is_sanitized; then
		skip "at most twice the time that it takes alone" "sanitized"
		skip "memory is bounded" "sanitized"
	else
		check "at most twice the time that it takes alone" fast_enough
		check "memory is bounded" test "$rss" -lt \
			$((rss_before + 32 * 1024))
	fi
	check "one that sent too long a message is named in the log" \
		grep -Eq 'throng \(pid [0-9]+\) sent a message over' \
		"$AGENT_LOG"
	check "the agent signs as before" "$HELPERS/sign-on" 4 3 ec
	is "and asked for the PIN once" "$(prompts)" 1
	agent_stop
}

# certify NAME: four certificates for a key.
certify()
{
	for i in 1 2 3 4; do
		ssh-keygen -q -s "$E2E/ca" -I "$1-$i" -n "$1" -V -1m:+1d \
			"$E2E/$1.pub"
		mv "$E2E/$1-cert.pub" "$E2E/place/$1-$i-cert.pub"
	done
}

# What it weighs with all that it is made for: the limit is 10 MiB.
part_weight()
{
	need_helper throng || return
	is_sanitized && {
		skip "50 keys, 200 certificates and 500 clients in 10 MiB" \
			"sanitized"
		return
	}
	mkdir "$E2E/place"
	configure "Certificates $E2E/place"
	agent_start || return
	save_keys
	ssh-keygen -q -t ed25519 -N '' -f "$E2E/ca"
	for file in "$E2E"/k*.pub; do
		certify "$(basename "$file" .pub)"
	done
	check "a signature" ssh-add -T "$E2E/k01.pub"
	is "50 keys and 200 certificates are listed" \
		"$(ssh-add -l | wc -l | tr -d ' ')" 250
	mkfifo "$E2E/hold"
	"$HELPERS/throng" idle 500 <"$E2E/hold" >"$E2E/throng.idle" 2>&1 &
	throngs=$!
	exec 7>"$E2E/hold"
	check "500 clients come" wait_for 60 in_file "$E2E/throng.idle" ready
	check "one more is served" ssh-add -T "$E2E/k50.pub"
	rss=$(resident_kib)
	say "resident: $rss KiB"
	check "50 keys, 200 certificates and 500 clients in 10 MiB" \
		test "$rss" -lt 10240
	dismiss
	agent_stop
}

test $# -eq 0 || { run_part "$1"; exit; }
part many --latency 20 --key p256:ec:01
n=0 keys=
while test $n -lt 50; do
	n=$((n + 1))
	keys="$keys --key p256:k$(printf '%02d:%02x' $n $n)"
done
# shellcheck disable=SC2086	# words
part weight $keys
finish
