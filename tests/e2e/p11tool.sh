#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# hsm-keyutil with tokens of PKCS#11 modules: the life of a key on SoftHSM,
# where no pcscd is in reach, and on a SmartCard-HSM by OpenSC's module.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2154,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

# shellcheck source=tests/e2e/soft-lib.sh
. "$srcdir/tests/e2e/soft-lib.sh"

need_module_program
need_soft

TYPES='rsa2048 p256 p384 p521 ed25519'

# The tool, with its PIN, on the token that MODULE and TOKEN say.
tool()
{
	tool_command=$1
	shift
	case $tool_command in
	generate|delete|label|test)
		set -- --pin-file "$E2E/pin" "$@" ;;
	esac
	"$KEYUTIL" "$tool_command" --module "$MODULE" "$@"
}

begin()
{
	own_leaks_only
	KEYUTIL=$(beside "$KEYUTIL")
	chmod 600 "$E2E/pin"
}

a_key_of_each_type()
{
	for t in $TYPES; do
		tool generate "$t" --label "$t" >"$E2E/$t.pub" 2>"$E2E/log"
		is "a key of the type $t is made" $? 0
		is "... whose public key ssh-keygen reads" "$(ssh-keygen -l -f \
			"$E2E/$t.pub" | awk '{ print $3 }')" "$t"
		tool export "$t" >"$E2E/again.pub"
		check "... and export prints" cmp "$E2E/$t.pub" \
			"$E2E/again.pub"
		tool export --format pem "$t" >"$E2E/$t.pem"
		check "... for OpenSSL, too" openssl pkey -pubin \
			-in "$E2E/$t.pem" -noout
		tool list >"$E2E/listed"
		has "... and list shows" "$E2E/listed" \
			"$t .*$(pattern_of "$E2E/$t.pub")"
	done
}

part_soft()
{
	begin
	soft_start
	MODULE=$SOFTHSM
	check_status "a module without a token" 3 tool status
	has "... is told of" "$E2E/out" 'has no token in its slots'
	soft_token soft
	serial=$(soft_serial soft)
	check "status shows its slot" says 'Slot      libsofthsm2.so: ' 0 \
		tool status
	has "... the token" "$E2E/said" "Token     $serial \"soft\""
	has_not "... and no DKEK" "$E2E/said" DKEK
	check "status as JSON" tool status --json
	is "... says what is known" "$(jq -c '.readers[0] | [.in_module,
		.state, .token.serial, .token.pin_tries]' "$E2E/out")" \
		"[true,\"token\",\"$serial\",null]"
	a_key_of_each_type
	names
	check "test signs with each" tool test
	is "... by each algorithm" "$(grep -c ' pass ' "$E2E/out")" 7
	deletion
	twins
}

names()
{
	check_status "a label names one key" 1 tool generate p256 --label p256
	has "... which is told" "$E2E/out" 'has a key "p256" already'
	check_status "a number of uses is not what modules know" 1 \
		tool generate p256 --label used --uses 3
	has "... which is told" "$E2E/out" 'counts no uses'
	check "a key gets another label" tool label p256 login
	tool list >"$E2E/listed"
	has "... and has it" "$E2E/listed" 'login  *P-256'
	has_not "... and no more that of before" "$E2E/listed" '^ *p256 '
	for uri in 'pkcs11:object=login' 'pkcs11:token=soft;id=%02' \
	    "pkcs11:serial=$serial;object=login;type=public"; do
		check "a key is named $uri" says \
			"$(cut -d' ' -f2 "$E2E/p256.pub")" 0 tool export "$uri"
	done
	for uri in 'pkcs11:token=other;object=login' pkcs11:token=soft \
	    'pkcs11:object=login;id=%07' pkcs11:object= 'pkcs11:%'; do
		check_status "... and by $uri none is" 1 tool export "$uri"
	done
	check_status "a token has no other" 1 tool label --token-itself x
	has "... which is told" "$E2E/out" 'only when it is set up'
	check "a key gets the id that is wanted" tool generate p256 \
		--label other --id c0ffee
	tool list >"$E2E/listed"
	has "... and has it" "$E2E/listed" 'other .* c0ffee '
}

deletion()
{
	check_status "nothing is deleted without a word" 1 tool delete login
	check "a key is deleted" tool delete login --yes login
	soft_tool soft --list-objects
	is "... all of it, as OpenSC sees" \
		"$(grep -c 'label: *login' "$E2E/made")" 0
	check_status "... once" 1 tool delete login --yes login
	is "... and no other" "$(tool list | grep -c SHA256:)" 5
}

private_keys()
{
	soft_tool soft --list-objects --type privkey
	grep -c 'Private Key Object' "$E2E/made"
}

# Keys that have all but themselves in common, and one whose private key has
# another label than its public one.
twins()
{
	before=$(private_keys)
	for _ in 1 2 3; do
		soft_key soft EC:prime256v1 twin 77
	done
	check_status "of twins" 1 tool delete twin --yes twin
	has "... each has a place" "$E2E/out" 'place:#[0-9a-f]*, id 77'
	place=$(sed -n 's/.*\(place:[^,]*\),.*/\1/p' "$E2E/out" | sed -n 2p)
	check "... by which one is deleted" tool delete "$place" \
		--yes "$place"
	is "... the others are there" "$(tool list | grep -c twin)" 2
	is "... with their private keys" "$(private_keys)" $((before + 2))
	check "... and sign" tool test
	soft_key soft EC:prime256v1 odd 78
	soft_tool soft --set-id 79 --type privkey --label odd --id 78
	check "a public key without its private one is deleted" \
		tool delete odd --yes odd
	is "... and no private key of others" "$(private_keys)" \
		$((before + 3))
	soft_key soft rsa:2048 pair 80
	soft_key soft EC:prime256v1 pair 81
	soft_tool soft --delete-object --type privkey --id 81
	soft_tool soft --set-id 80 --type pubkey --label pair --id 81
	place=$(place_of pair P-256)
	check "nor by its id and label" tool delete "$place" --yes "$place"
	is "... as another's is still there" "$(private_keys)" \
		$((before + 4))
	soft_key soft EC:secp256k1 koblitz 82
	soft_key soft EC:prime256v1 usable 82
	check_status "what cannot be told apart" 1 tool delete koblitz \
		--yes koblitz
	has "... is left as it is" "$E2E/out" 'another key has the id 82'
	is "... all of it" "$(private_keys)" $((before + 6))
}

# place_of LABEL TYPE
place_of()
{
	tool delete "$1" --yes "$1" 2>&1 |
		sed -n "s/.*\(place:[^,]*\),.* $2\$/\1/p"
}

# Two tokens, and how they are named.
part_names()
{
	begin
	soft_start
	MODULE=$SOFTHSM
	soft_token one
	soft_token two 111222
	check_status "of two tokens one has to be named" 2 tool generate p256 \
		--label ec
	for name in two "$(soft_serial two)" 'pkcs11:token=two'; do
		check "a token is named $name" says "$(soft_serial two)" 0 \
			tool status --token "$name"
		has_not "... and no other is shown" "$E2E/said" \
			"$(soft_serial one)"
	done
	check_status "a URI of no token" 3 tool list --token pkcs11:token=x
	check_status "what is no URI" 1 tool list --token pkcs11:%
	check_status "a wrong PIN" 4 tool generate p256 --label ec \
		--token two
	has "... is told of" "$E2E/out" 'the PIN is wrong'
	soft_token short 1234
	printf '1234\n' >"$E2E/pin"
	check "a PIN may be shorter than a SmartCard-HSM's" tool generate \
		p256 --label ec --token short
	check "... and is asked for" "$KEYUTIL" delete ec --yes ec \
		--module "$MODULE" --token short
	has_not "... but not with tries that nobody knows" "$E2E/prompts" \
		'tries left'
	check_status "what is no module" 1 "$KEYUTIL" list \
		--module "$E2E/pin"
	has "... is told of" "$E2E/out" "$E2E/pin is no PKCS#11 module"
	check_status "what is not there" 1 "$KEYUTIL" list --module ./nothing
	has "... is told of" "$E2E/out" 'nothing: No such file'
	ln -s "$SOFTHSM" "$E2E/link.so"
	(cd "$E2E" && "$KEYUTIL" list --module ./link.so >"$E2E/out")
	is "a path may be relative" $? 0
	agents
}

# What an agent has is no reader's, and not nothing.
agents()
{
	check_status "status knows no token without a reader" 3 \
		"$KEYUTIL" status
	soft_key one EC:prime256v1 ec 01
	configure "Module $SOFTHSM"
	agent_start || return
	check "... but what an agent has" wait_for 10 says 'one' 0 \
		"$KEYUTIL" status
	check "doctor does not miss pcscd then" says \
		'through a PKCS#11 module' 0 "$KEYUTIL" doctor
	agent_stop
}

# A token whose PIN is typed at its reader, and one with few tries left, as
# tests/p11/hostile.c plays them: 0x100 is CKF_PROTECTED_AUTHENTICATION_PATH,
# 0x20000 CKF_USER_PIN_FINAL_TRY, and 0x40000 CKF_USER_PIN_LOCKED.
part_pad()
{
	begin
	soft_start
	soft_token soft
	hostile_module
	MODULE=$HOSTILE_SO HOSTILE_PIN=$PIN
	export HOSTILE_PIN
	echo "C_GetTokenInfo length 0x100" >"$HOSTILE"
	check "a key is made by a PIN that is typed at the reader" says \
		'type the PIN at the reader' 0 "$KEYUTIL" generate p256 \
		--label ec --module "$MODULE"
	has "... and nowhere else" "$HOSTILE.logins" 'at the pad'
	HOSTILE_PIN=999999 check_status "one that is typed wrong" 4 \
		"$KEYUTIL" test --module "$MODULE"
	check "a file has it all the same" tool test
	is "nobody was asked for it here" "$(prompts)" 0
	pad_agent
	echo "C_GetTokenInfo length 0x20000" >"$HOSTILE"
	logins=$(wc -l <"$HOSTILE.logins")
	check_status "the last try is not spent" 1 "$KEYUTIL" test \
		--module "$MODULE"
	has "... nor is advice given that is for other tokens" "$E2E/out" \
		"one PIN try is left.*tools of the token's maker"
	echo "C_GetTokenInfo length 0x40000" >"$HOSTILE"
	check_status "a PIN that is blocked is not asked for" 4 "$KEYUTIL" \
		test --module "$MODULE"
	has "... and told of" "$E2E/out" "the PIN is blocked or not set"
	is "... nor anything sent" "$(wc -l <"$HOSTILE.logins")" "$logins"
	is "... nor anybody asked" "$(prompts)" 0
}

pad_agent()
{
	configure "Module $MODULE"
	agent_start || return
	ssh-add -L >"$E2E/ec.pub"
	check "the agent has it typed at the reader, too" \
		ssh-add -T "$E2E/ec.pub"
	is "... and asks nobody" "$(prompts)" 0
	agent_stop
	echo "C_GetTokenInfo length 0x40000" >"$HOSTILE"
	agent_start || return
	check_status "one that is blocked is not typed" 1 ssh-add -T \
		"$E2E/ec.pub"
	has "... and the log says what helps this token" "$AGENT_LOG" \
		"the PIN is blocked or not set.*tools of the token's maker"
	has_not "... and not what helps others" "$AGENT_LOG" hsm-keyutil
	agent_stop
}

# The same key, made by OpenSC and seen without it.
part_opensc()
{
	begin
	MODULE=$(find /usr/lib -name opensc-pkcs11.so 2>/dev/null | head -n 1)
	TYPES='p256 rsa2048'
	if test -z "$MODULE"; then
		skip "OpenSC's module" "it is missing (package opensc-pkcs11)"
		return
	fi
	a_key_of_each_type
	"$KEYUTIL" list >"$E2E/listed"
	for t in $TYPES; do
		has "our own driver sees $t, too" "$E2E/listed" \
			"$t .*$(pattern_of "$E2E/$t.pub")"
	done
	check "test signs with each" tool test
	is "... by each algorithm" "$(grep -c ' pass ' "$E2E/out")" 3
	check_status "Ed25519 is not made" 1 tool generate ed25519 --label x
	for t in $TYPES; do
		check "$t is deleted" tool delete "$t" --yes "$t"
	done
	is "... and our own driver sees none" \
		"$("$KEYUTIL" list | grep -c SHA256:)" 0
}

test $# -eq 0 || { run_part "$1"; exit; }
bare_part soft
bare_part names
bare_part pad
part opensc
finish
