#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Tokens as people have them: with keys SSH cannot use, damaged ones and
# many, several tokens, other cards, short readers, none at all.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need ssh openssh-client
need sshd openssh-server
need opensc-tool opensc

SERIAL=DENK0100000
SERIAL_1=DENK0100001

sign()
{
	ssh-add -T "$E2E/$1.pub"
}

generate()
{
	vhsmctl generate "$@" >/dev/null || fail "vhsmctl generate $*"
}

listed()
{
	test "$(ssh-add -L 2>/dev/null | grep -c '^[es][cs][dh]')" -eq "$1"
}

# pcscd has noticed, too.
card_is()
{
	opensc-tool -l 2>/dev/null | grep -q "^0  *$1 "
}

# An X.509 certificate of the key NAME in the certificate file, by OpenSC.
write_x509()
{
	ssh-keygen -e -m PKCS8 -f "$E2E/$1.pub" >"$E2E/$1.pem" &&
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$E2E/x.key" \
		-out "$E2E/x.crt" -subj '/CN=Some CA' &&
	openssl req -new -key "$E2E/x.key" -subj "/CN=$1" \
		-out "$E2E/x.csr" &&
	openssl x509 -req -in "$E2E/x.csr" -CA "$E2E/x.crt" \
		-CAkey "$E2E/x.key" -CAcreateserial -days 9 \
		-force_pubkey "$E2E/$1.pem" -outform DER -out "$E2E/x.der" &&
	pkcs11-tool --login --pin "$PIN" --write-object "$E2E/x.der" \
		--type cert --id "$2" --label "$1"
}

# logs_in NAME: to a real sshd.
logs_in()
{
	sshd_lets any "$E2E/$1.pub"
	check "ssh logs in with $1" login_with any "$E2E/$1.pub"
}

# The public part has to be known before its file is replaced or deleted.
part_mixed()
{
	agent_start || return
	save_keys
	cp "$E2E/listing" "$E2E/before"
	agent_stop

	generate brainpoolP256r1 brainpool 21
	generate brainpoolP512r1 brainpool-long 22
	generate secp256k1 koblitz 23
	generate aes256 secret 24
	generate p192 too-short 25
	generate p256 no-certificate 26
	ref=$(vhsmctl generate p256 no-certificate 27)
	vhsmctl delete-file "CE$ref"
	ref=$(vhsmctl generate p256 no-description 28)
	vhsmctl delete-file "C4$ref"
	nameless=$ref
	generate p256 twin 31
	generate p256 twin 32
	generate p384 twin 33
	if has_program pkcs11-tool && has_program openssl; then
		check "OpenSC replaces p256's certificate by X.509" \
			write_x509 p256 02
		check "and rsa's" write_x509 rsa 01
		x509=yes
	else
		skip "OpenSC writes X.509 certificates" "opensc is missing"
		x509=
	fi
	n=40
	while test $n -lt 85; do
		generate p256 "many-$n" "$n"
		n=$((n + 1))
	done

	agent_start || return
	check "the listing comes" save_keys
	check "60 keys are on the token, 54 can be used" \
		in_file "$AGENT_LOG" 'token .*: 60 keys'
	is "each usable key is listed once" "$(wc -l <"$E2E/listing")" 54
	is "no key is listed twice" \
		"$(cut -d' ' -f2 "$E2E/listing" | sort -u | wc -l)" 54
	is "no comment is there twice" \
		"$(cut -d' ' -f3- "$E2E/listing" | sort -u | wc -l)" 54
	cp "$E2E/listing" "$E2E/listing.1"
	grep -Fxf "$E2E/before" "$E2E/listing" >"$E2E/still"
	check "the keys that were there before are listed as before" \
		cmp "$E2E/before" "$E2E/still"
	for k in brainpool brainpool-long koblitz secret too-short; do
		has_not "$k is not listed" "$E2E/listing" " $k\$"
		is "$k has one line in the log" \
			"$(grep -c "\"$k\" .* is not offered: ." \
			"$AGENT_LOG")" 1
	done
	has "a key without a certificate file is told apart" "$AGENT_LOG" \
		'"no-certificate" .*not offered: its public part is not'
	check "its namesake with one is listed" \
		grep -q ' no-certificate$' "$E2E/listing"
	has_not "a key without a description has no label" "$E2E/listing" \
		' no-description'
	check "its comment is its key reference" \
		grep -qi " $nameless\$" "$E2E/listing"

	sshd_make any
	for k in rsa p256 p384 p521 many-45; do
		logs_in "$k"
	done
	grep -i " $nameless\$" "$E2E/listing" >"$E2E/nameless.pub"
	logs_in nameless
	grep ' twin' "$E2E/listing" >"$E2E/twins"
	is "three keys of one label are listed" "$(wc -l <"$E2E/twins")" 3
	n=0
	while read -r line; do
		n=$((n + 1))
		echo "$line" >"$E2E/t$n.pub"
		logs_in "t$n" </dev/null
	done <"$E2E/twins"
	if test -n "$x509"; then
		is "the log knows no trouble with X.509" \
			"$(grep -c 'X.509' "$AGENT_LOG")" 0
	fi
	is "the PIN was asked for once" "$(prompts)" 1
	agent_stop

	agent_start || return
	ssh-add -L >"$E2E/listing.2"
	check "another agent lists the same keys, comments and order" \
		cmp "$E2E/listing.1" "$E2E/listing.2"
	agent_stop
}

part_two()
{
	vhsmctl -t 1 generate p256 p256 01 >/dev/null
	vhsmctl -t 1 generate rsa2048 other 02 >/dev/null
	agent_start || return
	ssh-add -L >"$E2E/listing"
	is "the keys of both tokens are listed" "$(wc -l <"$E2E/listing")" 3
	is "with different comments" \
		"$(cut -d' ' -f3- "$E2E/listing" | sort -u | wc -l)" 3
	has "the second of two names says which token" "$E2E/listing" \
		" p256 \\($SERIAL_1 key [0-9a-f]+\\)\$"
	grep ' p256$' "$E2E/listing" >"$E2E/first.pub"
	grep " p256 ($SERIAL_1" "$E2E/listing" >"$E2E/second.pub"
	sshd_make any
	logs_in first
	logs_in second
	is "each token was asked for once" "$(prompts)" 2
	has "the first by its serial number" "$E2E/prompts" "\\($SERIAL\\)"
	has "the second by its own" "$E2E/prompts" "\\($SERIAL_1\\)"

	vhsmctl -t 0 pull
	check "the first token is pulled: its key goes" wait_for 20 listed 2
	check "the second signs on" sign second
	is "without a prompt" "$(prompts)" 2
	check_status "the key of the first is refused" 1 sign first
	has "and the log says why" "$AGENT_LOG" 'no token that is plugged in'
	vhsmctl -t 0 insert
	check "it is put back: its key comes back" wait_for 20 listed 3
	check "and signs" sign first
	is "after one prompt" "$(prompts)" 3
	ssh-add -L >"$E2E/listing.2"
	check "comments and order are the same as before" \
		cmp "$E2E/listing" "$E2E/listing.2"
	agent_stop
}

part_foreign()
{
	agent_start || return
	save_keys
	is "a foreign card is no hindrance" "$(wc -l <"$E2E/listing")" 1
	check "the HSM signs" sign p256
	has_not "the foreign card is no reason to worry anybody" \
		"$AGENT_LOG" 'error|refused'
	has_not "nor was it sent a PIN" "$E2E/prompts" 'foreign'
	agent_stop
}

part_only_foreign()
{
	agent_start || return
	check_status "with nothing but a foreign card there are no keys" 1 \
		ssh-add -l
	has "ssh-add says so" "$E2E/out" 'no identities'
	has "the agent says what it found" "$AGENT_LOG" \
		'no SmartCard-HSM found .*other cards'
	agent_stop
}

part_short()
{
	agent_start || return
	save_keys
	is "a short reader lists all keys" "$(wc -l <"$E2E/listing")" 4
	check "P-256 signs through it" sign p256
	check "P-384, too" sign p384
	check "P-521, too" sign p521
	check_status "RSA-2048 is refused" 1 sign rsa
	tail -n 1 "$AGENT_LOG" >"$E2E/reason"
	has "the log says that the reader is the reason" "$E2E/reason" \
		'refused .*rsa.*(reader|extended)'
	check "the session is none the worse for it" sign p256
	is "one PIN entry did for all" "$(prompts)" 1
	agent_stop
}

part_late()
{
	vhsmctl pull
	check "the reader is empty" wait_for 20 card_is No
	agent_start || return
	check_status "without a token there are no keys" 1 ssh-add -l
	has "ssh-add says so" "$E2E/out" 'no identities'
	has "the agent says that it waits" "$AGENT_LOG" \
		'no SmartCard-HSM found.*waiting'
	vhsmctl insert
	check "a token put in later is found" wait_for 20 listed 1
	save_keys
	check "and signs" sign p256
	vhsmctl pull
	check "it is pulled: the listing is empty" wait_for 20 listed 0
	vhsmctl insert
	check "it is put back" wait_for 20 listed 1
	check "and signs again" sign p256
	is "after a second prompt" "$(prompts)" 2

	# pcscd ends and comes back, as an upgrade has it.
	kill -USR1 "$VHSM_HARNESS_PID"
	check "pcscd restarts: the key signs again" wait_for 30 sign p256
	agent_stop
}

# A loose plug, and an agent that starts in the middle of it.
part_loose()
{
	vhsmctl pull
	agent_start || return
	vhsmctl insert
	check "the agent starts while the plug is loose: a key is listed" \
		wait_for 30 listed 1
	save_keys
	for i in 1 2 3 4 5 6 7 8 9 10; do
		vhsmctl pull
		test $((i % 3)) -eq 0 || ssh-add -l >/dev/null 2>&1
		vhsmctl insert
		test $((i % 4)) -eq 0 || sign p256 >/dev/null 2>&1
	done
	check "it is firm again: the key signs" wait_for 30 sign p256
	is "the token was never sent a wrong PIN" "$(tries_left)" 63C3
	agent_stop
}

# The agent's way to pcscd is a link that leads nowhere at first.
part_no_pcscd()
{
	real=$PCSCLITE_CSOCK_NAME
	PCSCLITE_CSOCK_NAME=$E2E/pcscd.comm
	export PCSCLITE_CSOCK_NAME
	agent_start || return
	check_status "without pcscd there are no keys" 1 ssh-add -l
	has "the agent runs and says what is missing" "$AGENT_LOG" \
		'pcscd|PC/SC'
	check_status "a command for a token is refused" 1 \
		ssh-add -s "$SERIAL"
	ln -s "$real" "$PCSCLITE_CSOCK_NAME"
	check "pcscd appears: the agent finds it and the token" \
		wait_for 30 listed 1
	save_keys
	check "and signs" sign p256
	agent_stop
}

test $# -eq 0 || { run_part "$1"; exit; }
part mixed --key rsa2048:rsa:01 --key p256:p256:02 --key p384:p384:03 \
	--key p521:p521:04
part two --tokens 2 --key p256:p256:01
part foreign --foreign --key p256:p256:01
part only_foreign --tokens 0 --foreign
part short --short --key p256:p256:01 --key p384:p384:02 \
	--key p521:p521:03 --key rsa2048:rsa:04
part late --key p256:p256:01
part loose --key p256:p256:01
part no_pcscd --key p256:p256:01
finish
