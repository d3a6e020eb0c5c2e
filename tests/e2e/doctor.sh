#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# hsm-keyutil doctor: each trouble is made for real, is found, and is gone
# after what the doctor says mends it.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need opensc-tool opensc
need jq jq
need ssh openssh-client

PATH=${KEYUTIL%/*}:${AGENT%/*}:$PATH
export PATH

# ssh reads the configuration of the home that the system knows, and of no
# other; so it is told ours.
make_ssh()
{
	mkdir -p "$E2E/bin" "$HOME/.ssh"
	real=$(command -v ssh)
	printf '#!/bin/sh\ntest -e "%s" || exec %s -F none "$@"\n' \
	    "$HOME/.ssh/config" "$real" >"$E2E/bin/ssh"
	printf 'exec %s -F "%s" "$@"\n' "$real" "$HOME/.ssh/config" \
	    >>"$E2E/bin/ssh"
	chmod +x "$E2E/bin/ssh"
	PATH=$E2E/bin:$PATH
}

# look: the findings, in $E2E/doctor; its exit status.
look()
{
	hsm-keyutil doctor --json "$@" >"$E2E/doctor" 2>"$E2E/doctor.log"
}

# result CHECK: of that check, all that it said.
result()
{
	jq -r --arg c "$1" '[.[] | select(.check == $c) | .result] |
	    join(" ")' "$E2E/doctor"
}

# said CHECK FIELD: of what is worst.
said()
{
	jq -r --arg c "$1" --arg f "$2" '[.[] | select(.check == $c)] |
	    (map(select(.result == "fail")) + map(select(.result == "warn")) +
	    .)[0][$f] // ""' "$E2E/doctor"
}

# finds SENTENCE CHECK RESULT TEXT [FIX]: patterns of words that are in it.
finds()
{
	look
	if test "$(result "$2")" = "$3" &&
	    said "$2" text | grep -q -e "$4" &&
	    said "$2" fix | grep -q -e "${5-}"; then
		pass "$1"
	else
		fail "$1"
		say "wanted: $3, $4, ${5-}"
		jq -c --arg c "$2" '.[] | select(.check == $c)' \
		    "$E2E/doctor" >"$E2E/found"
		show "$E2E/found"
		show "$E2E/doctor.log"
	fi
}

# mends CHECK [OPTION...]: what it said mends it does so when it is typed,
# with these options in place of answers.
mends()
{
	e2e_check=$1
	shift
	set -- "$(said "$e2e_check" fix)" "$@"
	eval "$*" >"$E2E/mend" 2>&1 </dev/null
	look
	is "$e2e_check: the command that it named mends it" \
	    "$(result "$e2e_check")" pass
	test "$(result "$e2e_check")" = pass || show "$E2E/mend"
}

# Files with PINs to answer by.
make_pins()
{
	echo 3537363231383830 >"$E2E/so"
	echo 648219 >"$E2E/new"
	chmod 600 "$E2E/so" "$E2E/new" "$E2E/pin"
}

part_well()
{
	make_ssh
	agent_start
	wait_for 10 save_keys
	check "with all in place the doctor has nothing to say" look
	is "no check failed" \
	    "$(jq 'map(select(.result == "fail")) | length' "$E2E/doctor")" 0
	for c in system pcscd firmware pin so-pin keys leftovers agent \
	    agent-socket agent-tokens ssh identity-agent identities-only \
	    pkcs11-provider pubkey algorithms; do
		is "$c passes" "$(result $c)" pass
	done
	is "both readers are named" "$(result reader)" "pass pass"
	is "one has a token" "$(result card)" "pass skip"
	is "each finding has its four fields" \
	    "$(jq 'all(keys == ["check", "fix", "result", "text"])' \
	    "$E2E/doctor")" true
	check "for a person it is a table" hsm-keyutil doctor
	has "with a line for each" "$E2E/out" '^pass  pin   .* 3 tries left'
	has_not "none is too wide" "$E2E/out" '^[a-z].{80}'
	is "nobody was asked for a PIN" "$(prompts)" 0
	vhsmctl reset-count >/dev/null
	look
	is "no PIN is sent" "$(pins_sent)" 0
	check_status "two hosts are one too many" 2 hsm-keyutil doctor a b
	agent_stop
}

part_pcscd()
{
	make_ssh
	vhsmctl pcscd kill >/dev/null
	finds "a pcscd that died is missed" pcscd fail 'has died'
	check_status "the exit status tells" 1 look
	is "what depends on it is left out" \
	    "$(result reader),$(result card),$(result pin)" skip,skip,skip
	vhsmctl pcscd start >/dev/null
	finds "one that runs is found" pcscd pass answers
	vhsmctl pcscd stop >/dev/null
	finds "without its socket it does not run" pcscd fail \
	    'PCSCLITE_CSOCK_NAME' 'unset PCSCLITE_CSOCK_NAME'
	has "the table has the command below" "$E2E/doctor" unset
	(unset PCSCLITE_CSOCK_NAME
	look
	test "$(result pcscd)" = pass || said pcscd fix | grep -q pcscd)
	is "without that variable the system's own counts" $? 0
	vhsmctl pcscd start >/dev/null
}

part_readers()
{
	make_ssh
	finds "no reader at all" reader fail 'no reader'
	is "then there is no card" "$(result card)" skip
}

part_foreign()
{
	make_ssh
	finds "a foreign card is told as one" card 'fail fail' \
	    'not a SmartCard-HSM' 'SmartCard-HSM'
	check_status "it is no use" 1 look
}

part_card()
{
	make_ssh
	vhsmctl pull >/dev/null
	finds "an empty reader" card 'fail fail' 'no card' 'put the token'
	vhsmctl insert >/dev/null
	vhsmctl pcscd wait >/dev/null
	finds "a card in one of two" card 'pass skip' 'token DENK0100000'
	need_helper hold-card || return
	for how in exclusive transaction; do
		rm -f "$E2E/hold.in"
		mkfifo "$E2E/hold.in"
		"$HELPERS/hold-card" $how <"$E2E/hold.in" >"$E2E/held" 2>&1 &
		exec 7>"$E2E/hold.in"
		wait_for 10 in_file "$E2E/held" '^held'
		finds "somebody holds the card: $how" holders fail \
		    'another program' .
		has_not "no sanitizer complains" "$E2E/doctor.log" Sanitizer
		exec 7>&-
		wait_for 10 holders_let_go
		is "he has let go" "$(result card)" "pass skip"
	done
	finds "the first reader works again" card 'pass skip' DENK0100000
}

# Others, on the machine that runs the tests, may use a pcscd of theirs.
holders_let_go()
{
	look
	test "$(result holders)" != fail
}

part_fresh()
{
	make_ssh
	finds "a token that was never set up" pin fail 'never set up' \
	    'hsm-keyutil init'
	is "it has no backup to talk of" "$(result backup)" skip
	make_pins
	mends pin --yes DENK0100000 --pin-file "$E2E/pin" \
	    --so-pin-file "$E2E/so"
	finds "its DKEK wants a share" backup warn '1 of 1 DKEK shares' \
	    'dkek import-share'
	finds "before it makes a key" keys warn 'no key on it' \
	    'dkek import-share'
	cd "$E2E" || return
	echo 'the password of a share' >"$E2E/pin"
	mends backup
	echo "$PIN" >"$E2E/pin"
	vhsmctl init 648219 3537363231383830 vhsm >/dev/null
	finds "it may be without one" keys warn 'no key on it' 'generate p256'
	mends keys --pin-file "$E2E/pin"
}

part_pin()
{
	make_ssh
	wrong_pins 1
	finds "two tries are few" pin warn '2 tries' 'hsm-keyutil test'
	wrong_pins 1
	finds "one is the last" pin fail 'one try left' \
	    'unlock --last-try DENK0100000'
	look
	is "the doctor does not spend it" "$(tries_left)" 63C1
	wrong_pins 1
	finds "none is blocked" pin fail blocked 'hsm-keyutil pin unblock'
	make_pins
	mends pin --so-pin-file "$E2E/so" --new-pin-file "$E2E/new"
	wrong_pins 2
	agent_start
	wait_for 10 save_keys
	finds "the last try, with an agent" pin fail 'one try left'
	mends pin
	agent_stop
	vhsmctl transport on >/dev/null
	finds "a transport PIN is to be changed" pin fail transport \
	    'hsm-keyutil pin change'
	vhsmctl transport off >/dev/null
}

part_leftovers()
{
	make_ssh
	vhsmctl delete-file CC01 >/dev/null
	finds "what is left of a key is found" leftovers 'warn' 'without a key' \
	    'hsm-keyutil delete 01'
	check "it is no failure of the token" test "$(result card)" = "pass skip"
	make_pins
	mends leftovers --yes 01 --pin-file "$E2E/pin"
}

part_agent()
{
	make_ssh
	# shellcheck disable=SC2016
	finds "no agent runs" agent fail 'not running' 'eval "$(hsm-ssh-agent)"'
	is "and ssh finds none" "$(result agent-socket)" fail
	eval "$(said agent fix)" >"$E2E/agent.out" 2>&1
	# shellcheck disable=SC2034	# lib.sh ends it
	agent_pid=$SSH_AGENT_PID
	finds "what it says starts one" agent pass 'process'
	is "which ssh finds" "$(result agent-socket)" pass
	ours=$SSH_AUTH_SOCK
	unset SSH_AUTH_SOCK
	finds "ssh is not told of it" agent-socket fail 'not set' "$ours"
	mends agent-socket
	unset SSH_AUTH_SOCK
	ssh-agent -a "$E2E/other.sock" >"$E2E/other"
	SSH_AUTH_SOCK=$E2E/other.sock
	export SSH_AUTH_SOCK
	finds "another agent is in its place" agent-socket fail \
	    'another agent, not to' "$ours"
	echo "IdentityAgent $ours" >"$HOME/.ssh/config"
	finds "which is no fault where ssh knows better" agent-socket pass \
	    'another agent, not to'
	is "it does" "$(result identity-agent)" pass
	rm "$HOME/.ssh/config"
	kill "$(sed -n 's/^SSH_AGENT_PID=\([0-9]*\);.*/\1/p' "$E2E/other")"
	wait_for 10 test ! -e "$E2E/other.sock"
	finds "a socket that is gone" agent-socket fail 'not there' "$ours"
	for sock in S.gpg-agent.ssh gcr/ssh; do
		mkdir -p "$E2E/gcr"
		ssh-agent -a "$E2E/$sock" >"$E2E/other"
		SSH_AUTH_SOCK=$E2E/$sock
		finds "one that is known by its socket: $sock" agent-socket \
		    fail 'g.*-agent.*to be rid of it'
		kill "$(sed -n 's/^SSH_AGENT_PID=\([0-9]*\);.*/\1/p' \
		    "$E2E/other")"
	done
	stale_socket
	finds "one that nobody listens to" agent-socket fail 'any more' \
	    "$ours"
	mends agent-socket
	others_agent
	agent_dismiss
}

# A socket as an agent leaves it that was killed.
stale_socket()
{
	ssh-agent -a "$E2E/stale.sock" >"$E2E/stale"
	kill -KILL "$(sed -n 's/^SSH_AGENT_PID=\([0-9]*\);.*/\1/p' \
	    "$E2E/stale")"
	SSH_AUTH_SOCK=$E2E/stale.sock
}

others_agent()
{
	what="an agent of another user is told as one"
	if test "$(id -u)" -ne 0 || ! has_program setpriv; then
		skip "$what" "only root can start one"
		return
	fi
	mkdir -m 777 "$E2E_TOP/others"
	chmod a+x "$E2E_TOP"
	ours=$SSH_AUTH_SOCK
	setpriv --reuid 65534 --clear-groups ssh-agent \
	    -a "$E2E_TOP/others/sock" >"$E2E/other"
	SSH_AUTH_SOCK=$E2E_TOP/others/sock
	finds "$what" agent-socket fail 'another user (uid 65534)'
	kill "$(sed -n 's/^SSH_AGENT_PID=\([0-9]*\);.*/\1/p' "$E2E/other")"
	SSH_AUTH_SOCK=$ours
}

part_ssh()
{
	make_ssh
	agent_start
	wait_for 10 save_keys
	config=$HOME/.ssh/config
	echo 'IdentitiesOnly yes' >"$config"
	finds "IdentitiesOnly hides the keys" identities-only fail \
	    'IdentitiesOnly is set' 'hsm-keyutil export user'
	mends identities-only
	has "the key is named" "$config" '^IdentityFile ~/.ssh/user.pub'
	echo 'PKCS11Provider /usr/lib/opensc-pkcs11.so' >"$config"
	finds "PKCS11Provider is a second way in" pkcs11-provider warn \
	    'opensc-pkcs11.so'
	check "which alone is no failure" look
	mends pkcs11-provider
	echo "IdentityAgent $E2E/elsewhere" >"$config"
	finds "IdentityAgent leads elsewhere" identity-agent fail elsewhere \
	    'SSH_AUTH_SOCK'
	mends identity-agent
	echo 'IdentityAgent none' >"$config"
	finds "or nowhere" identity-agent fail none
	mends identity-agent
	echo 'PubkeyAuthentication no' >"$config"
	finds "keys are turned off" pubkey fail off
	mends pubkey
	echo 'PubkeyAcceptedAlgorithms ssh-ed25519' >"$config"
	finds "algorithms are left out" algorithms fail \
	    'rsa-sha2-512,ecdsa-sha2-nistp256'
	mends algorithms
	echo 'PubkeyAcceptedAlgorithms rsa-sha2-256,ecdsa*' >"$config"
	finds "one of two is enough for RSA" algorithms pass ''
	printf 'Host strange\nIdentitiesOnly yes\n' >"$config"
	finds "a host has settings of its own" identities-only pass ''
	look strange
	is "they count where it is named" "$(result identities-only)" fail
	echo 'Nonsense yes' >"$config"
	finds "a configuration that is none" ssh fail 'cannot read' 'ssh -G'
	is "what ssh does not tell is left out" "$(result pubkey)" skip
	rm "$config"
	printf '#!/bin/sh\nsleep 1000\n' >"$E2E/bin/ssh"
	finds "an ssh that hangs is not waited for" ssh fail ''
	printf '#!/bin/sh\necho OpenSSH_7.1p2\n' >"$E2E/bin/ssh"
	finds "an old one is told" ssh warn 'too old'
	agent_stop
}

part_libssh2()
{
	make_ssh
	# shellcheck disable=SC2016
	printf '#!/bin/sh\necho curl 7.88 libssh2/$LIBSSH2\n' >"$E2E/bin/curl"
	chmod +x "$E2E/bin/curl"
	LIBSSH2=1.10.0
	export LIBSSH2
	finds "libssh2 without SHA-2 is told" libssh2 warn 'libssh2 1.10' \
	    'generate p256'
	LIBSSH2=1.11.1
	finds "a newer one is well" libssh2 pass 'libssh2 1.11'
	printf '#!/bin/sh\necho curl 7.88\n' >"$E2E/bin/curl"
	finds "there may be none" libssh2 skip ''
}

part_two()
{
	make_ssh
	wrong_pins 3 1
	finds "the one of two that is in trouble is named" pin 'pass fail' \
	    'DENK0100001: ' 'pin unblock --token DENK0100001'
	look --token DENK0100000
	is "looked at alone, the other has none" "$(result pin)" pass
	look --token DENK9
	is "one that is not there is missed" \
	    "$(said card result): $(said card text)" \
	    "fail: the token DENK9 is in no reader, or does not answer"
}

test $# -eq 0 || { run_part "$1"; exit; }
part well --key rsa2048:user --key p256:ca
part pcscd --key p256:user
part readers --tokens 0
part foreign --tokens 0 --foreign
part card --key p256:user
part fresh --fresh
part pin --key p256:user
part leftovers --key p256:user
part agent --key p256:user
part ssh --key rsa2048:user --key p256:ca
part libssh2 --key rsa2048:user
part two --tokens 2 --key p256:user
finish
