#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The user and host CA: ssh-keygen asks the agent, sshd and ssh believe it.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need ssh openssh-client
need sshd openssh-server

# new_key NAME [TYPE]: a key pair in a file, as a user would have it.
new_key()
{
	ssh-keygen -q -t "${2:-ed25519}" -N '' -C "$1" -f "$E2E/$1"
}

# shows FILE PATTERN: ssh-keygen -L has such a line.
shows()
{
	ssh-keygen -Lf "$1" >"$E2E/shown" && grep -Eq -e "$2" "$E2E/shown" &&
		return 0
	echo "no line like: $2"
	cat "$E2E/shown"
	return 1
}

# signed_by SENTENCE CERTIFICATE CA ALGORITHM
signed_by()
{
	check "$1" shows "$2" \
		"Signing CA: [A-Z]+ $(pattern_of "$3") \\(using $4\\)"
}

# one_ca NAME ALGORITHM: users sign in by certificates of that CA key.
one_ca()
{
	ca=$E2E/$1.pub
	new_key "$1-user"
	user=$E2E/$1-user
	check "ssh-keygen -Us signs a user certificate with $1" \
		ssh-keygen -Us "$ca" -I id-of-alice -n alice,root,"$(id -un)" \
		-V +1h -z 42 "$user.pub"
	signed_by "the certificate names $1 and $2" "$user-cert.pub" \
		"$ca" "$2"
	check "it is for users" shows "$user-cert.pub" 'user certificate$'
	check "it has the key id asked for" \
		shows "$user-cert.pub" 'Key ID: "id-of-alice"'
	check "it has the serial number asked for" \
		shows "$user-cert.pub" 'Serial: 42$'

	sshd_make "by-$1" "TrustedUserCAKeys $ca"
	check "sshd lets the certificate in by TrustedUserCAKeys ($1)" \
		login_with "by-$1" "$user" -o CertificateFile="$user-cert.pub"
	has "sshd names the certificate and the CA $1" \
		"$E2E/sshd-by-$1/log" "ED25519-CERT .* ID id-of-alice \
\\(serial 42\\) CA [A-Z]+ $(pattern_of "$ca")"
	rm "$user-cert.pub"
	check_status "the same key without it stays outside ($1)" 1 \
		login_with "by-$1" "$user"
}

# several NAME: many files, one call.
several()
{
	set -- "$1" "$E2E/many-$1"
	mkdir "$2"
	for i in 1 2 3 4 5; do
		new_key "many-$1/u$i"
	done
	new_key "many-$1/ec" ecdsa
	before=$(prompts)
	check "ssh-keygen -Us signs six files in one call with $1" \
		ssh-keygen -Us "$E2E/$1.pub" -I batch -n alice -V +1h -z +7 \
		"$2/u1.pub" "$2/u2.pub" "$2/u3.pub" "$2/u4.pub" "$2/u5.pub" \
		"$2/ec.pub"
	is "six certificates are there ($1)" \
		"$(find "$2" -name "*-cert.pub" | wc -l)" 6
	for i in "$2"/*-cert.pub; do
		ssh-keygen -Lf "$i"
	done >"$E2E/shown"
	is "all six name the CA $1" \
		"$(grep -c "Signing CA: .*$(pattern_of "$E2E/$1.pub")" \
		"$E2E/shown")" 6
	is "the serial numbers count up ($1)" \
		"$(sed -n 's/^ *Serial: //p' "$E2E/shown" | sort -n |
		tr '\n' ' ')" "7 8 9 10 11 12 "
	is "no further PIN was asked for ($1)" "$(prompts)" "$before"
}

# host_ca NAME: a client believes a server by the CA's word.
host_ca()
{
	host=$E2E/sshd-host-$1
	sshd_make "host-$1" "HostCertificate $host/key-cert.pub"
	check "ssh-keygen -h -Us signs a host certificate with $1" \
		ssh-keygen -h -Us "$E2E/$1.pub" -I "host-$1" -n "host-$1" \
		-V +1h "$host/key.pub"
	check "it is for hosts" shows "$host/key-cert.pub" 'host certificate$'
	sshd_lets "host-$1" "$E2E/someone.pub"
	grep -v "^host-$1 " "$E2E/known_hosts" >"$E2E/known_hosts.new"
	mv "$E2E/known_hosts.new" "$E2E/known_hosts"
	check_status "ssh does not know the host by itself ($1)" 1 \
		login_with "host-$1" "$E2E/someone"
	has "it says so ($1)" "$E2E/ssh.trace" "Host key verification failed|\
No ED25519 host key is known"
	echo "@cert-authority host-* $(cat "$E2E/$1.pub")" \
		>>"$E2E/known_hosts"
	check "ssh believes the host by @cert-authority $1" \
		login_with "host-$1" "$E2E/someone"
	has "it was the certificate that it believed ($1)" "$E2E/ssh.trace" \
		"Server host certificate: .* CA .*$(pattern_of "$E2E/$1.pub")"
}

part_ca()
{
	agent_start || return
	save_keys
	new_key someone
	one_ca ca-p256 ecdsa-sha2-nistp256
	one_ca ca-p384 ecdsa-sha2-nistp384
	one_ca ca-rsa rsa-sha2-512
	several ca-p256
	several ca-rsa
	host_ca ca-p256
	host_ca ca-rsa

	new_key sha256
	check "ssh-keygen -t rsa-sha2-256 -Us signs" ssh-keygen \
		-t rsa-sha2-256 -Us "$E2E/ca-rsa.pub" -I sha256 \
		-n "$(id -un)" -V +1h "$E2E/sha256.pub"
	signed_by "the certificate has the algorithm asked for" \
		"$E2E/sha256-cert.pub" "$E2E/ca-rsa.pub" rsa-sha2-256
	sshd_make only-256 "TrustedUserCAKeys $E2E/ca-rsa.pub" \
		"CASignatureAlgorithms rsa-sha2-256"
	check "an sshd that takes nothing else lets it in" login_with \
		only-256 "$E2E/sha256" \
		-o CertificateFile="$E2E/sha256-cert.pub"
	is "the PIN was asked for once" "$(prompts)" 1
	has "the log says what was signed" "$AGENT_LOG" \
		'signed user certificate.*id-of-alice'
	agent_stop
}

# The HSM's own key gets the certificate: key and CA may both be in there.
part_token_user()
{
	agent_start || return
	save_keys
	check "an HSM key is certified by an HSM key" \
		ssh-keygen -Us "$E2E/ca.pub" -I token-user -n "$(id -un)" \
		-V +1h "$E2E/user.pub"
	sshd_make trusting "TrustedUserCAKeys $E2E/ca.pub"
	check "ssh logs in with key and certificate, both of the HSM" \
		login_with trusting "$E2E/user.pub" \
		-o CertificateFile="$E2E/user-cert.pub"
	is "sshd saw the certificate" "$(accepted trusting | cut -d' ' -f1)" \
		ECDSA-CERT
	check_status "a CA key that the HSM does not have is refused" 255 \
		foreign_ca
	agent_stop
}

foreign_ca()
{
	new_key other ecdsa
	ssh-keygen -Us "$E2E/other.pub" -I x -n x -V +1h "$E2E/user.pub"
}

test $# -eq 0 || { run_part "$1"; exit; }
part ca --key rsa4096:ca-rsa:01 --key p256:ca-p256:02 --key p384:ca-p384:03
part token_user --key p256:user:01 --key p256:ca:02
finish
