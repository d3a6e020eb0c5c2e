#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# hsm-keyutil ca sign and ca renew: certificates through the agent and on the
# token itself, which ssh-keygen reads and sshd lets in.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2120,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"
# shellcheck source=tests/e2e/casign-lib.sh
. "$srcdir/tests/e2e/casign-lib.sh"

need ssh openssh-client
need sshd openssh-server

# What is the same both ways.
one_way()
{
	save_ca
	new_key user
	sshd_make trusting "TrustedUserCAKeys $E2E/ca.pub"
	check "a certificate is signed $1" sign -n "$(me),ops" \
		--validity 1h "$E2E/user.pub"
	has "... the line tells of it" "$E2E/out" "/user-cert.pub: \
\"$(me)@[0-9-]*[.][0-9]+\", serial [0-9]+, for $(me),ops, until 20"
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
	is "the PIN was asked for once" "$(prompts)" 1
	has "the agent's log has it" "$AGENT_LOG" 'signed user certificate'
	agent_stop
}

part_token()
{
	one_way "on the token itself"
}

# --- two tokens ---

part_two()
{
	new_key user
	save_ca
	vhsmctl -t 1 generate p256 other >/dev/null
	vhsmctl -t 1 fail 1 58 6F00 >/dev/null	# ENUMERATE OBJECTS
	check "a token that cannot be read is told of" says '6f00' 1 sign \
		--ca other -n ua --validity 1h "$E2E/user.pub"
	check "... and once it can be, its key signs" sign --ca other -n ua \
		--validity 1h "$E2E/user.pub"
}

# --- rules ---

# It is refused, with exit 1 and this reason, and nothing is written.
refused()
{
	refused_what=$1 refused_why=$2
	shift 2
	rm -f "$E2E/user-cert.pub"
	check "$refused_what is refused" says "$refused_why" 1 sign "$@" \
		"$E2E/user.pub"
	check "... and there is no certificate" test ! -e "$E2E/user-cert.pub"
}

rules()
{
	configure "CA ca" "Principals u*" "MaxValidity 8h" \
		"DefaultValidity 1h" "LatestStart 5m" "RequireSerial yes" \
		"DenyPrincipals uproot" \
		"Profile ops" "CAKey ca" "Principals uops ub" "Validity 30m" \
		"Extensions permit-pty" "ForceCommand \"/bin/echo forced\"" \
		"KeyId \"{comment} of {date}, {serial}\""
}

# What the configuration says, both ways.
policy()
{
	refused "another principal" \
		'principal "root2" is not allowed for this CA' -n root2
	refused "one that is denied" 'principal "uproot" is denied' -n uproot
	refused "a day" 'at most 8 h' -n ua --validity 1d
	refused "a pattern for a user" 'is a pattern' -n 'u*'
	refused "number 0" 'without a serial number' -n ua --serial 0
	check "a CA's DefaultValidity holds" sign -n ua "$E2E/user.pub"
	is "... an hour" "$(valid_for "$E2E/user-cert.pub")" 3600
	check "a profile is written" sign --profile ops "$E2E/user.pub"
	has "... with its principals" "$E2E/out" ', for uops,ub, until'
	is "... its time" "$(valid_for "$E2E/user-cert.pub")" 1800
	ssh-keygen -Lf "$E2E/user-cert.pub" >"$E2E/shown"
	has "... its key id" "$E2E/shown" \
		"Key ID: \"user of $(date -u +%Y-%m-%d), [0-9]+\""
	has "... its command" "$E2E/shown" 'force-command /bin/echo forced'
	has "... its extension" "$E2E/shown" 'permit-pty'
	has_not "... and no other" "$E2E/shown" 'permit-port-forwarding'
	check "the command line goes before it" sign --profile ops -n ua \
		--option force-command=/bin/true --key-id mine \
		"$E2E/user.pub"
	is "... in the key id" "$(field "$E2E/user-cert.pub" 'Key ID')" \
		'"mine"'
	serial=$(field "$E2E/user-cert.pub" Serial)
	refused "a number that was used" \
		"serial number $serial was used" -n ua --serial "$serial"
	wrong "no profile of that name" 'no Profile "none"' --profile none \
		"$E2E/user.pub"
	wrong "one without principals" 'name them with --principals' \
		"$E2E/user.pub"
	wrong "one for ever" 'no certificate is valid for ever' -n ua \
		--validity always:forever "$E2E/user.pub"
	wrong "no key at all" 'name the .pub files' -n ua
	wrong "standard input for two keys" 'standard input is one file' \
		-n ua --validity 1h - -
	cp "$E2E/user.pub" "$E2E/other-cert.pub"
	cp "$E2E/user.pub" "$E2E/other.pub"
	check "what is no certificate is not replaced" says \
		'is not replaced' 1 sign -n ua "$E2E/other.pub"
	check "... and is as it was" cmp "$E2E/user.pub" "$E2E/other-cert.pub"
}

part_policy_agent()
{
	rules
	agent_start || return
	save_ca
	new_key user
	policy
	has "the agent's log has the refusals" "$AGENT_LOG" \
		'refused .*principal "root2"'
	agent_stop
}

part_policy_token()
{
	rules
	save_ca
	new_key user
	policy
	configure "CA ca" "Principals nobody" "Observe yes" \
		"DefaultValidity 1h"
	check "Observe lets pass what its rules are against" \
		says 'only Observe lets it pass: principal "ua"' 0 \
		sign -n ua "$E2E/user.pub"
	configure "CA ca" "RequireApprovals 1" "DefaultValidity 1h" \
		"Requesters $(fingerprint "$E2E/ca.pub")" \
		"Approvers $(fingerprint "$E2E/user.pub")"
	refused "what has to be approved" 'hsm-keyutil ca request' -n ua
	configure "CA ca" "MaxRate 1/1h" "DefaultValidity 1h"
	refused "more than so many" 'and that is all it may' -n ua
}

# --- numbers ---

# Both ways write to one ledger: no number is given out twice.
part_numbers()
{
	save_ca
	for i in 1 2 3 4 5 6; do
		new_key u$i
	done
	check "on the token" sign -n a --validity 1h "$E2E/u1.pub"
	agent_start || return
	check "through the agent" sign -n a --validity 1h "$E2E/u2.pub"
	check "on the token beside the agent" sign --token DENK0100000 \
		--pin-file "$E2E/pin" -n a --validity 1h "$E2E/u3.pub"
	agent_stop
	unset SSH_AUTH_SOCK
	agent_start || return
	check "through one that was started again" sign -n a --validity 1h \
		"$E2E/u4.pub" "$E2E/u5.pub"
	agent_stop
	unset SSH_AUTH_SOCK
	from_stdin 2>"$E2E/from.err"
	has "and on the token again, from standard input" "$E2E/from.err" \
		'^-: "a@.*, serial'
	check "one that cannot be printed" says \
		'but not written' 1 to_full
	for i in 1 2 3 4 5 6; do
		field "$E2E/u$i-cert.pub" Serial
	done >"$E2E/serials"
	is "six certificates have six numbers" \
		"$(sort -u "$E2E/serials" | grep -c '[1-9]')" 6
	is "... which count up" "$(sort -n "$E2E/serials" | cksum)" \
		"$(cksum <"$E2E/serials")"
}

to_full()
{
	sign -n a --validity 1h - <"$E2E/u6.pub" 2>&1 >/dev/full
}

from_stdin()
{
	sign -n a --validity 1h - <"$E2E/u6.pub" >"$E2E/u6-cert.pub"
}

# --- again ---

part_renew()
{
	save_ca
	save_ca ca2
	new_key user
	check "a certificate" sign --ca ca -n ua,ub --validity 20m \
		--key-id 'the ua' --option no-pty \
		--option force-command=/bin/true "$E2E/user.pub"
	cert=$E2E/user-cert.pub
	cp "$cert" "$E2E/old"
	serial=$(field "$cert" Serial)
	check "it is renewed" renew "$cert"
	for i in "Key ID" Type "Public key" "Signing CA"; do
		is "... with its $i" "$(field "$cert" "$i")" \
			"$(field "$E2E/old" "$i")"
	done
	is "... with its names and options" "$(lists "$cert")" \
		"$(lists "$E2E/old")"
	is "... with the next number" "$(field "$cert" Serial)" \
		$((serial + 1))
	is "... for as long" "$(($(valid_for "$cert") / 240))" 5
	check "... into another file" renew --validity 2h -o "$E2E/new" \
		"$cert"
	is "... for longer" "$(valid_for "$E2E/new")" 7200
	cat "$cert" "$E2E/old" >"$E2E/two"
	cp "$E2E/two" "$E2E/two-before"
	check "a file with two certificates is refused" says \
		'more than one key' 1 renew "$E2E/two"
	check "... and keeps both" cmp "$E2E/two" "$E2E/two-before"
	ssh-keygen -q -t ed25519 -N '' -f "$E2E/self"
	ssh-keygen -q -s "$E2E/self" -I x -n ua -V +1h "$E2E/user.pub"
	cp "$cert" "$E2E/foreign"
	check "one by a CA that is not here is refused" says 'no key' 1 \
		renew "$cert"
	check "... and is as it was" cmp "$cert" "$E2E/foreign"
	forge "$E2E/old" >"$E2E/forged"
	check "one that the CA has not signed is refused" says \
		'not by the CA that it names' 1 renew "$E2E/forged"
	rm "$cert"
	check "two of one call" sign --ca ca2 -n ua --validity 1h \
		"$E2E/user.pub"
	check "... are by one CA" says 'by another CA' 2 renew \
		"$E2E/old" "$cert"
	check "one is revoked" "$KEYUTIL" ca revoke --certificate "$E2E/new" \
		--reason lost
	check "... and not renewed" says 'revoked: it is not renewed' 1 \
		renew "$E2E/new"
	configure "CA ca" "Principals nobody"
	check "the CA's rules hold" says 'principal "ua" is not allowed' 1 \
		renew "$E2E/old"
}

renew()
{
	"$KEYUTIL" ca renew --pin-file "$E2E/pin" "$@"
}

lists()
{
	ssh-keygen -Lf "$1" | sed -n '/Principals:/,$p'
}

# The same with another letter in its key id, which is "the ua".
forge()
{
	printf '%s ' "$(cut -d' ' -f1 "$1")"
	cut -d' ' -f2 "$1" | base64 -d | sed 's/the ua/the ub/' |
		base64 -w 0
	echo ' forged'
}

test $# -eq 0 || { run_part "$1"; exit; }
part agent --key p256:ca:01
part token --key rsa2048:ca:01
part two --tokens 2 --key p256:ca:01
part policy_agent --key p256:ca:01
part policy_token --key p256:ca:01
part numbers --key p256:ca:01
part renew --key p256:ca:01 --key p256:ca2:02
finish
