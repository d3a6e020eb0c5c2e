#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What a CA's key signs, whatever is configured and by its CA block, as
# ssh-keygen asks for it, and what sshd makes of it.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need ssh openssh-client
need sshd openssh-server
need jq jq

# certify ARGUMENT...: $E2E/user.pub, by the key "ca".
certify()
{
	rm -f "$E2E/user-cert.pub"
	ssh-keygen -Us "$E2E/ca.pub" "$@" "$E2E/user.pub"
}

# refused SENTENCE PATTERN ARGUMENT...: and the reason is in the log.
refused()
{
	refused_what=$1 refused_why=$2
	shift 2
	check_status "$refused_what is refused" 255 certify "$@"
	has "... and the log says why" "$AGENT_LOG" \
		"refused [(][a-z]*[)]: .*$refused_why"
	check "... and there is no certificate" test ! -e "$E2E/user-cert.pub"
}

# passes SENTENCE ARGUMENT...
passes()
{
	passes_what=$1
	shift
	check "$passes_what passes" certify "$@"
	check "... and ssh-keygen reads it" ssh-keygen -Lf \
		"$E2E/user-cert.pub"
}

make_user()
{
	ssh-keygen -q -t ed25519 -N '' -C user -f "$E2E/user"
}

# The reasons that hsm-keyutil status gives.
status_says()
{
	"$KEYUTIL" status | grep -q -e "$1"
}

me()
{
	id -un
}

part_form()
{
	agent_start || return
	save_keys
	make_user
	cp "$E2E/ca.pub" "$E2E/itself.pub"
	sshd_make trusting "TrustedUserCAKeys $E2E/ca.pub"

	refused "one without principals" 'has no principals' -I x -V +1h
	check "status tells of it" status_says 'has no principals'
	refused "one that is valid for ever" 'valid for ever' -I x -n alice
	refused "one until the year 10000" 'valid for ever' -I x -n alice \
		-V 20260101:0x3afff44180
	refused "an empty key id" 'key id is empty' -I '' -n alice -V +1h
	refused "a key id of two lines" 'key id "a.b" has control' \
		-I "$(printf 'a\nb')" -n alice -V +1h
	refused "a principal with a blank" 'has a blank in it' \
		-I x -n 'alice,root admin' -V +1h
	refused "a pattern for a user" 'is a pattern' -I x -n '*' -V +1h
	refused "two commands" '"force-command" is there twice' \
		-I x -n alice -V +1h -O force-command=/bin/true \
		-O critical:force-command=/bin/sh
	refused "a critical option that nobody knows" \
		'critical option "no-such@example.org" is none' \
		-I x -n alice -V +1h -O critical:no-such@example.org=y
	refused "a network with bits of a host" 'bits beyond the mask' \
		-I x -n alice -V +1h -O critical:source-address=10.0.0.1/8
	refused "a restriction among the extensions" 'does nothing where' \
		-I x -n alice -V +1h -O extension:force-command=/bin/true
	refused "a flag with a value" '"permit-pty" has a value' \
		-I x -n alice -V +1h -O clear -O extension:permit-pty=yes
	refused "a host with a command" 'in a host certificate' \
		-h -I x -n web1 -V +1h -O force-command=/bin/true
	check_status "the CA certifies itself not" 255 ssh-keygen \
		-Us "$E2E/ca.pub" -I x -n alice -V +1h "$E2E/itself.pub"
	has "... and the log says why" "$AGENT_LOG" "the CA's own key"

	passes "one for a user, an hour and a network" -I x -n "$(me)" \
		-V +1h -O source-address=127.0.0.0/8,::1,10.0.0.0/8
	passes "one with a command and an extension of others" -I x \
		-n "$(me)" -V +1h -O force-command=/bin/true \
		-O extension:login@example.org=bob
	passes "one for a host and a pattern" -h -I x -n 'web1,*.example' \
		-V +52w
	passes "one for a user" -I x -n "$(me)" -V +1h
	check "sshd lets it in" login_with trusting "$E2E/user" \
		-o CertificateFile="$E2E/user-cert.pub"
	agent_stop
}

# From a server where the agent is forwarded to.
part_forward()
{
	make_user
	cat >"$E2E/there" <<EOF
#!/bin/sh
test "\$SSH_AUTH_SOCK" != "$E2E/agent.sock" || exit 52
rm -f "$E2E/user-cert.pub"
ssh-keygen -Us "$E2E/ca.pub" -I x -n alice -V +1h "$E2E/user.pub" || exit 53
EOF
	chmod +x "$E2E/there"
	sshd_make first
	for conf in '# nothing' 'CA ca' 'CA ca
Observe yes'; do
		what=$(echo "$conf" | tr '\n' ' ')
		configure "$conf"
		agent_start || return
		save_keys
		sshd_lets first "$E2E/login.pub"
		check_status "ssh -A: nobody there gets a certificate ($what)" \
			53 run_ssh -A -i "$E2E/login.pub" first "$E2E/there"
		has "... and the log says why" "$AGENT_LOG" \
			'over a forwarded connection the key is not for "ca"'
		passes "here one ($what)" -I x -n alice -V +1h
		agent_stop
	done
	configure "CA ca" "ForwardedUse ca" "Principals alice"
	agent_start || return
	check "ForwardedUse ca allows it" \
		run_ssh -A -i "$E2E/login.pub" first "$E2E/there"
	check "... and there it is" ssh-keygen -Lf "$E2E/user-cert.pub"
	agent_stop
}

part_block()
{
	configure "AuditLog $E2E/audit" "CA ca" \
		"    Principals $(me) alice dep*" \
		"    DenyPrincipals deploy-root" "    MaxValidity 8h" \
		"    LatestStart 5m" "    EarliestStart 5m" \
		"    SubjectKeys ed25519 rsa:3072" "    KeyId id-*" \
		"    Extensions permit-pty" "    RequireSerial yes" \
		"    RequireOptions source-address" \
		"    AskerProgram $(readlink -f "$(command -v ssh-keygen)")" \
		"    MaxRate 4/1h"
	agent_start || return
	save_keys
	make_user
	sshd_make trusting "TrustedUserCAKeys $E2E/ca.pub"
	sshd_lets trusting "$E2E/ca.pub" "$E2E/login.pub"
	is "the CA's key is listed last" \
		"$(ssh-add -L | cut -d' ' -f3 | tr '\n' ' ')" "login ca "
	check_status "nobody logs in with it" 1 login_with trusting \
		"$E2E/ca.pub"
	has "... and the log says why" "$AGENT_LOG" \
		'it certifies, and does nothing else'
	check "but with the other" login_with trusting "$E2E/login.pub"

	set -- -O clear -O permit-pty \
		-O source-address=127.0.0.1/32,::1/128,10.0.0.0/8
	refused "another principal" 'principal "root2" is not allowed' \
		-I id-1 -z 1 -V +1h "$@" -n alice,root2
	refused "one that is denied" 'principal "deploy-root" is denied' \
		-I id-1 -z 1 -V +1h "$@" -n deploy-root
	refused "a day" 'for at most 8 h' -I id-1 -z 1 -V +1d "$@" -n alice
	refused "one for next week" 'for at most 5 m' -I id-1 -z 1 \
		-V +7d:+172h "$@" -n alice
	refused "one since yesterday" 'seconds ago' -I id-1 -z 1 \
		-V -1d:-17h "$@" -n alice
	refused "another key id" 'key id "bob" is not' -I bob -z 1 -V +1h \
		"$@" -n alice
	refused "no serial number" 'without a serial number' -I id-1 -V +1h \
		"$@" -n alice
	refused "an extension more" 'extension "permit-user-rc" is not' \
		-I id-1 -z 1 -V +1h "$@" -O permit-user-rc -n alice
	refused "no address" 'without the critical option "source-address"' \
		-I id-1 -z 1 -V +1h -O clear -n alice
	refused "a host" 'signs no host certificates' -h -I id-1 -z 1 \
		-V +1h -n alice
	ssh-keygen -q -t ecdsa -N '' -C ec -f "$E2E/ec"
	check_status "another type of key is refused" 255 ssh-keygen \
		-Us "$E2E/ca.pub" -I id-1 -z 1 -V +1h "$@" -n alice \
		"$E2E/ec.pub"
	has "... and the log says why" "$AGENT_LOG" \
		'of type "ecdsa-sha2-nistp256" is not allowed'
	ssh-keygen -q -t rsa -b 2048 -N '' -C rsa -f "$E2E/rsa"
	check_status "a short RSA key is refused" 255 ssh-keygen \
		-Us "$E2E/ca.pub" -I id-1 -z 1 -V +1h "$@" -n alice \
		"$E2E/rsa.pub"
	has "... and the log says why" "$AGENT_LOG" \
		'has 2048 bits, and this CA wants 3072'
	cp "$(command -v ssh-keygen)" "$E2E/other-keygen"
	check_status "another program is refused" 255 "$E2E/other-keygen" \
		-Us "$E2E/ca.pub" -I id-1 -z 1 -V +1h "$@" -n alice \
		"$E2E/user.pub"
	has "... and the log says why" "$AGENT_LOG" \
		'program ".*/other-keygen" is not one that may ask'
	check "status has the reason" status_says 'not one that may ask'
	has "the audit log has them all" "$E2E/audit" \
		'"why":"principal ."root2." is not allowed for this CA"'

	for n in 1 2 3 4; do
		passes "what the block is about ($n)" -I id-$n -z $n -V +1h \
			"$@" -n "$(me),deploy-1"
	done
	refused "the fifth in an hour" 'signed 4 certificates in 1 h' \
		-I id-5 -z 5 -V +1h "$@" -n alice
	agent_stop
}

# What a block lets pass is what sshd lets in.
part_login()
{
	configure "CA ca" "Principals $(me)" "MaxValidity 1h" \
		"EarliestStart 5m"
	agent_start || return
	save_keys
	make_user
	sshd_make trusting "TrustedUserCAKeys $E2E/ca.pub"
	passes "a certificate" -I id-4 -z 4 -n "$(me)" -V +1h
	check "sshd lets it in" login_with trusting "$E2E/user" \
		-o CertificateFile="$E2E/user-cert.pub"
	has "sshd names it" "$E2E/sshd-trusting/log" 'ID id-4 \(serial 4\)'
	agent_stop
}

part_observe()
{
	configure "AuditLog $E2E/audit" "CA ca" "    Principals alice" \
		"    Observe yes"
	agent_start || return
	save_keys
	make_user
	passes "what an observing block is for" -I x -n alice -V +1h
	has_not "and the log has nothing against it" "$AGENT_LOG" \
		'would be refused'
	passes "what it is against" -I x -n bob -V +1h
	has "but the log tells" "$AGENT_LOG" \
		'signed user certificate.*; would be refused: principal "bob"'
	is "and the audit log" "$(jq -r 'select(.would_refuse) |
		.verdict + " " + .would_refuse' "$E2E/audit")" \
		"allowed principal \"bob\" is not allowed for this CA"
	refused "what no CA signs" 'no principals' -I x -V +1h
	agent_stop
}

part_confirm()
{
	configure "CA ca" "Confirm yes"
	agent_start || return
	save_keys
	make_user
	passes "what a person agrees to" -I id-7 -z 7 -n alice,ops -V +1h \
		-O force-command=/bin/true
	has "the question names the certificate" "$E2E/question" \
		'^A user certificate "id-7", serial 7, for alice, ops, 1h'
	has "when it is valid" "$E2E/question" \
		'^Valid from [0-9: -]* UTC until [0-9: -]* UTC[.]$'
	has "what it is restricted to" "$E2E/question" \
		'^Critical options: force-command="/bin/true"[.]$'
	has "what it allows" "$E2E/question" \
		'^Extensions: .*permit-pty.*permit-user-rc[.]$'
	has "whose it is" "$E2E/question" \
		"^For the ssh-ed25519 key $(pattern_of "$E2E/user.pub")[.]\$"
	has "which CA" "$E2E/question" \
		"^Key fingerprint $(pattern_of "$E2E/ca.pub")[.]\$"
	has "and who asks" "$E2E/question" '^Asked for by ssh-keygen '
	rm "$E2E/pin"
	refused "what a person does not agree to" 'declined' \
		-I x -n alice -V +1h
	agent_stop
}

# By different names for one key: only the token tells that it is one.
part_contradiction()
{
	agent_start || return
	save_keys
	agent_stop
	configure "CA ca" "Key $(fingerprint "$E2E/ca.pub")" "Use auth"
	agent_start || return
	check "there is the key" ssh-add -l
	is "the log tells once that its blocks contradict each other" \
		"$(grep -c 'key ca has a CA block, .* says another Use' \
		"$AGENT_LOG")" 1
	sshd_make there
	sshd_lets there "$E2E/ca.pub"
	check_status "the CA block counts" 1 login_with there "$E2E/ca.pub"
	agent_stop
}

part_mistakes()
{
	configure "CA ca" "Key ca" "Use auth"
	check_status "a key that is to log in and to certify is a mistake" 2 \
		agent_once -D -a "$E2E/no.sock"
	has "which is named with its line" "$E2E/out" \
		'config:3: a key with a CA block certifies and does nothing'
	configure "CA ca" "AskerProgram /no/such/program"
	check_status "-T looks for the programs" 2 agent_once -T
	has "and names the line" "$E2E/out" 'config:2: /no/such/program'
	make_user
	configure "# first" "CA ca" "RequireApprovals 2" \
		"Approvers $(fingerprint "$E2E/user.pub")"
	check_status "too few who can approve are a mistake" 2 agent_once -T
	has "which is named with the block" "$E2E/out" \
		'config:2: CA "ca": RequireApprovals is 2, but there are 1'
	configure "Profile a" "CAKey ca" "SourceAddress 10.0.0.1/8"
	check_status "-T looks at profiles, too" 2 agent_once -T
	has "and names their line" "$E2E/out" 'config:3: SourceAddress: '
	configure "Profile a" "CAKey ca" "Validity 1h" "CA ca" \
		"DefaultValidity 1h"
	check "one without a mistake is none" agent_once -T
}

test $# -eq 0 || { run_part "$1"; exit; }
part form --key p256:ca:01
for p in forward block; do
	part $p --key p256:ca:01 --key p256:login:02
done
for p in login observe contradiction; do
	part $p --key p256:ca:01
done
part confirm --key rsa2048:ca:01
bare_part mistakes
finish
