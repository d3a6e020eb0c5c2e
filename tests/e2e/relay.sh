#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# hsm-wsl-relay.exe: built for Windows, and run there as far as Wine is that,
# between programs at its pipes and the agent's CygwinSocket.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2154,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

RELAY=$builddir/hsm-wsl-relay.exe

need x86_64-w64-mingw32-gcc gcc-mingw-w64-x86-64

mingw()
{
	x86_64-w64-mingw32-gcc -std=c11 -O2 -D_WIN32_WINNT=0x0A00 -Wall \
		-Wextra -Wshadow -Wconversion -Wno-sign-conversion -Werror "$@"
}

part_build()
{
	check "it is built for Windows, without a warning" \
		make -C "$builddir" hsm-wsl-relay.exe
	check "... into a program of Windows" grep -q '^MZ' "$RELAY"
}

start_relay()
{
	: >"$E2E/relay.log"
	wine "$RELAY" --pageant --pipe //./pipe/hsm-test \
		"Z:$(echo "$SOCKET" | sed 's|/|\\|g')" 2>"$E2E/relay.log" &
	relay=$!
	wait_for 60 in_file "$E2E/relay.log" 'serving'
}

client()
{
	timeout 60 wine "$E2E/client.exe" '\\.\pipe\hsm-test' "$1"
}

has_client()
{
	client "$1" 2>/dev/null | tr -d '\r' >"$E2E/said"
	has "$2" "$E2E/said" "$3"
}

part_wine()
{
	if ! command -v wine >/dev/null; then
		skip "it runs under Wine" "it is missing (packages wine and \
wine64)"
		return
	fi
	WINEPREFIX=$E2E/wine WINEDEBUG=-all WINEARCH=win64
	export WINEPREFIX WINEDEBUG WINEARCH
	SOCKET=$E2E/cygwin.sock
	mingw -o "$E2E/client.exe" "$srcdir/tests/e2e/pipe-client.c" \
		-ladvapi32 || return
	configure "CygwinSocket $SOCKET" "PinFile $E2E/pin"
	agent_start || return
	timeout 120 wine wineboot -i >"$E2E/boot" 2>&1
	start_relay || return
	trap 'kill $relay; wineserver -k 2>/dev/null; agent_kill' EXIT
	has "it serves both pipes" "$E2E/relay.log" \
		'serving .*hsm-test and .*pipe.pageant[.].*[.][0-9a-f]{64}'
	has_client list "a program of Windows lists the keys" '^2 keys'
	has_client two "... over two connections at once" '^2 keys'
	has_client raw "what is no message is hung up on" '^hung up'
	is_the_first
	agent_stop
	agent_start || return
	has_client list "it finds an agent that was started again" '^2 keys'
	agent_kill
	client list >/dev/null 2>&1
	check "an agent that is gone is told of" wait_for 20 in_file \
		"$E2E/relay.log" 'is the agent running'
	is_for_its_owner
	with_plink
}

# Wine 8.0 does not mind two of them.
is_the_first()
{
	client squat 2>/dev/null | tr -d '\r' >"$E2E/said"
	if grep -q '^made' "$E2E/said"; then
		skip "nobody else makes a pipe of that name" \
			"$(wine --version) lets everybody be the first"
	else
		has "nobody else makes a pipe of that name" "$E2E/said" \
			'^refused'
	fi
}

# There is one user in Wine, so what can be seen is who the pipe says it is for.
is_for_its_owner()
{
	client rights 2>/dev/null | tr -d '\r' >"$E2E/said"
	has "the pipe is for its owner alone" "$E2E/said" \
		'^O:(S-1-[0-9-]*|[A-Z]{2}).*D:P[(]A;;[A-Z0-9x]*;;;S-1-[0-9-]*[)]$'
}

# PuTTY's own client, where somebody has one for Windows.  It looks for the pipe
# in a way that Wine 8.0 has not, but at the name that it would open.
with_plink()
{
	if ! test -e "${PLINK_EXE-}"; then
		skip "plink looks for Pageant there" \
			"there is no plink.exe in \$PLINK_EXE"
		return
	fi
	sshd_listen server || return
	trap 'kill $server $relay; wineserver -k 2>/dev/null; agent_kill' EXIT
	WINEDEBUG=+file timeout 60 wine "$PLINK_EXE" -agent -batch -ssh \
		-P "$port" -hostkey \
		"$(fingerprint "$E2E/sshd-server/key.pub")" \
		"$(id -un)@127.0.0.1" 'echo in' >"$E2E/said" 2>&1 </dev/null
	has "plink looks for Pageant there" "$E2E/said" \
		"pipe.*$(grep -oE 'pageant[.][^ ]*' "$E2E/relay.log" |
		tr -d '\r')\""
}

test $# -eq 0 || { run_part "$1"; exit; }
part build --key p256:ec:01
part wine --key rsa2048:rsa:01 --key p256:ec:02
finish
