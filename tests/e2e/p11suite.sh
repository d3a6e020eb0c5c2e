#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# One suite for all that drives a token (token-suite.c): our own driver at a
# virtual HSM, OpenSC's PKCS#11 module at the same, and SoftHSM.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2154,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

# shellcheck source=tests/e2e/soft-lib.sh
. "$srcdir/tests/e2e/soft-lib.sh"

need_module_program
need_soft

WRONG=999999

# suite [MODULE]
suite()
{
	judge token-suite "$PIN" $WRONG "$@"
}

# judge PROGRAM ARGUMENT...: its results, as ours.  A program of ours looks
# beside itself for the one that runs modules.
judge()
{
	judge=$(beside "$HELPERS/$1")
	shift
	timeout 240 "$judge" "$@" >"$E2E/suite" 2>&1
	suite_rc=$?
	while read -r verdict _ _ sentence; do
		case $verdict in
		ok)	pass "$sentence" ;;
		not)	fail "${sentence#- }" ;;
		esac
	done <"$E2E/suite"
	is "... to the end" "$(grep -c '^1[.][.]' "$E2E/suite"), $suite_rc" \
		"1, 0"
	test $suite_rc -eq 0 || show "$E2E/suite"
}

part_native()
{
	suite
	has "a key that SSH cannot use is told of" "$E2E/suite" \
		'^# .*"koblitz": .'
}

part_opensc()
{
	module=$(find /usr/lib -name opensc-pkcs11.so 2>/dev/null | head -n 1)
	if test -z "$module"; then
		skip "OpenSC's module" "it is missing (package opensc-pkcs11)"
		return
	fi
	suite "$module"
	has "a key that SSH cannot use is told of" "$E2E/suite" \
		'^# .*"koblitz": .'
}

# A key that wants the PIN for each signature is asked for each time, where
# nothing remembers it, and for what; one beside it that does not is not.
part_always()
{
	soft_start
	soft_token soft
	soft_tool soft --keypairgen --key-type EC:prime256v1 --id 01 --label each \
		--always-auth
	soft_tool soft --list-objects --type privkey
	has "the key is such a one" "$E2E/made" 'always authenticate'
	soft_tool soft --keypairgen --key-type EC:prime256v1 --id 02 --label plain
	configure "Module softhsm2" "PinCache session"
	agent_start || return
	save_keys
	for n in 1 2; do
		echo $n >"$E2E/data"
		check "signature $n by a key that wants the PIN each time" \
			ssh-keygen -Y sign -f "$E2E/each.pub" -n file "$E2E/data"
		rm -f "$E2E/data.sig"
		is "... for which a person is asked" "$(prompts)" $n
	done
	has "... and told what for" "$E2E/prompts" 'sshsig|file|sign'
	for n in 1 2; do
		check "another key signs, $n" ssh-add -T "$E2E/plain.pub"
	done
	is "... for which nobody is asked" "$(prompts)" 2
	agent_stop
	configure "Module softhsm2" "PinFile $E2E/pin"
	chmod 600 "$E2E/pin"
	agent_start || return
	check "who remembers the PIN is not asked" ssh-add -T "$E2E/each.pub"
	check "... the next time, too" ssh-add -T "$E2E/each.pub"
	agent_stop
}

# Each function returns each error there is (token-hostile.c).
part_errors()
{
	soft_start
	soft_token soft
	soft_tool soft --keypairgen --key-type EC:prime256v1 --id 01 --label ec
	soft_tool soft --keypairgen --key-type EC:prime256v1 --id 02 --label each \
		--always-auth
	hostile_module
	judge token-hostile "$PIN" "$HOSTILE_SO" "$HOSTILE"
}

# By what p11-kit calls it.
part_named()
{
	soft_start
	soft_token soft
	soft_tool soft --keypairgen --key-type EC:prime256v1 --id 01 --label named
	configure "Module softhsm2" "PinFile $E2E/pin"
	agent_start || return
	ssh-add -L >"$E2E/named.pub"
	check "a module is used by its name in p11-kit's configuration" \
		ssh-add -T "$E2E/named.pub"
	agent_stop
	configure "Module nosuchmodule"
	agent_start || return
	ssh-add -l >/dev/null 2>&1
	check "one that p11-kit does not know is told of" wait_for 20 in_file \
		"$AGENT_LOG" 'p11-kit has no module "nosuchmodule"'
	agent_stop
}

part_soft()
{
	own_leaks_only
	soft_start
	soft_token soft
	id=0
	for k in rsa:2048 EC:prime256v1 EC:secp384r1 EC:secp521r1 \
	    EC:secp256k1 EC:edwards25519; do
		id=$((id + 1))
		soft_tool soft --keypairgen --key-type $k --id 0$id \
			--label "$(echo $k | sed 's/EC:secp256k1/koblitz/')"
	done
	odd_keys
	suite "$SOFTHSM"
	has "a key that SSH cannot use is told of" "$E2E/suite" \
		'^# .*"koblitz": .'
	has "a key of the type ed25519 is made" "$E2E/suite" \
		'^ok .* of the type ed25519 is made'
	soft_tool soft --list-objects
	is "nothing is left of a key that was deleted" \
		"$(grep -c 'another name' "$E2E/made")" 0
	has "two keys of one id are two" "$E2E/suite" '^ok .*"twin" signs'
	has "... and three are three" "$E2E/suite" '^ok .*"third" signs'
	has "a certificate tells a public key that is not there" \
		"$E2E/suite" '^ok .* P-256 "papers" signs'
}

# Two that have the id of another, of its kind and not, one without a label,
# and one with a certificate alone, whose id looks like a place.
odd_keys()
{
	soft_tool soft --keypairgen --key-type EC:prime256v1 --id 01 --label twin
	soft_tool soft --keypairgen --key-type EC:prime256v1 --id 01 --label third
	soft_tool soft --keypairgen --key-type EC:prime256v1 --id 0a
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-subj /CN=papers -keyout "$E2E/papers.key" \
		-out "$E2E/papers.pem" 2>/dev/null
	openssl x509 -in "$E2E/papers.pem" -outform DER -out "$E2E/papers.der"
	openssl pkcs8 -topk8 -nocrypt -in "$E2E/papers.key" \
		-out "$E2E/papers.p8"
	softhsm2-util --import "$E2E/papers.p8" --token soft --pin "$PIN" \
		--label papers --id 0b >/dev/null
	soft_tool soft --delete-object --type pubkey --id 0b
	soft_tool soft --write-object "$E2E/papers.der" --type cert --id 0b \
		--label papers
}

test $# -eq 0 || { run_part "$1"; exit; }
part native --key rsa2048:rsa:01 --key p256:p256:02 --key p384:p384:03 \
	--key p521:p521:04 --key secp256k1:koblitz:05
part opensc --key rsa2048:rsa:01 --key p256:p256:02 --key p384:p384:03 \
	--key p521:p521:04 --key secp256k1:koblitz:05
bare_part soft
bare_part named
bare_part always
bare_part errors
finish
