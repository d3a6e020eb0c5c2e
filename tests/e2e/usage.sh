#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What a key is for and who may use it how, as the configuration says and
# ssh-add asks: Use, ForwardedUse, Confirm, and the options of ssh-add.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need ssh openssh-client
need sshd openssh-server
need jq jq

SERIAL=DENK0100000

# start LINE...: all keys are in files before any of them is hidden.
start()
{
	configure "$@"
	agent_start || return
	test -s "$E2E/listing" || save_keys
}

# refused SENTENCE PATTERN COMMAND...: with that reason in log and status.
refused()
{
	refused_what=$1 refused_why=$2
	shift 2
	if "$@" >"$E2E/out" 2>&1 </dev/null; then
		fail "$refused_what"
		show "$E2E/out"
	else
		pass "$refused_what"
	fi
	"$KEYUTIL" status --json | jq -r '.agent.refusals[-1].text' \
		>"$E2E/reason"
	has "... with the reason in status" "$E2E/reason" "$refused_why"
	has "... and in the log" "$AGENT_LOG" "$refused_why"
}

# certify CA NAME: a key of NAME's own, with the CA's key in the agent.
certify()
{
	test -e "$E2E/$2" || ssh-keygen -q -t ed25519 -N '' -f "$E2E/$2"
	ssh-keygen -q -Us "$E2E/$1.pub" -I "$2" -n "$2" -V +1h "$E2E/$2.pub"
}

# sign_file NAME NAMESPACE
sign_file()
{
	rm -f "$E2E/text.sig"
	echo text >"$E2E/text"
	ssh-keygen -q -Y sign -f "$E2E/$1.pub" -n "$2" "$E2E/text"
}

# A commit in a repository of its own, signed with the key NAME.
commit()
{
	test -d "$E2E/repository" ||
		git -c init.defaultBranch=main init -q "$E2E/repository"
	git -C "$E2E/repository" -c user.name=A -c user.email=a@example.org \
		-c gpg.format=ssh -c user.signingKey="$E2E/$1.pub" \
		commit -q -S --allow-empty -m text
}

use()
{
	ssh-add -T "$E2E/$1.pub"
}

part_use()
{
	start 'Use none' 'Key login' '	Use auth' 'Key ca' '	Use ca' \
		'Key commits' '	Use sshsig:git,tags' || return
	sshd_make any
	sshd_lets any "$E2E/login.pub" "$E2E/ca.pub" "$E2E/commits.pub" \
		"$E2E/nothing.pub"
	check "Use auth: a login" login_with any "$E2E/login.pub"
	refused "... no certificate" 'user certificate .*key login for .*ssh-keygen.*key is not for "ca"; see Use in' \
		certify login alice
	refused "... no file" 'namespace file .*is not for "sshsig:file"' \
		sign_file login file
	check "Use ca: a certificate" certify ca alice
	refused "... no login" "login as $(id -un) .*key ca for .*ssh .*is not for \"auth\"" \
		login_with any "$E2E/ca.pub"
	refused "... no file" 'is not for "sshsig:file"' sign_file ca file
	check "Use sshsig:git,tags: a commit" commit commits
	check "... the other namespace" sign_file commits tags
	refused "... no third" 'key is not for "sshsig:file"' \
		sign_file commits file
	refused "... no certificate" 'is not for "ca"' certify commits alice
	refused "... no login" 'is not for "auth"' \
		login_with any "$E2E/commits.pub"
	: >"$E2E/prompts"
	ssh-add -D 2>/dev/null
	refused "Use none: no login" 'is not for "auth"' \
		login_with any "$E2E/nothing.pub"
	refused "... no test" 'refused .*test of the key.*is not for anything' \
		use nothing
	is "... and nobody is asked for a PIN" "$(prompts)" 0
	for k in login ca commits; do
		check "ssh-add -T works with what is for something ($k)" \
			use "$k"
	done
	"$KEYUTIL" status | tr -s ' \n' ' ' >"$E2E/status"
	has "hsm-keyutil status tells a person of it" "$E2E/status" \
		'test of the key with key nothing.* is not for anything; see Use'
	agent_stop
}

part_names()
{
	start || return
	agent_stop
	start 'Use none' "Key $(fingerprint "$E2E/login.pub")" '	Use ca' \
		'Key login' '	Use auth sshsig' 'Key 0A' '	Use sshsig' \
		'Key ca' '	Use ca' || return
	check "a block by fingerprint" certify login alice
	refused "... comes before one by label, all of it" \
		'is not for "sshsig:file"' sign_file login file
	check "a block by id, in any case" sign_file ca file
	refused "... comes before one by label" 'is not for "ca"' \
		certify ca alice
	agent_stop
	configure 'Key login' '	Use ca' 'Key ca' '' 'Key login' '	Confirm yes'
	check_status "two blocks of one name are a mistake" 2 \
		agent_once -T
	has "... which is the second" "$E2E/out" \
		'config:5: Key login has a block before'
	configure 'OfferTo SHA256:abc'
	check_status "half a fingerprint is a mistake" 2 \
		agent_once -T
	has "... with what to do" "$E2E/out" \
		'config:1: .*no whole fingerprint .*"ssh-keygen -lF HOST" shows it'
}

# unknown KEY.pub: data that no client of SSH sends.
unknown()
{
	/usr/bin/python3 -B - "$1" <<-'END'
	import base64, os, sys
	sys.path.insert(0, os.environ["srcdir"] + "/tests/e2e")
	import agentwire as w
	with open(sys.argv[1]) as f:
	    blob = base64.b64decode(f.read().split()[1])
	with w.Agent() as agent:
	    code, signature = agent.sign(blob, b"my whole fortune")
	sys.exit(code != w.SIGNED)
	END
}

part_unknown()
{
	/usr/bin/python3 -c 'import cryptography' 2>/dev/null || {
		skip "data that nobody knows" "python3-cryptography is missing"
		return
	}
	start || return
	refused "data that nobody knows" \
		'unknown data \(16 bytes\) .*nobody knows what this data is, and the key is not for "any"; see Use in' \
		unknown "$E2E/login.pub"
	reconfigure 'Use auth ca host sshsig' || fail "it is read again"
	refused "... nor with each other use" 'nobody knows' \
		unknown "$E2E/login.pub"
	reconfigure 'Key login' '	Use any' || fail "it is read again"
	check "Use any signs it" unknown "$E2E/login.pub"
	refused "... for that key" 'nobody knows' unknown "$E2E/ca.pub"
	agent_stop
}

# over_there COMMAND: by an agent that was forwarded to another machine.
over_there()
{
	run_ssh -A -i "$E2E/login.pub" there \
		"SSH_ASKPASS='$E2E/askpass' SSH_ASKPASS_REQUIRE=force; \
		export SSH_ASKPASS SSH_ASKPASS_REQUIRE; $1"
}

far_certify()
{
	over_there "ssh-keygen -q -Us '$E2E/$1.pub' -I x -n x -V +1h \
		'$E2E/bob.pub'"
}

far_file()
{
	rm -f "$E2E/text.sig"
	over_there "ssh-keygen -q -Y sign -f '$E2E/$1.pub' -n '$2' '$E2E/text'"
}

far_login()
{
	over_there "ssh -F '$E2E/ssh_config' -i '$E2E/login.pub' \
		-o UserKnownHostsFile='$E2E/known_hosts' -o BatchMode=yes \
		-o IdentitiesOnly=yes beyond true"
}

far_use()
{
	over_there "ssh-add -T '$E2E/login.pub'"
}

part_forwarded()
{
	start || return
	sshd_make there
	sshd_make beyond
	sshd_lets there "$E2E/login.pub"
	sshd_lets beyond "$E2E/login.pub"
	ssh-keygen -q -t ed25519 -N '' -f "$E2E/bob"
	echo text >"$E2E/text"
	forward='over a forwarded connection'
	check "a forwarded agent lists its keys" over_there 'ssh-add -l'
	check "... and logs in from there" far_login
	has "... which the log tells" "$AGENT_LOG" "signed login as .* at host $(
		pattern_of "$E2E/sshd-beyond/key.pub") via $(
		pattern_of "$E2E/sshd-there/key.pub") $forward with key login"
	check "... and signs files" far_file login file
	refused "... no certificate" "user certificate .* from host $(
		pattern_of "$E2E/sshd-there/key.pub") $forward .*: $forward the key is not for \"ca\"; see ForwardedUse in" \
		far_certify ca
	refused "... no test" "$forward the key is not for \"any\"; see ForwardedUse" far_use
	for ns in krl certificate-approval certificate-request; do
		refused "... no $ns" "$forward the key is not for \"sshsig:$ns@" \
			far_file login $ns@hsm-ssh-agent
	done
	check "the same without forwarding: a certificate" certify ca alice

	vhsmctl reset-count
	: >"$E2E/prompts"
	refused "ssh-add -s from there" \
		'unlock of token .*may not bring a PIN' \
		over_there "ssh-add -s $SERIAL"
	has_not "... has no PIN in the log" "$AGENT_LOG" "$PIN"
	is "... and none at the token" "$(vhsmctl pins)" "0 0 0"
	check "ssh-add -D from there locks" over_there 'ssh-add -D'
	is "... the token" "$(vhsmctl send 00200081)" 63C3

	reconfigure 'Key login' '	ForwardedUse none' 'Key ca' \
		'	ForwardedUse ca' '	Use ca sshsig' ||
		fail "it is read again"
	check "ForwardedUse ca: a certificate from there" far_certify ca
	refused "... no file" "$forward the key is not for \"sshsig:file\"" \
		far_file ca file
	refused "ForwardedUse none: no login from there" \
		"$forward the key is not for \"auth\"" far_login
	refused "... no file" "$forward the key is not for" \
		far_file login file
	check "... but from here" login_with beyond "$E2E/login.pub"

	reconfigure 'Key login' '	ForwardedUse auth sshsig' 'Key ca' \
		'	Use auth' '	ForwardedUse any' ||
		fail "it is read again"
	refused "the default, said: no test from there" "$forward" far_use
	check "... but a login" far_login
	refused "what Use does not allow, ForwardedUse does not either" \
		'the key is not for "ca"; see Use in' far_certify ca
	reconfigure 'Key login' '	ForwardedUse any' || fail "it is read again"
	check "ForwardedUse any: a test from there" far_use
	agent_stop
}

# An askpass that shows all of its question in $E2E/asked, and waits for an
# answer, which is its status.
askpass_asks()
{
	test -p "$E2E/answer" || mkfifo "$E2E/answer"
	cat >"$E2E/askpass" <<END
#!/bin/sh
test "\${SSH_ASKPASS_PROMPT-}" = confirm || exec cat "$E2E/pin"
printf '%s\\n' "\$1" >"$E2E/asked.new"
echo \$\$ >"$E2E/asker"
mv "$E2E/asked.new" "$E2E/asked"
read -r status <"$E2E/answer"
exit "\$status"
END
	rm -f "$E2E/asked"
}

answer()
{
	echo "$1" >"$E2E/answer"
}

asks_no_more()
{
	gone "$(cat "$E2E/asker")"
}

# begin COMMAND...: in the background, asked about; end STATUS SENTENCE.
begin()
{
	rm -f "$E2E/asked"
	"$@" >"$E2E/begun" 2>&1 </dev/null &
	begun=$!
	check "a person is asked" wait_for 10 test -e "$E2E/asked"
}

end()
{
	end_rc=0
	wait "$begun" || end_rc=$?
	is "$2" $end_rc "$1"
}

begin_login()
{
	begin run_ssh -i "$E2E/login.pub" any true
}

part_confirm()
{
	start 'Confirm yes' || return
	check "unlocked" ssh-add -s $SERIAL
	sshd_make any
	sshd_lets any "$E2E/login.pub"
	askpass_asks
	begin_login
	has "... for which key" "$E2E/asked" '^Allow use of key login\?$'
	has "... what for" "$E2E/asked" "^login as $(id -un) \\(host-bound\\) at host $(
		pattern_of "$E2E/sshd-any/key.pub")"
	has "... by its fingerprint" "$E2E/asked" \
		"^Key fingerprint $(pattern_of "$E2E/login.pub")\\.\$"
	has "... and for which program" "$E2E/asked" \
		'^Asked for by ssh \(pid [0-9]+\)\.$'
	check "others list keys meanwhile" timeout 10 ssh-add -l
	check "and hsm-keyutil has its answer" timeout 10 "$KEYUTIL" status
	check_status "the question is still there" 1 asks_no_more
	answer 0
	end 0 "yes: it logs in"
	begin_login
	answer 1
	end 255 "no: it does not"
	has "... with the reason in the log" "$AGENT_LOG" \
		'refused .cancelled.: login as .*: declined'
	check "... and in status" "$KEYUTIL" status
	has "... for a person" "$E2E/out" 'declined'

	begin run_ssh -A -i "$E2E/login.pub" any "ssh-keygen -q -Y sign \
		-n file -f '$E2E/login.pub' '$E2E/ca.pub'"
	rm "$E2E/asked"
	answer 0
	check "from another machine: it is asked about, too" \
		wait_for 10 test -e "$E2E/asked"
	has "... as that" "$E2E/asked" "namespace file from host $(
		pattern_of "$E2E/sshd-any/key.pub") over a forwarded connection"
	answer 0
	end 0 "... and made after a yes"

	begin ssh-keygen -q -Us "$E2E/ca.pub" -I id-7 -n alice -z 7 -V +8h \
		"$E2E/login.pub"
	has "a certificate: whose, of what number and until when" \
		"$E2E/asked" '^A user certificate .*id-7.*alice'
	answer 0
	end 0 "... is made after a yes"
	begin ssh-keygen -q -Y sign -n release -f "$E2E/login.pub" "$E2E/listing"
	has "a file: in what namespace" "$E2E/asked" 'namespace release'
	kill "$begun"
	check "its client goes: the question goes, too" \
		wait_for 10 asks_no_more
	end 143 "... as it was killed"

	begin ssh-add -T "$E2E/login.pub"
	ssh-add -T "$E2E/ca.pub" >/dev/null 2>&1 &
	second=$!
	rm "$E2E/asked"
	answer 1
	check "it is asked about after the first" \
		wait_for 10 test -e "$E2E/asked"
	has "... which is another question" "$E2E/asked" 'of key ca\?'
	end 1 "the first was refused"
	answer 0
	check "the second was not" wait $second
	agent_stop
}

extensions()
{
	ssh-add -Q >"$E2E/extensions" 2>&1
	if grep -q 'unknown option' "$E2E/extensions"; then
		skip "ssh-add -Q lists extensions" "this ssh-add has no -Q"
		return
	fi
	for extension in query session-bind@openssh.com; do
		has "ssh-add -Q lists $extension" "$E2E/extensions" \
			"^$extension\$"
	done
}

part_ssh_add()
{
	start || return
	check "ssh-add -s by label" ssh-add -s vhsm
	check "... twice" ssh-add -s vhsm
	for name in "pkcs11:token=vhsm" "pkcs11:serial=$SERIAL" \
	    "pkcs11:token=vhsm;serial=$SERIAL?module-name=x" "$SERIAL" \
	    "$("$KEYUTIL" status --json | jq -r '.agent.tokens[0].reader')"
	do
		check "ssh-add -s $name" ssh-add -s "$name"
		check "... twice" ssh-add -s "$name"
		check "... and ssh-add -e" ssh-add -e "$name"
		refused "... which does nothing twice" \
			'lock of token .*locked already' ssh-add -e "$name"
	done
	refused "a label of no token" 'unlock of token nobody.*no such token' \
		ssh-add -s nobody
	refused "a URI of another token" 'no such token' \
		ssh-add -s 'pkcs11:token=nobody'
	refused "a URI of no token" 'serial.*token' ssh-add -s 'pkcs11:id=%01'

	extensions
	echo sesame >"$E2E/password"
	cp "$E2E/pin" "$E2E/pin.kept"
	cp "$E2E/password" "$E2E/pin"
	check "ssh-add -x" ssh-add -x
	check_status "no key is listed" 1 ssh-add -l
	: >"$AGENT_LOG"
	check_status "nothing is signed" 1 use login
	has "... for a reason" "$AGENT_LOG" 'agent is locked; "ssh-add -X"'
	check_status "a token is not unlocked" 1 ssh-add -s $SERIAL
	check_status "ssh-add -x again" 1 ssh-add -x
	has "... has its reason" "$AGENT_LOG" 'lock of the agent.*locked'
	echo wrong >"$E2E/pin"
	check_status "ssh-add -X with a wrong password" 1 ssh-add -X
	has "... has its reason" "$AGENT_LOG" \
		'unlock of the agent.*the password is wrong'
	has_not "... which does not tell it" "$AGENT_LOG" 'sesame'
	cp "$E2E/password" "$E2E/pin"
	check "ssh-add -X" ssh-add -X
	check_status "ssh-add -X again" 1 ssh-add -X
	has "... has its reason" "$AGENT_LOG" \
		'unlock of the agent.*not locked'
	cp "$E2E/pin.kept" "$E2E/pin"
	check "it signs" use login

	check "ssh-add -d" ssh-add -d "$E2E/login.pub"
	refused "what was removed does not sign" \
		'removed with "ssh-add -d"; "ssh-add -s DENK0100000" brings' \
		use login
	refused "... and is not removed twice" 'removal of key .*cannot see' \
		ssh-add -d "$E2E/login.pub"
	check "ssh-add -s brings it back" ssh-add -s $SERIAL
	check "... and it signs" use login

	ssh-keygen -q -t ed25519 -N '' -f "$E2E/file"
	refused "a key in a file is refused" \
		'key from a file.*Upstream in hsm-ssh-agent.conf' \
		ssh-add "$E2E/file"
	agent_stop
}

test $# -eq 0 || { run_part "$1"; exit; }
part use --key p256:login:01 --key p256:ca:02 --key p256:commits:03 \
	--key p256:nothing:04
part names --key p256:login:01 --key p256:ca:0a
for p in unknown forwarded confirm ssh_add; do
	part $p --key p256:login:01 --key p256:ca:02
done
finish
