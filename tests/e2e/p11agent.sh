#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Tokens of PKCS#11 modules behind the agent: Ed25519, what OpenSSH's agent does
# badly with a module, and what becomes of one that is killed, hangs or lies.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2120,SC2154,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

# shellcheck source=tests/e2e/soft-lib.sh
. "$srcdir/tests/e2e/soft-lib.sh"

need_module_program
need_soft
need ssh openssh-client
need sshd openssh-server

# The process that has the token open, if there is one.
module_pid()
{
	pgrep -P "$agent_pid" -f hsm-ssh-agent-module
}

no_module()
{
	! module_pid >/dev/null
}

# --- what only such a token has ---

ed25519()
{
	sshd_make any
	check "ssh-add -T accepts a signature of Ed25519" \
		ssh-add -T "$E2E/ed25519.pub"
	sshd_lets any "$E2E/ed25519.pub"
	check "ssh logs in with it" login_with any "$E2E/ed25519.pub"
	has "... by its fingerprint" "$E2E/sshd-any/log" \
		"Accepted publickey .* $(pattern_of "$E2E/ed25519.pub")"
	ssh-keygen -q -t ed25519 -N '' -C user -f "$E2E/user"
	check "ssh-keygen signs a certificate with it by the agent" \
		ssh-keygen -q -Us "$E2E/ed25519.pub" -I id -n "$(id -un)" \
		-z 1 -V +1h "$E2E/user.pub"
	sshd_make trusting "TrustedUserCAKeys $E2E/ed25519.pub"
	check "... and sshd lets it in" login_with trusting \
		"$E2E/user" -o CertificateFile="$E2E/user-cert.pub"
	check "hsm-keyutil signs one, too" "$KEYUTIL" ca sign \
		--ca ed25519 -n "$(id -un)" --validity 1h "$E2E/user.pub"
	check "... and sshd lets it in" login_with trusting \
		"$E2E/user" -o CertificateFile="$E2E/user-cert.pub"
	check "a certificate for it is offered" ssh-keygen -q \
		-s "$E2E/user" -I own -n "$(id -un)" -V +1h "$E2E/ed25519.pub"
	mkdir -p "$HOME/.ssh"
	cp "$E2E/ed25519-cert.pub" "$HOME/.ssh"
	check "... from ~/.ssh" wait_for 10 offers_certificate
}

offers_certificate()
{
	ssh-add -L | grep -q '^ssh-ed25519-cert-v01@openssh.com '
}

part_ed25519()
{
	own_leaks_only
	soft_start
	soft_token soft
	soft_key soft EC:secp256k1 koblitz 01
	soft_key soft EC:edwards25519 ed25519 02
	serial=$(soft_serial soft)
	configure "Module $SOFTHSM"
	agent_start || return
	check "ssh-add -L lists the keys" save_keys
	is "... those that SSH can use" "$(wc -l <"$E2E/listing")" 1
	has "the log tells of the one that it cannot" "$AGENT_LOG" \
		'"koblitz" .* is not offered'
	is "listing asks for no PIN" "$(prompts)" 0
	ed25519
	is "the PIN was asked for once" "$(prompts)" 1
	has "... for this token by its name, and not with tries that nobody \
knows" "$E2E/prompts" "token soft [(]${serial}[)]:"
	check "hsm-keyutil status tells of the token" says "$serial" 0 \
		"$KEYUTIL" status
	left=$(module_pid)
	agent_stop
	check "no process of the module is left" wait_for 5 gone "$left"
}

# --- what OpenSSH's agent does badly with a module ---

signs_data()
{
	head -c "$1" /dev/zero >"$E2E/big"
	check "$1 bytes are signed" says ecdsa-sha2-nistp256 0 \
		"$HELPERS/agent-proto" sign ecdsa 0 "$E2E/big" "$E2E/big.sig"
}

listed()
{
	ssh-add -L | grep -c " $1\$"
}

lists()
{
	test "$(listed "$1")" -eq "$2"
}

# Its slots are looked at when somebody lists keys.
noticed()
{
	ssh-add -l >/dev/null
	in_file "$AGENT_LOG" "$1"
}

# As people do with ssh-agent: a module by its path, or a token by its URI.
part_named()
{
	need_helper agent-proto || return
	soft_start
	soft_token one
	soft_key one EC:prime256v1 ec 01
	configure "Use any"
	agent_start || return
	is "without Module there is no key" "$(listed ec)" 0
	check "ssh-add -s MODULE" ssh-add -s "$SOFTHSM"
	is "... shows the key" "$(listed ec)" 1
	save_keys
	check "... and it signs" ssh-add -T "$E2E/ec.pub"
	check "ssh-add -s MODULE again" ssh-add -s "$SOFTHSM"
	check "... and it signs" ssh-add -T "$E2E/ec.pub"
	askpass_make
	signs_data 10000
	signs_data 200000
	check "ssh-add -s with a URI" ssh-add -s 'pkcs11:token=one'
	check_status "a URI of no token" 1 ssh-add -s 'pkcs11:token=two'
	check "a token is locked alone" ssh-add -e 'pkcs11:token=one'
	is "... and its key still listed" "$(listed ec)" 1
	check "ssh-add -e MODULE" ssh-add -e "$SOFTHSM"
	is "... takes the key away" "$(listed ec)" 0
	check "... and ends its process" wait_for 10 no_module
	check_status "what is no module is refused" 1 ssh-add -s \
		"$(find /usr/lib -name 'libc.so.6' | head -n 1)"
	has "... which the log tells" "$AGENT_LOG" 'no PKCS#11 module'
	check_status "a module outside of the allowed places" 1 \
		ssh-add -s "$E2E/askpass"
	agent_stop
	agent_start -P "$E2E/*" || return
	check_status "... where -P says so" 1 ssh-add -s "$SOFTHSM"
	agent_stop
}

# What -P allows is where a module is, not what leads there.
part_links()
{
	soft_start
	soft_token one
	soft_key one EC:prime256v1 ec 01
	mkdir "$E2E/mods"
	ln -s "$SOFTHSM" "$E2E/mods/link.so"
	configure "Use any"
	agent_start -P "$E2E/mods/*" || return
	check_status "a link from an allowed place to another is refused" 1 \
		ssh-add -s "$E2E/mods/link.so"
	has "... which the log tells" "$AGENT_LOG" 'allowed providers'
	is "... and no process runs it" "$(module_pid)" ''
	agent_stop
	agent_start -P "$(realpath "$SOFTHSM")" || return
	check "a link from elsewhere to an allowed module is followed" \
		ssh-add -s "$E2E/mods/link.so"
	check "... and its key listed" wait_for 10 lists ec 1
	agent_stop
}

# A key whose public half is nowhere but in the private one, which nobody sees
# before a login.
part_private()
{
	soft_start
	soft_token soft
	soft_key soft rsa:2048 rsa 01
	soft_tool soft --delete-object --type pubkey --id 01
	soft_tool soft --list-objects
	has_not "a token has no public key" "$E2E/made" 'Public Key Object'
	configure "Module $SOFTHSM"
	agent_start || return
	is "no key is listed" "$(listed rsa)" 0
	check "ssh-add -s logs in" ssh-add -s 'pkcs11:token=soft'
	check "... and it is" wait_for 10 lists rsa 1
	save_keys
	check "... and signs" ssh-add -T "$E2E/rsa.pub"
	is "... after one prompt" "$(prompts)" 1
	agent_stop
}

# Of a module that hashes by itself, and does nothing else.
part_mechanisms()
{
	soft_start
	soft_token soft
	soft_key soft rsa:2048 rsa 01
	echo "slots.mechanisms = CKM_SHA256_RSA_PKCS,CKM_SHA512_RSA_PKCS" \
		>>"$SOFTHSM2_CONF"
	pkcs11-tool --module "$SOFTHSM" -M >"$E2E/made" 2>&1
	is "a module has two mechanisms" \
		"$(grep -Ec '^ *(SHA256|SHA512)-RSA-PKCS,' "$E2E/made"), \
$(grep -c keySize "$E2E/made")" "2, 2"
	configure "Module $SOFTHSM" "PinFile $E2E/pin"
	chmod 600 "$E2E/pin"
	agent_start || return
	save_keys
	check "its key signs" ssh-add -T "$E2E/rsa.pub"
	ssh-keygen -q -t ed25519 -N '' -f "$E2E/user"
	for alg in rsa-sha2-256 rsa-sha2-512; do
		check "... a certificate by $alg" ssh-keygen -q -t $alg \
			-Us "$E2E/rsa.pub" -I id -n a -V +1h "$E2E/user.pub"
		ssh-keygen -Lf "$E2E/user-cert.pub" >"$E2E/cert"
		has "... which it has" "$E2E/cert" "using $alg"
	done
	agent_stop
}

# The PIN goes to the token that is meant, and to no other.
part_slots()
{
	soft_start
	soft_token one
	soft_token two 111222
	soft_key one EC:prime256v1 ec 01
	soft_key two EC:prime256v1 other 01 111222
	agent_start || return
	check_status "ssh-add -s MODULE: which of two?" 1 \
		ssh-add -s "$SOFTHSM"
	has "... which the log tells" "$AGENT_LOG" '2 tokens are meant'
	configure "Module $SOFTHSM"
	agent_stop
	agent_start || return
	save_keys
	check "one of them by its URI" ssh-add -s 'pkcs11:token=one'
	check "... its key signs" ssh-add -T "$E2E/ec.pub"
	has_not "nothing was sent to the other" "$AGENT_LOG" \
		"token $(soft_serial two).*(PIN|unlock)"
	rm -f "$E2E/pin"
	check_status "... whose PIN is asked for by itself" 1 \
		ssh-add -T "$E2E/other.pub"
	has "... by its name" "$E2E/prompts" 'token two '
	agent_stop
}

# A slot that is there later, and a token that was away.
part_later()
{
	soft_start
	configure "Module $SOFTHSM"
	agent_start || return
	is "at first there is no key" "$(listed ec)" 0
	soft_token one
	soft_key one EC:prime256v1 ec 01
	check "a token that was made later is seen" wait_for 10 lists ec 1
	save_keys
	check "... and signs" ssh-add -T "$E2E/ec.pub"
	mv "$E2E/tokens" "$E2E/away"
	mkdir "$E2E/tokens"
	check "one that went is missed" wait_for 10 noticed 'was removed'
	is "... and its key not listed" "$(listed ec)" 0
	rm -rf "$E2E/tokens"
	mv "$E2E/away" "$E2E/tokens"
	askpass_make
	check "one that is back is there again" wait_for 10 lists ec 1
	check "... and signs" ssh-add -T "$E2E/ec.pub"
	is "... after one prompt" "$(prompts)" 1
	agent_stop
}

# A SmartCard-HSM that is in a reader, and in a slot of OpenSC's module.
part_both()
{
	opensc=$(find /usr/lib -name opensc-pkcs11.so | head -n 1)
	if test -z "$opensc"; then
		skip "both drivers with one token" "opensc-pkcs11 is missing"
		return
	fi
	configure "Module $opensc"
	agent_start || return
	check "the key is listed" save_keys
	is "... once" "$(wc -l <"$E2E/listing")" 1
	check "it signs" ssh-add -T "$E2E/card.pub"
	has_not "... not by the module" "$AGENT_LOG" \
		'token .* in opensc-pkcs11.so'
	check "ssh-add -s MODULE means this token" ssh-add -s "$opensc"
	vhsmctl pull >/dev/null
	check "pulled, it is gone" wait_for 10 lists card 0
	vhsmctl insert >/dev/null
	check "put back, it is there" wait_for 10 lists card 1
	askpass_make
	check "... and signs" ssh-add -T "$E2E/card.pub"
	is "... after one prompt" "$(prompts)" 1
	has_not "... still not by the module" "$AGENT_LOG" \
		'token .* in opensc-pkcs11.so'
	agent_stop
}

# What another program does to a key that the agent has just used.
part_replaced()
{
	soft_start
	soft_token soft
	soft_key soft EC:prime256v1 ec 01
	configure "Module $SOFTHSM" "PinFile $E2E/pin"
	chmod 600 "$E2E/pin"
	agent_start || return
	ssh-add -L >"$E2E/old.pub"
	check "a key signs" ssh-add -T "$E2E/old.pub"
	for type in privkey pubkey; do
		soft_tool soft --delete-object --type $type --id 01
	done
	check_status "deleted by another program it does not" 1 \
		ssh-add -T "$E2E/old.pub"
	soft_key soft EC:prime256v1 ec 01
	check_status "... nor when another key has its name" 1 \
		ssh-add -T "$E2E/old.pub"
	check "... which is listed" wait_for 10 lists_another
	ssh-add -L >"$E2E/new.pub"
	check "... and signs" ssh-add -T "$E2E/new.pub"
	soft_key soft EC:prime256v1 ec 01
	check "a second key with its id does no harm" \
		ssh-add -T "$E2E/new.pub"
	check "... and is listed" wait_for 10 lists_two
	ssh-add -L >"$E2E/both"
	grep -vxFf "$E2E/new.pub" "$E2E/both" >"$E2E/second.pub"
	for k in second new second; do
		check "... the $k one signs" ssh-add -T "$E2E/$k.pub"
	done
	agent_stop
}

lists_another()
{
	ssh-add -L >"$E2E/now.pub" && ! cmp -s "$E2E/now.pub" "$E2E/old.pub"
}

lists_two()
{
	test "$(ssh-add -L | wc -l)" -eq 2
}

# --- a module that lies, hangs and crashes ---

# hostile_start TYPE...: one that behaves, until $HOSTILE says otherwise.
hostile_start()
{
	hostile_module
	soft_start
	soft_token soft
	soft_key soft EC:prime256v1 ec 01
	soft_key soft EC:prime256v1 other 02
	configure "Module $HOSTILE_SO" "ModuleTimeout 1s"
	agent_start || return
	save_keys
	check "while it behaves, its key signs" ssh-add -T "$E2E/ec.pub"
}

logins_seen()
{
	wc -l <"$HOSTILE.logins"
}

# An answer, whichever; 124 is none.
answers()
{
	hostile_rc=0
	timeout 20 "$@" </dev/null || hostile_rc=$?
	test $hostile_rc -lt 124
}

# misbehaves FUNCTION ACTION [NUMBER]: clients are answered meanwhile, no PIN
# is sent twice for one signature, and afterwards all is well.
misbehaves()
{
	# A key is looked for when another was used last.
	ssh-add -T "$E2E/other.pub" 2>/dev/null || fail "another key signs"
	rm -f "$HOSTILE.told"
	echo "$*" >"$HOSTILE"
	hostile_prompts=$(prompts) hostile_logins=$(logins_seen)
	check "$*: listing is answered" answers ssh-add -l
	check "... and a signature" answers ssh-add -T "$E2E/ec.pub"
	case $1 in
	C_Sign* | C_FindObjects | C_GetAttributeValue)
		check "... of a module that did so" obeys ;;
	esac
	check "... with one PIN at the most" \
		test $(($(logins_seen) - hostile_logins)) -le 1
	: >"$HOSTILE"
	hostile_logins=$(logins_seen)
	check "... then all is well again" wait_for 20 \
		ssh-add -T "$E2E/ec.pub"
	check "... with one at the most" \
		test $(($(logins_seen) - hostile_logins)) -le 1
	is "... and no prompt" "$(prompts)" "$hostile_prompts"
}

# The module writes down that it does as it was told.
obeys()
{
	test -s "$HOSTILE.told"
}

part_hostile()
{
	hostile_start || return
	for f in C_GetSlotList C_GetTokenInfo C_OpenSession C_GetSessionInfo \
		C_FindObjects C_GetAttributeValue C_SignInit C_Sign; do
		for how in 'rv 0x5' 'rv 0x32' abort; do
			# shellcheck disable=SC2086
			misbehaves $f $how
		done
	done
	misbehaves C_Sign block
	misbehaves C_GetSessionInfo block
	misbehaves C_Sign zero
	# A signature has 64 bytes, and the first attribute of a key 8.
	for n in 0 1 63 65 0x7fffffffffffffff; do
		misbehaves C_Sign length $n
	done
	for n in 0 1; do
		misbehaves C_GetAttributeValue length $n
		misbehaves C_FindObjects length $n
	done
	misbehaves C_GetSlotList length 0x7fffffff
	misbehaves C_FindObjects length 0x7fffffff
	misbehaves C_GetAttributeValue length 0x7fffffff
	is "all that takes one PIN in all, which is in memory" "$(prompts)" 1
	agent_stop
}

# loses_pin ACTION...: of C_Login, with somebody who always types the same.
loses_pin()
{
	ssh-add -D 2>/dev/null
	hostile_logins=$(logins_seen)
	echo "C_Login $*" >"$HOSTILE"
	check "C_Login $*: the client is answered" answers \
		ssh-add -T "$E2E/ec.pub"
	is "... after one PIN" "$(($(logins_seen) - hostile_logins))" 1
	: >"$HOSTILE"
}

part_hostile_pin()
{
	hostile_start || return
	for how in 'rv 0x5' 'rv 0x32' 'rv 0x101' abort block; do
		# shellcheck disable=SC2086
		loses_pin $how
		check "... and a person may try it again" \
			ssh-add -T "$E2E/ec.pub"
		is "... once" "$(($(logins_seen) - hostile_logins))" 2
	done
	loses_pin rv 0xa0
	check_status "... which is not sent again" 1 ssh-add -T "$E2E/ec.pub"
	is "... by anybody" "$(($(logins_seen) - hostile_logins))" 1
	agent_stop
	# The same from a file: nobody has reason to think that it was right.
	echo "$PIN" >"$E2E/file"
	chmod 600 "$E2E/file"
	rm -f "$E2E/pin"
	configure "Module $HOSTILE_SO" "ModuleTimeout 1s" \
		"PinFile $E2E/file"
	agent_start || return
	hostile_logins=$(logins_seen)
	echo "C_Login abort" >"$HOSTILE"
	for n in first second third; do
		check_status "C_Login abort, a PIN in a file: the $n time" 1 \
			ssh-add -T "$E2E/ec.pub"
	done
	is "... it was sent once" "$(($(logins_seen) - hostile_logins))" 1
	agent_stop
}

# file_start: one that behaves, with its PIN in a file, and nobody to ask.
file_start()
{
	hostile_module
	soft_start
	soft_token soft
	soft_key soft EC:prime256v1 ec 01
	soft_key soft EC:prime256v1 other 02
	echo "$PIN" >"$E2E/file"
	chmod 600 "$E2E/file"
	rm -f "$E2E/pin"
	configure "Module $HOSTILE_SO" "PinFile $E2E/file"
	agent_start || return
	save_keys
	check "with a PIN in a file, a key signs" ssh-add -T "$E2E/ec.pub"
}

# once FUNCTION CODE: with one answer of that kind.
once()
{
	hostile_prompts=$(prompts) hostile_logins=$(logins_seen)
	echo "$1 once $2" >"$HOSTILE"
	hostile_rc=0
	answers ssh-add -T "$E2E/ec.pub" >"$E2E/out" 2>&1
	is "$1 once $2: it was asked" "$(wc -c <"$HOSTILE" | tr -d ' ')" 0
	hostile_prompts=$(($(prompts) - hostile_prompts))
	hostile_logins=$(($(logins_seen) - hostile_logins))
}

# begins_with FUNCTION ACTION: of a module that does so from the start on.
begins_with()
{
	rm -f "$HOSTILE.told"
	echo "$*" >"$HOSTILE"
	agent_start || return
	check "$* from the start: clients are answered" answers ssh-add -l
	check "... of a module that did so" obeys
	: >"$HOSTILE"
	check "... later its keys are listed" wait_for 20 lists ec 1
	check "... and sign" ssh-add -T "$E2E/ec.pub"
	agent_stop
}

part_hostile_start()
{
	file_start || return
	agent_stop
	configure "Module $HOSTILE_SO" "ModuleTimeout 1s" \
		"PinFile $E2E/file"
	begins_with C_Initialize block
	begins_with C_GetSlotList abort
	begins_with C_OpenSession block
	agent_start || return
	check "a module that is well at first" ssh-add -T "$E2E/ec.pub"
	rm -f "$HOSTILE.told"
	echo "C_Finalize block" >"$HOSTILE"
	left=$(module_pid)
	agent_stop
	check "... and hangs in C_Finalize at the end" obeys
	check "... does not stay" wait_for 5 gone "$left"
}

# What the flags of a token tell of its tries: 0x10000 is
# CKF_USER_PIN_COUNT_LOW, 0x20000 CKF_USER_PIN_FINAL_TRY.
part_hostile_tries()
{
	file_start || return
	agent_stop
	echo "C_GetTokenInfo length 0x20000" >"$HOSTILE"
	for how in "PinFile $E2E/file" "PinCache memory"; do
		configure "Module $HOSTILE_SO" "$how"
		agent_start || return
		: >"$HOSTILE.logins"
		check_status "$how: the last try is not spent" 1 \
			ssh-add -T "$E2E/ec.pub"
		is "... nor a PIN sent" "$(logins_seen)" 0
		is "... nor asked for" "$(prompts)" 0
		has "... which the log tells" "$AGENT_LOG" \
			'refused .*one PIN try is left'
		agent_stop
	done
	echo "C_GetTokenInfo length 0x10000" >"$HOSTILE"
	echo "$PIN" >"$E2E/pin"
	agent_start || return
	check "of few a person may spend one" ssh-add -T "$E2E/ec.pub"
	is "... who is asked once" "$(prompts)" 1
	has "... and told so, not how many there are" "$E2E/prompts" \
		'[)], few tries left: *$'
	check "hsm-keyutil status tells the same" says 'few tries left' 0 \
		"$(beside "$KEYUTIL")" status --module "$HOSTILE_SO"
	agent_stop
}

# No PIN was looked at, or nobody knows whether one was.
part_hostile_login()
{
	file_start || return
	bar=$XDG_STATE_HOME/hsm-ssh-agent/pin-rejected-$(soft_serial soft)
	for code in 0x100 0xb0 0xb3 0x190; do
		ssh-add -D 2>/dev/null
		once C_Login $code
		is "... and once more, for a signature" \
			"$hostile_rc, $hostile_logins, $hostile_prompts" "0, 2, 0"
		check "... and no PIN was rejected" test ! -e "$bar"
	done
	for code in 0x32 0xe0; do
		ssh-add -D 2>/dev/null
		: >"$E2E/prompts"
		once C_Login $code
		is "... and not again by itself" \
			"$hostile_rc, $hostile_logins" "1, 1"
		has "... for a reason" "$E2E/prompts" 'not known whether'
		check "... which is kept" test -e "$bar"
		has_not "... but not that it was rejected" "$AGENT_LOG" \
			'PIN in PinFile was rejected;'
		echo "$PIN" >"$E2E/pin"
		check "... and a person may send it" ssh-add -T "$E2E/ec.pub"
		check "... who ends that" test ! -e "$bar"
		rm "$E2E/pin"
	done
	ssh-add -D 2>/dev/null
	once C_Login 0x101
	is "... for nothing, and nobody is asked for another" \
		"$hostile_rc, $hostile_logins, $hostile_prompts" "1, 1, 0"
	agent_stop
}

# One recovery, then a reason.
part_hostile_once()
{
	file_start || return
	for f in C_SignInit C_Sign C_FindObjectsInit; do
		for code in 0xb3 0x32 0xe0 0x101 0x100 0x190 0x5; do
			# A key is looked for when another was used last.
			ssh-add -T "$E2E/other.pub" 2>/dev/null ||
				fail "another key signs"
			once $f $code
			# An error inside of the module is no loss of ours.
			wanted="0, 1, 0"
			test $code != 0x5 || wanted="1, 0, 0"
			is "... the signature, PINs and prompts" \
				"$hostile_rc, $hostile_logins, $hostile_prompts" \
				"$wanted"
		done
	done
	for f in C_SignInit C_Sign; do
		: >"$AGENT_LOG"
		: >"$HOSTILE.logins"
		echo "$f rv 0x101" >"$HOSTILE"
		check_status "nobody is logged in, says $f each time" 1 \
			ssh-add -T "$E2E/ec.pub"
		is "... for which the PIN is sent once" "$(logins_seen)" 1
		has "... and a reason told" "$AGENT_LOG" \
			'refused .*took the PIN and says still'
		is "... and no person asked" "$(prompts)" 0
		: >"$HOSTILE"
		check "... then all is well again" ssh-add -T "$E2E/ec.pub"
	done
	agent_stop
}

# again SENT CODE LINE: what C_Login answers to the PIN of one signature, where
# the login took it; that often it is sent for three signatures.
again()
{
	rm -rf "$XDG_STATE_HOME"
	configure "Module $HOSTILE_SO" "$3"
	agent_start || return
	: >"$HOSTILE.logins"
	echo "C_Login_again rv $2" >"$HOSTILE"
	check "$3: a key signs" ssh-add -T "$E2E/plain.pub"
	for n in first second third; do
		check_status "one that wants the PIN again gets $2: the $n \
time" 1 ssh-add -T "$E2E/each.pub"
	done
	is "... it was sent $1 times" "$(grep -c again "$HOSTILE.logins")" "$1"
	has_not "... and nobody has said no" "$AGENT_LOG" 'by the user'
	: >"$HOSTILE"
	again_log=$AGENT_LOG
	agent_stop
}

# A key that wants the PIN each time does not take that of the login.
part_again()
{
	hostile_module
	soft_start
	soft_token soft
	soft_key soft EC:prime256v1 plain 01
	soft_tool soft --keypairgen --key-type EC:prime256v1 --id 02 \
		--label each --always-auth
	echo "$PIN" >"$E2E/file"
	chmod 600 "$E2E/file"
	configure "Module $HOSTILE_SO"
	agent_start || return
	save_keys
	agent_stop
	# A person who types the same: not what is wrong, or was when it locked.
	again 1 0xa0 "PinCache session"
	has "a person is told" "$again_log" \
		'refused .*each .*rejected it for this key'
	again 1 0xa0 "PinCache memory"
	again 3 0xa4 "PinCache memory"
	rm "$E2E/pin"
	for code in 0xa0 0xa4 0x5 0x101; do
		again 1 $code "PinFile $E2E/file"
	done
}

# A module that hangs delays nobody at another token.
part_beside()
{
	hostile_pcscd=${PCSCLITE_CSOCK_NAME-}
	hostile_start || return
	agent_stop
	PCSCLITE_CSOCK_NAME=$hostile_pcscd
	configure "Module $HOSTILE_SO" "ModuleTimeout 10s"
	agent_start || return
	save_keys
	check "both tokens sign" ssh-add -T "$E2E/ec.pub" "$E2E/card.pub"
	echo 'C_Sign block' >"$HOSTILE"
	ssh-add -T "$E2E/ec.pub" >"$E2E/blocked.out" 2>&1 &
	blocked=$!
	wait_for 5 obeys || fail "the module hangs in C_Sign"
	check "while one hangs the other signs" timeout 5 \
		ssh-add -T "$E2E/card.pub"
	check "... and keys are listed" timeout 5 ssh-add -l
	check "... while the first still waits" kill -0 "$blocked"
	hostile_rc=0
	wait "$blocked" || hostile_rc=$?
	is "... until it is given up" "$hostile_rc" 1
	agent_stop
}

part_killed()
{
	soft_start
	soft_token soft
	soft_key soft EC:prime256v1 ec 01
	configure "Module $SOFTHSM"
	agent_start || return
	save_keys
	check "a signature" ssh-add -T "$E2E/ec.pub"
	first=$(module_pid)
	kill -9 "$first"
	check "after kill -9 of the module's process there is another" \
		ssh-add -T "$E2E/ec.pub"
	is "... with the PIN that is in memory" "$(prompts)" 1
	check "... by another process" test "$(module_pid)" != "$first"
	kill -STOP "$(module_pid)"
	reconfigure "Module $SOFTHSM" "ModuleTimeout 1s"
	kill -9 "$(module_pid)"
	check "and once more" ssh-add -T "$E2E/ec.pub"
	kill -STOP "$(module_pid)"
	check_status "one that does not answer is given up" 1 \
		ssh-add -T "$E2E/ec.pub"
	has "... which the log tells" "$AGENT_LOG" \
		'did not answer within 1 s; its process was ended'
	check "the next signature works" ssh-add -T "$E2E/ec.pub"
	is "the PIN was asked for once in all" "$(prompts)" 1
	agent_stop
}

test $# -eq 0 || { run_part "$1"; exit; }
bare_part ed25519
bare_part named
bare_part links
bare_part private
bare_part mechanisms
bare_part slots
bare_part later
bare_part killed
bare_part replaced
bare_part hostile
bare_part hostile_pin
bare_part hostile_start
bare_part hostile_tries
bare_part hostile_login
bare_part hostile_once
bare_part again
part beside --key p256:card:01
part both --key p256:card:01
finish
