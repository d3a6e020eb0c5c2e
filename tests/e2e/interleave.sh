#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Other people's programs work at the same token while the agent's clients
# sign without a pause: INTERLEAVINGS=200 times one of them, chosen and timed
# by INTERLEAVE_SEED.  Neither side ever fails because of the other.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need pkcs11-tool opensc
need sc-hsm-tool opensc
need ssh-add openssh-client
need openssl openssl

MESSAGE=$srcdir/COPYING

# pkcs11 ID MECHANISM FILE: a signature by OpenSC, with a login of its own.
pkcs11()
{
	rm -f "$E2E/sig"
	pkcs11-tool --login --pin "$PIN" --sign --id "$1" -m "$2" \
		--signature-format openssl -i "$3" -o "$E2E/sig"
}

judge_rsa()
{
	pkcs11 01 SHA256-RSA-PKCS "$MESSAGE" && openssl dgst -sha256 \
		-verify "$E2E/rsa.pem" -signature "$E2E/sig" "$MESSAGE"
}

judge_ec()
{
	pkcs11 02 ECDSA "$E2E/digest" && openssl dgst -sha256 \
		-verify "$E2E/ec.pem" -signature "$E2E/sig" "$MESSAGE"
}

judge_status()
{
	sc-hsm-tool -r 0
}

judge_objects()
{
	pkcs11-tool --list-objects | grep -q 'label: *ec'
}

judge_login()
{
	pkcs11-tool --login --pin "$PIN" --list-objects
}

# As scripts ask for it.
judge_tries()
{
	opensc-tool -r 0 -s 00:20:00:81
}

# How often each of them, its moment, in an order that the seed decides.
choose()
{
	awk -v n="$1" -v seed="$2" 'BEGIN {
		split("rsa ec ec rsa status objects login tries", k, " ")
		srand(seed)
		for (i = 0; i < n; i++)
			print k[1 + int(rand() * 8)], int(rand() * 40) }'
}

keep_signing()
{
	"$HELPERS/sign-on" "$1" 0 ec rsa <"$E2E/end" >"$E2E/clients" 2>&1
}

part_interleave()
{
	need_helper sign-on || return
	agent_start || return
	save_keys
	for k in ec rsa; do
		ssh-keygen -e -m PKCS8 -f "$E2E/$k.pub" >"$E2E/$k.pem"
	done
	openssl dgst -sha256 -binary -out "$E2E/digest" "$MESSAGE"
	check "the first signature" "$HELPERS/sign-on" 1 1 ec
	n=${INTERLEAVINGS:-200}
	seed=${INTERLEAVE_SEED:-$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')}
	say "INTERLEAVE_SEED=$seed INTERLEAVINGS=$n"
	choose "$n" "$seed" >"$E2E/plan"
	mkfifo "$E2E/end"
	keep_signing 4 &
	signing=$!
	exec 7>"$E2E/end"
	broken=0 done=0
	while read -r what ms; do
		sleep "0.0$ms"	# a moment that nobody chose
		done=$((done + 1))
		if ! "judge_$what" >"$E2E/judge" 2>&1; then
			broken=$((broken + 1))
			say "interleaving $done ($what) failed:"
			show "$E2E/judge"
		fi
	done <"$E2E/plan"
	exec 7>&-
	is "$n interleavings: no other program failed" "$broken" 0
	check "and every one of the agent's clients had its signatures" \
		wait $signing
	say "$(sort "$E2E/plan" | cut -d' ' -f1 | uniq -c | xargs)"
	say "the agent's clients: $(cat "$E2E/clients")"
	is "the PIN was asked for once" "$(prompts)" 1
	is "no PIN was wrong" "$(vhsmctl pins | cut -d' ' -f2)" 0
	agent_stop
}

test $# -eq 0 || { run_part "$1"; exit; }
part interleave --key rsa2048:rsa:01 --key p256:ec:02
finish
