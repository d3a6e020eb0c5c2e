#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# hsm-keyutil test and speed: each key signs, and what signs wrongly is found.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need opensc-tool opensc
need jq jq

# trial ARGUMENT...: with the PIN, which nobody is asked for.
trial()
{
	"$KEYUTIL" "$@" --pin-file "$E2E/pin"
}

# The PIN state as the card tells it, without SELECT (which logs out).
pin_state()
{
	opensc-tool -c default -s 00:20:00:81 2>/dev/null |
	    sed -n 's/^Received (SW1=0x\(..\), SW2=0x\(..\)).*/\1\2/p'
}

# field FILTER: of the JSON that was printed last.
field()
{
	jq -r "$1" "$E2E/out"
}

part_test()
{
	chmod 600 "$E2E/pin"
	check "every key signs" trial test
	has "RSA with SHA-256" "$E2E/out" \
	    ' rsa +RSA-2048 +rsa-sha2-256 +pass +[0-9.]+ ms'
	has "and with SHA-512" "$E2E/out" ' rsa +RSA-2048 +rsa-sha2-512 +pass'
	for bits in 256 384 521; do
		has "P-$bits" "$E2E/out" \
		    " ec$bits +P-$bits +ecdsa-sha2-nistp$bits +pass"
	done
	has "what SSH cannot use is skipped, with the reason" "$E2E/out" \
	    'bp: skipped: .*curve'
	has_not "SHA-1 is not tried" "$E2E/out" 'ssh-rsa'
	is "nobody is asked" "$(prompts)" 0
	check "keys are chosen by name" trial test ec256 rsa ec256 --json
	is "in that order, each once" \
	    "$(field '[.[] | .label + ":" + .algorithm] | join(" ")')" \
	    "ec256:ecdsa-sha2-nistp256 rsa:rsa-sha2-256 rsa:rsa-sha2-512"
	is "with the time of each" "$(field 'all(.ms > 0)')" true
	check_status "a name that is none" 1 trial test nonsense
	has "is told" "$E2E/out" 'no key "nonsense"'
	check_status "a key that SSH cannot use is not enough" 1 \
	    trial test bp --json
	is "it is skipped" "$(sed '/^hsm-keyutil/d' "$E2E/out" |
	    jq -r '.[] | .result + " " + (.ms | tostring)')" "skip null"
	check "without a file the PIN is asked for" "$KEYUTIL" test ec256
	is "once" "$(prompts)" 1
	has "with what it is for" "$E2E/prompts" 'test its keys'
}

part_faults()
{
	chmod 600 "$E2E/pin"
	vhsmctl fail 2 68 6f00 >/dev/null
	check_status "one signature fails" 1 trial test
	has "the others do not" "$E2E/out" ' ca +P-256 +.* pass'
	has "it is told which" "$E2E/out" 'rsa-sha2-512 +FAIL'
	has "and why" "$E2E/out" 'user with rsa-sha2-512: failed: .*6f00'
	has "and how many" "$E2E/out" '1 of 3 signatures failed'
	vhsmctl fail 1 68 raw 00112233445566779000 >/dev/null
	check_status "a wrong signature is no signature" 1 trial test ca
	has "and told as one" "$E2E/out" 'FAIL'
	vhsmctl at 2 68 during pull >/dev/null
	check_status "a token that goes ends the test" 3 trial test
	has "what was done is shown" "$E2E/out" 'rsa-sha2-256 +pass'
	vhsmctl insert >/dev/null
	vhsmctl pcscd wait >/dev/null
	check "when it is back all is well" trial test
	echo 999999 >"$E2E/pin"
	check_status "a wrong PIN costs one try" 4 trial test
	is "and no more" "$(pin_state)" 63C2
	wrong_pins 1
	check_status "the last is not spent" 1 trial test
	is "it is still there" "$(pin_state)" 63C1
	check_status "nor by speed" 1 trial speed
	is "not at all" "$(pin_state)" 63C1
}

part_limits()
{
	chmod 600 "$E2E/pin"
	vhsmctl uses 01 1 >/dev/null
	check_status "a key that is used up fails" 1 trial test
	has "which is told" "$E2E/out" 'use counter is used up'
}

part_speed()
{
	chmod 600 "$E2E/pin"
	vhsmctl reset-count >/dev/null
	check "speed is measured" trial speed --seconds 1 --json
	signatures=$(field 'map(.signatures) | add')
	is "with the keys that sign" "$(field '[.[].label] | join(" ")')" \
	    "user ca"
	is "the slowest is not faster than the median" \
	    "$(field 'all(.slowest_ms >= .median_ms and .median_ms > 0 and
	    .per_second > 0)')" true
	is "a signature is one card command" "$(vhsmctl count 68)" \
	    "$signatures"
	check "and there are few others" test "$(vhsmctl count)" -lt \
	    $((signatures + 60))
	check "a table for people" trial speed --seconds 1 ca
	has "has one key" "$E2E/out" \
	    ' ca +P-256 +ecdsa-sha2-nistp256 +[0-9.]+ +[0-9.]+ ms +[0-9.]+ ms'
	for n in 0 x 1x -1 '' 3601; do
		check_status "$n seconds are refused" 2 \
		    trial speed --seconds "$n"
	done
}

# Who was logged in is so afterwards, and nobody else.
part_login()
{
	chmod 600 "$E2E/pin"
	check "the test is done" trial test
	is "and nobody is logged in" "$(pin_state)" 63C3
	agent_start
	wait_for 10 save_keys
	check "an agent signs" ssh-add -T "$E2E/user.pub"
	check "while it holds the token, keys are tested" trial test
	: >"$E2E/prompts"
	check "and it goes on" ssh-add -T "$E2E/user.pub"
	is "without another prompt" "$(prompts)" 0
	agent_stop
}

part_two()
{
	chmod 600 "$E2E/pin"
	check_status "of two tokens one has to be named" 2 trial test
	check "it may be by serial number" trial test --token DENK0100000
	check_status "a token without keys has none to test" 1 \
	    trial test -t DENK0100001
	has "which is told" "$E2E/out" 'DENK0100001 has no keys'
}

test $# -eq 0 || { run_part "$1"; exit; }
part test --key rsa2048:rsa --key p256:ec256 --key p384:ec384 \
    --key p521:ec521 --key brainpoolP256r1:bp
part faults --key rsa2048:user --key p256:ca
part limits --key rsa2048:user
part speed --key rsa2048:user --key p256:ca --key brainpoolP256r1:bp
part login --key p256:user
part two --tokens 2 --key p256:user
finish
