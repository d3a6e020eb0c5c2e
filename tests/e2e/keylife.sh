#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The life of a key: hsm-keyutil makes, labels, certifies and deletes it, and
# OpenSC is the judge of all of that, and makes what we use.  Cut off after
# any card command, a second run completes it.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need ssh-keygen openssh-client
need opensc-tool opensc
need openssl openssl
need jq jq

# Commands that change the token, with the PIN.
key()
{
	command=$1
	shift
	chmod 600 "$E2E/pin"
	"$KEYUTIL" "$command" --pin-file "$E2E/pin" "$@"
}

drop_key()
{
	key delete --yes "$1" "$1"
}

p11()
{
	pkcs11-tool --login --pin "$PIN" "$@"
}

# listed LABEL: by us
listed()
{
	"$KEYUTIL" list --all --json >"$E2E/list" &&
	    jq -e --arg l "$1" '.keys[] | select(.label == $l)' "$E2E/list"
}

unlisted()
{
	! listed "$1"
}

count_leftovers()
{
	"$KEYUTIL" status --json |
	    jq '[.readers[].token | select(.) | .leftovers[]] | length'
}

commands()
{
	vhsmctl count | head -n 1
}

# The bytes of a file on the token in a reader, as hex.
card_file()
{
	vhsmctl -t "$1" apdu "00B1${2}000004540200000000" | head -n 1
}

# --- made by us, used by OpenSC ---

# OpenSC 0.23 fails 6 % of P-521 signatures.
opensc_signs()
{
	echo something >"$E2E/data"
	openssl dgst -sha256 -binary "$E2E/data" >"$E2E/hash"
	"$KEYUTIL" export --format pem "$1" >"$E2E/pub.pem" || return 1
	for try in 1 2 3 4; do
		case $2 in
		rsa*)	p11 --sign -m SHA256-RSA-PKCS --id "$3" \
			    -i "$E2E/data" -o "$E2E/sig" ;;
		*)	p11 --sign -m ECDSA --id "$3" -i "$E2E/hash" \
			    -o "$E2E/sig" --signature-format openssl ;;
		esac
		openssl dgst -sha256 -verify "$E2E/pub.pem" \
		    -signature "$E2E/sig" "$E2E/data" && return 0
		echo "try $try"
	done
	return 1
}

opensc_lists()
{
	pkcs11-tool -O 2>/dev/null >"$E2E/objects" &&
	    grep "label: *$1\$" "$E2E/objects" &&
	    grep -i "ID: *$2\$" "$E2E/objects" &&
	    pkcs15-tool -D 2>/dev/null >"$E2E/dump" &&
	    grep "Private [RE].* Key \[$1\]" "$E2E/dump"
}

# one_type TYPE ID
one_type()
{
	name=our-$1
	check "a key of the type $1 is made" \
	    key generate "$1" --label "$name" --id "$2"
	key_line=$(grep -v '^hsm-keyutil:' "$E2E/out")
	is "... and its line is that of export" "$key_line" \
	    "$("$KEYUTIL" export "$name")"
	check "... OpenSC lists it by label and id" opensc_lists "$name" "$2"
	is "... with the same public key" \
	    "$(pkcs15-tool --read-ssh-key "$2" 2>/dev/null)" "$key_line"
	check "... and signs with it" opensc_signs "$name" "$1" "$2"
}

part_types()
{
	for t in rsa2048:a1 rsa3072:a2 rsa4096:a3 p256:b1 p384:b2 p521:b3; do
		one_type "${t%:*}" "${t#*:}"
	done
	check "a key for other uses is made with a warning" \
	    says 'SSH has no keys on the curve brainpoolP256r1' 0 \
	    key generate brainpoolP256r1 --label bp --id c1
	check "OpenSC lists it" opensc_lists bp c1
	check "a key that is too short, too" says 'too short to be safe' 0 \
	    key generate rsa1024 --label short --id c2
	check "OpenSC deletes what we made" \
	    p11 --delete-object --type privkey --id b2
	check "and we see it" unlisted our-p384
	check "and what it has left" says 'certificate without a key' 0 \
	    "$KEYUTIL" status
}

# same_description TYPE OPENSC-TYPE ID: one on each of two tokens
same_description()
{
	key generate "$1" --label same --id "$3" -t DENK0100000 &&
	    p11 --slot-index 1 --keypairgen --key-type "$2" --label same \
		--id "$3" >/dev/null 2>&1 || return 1
	n=$(jq -rn --arg n "$4" '$n')
	echo "ours:   $(card_file 0 "C4$n")"
	echo "theirs: $(card_file 1 "C4$n")"
	test "$(card_file 0 "C4$n")" = "$(card_file 1 "C4$n")" || return 1
	drop_both "$3"
}

drop_both()
{
	key delete --yes "$1" "$1" -t DENK0100000 &&
	    key delete --yes "$1" "$1" -t DENK0100001
}

part_bytes()
{
	check "the description of RSA-2048 is OpenSC's, byte for byte" \
	    same_description rsa2048 rsa:2048 a1 01
	check "that of RSA-4096" same_description rsa4096 rsa:4096 a0b1 01
	check "that of P-256" same_description p256 EC:secp256r1 a1 01
	check "that of P-384" same_description p384 EC:secp384r1 a1 01
	check "that of P-521" same_description p521 EC:secp521r1 fe 01
	check "two tokens: it must be said which" \
	    says 'say with --token which one is meant' 2 \
	    key generate p256 --label a
	check "nothing was made on either" is_empty
}

is_empty()
{
	"$KEYUTIL" list --json | jq -e '.keys | length == 0'
}

# --- made by OpenSC, used by us ---

part_theirs()
{
	check "OpenSC makes an RSA key" p11 --keypairgen --key-type rsa:2048 \
	    --label theirs --id 10
	check "OpenSC makes an EC key" p11 --keypairgen \
	    --key-type EC:secp384r1 --label other --id 11
	before=$("$KEYUTIL" export theirs | cut -d' ' -f2)
	check "we label it anew" key label theirs "New name"
	check "OpenSC sees the label, and the id" opensc_lists "New name" 10
	is "the key is the same" \
	    "$("$KEYUTIL" export "New name" | cut -d' ' -f2)" "$before"
	check "OpenSC signs with it" opensc_signs "New name" rsa 10
	check "a label that another key has is refused" \
	    says 'another key "other"' 1 key label 10 other
	check "the token gets a label" key label --token-itself "Box 7"
	check "OpenSC sees that, too" \
	    says 'Box 7' 0 pkcs15-tool --list-info
	check "we delete it" says 'deleted the key "New name"' 0 \
	    drop_key "New name"
	check_status "OpenSC has lost it" 1 opensc_lists "New name" 10
	check "the other one is there" opensc_lists other 11
	is "nothing is left" "$(count_leftovers)" 0
	check "OpenSC deletes its other key" \
	    p11 --delete-object --type privkey --id 11
	is "and leaves its certificate" "$(count_leftovers)" 1
	check "which we delete by its place" \
	    says 'deleted the certificate in place 02' 0 drop_key place:02
	is "nothing is left" "$(count_leftovers)" 0
	check "what is not there is not deleted" says 'no key "02"' 1 \
	    drop_key 02
}

# --- cost ---

part_cost()
{
	"$KEYUTIL" status >/dev/null
	vhsmctl reset-count >/dev/null
	p11 --keypairgen --key-type rsa:2048 --label t --id 10 \
	    >/dev/null 2>&1
	theirs=$(commands)
	vhsmctl delete-file CC01 >/dev/null
	vhsmctl delete-file CE01 >/dev/null
	vhsmctl delete-file C401 >/dev/null
	vhsmctl reset-count >/dev/null
	key generate rsa2048 --label t --id 10 >/dev/null
	ours=$(commands)
	say "card commands of generate: ours $ours," \
	    "pkcs11-tool --keypairgen $theirs"
	check "generate costs fewer card commands than pkcs11-tool's" \
	    test "$ours" -lt "$theirs"
}

# --- what is refused ---

part_refusals()
{
	vhsmctl reset-count >/dev/null
	check "a key needs a name" says '--label' 2 key generate p256
	check "and a type" says 'name one type' 2 key generate --label a
	check "an unknown type is told those there are" says '  brainpoolP5' \
	    2 key generate ed448 --label a
	check "a type of other tokens" says 'makes no Ed25519 keys' 1 \
	    key generate ed25519 --label a
	check "no second key of one name" says 'a key "user" already' 1 \
	    key generate p256 --label user
	check "nor of one id" says 'with the id 01 already' 1 \
	    key generate p256 --label b --id 01
	for bad in '' 0 xyz 123 "$(printf '%066d' 0)"; do
		check "no id is \"$bad\"" says 'an id is 1 to 32 bytes' 2 \
		    key generate p256 --label a --id "$bad"
	done
	check "not used 0 times" says 'from 1 on' 2 \
	    key generate p256 --label a --uses 0
	check "an EC key does not decrypt" says 'there is no "decrypt"' 2 \
	    key generate p256 --label a --algorithms sign,decrypt
	check "a label has no control characters" says 'in UTF-8' 2 \
	    key generate p256 --label "$(printf 'a\033b')"
	check "nor does a new one" says 'in UTF-8' 2 \
	    key label user "$(printf 'a\033b')"
	check "nor is it long" says '1 to 63 bytes' 2 \
	    key label --token-itself "$(printf '%064d' 0)"
	is "nobody was asked for a PIN" "$(pins_sent)" 0
	check "without a terminal nothing is deleted unasked" \
	    says 'give "--yes user"' 1 "$KEYUTIL" delete user
	check "nor with another name" says 'names something else' 2 \
	    key delete --yes other user
	check "nor what is not there" says 'no key "ghost"' 1 drop_key ghost
	is "nobody was asked for a PIN" "$(pins_sent)" 0
	check "the key is there" listed user
	echo 999999 >"$E2E/pin"
	check "a wrong PIN costs a try" says '2 tries left' 4 \
	    key generate p256 --label a
	wrong_pins 1
	check "the last one is not spent" says 'last' 1 \
	    key generate p256 --label a
	is "nor is it" "$(tries_left)" 63C1
	is "no trace of a key" "$(count_leftovers)" 0
}

part_typed()
{
	need_helper pty-run || return
	chmod 600 "$E2E/pin"
	check "another word deletes nothing" says 'nothing was changed' 1 \
	    "$HELPERS/pty-run" 'Type user to go on: ' usr \
	    "$KEYUTIL" delete --pin-file "$E2E/pin" user
	check "the key is there" listed user
	check "its label deletes it" says 'deleted the key "user"' 0 \
	    "$HELPERS/pty-run" 'Type user to go on: ' user \
	    "$KEYUTIL" delete --pin-file "$E2E/pin" user
	check "it is gone" unlisted user
}

part_limits()
{
	check "a key for two signatures is made" key generate p256 \
	    --label two --uses 2 --algorithms sign
	agent_start || return
	wait_for 10 save_keys
	for i in 1 2; do
		check "signature $i" sign two
	done
	check_status "the third is refused" 255 sign two
	agent_stop
	check "a key that cannot sign is made with a warning" \
	    says 'SSH cannot use the key' 0 \
	    key generate p256 --label dh --algorithms derive
}

# --- certificates ---

# certify LABEL FILE: a certificate of that key, by somebody
certify()
{
	"$KEYUTIL" export --format pem "$1" >"$E2E/pub.pem" &&
	    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
		-nodes -keyout "$E2E/ca.key" -subj "/CN=$1" \
		-out "$E2E/csr" &&
	    openssl x509 -req -in "$E2E/csr" -signkey "$E2E/ca.key" \
		-force_pubkey "$E2E/pub.pem" -days 2 -out "$2"
}

part_certificates()
{
	rm -f "$E2E/back.pem" "$E2E/theirs.pem"
	check "a certificate is made" certify user "$E2E/user.pem"
	check "and one of another key" certify rsa "$E2E/rsa.pem"
	line=$("$KEYUTIL" export user)
	check "a key has none at first" says 'has no X.509 certificate' 1 \
	    "$KEYUTIL" export-certificate user
	check "it goes in" key import-certificate user "$E2E/user.pem"
	check "and comes out" "$KEYUTIL" export-certificate user \
	    -o "$E2E/back.pem"
	check "as it was" cmp "$E2E/back.pem" "$E2E/user.pem"
	check "a file is not replaced" says 'back.pem' 1 \
	    "$KEYUTIL" export-certificate user -o "$E2E/back.pem"
	is "SSH has the same key" "$("$KEYUTIL" export user)" "$line"
	check "OpenSC reads it" opensc_certificate
	check "another key's is refused" says 'that of another key' 1 \
	    key import-certificate user "$E2E/rsa.pem"
	openssl x509 -in "$E2E/rsa.pem" -outform DER -out "$E2E/rsa.der"
	check "OpenSC stores one" p11 --write-object "$E2E/rsa.der" \
	    --type cert --id 02 --label certified
	check "we read it" "$KEYUTIL" export-certificate certified \
	    -o "$E2E/theirs.pem"
	check "as it was" cmp "$E2E/theirs.pem" "$E2E/rsa.pem"
	check "DER goes in over it" \
	    key import-certificate certified "$E2E/rsa.der"
	check "a key is no certificate" says 'no X.509 certificate' 1 \
	    key import-certificate user "$E2E/pub.pem"
	check "nor is nothing" says 'No such file' 1 \
	    key import-certificate user "$E2E/nothing"
	check "a key is labelled beside OpenSC's subject" \
	    key label certified again
	check "OpenSC lists it" opensc_lists again 02
}

opensc_certificate()
{
	pkcs15-tool --read-certificate 01 >"$E2E/opensc.pem" &&
	    cmp "$E2E/opensc.pem" "$E2E/user.pem"
}

to_full_disk()
{
	"$KEYUTIL" random 100 >/dev/full
}

part_random()
{
	"$KEYUTIL" random 3000 >"$E2E/a"
	"$KEYUTIL" random 3000 >"$E2E/b"
	is "random bytes, as many as were asked for" \
	    "$(wc -c <"$E2E/a" | tr -d ' ')" 3000
	check_status "others each time" 1 cmp -s "$E2E/a" "$E2E/b"
	"$KEYUTIL" random --hex 20 >"$E2E/hex"
	has "as hex" "$E2E/hex" '^[0-9a-f]{40}$'
	check "not 0 of them" says 'how many bytes' 2 "$KEYUTIL" random 0
	check "a full disk is told" says 'No space left' 1 to_full_disk
}

# --- beside an agent ---

sign()
{
	echo text | ssh-keygen -q -Y sign -n file -f "$E2E/$1.pub"
}

agent_lists()
{
	ssh-add -L | grep -F " $1"
}

part_agent()
{
	agent_start || return
	wait_for 10 save_keys && test -s "$E2E/user.pub"
	check "an agent signs" sign user
	check "meanwhile a key is made" key generate p256 --label new
	check "the agent lists it" wait_for 3 agent_lists new
	save_keys
	check "signs with it" sign new
	check "and goes on with the other" sign user
	is "nobody was asked for the PIN again" "$(prompts)" 1
	check "it is labelled" key label new newer
	check "it is deleted" drop_key newer
	check "the agent lists it no more" wait_for 3 not agent_lists new
	check "and signs with the other" sign user
	is "nobody was asked for the PIN again" "$(prompts)" 1
	agent_stop
}

not()
{
	! "$@"
}

# --- cut off ---

# plan KIND N: what happens at the Nth card command from now on
plan()
{
	vhsmctl forget >/dev/null
	case $1 in
	drop)	vhsmctl fail "$2" drop ;;
	lost)	vhsmctl fail "$2" drop-after ;;
	pull)	vhsmctl at "$2" before pull ;;
	pulled)	vhsmctl at "$2" during pull ;;
	kill)	vhsmctl delay 400 at "$2" ;;
	esac >/dev/null
}

nothing_planned()
{
	test "$(vhsmctl planned | head -n 1)" = 0
}

arrived_or_ended()
{
	nothing_planned || gone "$1"
}

# cut_off KIND N COMMAND...: false when it ended before its Nth card command
cut_off()
{
	kind=$1
	plan "$1" "$2"
	shift 2
	chmod 600 "$E2E/pin"
	command=$1
	shift
	"$KEYUTIL" "$command" --pin-file "$E2E/pin" "$@" >"$E2E/cut" 2>&1 &
	pid=$!
	if test "$kind" = kill; then
		wait_for 20 arrived_or_ended "$pid"
		kill -KILL "$pid" 2>/dev/null
	fi
	wait "$pid"
	came=0
	nothing_planned || came=1
	vhsmctl forget >/dev/null
	case $kind in
	pull*)	vhsmctl insert ;;
	esac >/dev/null 2>&1
	wait_for 20 usable
	return $came
}

usable()
{
	"$KEYUTIL" status >/dev/null 2>&1
}

# The key that was there is, and each key is whole.
all_is_well()
{
	test "$("$KEYUTIL" export old)" = "$old" || {
		echo "the old key is lost"
		return 1
	}
	"$KEYUTIL" list --all --json >"$E2E/list" || return 1
	jq -e 'all(.keys[]; .usable and .label != "")' "$E2E/list" || {
		echo "a key is not whole"
		return 1
	}
	test "$(tries_left)" = 63C3 || test "$(tries_left)" = 9000 || {
		echo "a PIN try was lost: $(tries_left)"
		return 1
	}
}

# A second run makes the key, or says that the first one has.
again_generate()
{
	if listed new >/dev/null; then
		says 'a key "new" already' 1 key generate p256 --label new
	else
		key generate p256 --label new
	fi
}

# The same of delete.
again_delete()
{
	if listed new >/dev/null || test "$(count_leftovers)" -gt 0; then
		drop_key new
	else
		says 'no key "new"' 1 drop_key new
	fi
}

# crash KIND WHAT: cut off at each of its card commands in turn
crash()
{
	n=0
	left=0
	while test $n -lt 60; do
		n=$((n + 1))
		test "$2" = generate || listed new >/dev/null ||
			key generate p256 --label new >/dev/null || return 1
		case $2 in
		generate) cut_off "$1" $n generate p256 --label new ;;
		delete)	cut_off "$1" $n delete --yes new new ;;
		esac || break
		all_is_well || { echo "at $n"; cat "$E2E/cut"; return 1; }
		test "$(count_leftovers)" -eq 0 || left=$((left + 1))
		"again_$2" || { echo "again, at $n"; return 1; }
		all_is_well || { echo "after $n"; return 1; }
		test "$(count_leftovers)" -eq 0 || {
			echo "left over after $n"
			return 1
		}
		unlisted new >/dev/null || drop_key new >/dev/null || return 1
	done
	echo "cut off at $((n - 1)) card commands, $left with leftovers"
	case $1 in
	drop|pull) min=10 ;;
	*) min=12 ;;
	esac
	test $n -gt $min && test $n -lt 60
}

part_crash()
{
	old=$("$KEYUTIL" export old)
	# Each has one in which the command was done and one in which not,
	# and one in which the card is gone and one in which it is not.
	for cut in generate:drop generate:pulled generate:kill delete:lost \
	    delete:pull delete:kill; do
		what=${cut%:*} kind=${cut#*:}
		check "$what, $kind at each card command" crash \
		    "$kind" "$what"
		say "$what, $kind: $(tail -n 1 "$E2E/out")"
		unlisted new >/dev/null || drop_key new >/dev/null 2>&1
	done
}

part_key_first()
{
	vhsmctl quirk key-first on >/dev/null
	check "a card that wants the key first gets it so" \
	    key generate p256 --label first
	check "the key has its label" opensc_lists first 01
}

test $# -eq 0 || { run_part "$1"; exit; }
part types
part bytes --tokens 2
part theirs
part cost
part refusals --key p256:user:01
part typed --key p256:user
part limits
part certificates --key p256:user:01 --key rsa2048:rsa:02
part random
part agent --key p256:user
# Minutes: once is enough where the tests run in several builds.
part crash --key p256:old
part key_first
finish
