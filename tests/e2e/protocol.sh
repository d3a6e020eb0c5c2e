#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The agent protocol, by a client of our own that does what others do not.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need ssh-add openssh-client

proto()
{
	"$HELPERS/agent-proto" "$@"
}

# rsa_by SENTENCE WANTED FLAGS DATA: which signature comes, if one does.
rsa_by()
{
	proto sign ssh-rsa "$3" "$4" "$E2E/sig" >"$E2E/alg" 2>&1
	is "$1" "$(cat "$E2E/alg")" "$2"
}

# verified SENTENCE HASH FILE: by OpenSSL, with the signature of rsa_by.
verified()
{
	if has_program openssl; then
		check "$1" openssl dgst "-$2" -verify "$E2E/rsa.pem" \
			-signature "$E2E/sig" "$3"
	else
		skip "$1" "openssl is missing"
	fi
}

part_protocol()
{
	configure 'Use any'
	need_helper agent-proto || return
	agent_start || return
	save_keys
	check "one signature first" ssh-add -T "$E2E/ec.pub"
	check "messages that come byte by byte are answered" proto split
	check "messages that come all at once are answered in order" \
		proto pipeline
	check "unknown types and extensions: 5, connection kept" \
		proto unknown
	check "a request cut at any place: 5, connection kept" proto cut
	check "bytes behind a request: 5, connection kept" proto trailing
	check "256 KiB are read, a byte more ends the connection" proto long
	has "the log says why it ended" "$AGENT_LOG" 'over 256 KiB'
	check "200 clients at a time are all served" proto crowd 200
	check "signatures nobody waits for do no harm" proto leave 20
	check "the agent signs on" ssh-add -T "$E2E/ec.pub"
	agent_stop
}

part_rsa()
{
	configure 'Use any'
	need_helper agent-proto || return
	agent_start || return
	save_keys
	ssh-keygen -e -m PKCS8 -f "$E2E/rsa.pub" >"$E2E/rsa.pem"
	head -c 200000 /dev/urandom >"$E2E/long"
	head -c 1000 /dev/urandom >"$E2E/data"
	: >"$E2E/nothing"

	rsa_by "flag 2 is rsa-sha2-256" rsa-sha2-256 2 "$E2E/data"
	verified "OpenSSL verifies it" sha256 "$E2E/data"
	rsa_by "flag 4 is rsa-sha2-512" rsa-sha2-512 4 "$E2E/data"
	verified "OpenSSL verifies it, too" sha512 "$E2E/data"
	rsa_by "200 000 bytes are signed" rsa-sha2-512 4 "$E2E/long"
	verified "OpenSSL verifies all of them" sha512 "$E2E/long"
	rsa_by "no bytes at all are signed" rsa-sha2-512 4 "$E2E/nothing"
	verified "OpenSSL verifies none of them" sha512 "$E2E/nothing"
	rsa_by "flags 2 and 4 are what OpenSSH makes of them" rsa-sha2-256 \
		6 "$E2E/data"
	rsa_by "flags 0 and no algorithm named: rsa-sha2-256" rsa-sha2-256 \
		0 "$E2E/data"
	verified "and that it is" sha256 "$E2E/data"
	rsa_by "flags 0, login by rsa-sha2-512: that" rsa-sha2-512 \
		0 login:rsa-sha2-512
	rsa_by "flags 0, login by rsa-sha2-256: that" rsa-sha2-256 \
		0 login:rsa-sha2-256

	vhsmctl reset-count
	rsa_by "flags 0, login by ssh-rsa is refused" refused \
		0 login:ssh-rsa
	has "the log says that it was SHA-1" "$AGENT_LOG" 'SHA-1.*ssh-rsa'
	for flags in 1 8 9 0x10 0x80000000 0xffffffff; do
		rsa_by "unknown flags $flags are refused" refused \
			$flags "$E2E/data"
		is "unknown flags $flags are refused for EC, too" "$(proto \
			sign ecdsa $flags "$E2E/data")" refused
	done
	is "none of this was sent to the card" "$(vhsmctl count)" 0
	has "the log names unknown flags" "$AGENT_LOG" \
		'unknown signature flags 0x8'
	for flags in 0 2 4; do
		is "EC keys sign with flags $flags" "$(proto sign \
			ecdsa-sha2-nistp256 $flags "$E2E/data")" \
			ecdsa-sha2-nistp256
	done
	is "EC keys sign 200 000 bytes" "$(proto sign ecdsa 0 \
		"$E2E/long")" ecdsa-sha2-nistp256
	agent_stop

	agent_start --allow-sha1 || return
	rsa_by "--allow-sha1: login by ssh-rsa is signed" ssh-rsa \
		0 login:ssh-rsa
	rsa_by "--allow-sha1: flag 2 is still rsa-sha2-256" rsa-sha2-256 \
		2 "$E2E/data"
	rsa_by "--allow-sha1: login by rsa-sha2-512 is that" rsa-sha2-512 \
		0 login:rsa-sha2-512
	rsa_by "--allow-sha1: unknown flags are still refused" refused \
		8 "$E2E/data"
	agent_stop

	configure 'AllowSHA1 yes' 'Use any'
	agent_start || return
	rsa_by "AllowSHA1 in the configuration does the same" ssh-rsa \
		0 login:ssh-rsa
	check "the configuration is read again without it" \
		reconfigure 'Use any'
	rsa_by "ssh-rsa is refused again" refused 0 login:ssh-rsa
	agent_stop
}

# At 300 ms a signature: who waits for whom?
part_slow()
{
	need_helper agent-proto && need_helper agent-ping || return
	configure 'Use any'
	agent_start || return
	save_keys
	check "one signature first" ssh-add -T "$E2E/ec.pub"

	vhsmctl reset-count
	check "three clients ask for a signature and hang up" proto leave 3
	check "a fourth gets its own" ssh-add -T "$E2E/ec.pub"
	has_not "nothing was refused" "$AGENT_LOG" 'refused'

	"$HELPERS/agent-proto" deaf >"$E2E/deaf" 2>&1 &
	deaf=$!
	check "a client that never reads is held back" \
		wait_for 60 in_file "$E2E/deaf" deaf
	"$HELPERS/agent-ping" 500 1000 >"$E2E/ping"
	p99=$(sed -n 's/.* p99 \([0-9]*\) .*/\1/p' "$E2E/ping")
	say "beside a deaf client: $(cat "$E2E/ping")"
	if test "$p99" -lt 50000; then
		pass "others are answered meanwhile"
	else
		fail "others are answered meanwhile"
	fi
	check "and get signatures" ssh-add -T "$E2E/ec.pub"
	is "the deaf client costs the agent no time" "$(idle_ticks)" 0
	kill $deaf
	wait $deaf 2>/dev/null
	check "it goes and nothing is left of it" ssh-add -l
	agent_stop
}

ticks()
{
	# What is behind the name in brackets; utime and stime are 14 and 15.
	# shellcheck disable=SC2154	# agent_pid is set by lib.sh
	sed 's/.*) //' "/proc/$agent_pid/stat" |
		awk '{ print $12 + $13 }'
}

# Processor time spent while five other signatures go by, less their own:
# an agent that polls in circles takes all of the second and a half.
idle_ticks()
{
	before=$(ticks)
	n=5
	while test $n -gt 0; do
		ssh-add -T "$E2E/ec.pub" >/dev/null 2>&1
		n=$((n - 1))
	done
	spent=$(($(ticks) - before))
	test $spent -lt 50 && spent=0
	echo $spent
}

test $# -eq 0 || { run_part "$1"; exit; }
part protocol --key p256:ec:01 --key rsa2048:rsa:02
part rsa --key p256:ec:01 --key rsa2048:rsa:02
part slow --latency 300 --key p256:ec:01
finish
