#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# hsm-keyutil ca request, ca approve and ca sign --request: certificates that
# take several people, each with a key of their own.  Alice asks, with a key in
# a file; Bob (P-256, in ssh-agent) and Carol (on the token) approve.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2120,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"
# shellcheck source=tests/e2e/casign-lib.sh
. "$srcdir/tests/e2e/casign-lib.sh"

need ssh openssh-client
need sshd openssh-server

NS_REQUEST=certificate-request@hsm-ssh-agent
NS_APPROVE=certificate-approval@hsm-ssh-agent

# The keys of all, those in files with an ssh-agent.
people_come()
{
	save_ca
	new_key user
	new_key alice
	new_key mallory
	new_key bob ecdsa
	eval "$(ssh-agent -a "$E2E/people.sock")" >/dev/null
	people_pid=$SSH_AGENT_PID people=$E2E/people.sock
	unset SSH_AUTH_SOCK SSH_AGENT_PID
	trap 'agent_kill; kill "$people_pid"' EXIT
	people ssh-add -q "$E2E/alice" "$E2E/bob" "$E2E/mallory"
	cd "$E2E" || return
}

# people COMMAND...: with their ssh-agent.
people()
{
	(SSH_AUTH_SOCK=$people && export SSH_AUTH_SOCK && "$@")
}

# afar COMMAND...: by one who does not have the CA's configuration.
afar()
{
	(XDG_CONFIG_HOME=$E2E/afar && export XDG_CONFIG_HOME && "$@")
}

# alice asks, bob approves: with more arguments.
asks()
{
	people "$KEYUTIL" ca request --ca ca.pub --sign-key alice -n "$(me)" \
		"$@"
}

approves()
{
	approver=$1
	shift
	people "$KEYUTIL" ca approve --yes --sign-key "$approver" "$@"
}

# verifies WHO NAMESPACE SIGNATURE FILE: so says ssh-keygen.
verifies()
{
	echo "$1 $(cat "$1.pub")" >signers
	ssh-keygen -Y verify -f signers -I "$1" -n "$2" -s "$3" <"$4"
}

# signed_by WHO NAMESPACE FILE OUTPUT: a signature of OpenSSH's own.
signed_by()
{
	ssh-keygen -q -Y sign -f "$1" -n "$2" <"$3" >"$4" 2>/dev/null
}

# not_signed SENTENCE REASON ARGUMENT...: and there is no certificate.
not_signed()
{
	not_what=$1 not_why=$2
	shift 2
	rm -f user-cert.pub
	check "$not_what" says "$not_why" 1 sign "$@"
	check "... and there is no certificate" test ! -e user-cert.pub
}

# --- through the agent ---

ask_for_it()
{
	not_signed "nobody gets a certificate alone" 'hsm-keyutil ca request' \
		--ca ca -n "$(me)" user.pub
	check_status "ssh-keygen -Us does not help" 255 ssh-keygen -q \
		-Us ca.pub -I x -n "$(me)" -V +1h user.pub
	has "... for which the agent has a reason" "$AGENT_LOG" \
		'signs what 2 others have approved of'
	check "a request is made" asks user.pub
	has "... which tells what comes next" out \
		'hsm-keyutil ca approve user[.]request'
	has "... people can read it" user.request "^principal: \"$(me)\""
	check "... ssh-keygen verifies it" verifies alice $NS_REQUEST \
		user.request.sig user.request
	cp user.request first.request
	cp user.request.sig first.request.sig
	check "... and it is not replaced" says 'exists' 1 asks user.pub
	cp user.request.sig cut.request.sig
	check "one that was cut off is made by the same command" asks \
		-o cut.request user.pub
	echo mine >mine.sig
	check "... but no other file is replaced" says 'exists' 1 asks \
		-o mine user.pub
	check "who may not ask is told so at once" says 'may not ask' 1 \
		people "$KEYUTIL" ca request --ca ca.pub -n "$(me)" \
		--sign-key mallory -o no.request user.pub
	check "what the CA refuses is not asked for" says \
		'principal "root2" is not allowed' 1 people "$KEYUTIL" \
		ca request --ca ca.pub -n root2 --sign-key alice -o no.request \
		user.pub
	check "... and nothing is written" test ! -e no.request
	check "the key can come from standard input" ask_stdin
	not_signed "nothing is signed without approvals" '0 of 2 approvals' \
		--request user.request
}

ask_stdin()
{
	asks -o - - <user.pub && return 1
	asks -o stdin.request - <user.pub
}

part_agent()
{
	people_come || return
	"$KEYUTIL" export carol >carol.pub
	configure "CA $(fingerprint ca.pub)" "RequireApprovals 2" \
		"Confirm yes" \
		"DefaultValidity 1h" \
		"Principals $(me)" "Requesters $(fingerprint alice.pub)" \
		"Approvers $(fingerprint alice.pub) $(fingerprint bob.pub)" \
		"Approvers $(fingerprint carol.pub)"
	agent_start || return
	ask_for_it
	too_few
	enough
	changed
	agent_stop
}

too_few()
{
	check "who asks does not approve" says 'nobody approves his own' 1 \
		approves alice user.request
	check "nor does the key to be certified" says \
		'is the key to be certified' 1 approves user.pub user.request
	check "nor does who is not among the approvers" says \
		'among its Approvers' 1 approves mallory user.request
	check "without a yes nothing is approved" says 'give "--yes"' 1 \
		people "$KEYUTIL" ca approve --sign-key bob user.request
	has "... but all is shown" said "^For  *$(me)\$"
	check "nor after a no" says 'nothing was changed' 1 people \
		"$HELPERS/pty-run" 'to go on: ' no \
		"$KEYUTIL" ca approve --sign-key bob user.request
	check "Bob approves" people "$HELPERS/pty-run" 'to go on: ' yes \
		"$KEYUTIL" ca approve --sign-key bob user.request
	bobs=$(echo user.request.bob-*.approval)
	has "... one more is wanted" out '1 of 2 approvals are there'
	check "... ssh-keygen verifies it" verifies bob $NS_APPROVE "$bobs" \
		user.request
	check "Bob approves only once" says 'approved of it already' 0 \
		approves bob user.request
	not_signed "one is not enough" '1 of 2 approvals' \
		--request user.request
	cp "$bobs" user.request.robert.approval
	not_signed "nor is the same one twice" 'it has approved already' \
		--request user.request
	for i in alice mallory; do
		signed_by $i $NS_APPROVE user.request $i.sig
	done
	not_signed "nor is one by who asks" 'nobody approves his own' \
		--request user.request --approval "$bobs" --approval alice.sig
	not_signed "nor one by anybody" 'have it among its approvers' \
		--request user.request --approval mallory.sig
	not_signed "nor one of another purpose" 'does not count' \
		--request user.request --approval user.request.sig
	rm user.request.robert.approval
	afar not_signed "the agent counts by itself" \
		'hsm-keyutil: the agent: refused' --request user.request
	has "... and says so" said ': 1 of 2 approvals$'
}

enough()
{
	check "Carol approves with a key of the token" "$KEYUTIL" ca approve \
		--yes --sign-key carol user.request
	has "... and now it can be signed" out \
		'2 of 2 approvals are there; it can be signed'
	check "it is signed" sign --request user.request
	has "... and told how many have approved" out \
		'^2 of 2 approvals are there'
	check "... ssh-keygen reads it" ssh-keygen -Lf user-cert.pub
	has "... the CA's holder is asked, and told who approved" question \
		"^It was asked for by $(pattern_of alice.pub), approved by"
	has "... it is what was asked for" out "Key ID: \"$(me)@[0-9-]*\""
	sshd_make trusting "TrustedUserCAKeys $E2E/ca.pub"
	check "... sshd lets it in" login_with trusting user \
		-o CertificateFile=user-cert.pub
	"$KEYUTIL" ca log --json >log.json
	has "the ledger tells who asked and approved" log.json "asked for by \
$(pattern_of alice.pub), approved by $(pattern_of bob.pub) "
	check "... in the table, too" "$KEYUTIL" ca log
	has "... below its certificate" out "^ *asked for by SHA256:.*, \
approved by $(pattern_of bob.pub) "
	not_signed "it is signed once" 'was signed once' \
		--request user.request
	has "... so says the agent" said 'hsm-keyutil: the agent: refused'
}

# --- what is not what was approved of ---

changed()
{
	check "another request" asks --validity 30m -o other.request user.pub
	cp "$bobs" other.request.bob.approval
	not_signed "an approval of another request does not count" \
		'"other.request.bob.approval" does not count' \
		--request other.request
	check "... one that has its name does" approves bob -o ours.approval \
		other.request
	sed "s/^principal: .*/principal: \"somebody\"/" other.request \
		>changed.request
	cp other.request.sig changed.request.sig
	not_signed "a request that was edited is refused" \
		'is not what its draft says' --request changed.request
	check "... by who approves as well" says 'is not what its draft says' \
		1 approves bob changed.request
	cp first.request changed.request
	not_signed "so is one in the place of another" 'is no signature of' \
		--request changed.request --approval ours.approval
	check "... by who approves as well" says 'is no signature of' 1 \
		approves bob changed.request
	rm changed.request.sig
	check "... and one that nobody signed" says \
		'there is no "changed.request.sig"' 1 approves bob \
		changed.request
	check "a request for a second" asks --validity 1s -o short.request \
		user.pub
	wait_for 10 has_ended short.request
	check "... is soon too late to approve" says 'has expired' 1 \
		approves bob short.request
	not_signed "... and to sign" 'has expired' --request short.request
}

# "valid until: 2026-11-26 16:00:00 UTC"
has_ended()
{
	ends=$(sed -n 's/^valid until: //p' "$1")
	test "$(date +%s)" -gt "$(date -d "$ends" +%s)"
}

# --- on the token itself ---

# sign, where no agent has the CA.
sign_there()
{
	people "$KEYUTIL" ca sign --pin-file pin "$@"
}

two_bobs()
{
	ssh-keygen -q -t ed25519 -N '' -C bob -f other-bob
	people ssh-add -q other-bob
	approves bob user.request
}

part_token()
{
	people_come || return
	"$KEYUTIL" export carol >carol.pub
	configure "CA ca" "RequireApprovals 1" "DefaultValidity 1h" \
		"Requesters $(fingerprint user.pub) $(fingerprint carol.pub)" \
		"Approvers $(fingerprint bob.pub)"
	check "the key to be certified asks for itself" people ssh-add -q user
	check "... without a name" people "$KEYUTIL" ca request --ca ca.pub \
		-n "$(me)" user.pub
	has "... it is who signed" out "signed by $(pattern_of user.pub)"
	check "none is too few" says '0 of 1 approvals' 1 sign_there \
		--request user.request
	check "Bob approves, who knows of no rules" afar approves bob \
		user.request
	check "it is signed" sign_there --request user.request
	check "... ssh-keygen reads it" ssh-keygen -Lf user-cert.pub
	"$KEYUTIL" ca log --json >log.json
	has "... the ledger tells who approved" log.json \
		"approved by $(pattern_of bob.pub)"
	check "... a name that two keys have is told of" says \
		'several keys of the agent' 1 two_bobs
	check "it is signed once" says 'was signed once' 1 sign_there \
		--request user.request
	check "a key of the token asks as well" "$KEYUTIL" ca request \
		--ca ca.pub -n "$(me)" --sign-key carol --pin-file pin \
		-o more.request user.pub
	check "... and is signed by a name" approves "$(fingerprint bob.pub)" \
		more.request
	check "it goes where it is wanted" sign_there --request more.request \
		--serial 7000 -o there
	is "... with the number that was wanted" "$(field there Serial)" 7000
	check_status "what it says cannot be changed" 2 sign_there \
		--request more.request -n root
	configure "CA ca" "RequireApprovals 1" "Observe yes" \
		"Requesters $(fingerprint user.pub)" \
		"Approvers $(fingerprint bob.pub)"
	people "$KEYUTIL" ca request --ca ca.pub -n "$(me)" --validity 1h \
		-o third.request user.pub >/dev/null
	check "Observe tells what is missing" says \
		'only Observe lets it pass: 0 of 1 approvals' 0 sign_there \
		--request third.request
	check "... and that it was signed before" says \
		'only Observe lets it pass: what was approved was signed' 0 \
		sign_there --request third.request
}

test $# -eq 0 || { run_part "$1"; exit; }
part agent --key p256:ca:01 --key p256:carol:02
part token --key p256:ca:01 --key p256:carol:02
finish
