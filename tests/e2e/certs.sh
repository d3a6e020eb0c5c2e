#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Certificates for keys in the HSM: found where they lie, offered while they
# are valid, and believed by real servers and clients.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need ssh openssh-client
need sshd openssh-server
need timeout coreutils

# start LINE...: an agent with that configuration, its keys in files, and a
# CA that is none of the agent's business.
start()
{
	for line in "$@"; do
		echo "$line"
	done >"$E2E/conf"
	PLACE=$E2E/place
	mkdir -p "$PLACE"
	test -e "$E2E/ca" ||
		ssh-keygen -q -t ed25519 -N '' -C ca -f "$E2E/ca"
	agent_start --config "$E2E/conf" || return
	test -e "$E2E/ec.pub" || save_keys	# before there is a certificate
}

# certify KEY.pub FILE [OPTION...]: FILE is there at once, and whole.
certify()
{
	certify_key=$1 certify_to=$2
	shift 2
	ssh-keygen -q -s "$E2E/ca" -I "id of ${certify_to##*/}" \
		-n "$(id -un)" "$@" "$certify_key" &&
		mv "${certify_key%.pub}-cert.pub" "$certify_to"
}

# line_of FILE: where ssh-add -L has it; nothing where it has not.
line_of()
{
	timeout 10 ssh-add -L | awk -v blob="$(cut -d' ' -f2 "$1")" \
		'$2 == blob { print NR }'
}

is_listed()
{
	test -n "$(line_of "$1")"
}

is_hidden()
{
	timeout 10 ssh-add -L >"$E2E/listing" && ! is_listed "$1"
}

# follows CERTIFICATE KEY: each is there once, and in that order.
follows()
{
	first=$(line_of "$2") second=$(line_of "$1")
	echo "key in line $first, certificate in line $second"
	test -n "$first" && test -n "$second" &&
		test "$first" -lt "$second"
}

# list_says PATTERN: a line of hsm-keyutil list.
list_says()
{
	timeout 30 "$KEYUTIL" list >"$E2E/list" && cat "$E2E/list" &&
		grep -Eq -e "$1" "$E2E/list"
}

# Nobody names a key or a file to ssh: all it has is from the agent.
login_by_agent()
{
	: >"$E2E/sshd-$1/log"
	run_ssh_with_any -o IdentityFile=none "$1" true && return
	tail -n 12 "$E2E/sshd-$1/log"
	return 1
}

# one_key NAME TYPE: from the file to the login.
one_key()
{
	pub=$E2E/$1.pub cert=$PLACE/$1-cert.pub
	check_status "without its certificate $1 stays outside" 1 \
		login_with trusting "$pub"
	check "a certificate for $1 is made" certify "$pub" "$cert" \
		-V +1h -z 1
	check "ssh-add lists it after the key, without a restart ($1)" \
		follows "$cert" "$pub"
	check "sshd lets the certificate in ($1)" \
		login_with trusting "$cert"
	is "sshd saw a certificate of that type ($1)" \
		"$(accepted trusting | cut -d' ' -f1)" "$2-CERT"
	has "by its number and CA ($1)" "$E2E/sshd-trusting/log" \
		"ID id of $1-cert.pub \\(serial 1\\) CA ED25519 $(
		pattern_of "$E2E/ca")"

	cp "$cert" "$E2E/old"
	check "another takes its place ($1)" certify "$pub" "$cert" \
		-V +1h -z 2
	check "the new one is listed at once ($1)" follows "$cert" "$pub"
	check "the old one is not ($1)" is_hidden "$E2E/old"
	check "sshd lets the new one in ($1)" login_with trusting "$cert"
	has "it is the new one ($1)" "$E2E/sshd-trusting/log" 'serial 2'
}

part_login()
{
	start "Certificates $E2E/place" || return
	sshd_make trusting "TrustedUserCAKeys $E2E/ca.pub"
	sshd_lets trusting
	one_key ec ECDSA
	one_key rsa RSA
	check "ssh finds a certificate with nothing but the agent" \
		login_by_agent trusting
	has "it was one" "$E2E/sshd-trusting/log" \
		'Accepted publickey .*-CERT'
	check "list shows it as offered" \
		list_says "ec  *offered until .*$PLACE/ec-cert.pub"
	check "and what it says" list_says 'user certificate "id.of.ec-cert'
	rm "$PLACE/ec-cert.pub"
	check "it is gone with its file" is_hidden "$E2E/old"
	is "only the other one is left" \
		"$(ssh-add -L | grep -c -e '-cert-v01@openssh.com')" 1
	is "the PIN was asked for once" "$(prompts)" 1
	agent_stop
}

part_time()
{
	start "Certificates $E2E/place" || return
	pub=$E2E/ec.pub
	certify "$pub" "$PLACE/past-cert.pub" -V 20200101:20200102
	certify "$pub" "$PLACE/future-cert.pub" -V +1d:+2d
	certify "$pub" "$PLACE/now-cert.pub" -V -1m:+1d
	check "the valid one is listed" follows "$PLACE/now-cert.pub" "$pub"
	check "the expired one is not" is_hidden "$PLACE/past-cert.pub"
	check "nor the one for later" is_hidden "$PLACE/future-cert.pub"
	check "list marks the expired one" \
		list_says "EXPIRED 2020-01-0[12] .*$PLACE/past-cert.pub"
	check "and the one for later" \
		list_says "NOT YET VALID until .*$PLACE/future-cert.pub"
	check "and not the valid one" \
		list_says "offered until .*$PLACE/now-cert.pub"
	if has_program jq; then
		"$KEYUTIL" list --json | jq -r '.certificates[] |
			.key + " " + .state' | sort >"$E2E/states"
		is "list --json has the states" "$(tr '\n' , <"$E2E/states")" \
			"ec expired,ec not yet valid,ec offered,"
	else
		skip "list --json has the states" "jq is missing"
	fi
	certify "$pub" "$PLACE/now-cert.pub" -V -1m:+6s
	check "one that is about to expire is listed" \
		is_listed "$PLACE/now-cert.pub"
	check "until it has expired, with nobody touching it" \
		wait_for 20 is_hidden "$PLACE/now-cert.pub"
	agent_stop
}

# Whatever lies there: the listing is what it was, and comes soon.
harmless()
{
	check "$1 changes nothing" timeout 5 ssh-add -L
	is "the same is listed beside $1" "$(cat "$E2E/out")" "$before"
}

part_junk()
{
	start "Certificates $E2E/place" || return
	certify "$E2E/ec.pub" "$PLACE/ec-cert.pub" -V +1h
	before=$(ssh-add -L)
	is "key and certificate are listed" \
		"$(echo "$before" | wc -l | tr -d ' ')" 2
	mkfifo "$PLACE/a-cert.pub"
	harmless "a pipe"
	ln -s /dev/zero "$PLACE/b-cert.pub"
	ln -s c-cert.pub "$PLACE/c-cert.pub"
	ln -s nowhere "$PLACE/d-cert.pub"
	mkdir "$PLACE/e-cert.pub"
	harmless "a device, links in a circle and to nowhere, a directory"
	head -c 10000000 /dev/urandom >"$PLACE/f-cert.pub"
	head -c 10000000 /dev/zero | tr '\0' A >"$PLACE/g-cert.pub"
	harmless "10 MB"
	head -c 300 "$PLACE/ec-cert.pub" >"$PLACE/half-cert.pub"
	: >"$PLACE/i-cert.pub"
	cp "$E2E/ec.pub" "$PLACE/j-cert.pub"
	harmless "half a certificate, an empty file and a plain key"
	ssh-keygen -q -t ecdsa -N '' -C other -f "$E2E/other"
	certify "$E2E/other.pub" "$PLACE/other-cert.pub" -V +1h
	ssh-keygen -q -t ed25519 -N '' -C ed -f "$E2E/ed"
	certify "$E2E/ed.pub" "$PLACE/ed-cert.pub" -V +1h
	harmless "a certificate of somebody else's key"
	cp "$PLACE/ec-cert.pub" "$PLACE/z-cert.pub"
	harmless "a copy"
	check "list tells which file is bad" \
		list_says "$PLACE/half-cert.pub"
	has "the log tells why" "$AGENT_LOG" \
		"no certificate: $PLACE/half-cert.pub: "
	is "once" "$(grep -c "half-cert.pub" "$AGENT_LOG")" 1
	mv "$PLACE/half-cert.pub" "$E2E/half"
	certify "$E2E/ec.pub" "$PLACE/half-cert.pub" -V +1h
	check "when the file is whole, it is listed" \
		follows "$PLACE/half-cert.pub" "$E2E/ec.pub"
	agent_stop
}

no_keys()
{
	! timeout 10 ssh-add -L >"$E2E/listing" &&
		grep -q 'has no identities' "$E2E/listing"
}

part_pulled()
{
	start "Certificates $E2E/place" || return
	sshd_make trusting "TrustedUserCAKeys $E2E/ca.pub"
	sshd_lets trusting
	cert=$PLACE/ec-cert.pub
	certify "$E2E/ec.pub" "$cert" -V +1h
	check "the certificate is listed" follows "$cert" "$E2E/ec.pub"
	vhsmctl pull >/dev/null
	check "it goes with the token" wait_for 20 no_keys
	vhsmctl insert >/dev/null
	check "and comes back with it" wait_for 20 is_listed "$cert"
	check "sshd lets it in" login_with trusting "$cert"
	agent_stop
}

# host NAME: an sshd whose host key is in the HSM, certified by the CA; the
# client has never heard of the key.
host()
{
	host=host-$1 cert=$PLACE/$1-cert.pub
	certify "$E2E/$1.pub" "$cert" -h -n "$host" -V +1h
	sshd_make "$host" "HostKeyAgent $SSH_AUTH_SOCK" \
		"HostKey $E2E/$1.pub" "HostCertificate $cert"
	sed "/^HostKey .*sshd-$host/d" "$E2E/sshd-$host/config" \
		>"$E2E/config.new"
	mv "$E2E/config.new" "$E2E/sshd-$host/config"
	sshd_lets "$host" "$E2E/someone.pub"
	echo "@cert-authority host-* $(cat "$E2E/ca.pub")" \
		>"$E2E/known_hosts"
	check "ssh believes a host key of the HSM by its certificate ($1)" \
		login_with "$host" "$E2E/someone"
	has "it was that certificate ($1)" "$E2E/ssh.trace" \
		"Server host certificate: .* $(pattern_of "$E2E/$1.pub"),.* CA"
	sed 's/^@cert-authority //' "$E2E/known_hosts" >"$E2E/known.new"
	mv "$E2E/known.new" "$E2E/known_hosts"
	check_status "and by nothing else ($1)" 1 \
		login_with "$host" "$E2E/someone"
}

part_host()
{
	start "Certificates $E2E/place" "Use host" || return
	ssh-keygen -q -t ed25519 -N '' -f "$E2E/someone"
	host ec
	host rsa
	agent_stop
}

part_places()
{
	mkdir -p "$HOME/.ssh"
	start || return
	certify "$E2E/ec.pub" "$HOME/.ssh/ec-cert.pub" -V +1h
	check "without a word ~/.ssh is a place" \
		follows "$HOME/.ssh/ec-cert.pub" "$E2E/ec.pub"
	agent_stop
	start "Certificates none" || return
	check "none is none" is_hidden "$HOME/.ssh/ec-cert.pub"
	agent_stop
	certify "$E2E/ec.pub" "$E2E/single" -V +1h
	certify "$E2E/ec.pub" "$PLACE/in-cert.pub" -V +1h
	start "Certificates $E2E/single $E2E/not-yet \"$E2E/place\"" ||
		return
	check "a file of any name is a place" \
		follows "$E2E/single" "$E2E/ec.pub"
	check "beside a directory" follows "$PLACE/in-cert.pub" "$E2E/ec.pub"
	check "what is not named is none" is_hidden "$HOME/.ssh/ec-cert.pub"
	mkdir "$E2E/not-yet"
	certify "$E2E/ec.pub" "$E2E/not-yet/x-cert.pub" -V +1h
	check "a place that was not there may come" \
		follows "$E2E/not-yet/x-cert.pub" "$E2E/ec.pub"
	agent_stop
	start "Certificates ~/.ssh" || return
	check "~ is the home directory" \
		follows "$HOME/.ssh/ec-cert.pub" "$E2E/ec.pub"
	agent_stop
}

test $# -eq 0 || { run_part "$1"; exit; }
part login --key rsa2048:rsa:01 --key p256:ec:02
part time --key p256:ec:01
part junk --key p256:ec:01
part pulled --key p256:ec:01
part host --key rsa2048:rsa:01 --key p256:ec:02
part places --key p256:ec:01
finish
