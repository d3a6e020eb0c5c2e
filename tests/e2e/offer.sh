#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Offer and OfferTo: with many keys, none that does not matter is tried.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2154,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need ssh openssh-client
need sshd openssh-server

start()
{
	configure "$@"
	agent_start || return
	test -s "$E2E/listing" || save_keys
}

listed()
{
	is "$1" "$(ssh-add -L | cut -d' ' -f3 | tr '\n' ' ')" "$2"
}

# Nobody names a key to ssh: all it has is from the agent.
by_agent()
{
	: >"$E2E/sshd-$1/log"
	run_ssh_with_any -o IdentityFile=none "$@"
}

# lets_in SENTENCE HOST KEY, which was the first that was tried.
lets_in()
{
	check "$1" by_agent "$2" true
	is "... by the key for it" "$(accepted "$2" | cut -d' ' -f2)" \
		"$(fingerprint "$E2E/$3.pub")"
	is "... and nothing else was tried" \
		"$(grep -c '^Failed publickey' "$E2E/sshd-$2/log")" 0
}

# makes HOST [LINE...]: it gives up at the third key.
makes()
{
	makes_host=$1
	shift
	sshd_make "$makes_host" 'MaxAuthTries 3' "$@"
}

host_key()
{
	fingerprint "$E2E/sshd-$1/key.pub"
}

part_offer()
{
	start || return
	makes strict
	sshd_lets strict "$E2E/k7.pub"
	listed "seven keys are listed" 'k1 k2 k3 k4 k5 k6 k7 '
	check_status "which is too many for a strict server" 255 \
		by_agent strict true
	has "... as it says" "$E2E/out" 'Too many authentication failures'
	has "... in its log, too" "$E2E/sshd-strict/log" '^Failed publickey'
	is "... and no PIN was asked for" "$(prompts)" 0
	agent_stop

	start 'Offer no' 'Key k7' '	Offer yes' || return
	listed "Offer: one is listed" 'k7 '
	lets_in "the strict server has it" strict k7
	check "ssh-add -T names a key by itself" ssh-add -T "$E2E/k3.pub"
	sshd_lets strict "$E2E/k3.pub"
	check_status "ssh looks for it in the list" 255 \
		run_ssh -i "$E2E/k3.pub" strict true
	check_status "as does ssh-keygen" 255 \
		ssh-keygen -q -Y sign -n file -f "$E2E/k3.pub" "$E2E/listing"
	agent_stop
}

part_offer_to()
{
	makes one
	makes two
	makes three
	start "OfferTo $(host_key one)" \
		'Key k7' "	OfferTo $(host_key two) $(host_key three)" \
		'Key k1' "	OfferTo $(host_key one)" \
		'Key k6' "	OfferTo $(host_key three)" || return
	sshd_lets one "$E2E/k1.pub"
	sshd_lets two "$E2E/k7.pub"
	sshd_lets three "$E2E/k6.pub"
	listed "who is bound to no host sees all" 'k1 k2 k3 k4 k5 k6 k7 '
	lets_in "OfferTo: a host has its key" one k1
	lets_in "another has another" two k7
	lets_in "one of two" three k6
	check "ssh-keygen sees each" ssh-keygen -q -Y sign -n file \
		-f "$E2E/k3.pub" "$E2E/listing"
	is "a forwarded agent has all" "$(by_agent one -A ssh-add -l |
		grep -c SHA256)" 7
	check "... and for the next host its own" by_agent one -A \
		"ssh -F '$E2E/ssh_config' -o IdentityFile=none \
		-o UserKnownHostsFile='$E2E/known_hosts' -o BatchMode=yes \
		two true"
	agent_stop
}

part_host_ca()
{
	ssh-keygen -q -t ed25519 -N '' -f "$E2E/host-ca"
	makes one "HostCertificate $E2E/sshd-one/key-cert.pub"
	makes two
	ssh-keygen -q -s "$E2E/host-ca" -I one -h -n one \
		"$E2E/sshd-one/key.pub"
	grep -v '^one ' "$E2E/known_hosts" >"$E2E/known.new"
	echo "@cert-authority one $(cat "$E2E/host-ca.pub")" \
		>>"$E2E/known.new"
	mv "$E2E/known.new" "$E2E/known_hosts"
	start "OfferTo $(host_key two)" \
		'Key k7' "	OfferTo $(fingerprint "$E2E/host-ca.pub")" ||
		return
	sshd_lets one "$E2E/k7.pub"
	sshd_lets two "$E2E/k1.pub"
	lets_in "OfferTo: the CA of its host certificate" one k7
	lets_in "a host without one" two k1
	agent_stop
	start "OfferTo $(host_key two)" 'Key k7' \
		"	OfferTo $(host_key one)" || return
	say "the certificate's own key"
	lets_in "OfferTo: the key in its host certificate" one k7
	agent_stop
}

test $# -eq 0 || { run_part "$1"; exit; }
for p in offer offer_to host_ca; do
	part $p --key p256:k1:01 --key p256:k2:02 --key p256:k3:03 \
		--key p256:k4:04 --key p256:k5:05 --key p256:k6:06 \
		--key p256:k7:07
done
finish
