#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# hsm-keyutil ca sign: certificates through the agent and on the token itself,
# which ssh-keygen reads and sshd lets in.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

takes_long

need ssh openssh-client
need sshd openssh-server

me()
{
	id -un
}

new_key()
{
	ssh-keygen -q -t "${2:-ed25519}" -N '' -C "$1" -f "$E2E/$1"
}

# The public key of the CA, with and without an agent.
save_ca()
{
	"$KEYUTIL" export "${1:-ca}" >"$E2E/${1:-ca}.pub"
}

# sign ARGUMENT...: through the agent if there is one, else on the token.
sign()
{
	if test -n "${SSH_AUTH_SOCK-}"; then
		"$KEYUTIL" ca sign "$@"
	else
		"$KEYUTIL" ca sign --pin-file "$E2E/pin" "$@"
	fi
}

# The lines "Serial: ..." and the like of a certificate.
field()
{
	ssh-keygen -Lf "$1" | sed -n "s/^ *$2: //p"
}

# What is the same both ways.
one_way()
{
	chmod 600 "$E2E/pin"
	save_ca
	new_key user
	sshd_make trusting "TrustedUserCAKeys $E2E/ca.pub"
	check "a certificate is signed $1" sign -n "$(me),ops" \
		--validity 1h "$E2E/user.pub"
	has "... the line tells of it" "$E2E/out" \
		"/user-cert.pub: \"$(me)@[0-9-]*[.][0-9]+\", serial [0-9]+, for $(me),ops, until 20"
	is "... for everybody to read" \
		"$(stat -c %a "$E2E/user-cert.pub")" 644
	check "... ssh-keygen reads it" ssh-keygen -Lf "$E2E/user-cert.pub"
	has "... by the CA" "$E2E/out" \
		"Signing CA: [A-Z]* $(pattern_of "$E2E/ca.pub")"
	check "... sshd lets it in" login_with trusting "$E2E/user" \
		-o CertificateFile="$E2E/user-cert.pub"
	serial=$(field "$E2E/user-cert.pub" Serial)
	check "it is replaced by another" sign -n "$(me)" --validity 1h \
		--key-id 'again {serial} of {comment}' --option clear \
		--option permit-pty "$E2E/user.pub"
	is "... which has the next number" \
		"$(field "$E2E/user-cert.pub" Serial)" $((serial + 1))
	is "... and the key id" "$(field "$E2E/user-cert.pub" 'Key ID')" \
		"\"again $((serial + 1)) of user\""
}

part_agent()
{
	agent_start || return
	one_way "through the agent"
	has "the agent's log has it" "$AGENT_LOG" 'signed user certificate'
	agent_stop
}

part_token()
{
	one_way "on the token itself"
}

test $# -eq 0 || { run_part "$1"; exit; }
part agent --key p256:ca:01
part token --key p256:ca:01
finish
