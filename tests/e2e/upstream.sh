#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Upstream: a real ssh-agent behind ours has the keys of files.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need ssh openssh-client
need ssh-agent openssh-client
need sshd openssh-server
need jq jq

OTHER=other.sock

other_is_up()
{
	SSH_AUTH_SOCK=$E2E/$OTHER ssh-add -l >/dev/null 2>&1
	test $? -le 1
}

other_start()
{
	rm -f "${E2E:?}/$OTHER"
	ssh-agent -D -a "$E2E/$OTHER" >/dev/null 2>"$E2E/other.err" &
	other_pid=$!
	trap 'agent_kill; other_kill' EXIT
	wait_for 10 other_is_up
}

other_kill()
{
	kill -KILL "$other_pid" 2>/dev/null
	wait "$other_pid" 2>/dev/null
}

start()
{
	other_start || fail "ssh-agent starts"
	configure "Upstream $E2E/$OTHER" "$@"
	agent_start && save_keys
	ssh-keygen -q -t ed25519 -N '' -C file -f "$E2E/file"
	ssh-keygen -q -t ed25519 -N '' -C file2 -f "$E2E/file2"
}

# listed SENTENCE COMMENT...: that is all there is, in this order.
listed()
{
	listed_what=$1
	shift
	is "$listed_what" "$(timeout 10 ssh-add -L 2>/dev/null |
		cut -d' ' -f3- | grep -v 'no identities' | tr '\n' ' ')" \
		"${*:+$* }"
}

# The same of the other agent.
other_has()
{
	is "$1" "$(SSH_AUTH_SOCK=$E2E/$OTHER ssh-add -L |
		cut -d' ' -f3- | tr '\n' ' ')" "$2"
}

use()
{
	timeout 10 ssh-add -T "$E2E/$1.pub"
}

part_keys()
{
	start || return
	sshd_make any
	sshd_lets any "$E2E/login.pub" "$E2E/file.pub"
	listed "at first there are the keys of the token" login ca
	check "ssh-add FILE" ssh-add "$E2E/file"
	has "is told in the log" "$AGENT_LOG" 'addition of a key from a file for ssh-add'
	listed "the file's key is listed with them" login ca file
	other_has "the other agent has it" 'file '
	check "a login with it" login_with any "$E2E/file.pub"
	is "by that key" "$(accepted any)" \
		"ED25519 $(fingerprint "$E2E/file.pub")"
	has "is told in the log" "$AGENT_LOG" "signed login as .* with key $(
		pattern_of "$E2E/file.pub") for ssh "
	check "a login with the token's" login_with any "$E2E/login.pub"
	echo text >"$E2E/text"
	check "a signature of a file" ssh-keygen -q -Y sign -n file \
		-f "$E2E/file.pub" "$E2E/text"
	check "ssh-add FILE, another" ssh-add "$E2E/file2"
	check "ssh-add -d FILE" ssh-add -d "$E2E/file"
	has "is told in the log" "$AGENT_LOG" "removal of key $(
		pattern_of "$E2E/file.pub") for ssh-add"
	listed "one is gone" login ca file2
	check_status "ssh-add -d FILE again" 1 ssh-add -d "$E2E/file"
	has "... has its reason" "$AGENT_LOG" \
		'removal of key .*has it, and the upstream agent does not remove it'
	check "ssh-add -x" ssh-add -x
	listed "hides the keys of both"
	check_status "... and signs with none" 1 use file2
	check "ssh-add -X" ssh-add -X
	listed "shows them again" login ca file2
	check "ssh-add -d of the token's" ssh-add -d "$E2E/ca.pub"
	listed "is gone, too" login file2
	check "ssh-add -D" ssh-add -D
	listed "takes all of files, and leaves those of the token" login
	is "which is locked" "$(vhsmctl send 00200081)" 63C3
	agent_stop
}

part_constraints()
{
	start || return
	for h in a b; do
		sshd_make $h
		sshd_lets $h "$E2E/file.pub" "$E2E/login.pub"
	done
	check "ssh-add -t FILE" ssh-add -t 4 "$E2E/file"
	check "it signs" use file
	check "until then" wait_for 20 gone_from_list file
	check "ssh-add -c FILE" ssh-add -c "$E2E/file"
	: >"$E2E/prompts"
	check "it signs" use file
	has "... after a question of the other agent" "$E2E/prompts" \
		'Allow use of key file\?'
	cp "$E2E/pin" "$E2E/pin.kept"
	rm "$E2E/pin"
	check_status "not after a no" 1 use file
	has "... for a reason" "$AGENT_LOG" "refused .*test of the key with key $(
		pattern_of "$E2E/file.pub") for ssh-add.*no token .* has this key, and the upstream agent does not sign with it"
	cp "$E2E/pin.kept" "$E2E/pin"
	check "ssh-add -h a FILE" ssh-add -H "$E2E/known_hosts" -h a \
		"$E2E/file"
	check "... logs in to a" login_with a "$E2E/file.pub"
	check_status "... not to b" 255 login_status b file
	check_status "... and signs nothing else" 1 use file
	check "a key of the token is as free as before" \
		login_with b "$E2E/login.pub"
	over "from a, a key for a is not even shown" a \
		"$(fingerprint "$E2E/file.pub")" 0
	check "ssh-add -h a -h a>b FILE" ssh-add -H "$E2E/known_hosts" \
		-h a -h 'a>b' "$E2E/file"
	over "one for a and then b is" a "$(fingerprint "$E2E/file.pub")" 1
	check "... and logs in from a to b" run_ssh -A -i "$E2E/file.pub" a \
		"ssh -F '$E2E/ssh_config' -i '$E2E/file.pub' \
		-o UserKnownHostsFile='$E2E/known_hosts' -o BatchMode=yes \
		-o IdentitiesOnly=yes b true"
	agent_stop
}

gone_from_list()
{
	! ssh-add -L | grep -q " $1\$"
}

login_status()
{
	run_ssh -i "$E2E/$2.pub" "$1" true
}

# over SENTENCE HOST FINGERPRINT N: so often there by a forwarded agent.
over()
{
	is "$1" "$(run_ssh -A -i "$E2E/login.pub" "$2" ssh-add -l |
		grep -cF "$3")" "$4"
}

part_trouble()
{
	start || return
	check "a file's key" ssh-add "$E2E/file"
	other_kill
	listed "the other agent dies: the token's keys are there" login ca
	has "... and the log says what is wrong" "$AGENT_LOG" \
		"^hsm-ssh-agent: upstream agent at $E2E/$OTHER: "
	check "they sign" use login
	check_status "a file's does not" 1 use file
	check_status "nor is one taken" 1 ssh-add "$E2E/file"
	has "... for a reason" "$AGENT_LOG" \
		'refused .*a key from a file .*upstream agent did not take it'
	check "ssh-add -D locks all the same" ssh-add -D
	is "... the token" "$(vhsmctl send 00200081)" 63C3
	other_start || fail "it starts again"
	listed "it is back: its keys are there, none yet" login ca
	check "one is added" ssh-add "$E2E/file"
	listed "... and listed" login ca file

	check "unlocked" use login
	kill -STOP "$other_pid"
	listed "it hangs: the token's keys are listed in time" login ca
	has "... and the log says so" "$AGENT_LOG" \
		"upstream agent at $E2E/$OTHER: no answer in time"
	ssh-add -T "$E2E/file.pub" >"$E2E/waits" 2>&1 &
	waits=$!
	check "one that needs it waits" kill -0 $waits
	for n in 1 2 3; do
		check "... which delays no key of the token ($n)" \
			timeout 10 ssh-add -T "$E2E/login.pub"
	done
	check "... nor the status" timeout 10 "$KEYUTIL" status
	check "ssh-add -D does not wait for ever" timeout 20 ssh-add -D
	is "... to lock the token" "$(vhsmctl send 00200081)" 63C3
	kill -0 $waits || fail "who needs it is still waiting"
	kill -CONT "$other_pid"
	end_rc=0
	wait $waits || end_rc=$?
	is "it goes on: who waited has an answer" $end_rc 0
	agent_stop
}

part_own()
{
	for upstream in "$E2E/own.sock" "$E2E/./own.sock"; do
		configure "Upstream $upstream"
		check "its own socket as Upstream is refused" says \
			"is the socket of this agent itself" 2 \
			agent_once -D -a "$E2E/own.sock"
		check "... and none is left behind" test ! -e "$E2E/own.sock"
	done
	configure "Upstream $E2E/none.sock"
	agent_start || return
	check "one that is not there yet is none" save_keys
	ln -s agent.sock "$E2E/none.sock"
	listed "a link to ourselves gives each key once" login ca
	has "... and the log tells" "$AGENT_LOG" 'this agent is its own Upstream'
	check "it signs" use login
	agent_stop
}

# With it, and a certificate: keys for logins, certificates, files, CAs.
part_order()
{
	start "Certificates $E2E/place" 'Key ca' '	Use ca' || return
	mkdir "$E2E/place"
	ssh-keygen -q -t ed25519 -N '' -f "$E2E/users"
	ssh-keygen -q -s "$E2E/users" -I me -n "$(id -un)" "$E2E/login.pub"
	mv "$E2E/login-cert.pub" "$E2E/place"
	check "a file's key" ssh-add "$E2E/file"
	ssh-add -L | awk '{ print $3 ($1 ~ /-cert-/ ? "-cert" : "") }' \
		>"$E2E/order"
	is "the order of the list" "$(tr '\n' ' ' <"$E2E/order")" \
		'login last login-cert file ca '
	ssh-keygen -q -s "$E2E/users" -I me -n "$(id -un)" "$E2E/file.pub"
	check "a file's key with its certificate" ssh-add "$E2E/file"
	sshd_make trusting "TrustedUserCAKeys $E2E/users.pub"
	check "a login by that" login_with trusting "$E2E/file"
	has "it was that" "$E2E/sshd-trusting/log" \
		'Accepted publickey .* ED25519-CERT'
	check "Use and Confirm are read" reconfigure \
		"Upstream $E2E/$OTHER" 'Use none' 'Confirm yes'
	: >"$E2E/prompts"
	check "... and are nothing to a file's key" use file
	is "... for which nobody is asked" "$(prompts)" 0
	check_status "... but to the token's" 1 use login
	agent_stop
}

test $# -eq 0 || { run_part "$1"; exit; }
for p in keys constraints trouble own; do
	part $p --key p256:login:01 --key p256:ca:02
done
part order --key p256:ca:01 --key p256:login:02 --key rsa2048:last:03
finish
