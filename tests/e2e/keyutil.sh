#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# hsm-keyutil, held against what OpenSC's and OpenSSH's own tools print and
# read for the same keys.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need ssh-keygen openssh-client
need opensc-tool opensc
need openssl openssl
module=
for f in /usr/lib/*/opensc-pkcs11.so /usr/lib*/opensc-pkcs11.so; do
	test -e "$f" && module=$f
done
test -n "$module" || skip_all "no PKCS#11 module (package opensc-pkcs11)"

# An agent of the person who runs the tests is none of our business.
XDG_RUNTIME_DIR=/nonexistent
HOME=/nonexistent
export XDG_RUNTIME_DIR HOME

# refused CODE COMMAND...: it exits so, and prints nothing on stdout.
refused()
{
	want=$1
	shift
	"$@" >"$E2E/stdout" 2>"$E2E/stderr"
	got=$?
	cat "$E2E/stdout" "$E2E/stderr"
	echo "exit $got, expected $want"
	test "$got" -eq "$want" && test ! -s "$E2E/stdout" &&
	    test -s "$E2E/stderr"
}

# same WANTED COMMAND...: its output is that file, byte for byte.
same()
{
	file=$1
	shift
	"$@" >"$E2E/got" && diff "$file" "$E2E/got"
}

# json FILTER COMMAND...
json()
{
	filter=$1
	shift
	"$@" >"$E2E/json" && jq -e "$filter" "$E2E/json"
}

# check_json NAME FILTER COMMAND...
check_json()
{
	title=$1
	shift
	if has_program jq; then
		check "$title" json "$@"
	else
		skip "$title" "jq is missing"
	fi
}

# The PIN state as the card tells it, without SELECT (which logs out).
pin_state()
{
	opensc-tool -c default -s 00:20:00:81 2>/dev/null |
	    sed -n 's/^Received (SW1=0x\(..\), SW2=0x\(..\)).*/\1\2/p'
}

pin_state_is()
{
	got=$(pin_state)
	echo "PIN state $got, expected $1"
	test "$got" = "$1"
}

# What ssh-keygen prints, but for keys on curves SSH does not have: OpenSSH
# up to 9.2 at least writes lines of the type "ssh-unknown" for them.
opensc_keys()
{
	ssh-keygen -D "$module" -e 2>/dev/null | grep -v '^ssh-unknown '
}

blob_of()
{
	"$KEYUTIL" export --format openssh "$1" | cut -d' ' -f1,2
}

every_key_is_pkcs15_tools()
{
	for id in "$@"; do
		pkcs15-tool --read-ssh-key "$id" >"$E2E/want" 2>/dev/null
		"$KEYUTIL" export "$id" | diff "$E2E/want" - || return 1
	done
}

every_listing_is_ssh_keygens()
{
	"$KEYUTIL" export >"$E2E/all.pub"
	ssh-keygen -lf "$E2E/all.pub" >"$E2E/want"
	same "$E2E/want" "$KEYUTIL" export --format fingerprint
}

every_pem_is_ssh_keygens()
{
	for id in "$@"; do
		"$KEYUTIL" export "$id" >"$E2E/one.pub"
		ssh-keygen -e -m PKCS8 -f "$E2E/one.pub" >"$E2E/want"
		same "$E2E/want" "$KEYUTIL" export --format pem "$id" ||
		    return 1
	done
}

every_sshfp_is_ssh_keygens()
{
	for id in "$@"; do
		"$KEYUTIL" export "$id" >"$E2E/one.pub"
		ssh-keygen -r h.example.org -f "$E2E/one.pub" >"$E2E/want"
		same "$E2E/want" "$KEYUTIL" export --format sshfp \
		    --hosts h.example.org "$id" || return 1
	done
}

# ssh-keygen writes who converted the key as comment; we write the label.
every_rfc4716_is_ssh_keygens()
{
	for id in "$@"; do
		"$KEYUTIL" export "$id" >"$E2E/one.pub"
		ssh-keygen -e -m RFC4716 -f "$E2E/one.pub" |
		    grep -v '^Comment: ' >"$E2E/want"
		"$KEYUTIL" export --format rfc4716 "$id" >"$E2E/rfc"
		grep -v '^Comment: ' "$E2E/rfc" | diff "$E2E/want" - ||
		    return 1
		ssh-keygen -i -f "$E2E/rfc" >"$E2E/back"
		test "$(cat "$E2E/back")" = "$(blob_of "$id")" || return 1
	done
}

named_in_every_way()
{
	fp=$(ssh-keygen -lf "$E2E/user.pub" | cut -d' ' -f2)
	for name in user 1a 1A "$fp"; do
		same "$E2E/user.pub" "$KEYUTIL" export "$name" || return 1
	done
}

known_hosts_is_read()
{
	"$KEYUTIL" export --format known_hosts \
	    --hosts 'h.example.org,10.0.0.?' host >"$E2E/kh" &&
	ssh-keygen -F 10.0.0.7 -f "$E2E/kh" | grep -F "$(blob_of host)" &&
	"$KEYUTIL" export --format known_hosts --hosts '*.example.org' --ca \
	    ca >"$E2E/kh" &&
	ssh-keygen -F x.example.org -f "$E2E/kh" | grep 'found: line 1 CA'
}

allowed_signers_is_read()
{
	"$KEYUTIL" export --format allowed_signers \
	    --principals '*@example.org' --namespaces git,file --ca ca \
	    >"$E2E/as" &&
	ssh-keygen -Y match-principals -I a@example.org -f "$E2E/as" |
	    grep -Fx '*@example.org'
}

line_is()
{
	printf '%s\n' "$1" >"$E2E/want"
	shift
	same "$E2E/want" "$KEYUTIL" export "$@"
}

forgeries_are_refused()
{
	nl='
'
	for bad in '' 'a b' 'a"b' "a${nl}b" 'a,,b' '#a' 'a\b'; do
		refused 2 "$KEYUTIL" export --format cert-authority \
		    --principals "$bad" &&
		refused 2 "$KEYUTIL" export --format allowed_signers \
		    --principals "$bad" &&
		refused 2 "$KEYUTIL" export --format allowed_signers \
		    --principals a --namespaces "$bad" &&
		refused 2 "$KEYUTIL" export --format known_hosts \
		    --hosts "$bad" &&
		refused 2 "$KEYUTIL" export --format sshfp \
		    --hosts "$bad" || return 1
	done
	refused 2 "$KEYUTIL" export --format known_hosts --hosts '@revoked'
}

usage_errors()
{
	refused 2 "$KEYUTIL" &&
	refused 2 "$KEYUTIL" frobnicate &&
	refused 2 "$KEYUTIL" help frobnicate &&
	refused 2 "$KEYUTIL" list --nonsense &&
	refused 2 "$KEYUTIL" list --token &&
	refused 2 "$KEYUTIL" list --json --json &&
	refused 2 "$KEYUTIL" list operand &&
	refused 2 "$KEYUTIL" export --format nonsense &&
	refused 2 "$KEYUTIL" export --hosts h &&
	refused 2 "$KEYUTIL" export --format pem --principals a &&
	refused 2 "$KEYUTIL" export --format known_hosts &&
	refused 2 "$KEYUTIL" export --format allowed_signers
}

help_is_there()
{
	"$KEYUTIL" --version | grep '^hsm-keyutil [0-9]' &&
	"$KEYUTIL" help | grep '  export ' &&
	"$KEYUTIL" help export >"$E2E/help" &&
	"$KEYUTIL" export --help | diff "$E2E/help" - &&
	grep -e '--namespaces' "$E2E/help" &&
	! grep -n '.\{80\}' "$E2E/help"
}

list_fits_the_terminal()
{
	"$KEYUTIL" list --all >"$E2E/list" && ! grep -n '.\{81\}' "$E2E/list"
}

order_is_kept()
{
	"$KEYUTIL" export ca user | cut -d' ' -f3 | tr '\n' ' ' |
	    grep -x 'ca user '
}

full_disk_is_noticed()
{
	"$KEYUTIL" export >/dev/full
	test $? -eq 1
}

run_everything()
{
	"$KEYUTIL" status >/dev/null &&
	"$KEYUTIL" status --json >/dev/null &&
	"$KEYUTIL" list --all >/dev/null &&
	"$KEYUTIL" list --json >/dev/null &&
	"$KEYUTIL" export >/dev/null
}

log_in()
{
	printf 'app default { reader_driver pcsc {\n%s\n%s\n%s\n} }\n' \
	    'disconnect_action = leave;' 'transaction_end_action = leave;' \
	    'reconnect_action = leave;' >"$E2E/opensc.conf"
	OPENSC_CONF=$E2E/opensc.conf
	export OPENSC_CONF
	pin=$(printf %s "$PIN" | od -An -tx1 | tr ' ' : | tr -d '\n')
	opensc-tool -c default -s "00:20:00:81:06$pin" >/dev/null 2>&1
}

# The agent holds the card meanwhile: pcscd takes the power from one that
# nobody holds, and a login with it.
login_survives()
{
	agent_start || return 1
	"$KEYUTIL" status >/dev/null	# selects the applet on a fresh card
	log_in
	pin_state_is 9000 && run_everything && pin_state_is 9000 &&
	    says 'a program is logged in' 0 "$KEYUTIL" status
	survived=$?
	agent_stop
	return "$survived"
}

part_keys()
{
	"$KEYUTIL" export user >"$E2E/user.pub"
	"$KEYUTIL" export >"$E2E/all"
	opensc_keys >"$E2E/opensc"
	blob=$(blob_of ca)

	check "status shows the token" says 'DENK0100000 "vhsm"' 0 \
	    "$KEYUTIL" status
	check "status shows the tries" says 'PIN       3 tries left' 0 \
	    "$KEYUTIL" status
	check "status shows the firmware" says 'firmware 3.5' 0 \
	    "$KEYUTIL" status
	check_json "status as JSON" '.readers[0] | .state == "token" and
	    .token.serial == "DENK0100000" and .token.pin_tries == 3 and
	    .token.so_pin_tries == 15 and .token.pin == "needed" and
	    .token.dkek == null and .token.memory_free > 0' \
	    "$KEYUTIL" status --json
	check "list counts what it leaves out" says 'and 3 that SSH cannot' 0 \
	    "$KEYUTIL" list
	check "list --all shows brainpool with the reason" \
	    says 'no keys on the curve brainpoolP256r1' 0 \
	    "$KEYUTIL" list --all
	check "list --all shows secp256k1 with the reason" \
	    says 'no keys on the curve secp256k1' 0 "$KEYUTIL" list --all
	check "list --all shows AES with the reason" \
	    says 'no use for an AES key' 0 "$KEYUTIL" list --all
	check_json "list as JSON" '(.keys | length) == 4 and
	    (.keys[0] | .label == "user" and .id == "1a" and .usable and
	    .type == "RSA-2048" and .reason == null)' "$KEYUTIL" list --json
	check_json "list --all as JSON" '(.keys | length) == 7 and
	    ([.keys[] | select(.usable | not) | .reason | length > 0] |
	    length == 3 and all)' "$KEYUTIL" list --all --json
	check "no line of list is too wide" list_fits_the_terminal

	check "export prints four keys" test "$(wc -l <"$E2E/all")" -eq 4
	check "export is ssh-keygen -D" cmp "$E2E/opensc" "$E2E/all"
	check "export is pkcs15-tool --read-ssh-key" \
	    every_key_is_pkcs15_tools 1a 11 12 13
	check "a key is named by label, id or fingerprint" named_in_every_way
	check "several names print several keys in that order" \
	    order_is_kept
	check "a key that is not there" refused 1 "$KEYUTIL" export nobody
	check "one bad name prints nothing" \
	    refused 1 "$KEYUTIL" export user nobody
	check "a key SSH cannot use is refused with the reason" \
	    says 'brainpoolP256r1' 1 "$KEYUTIL" export bp

	check "fingerprints are ssh-keygen -l" every_listing_is_ssh_keygens
	check "pem is ssh-keygen -e -m PKCS8" \
	    every_pem_is_ssh_keygens 1a 11 12 13
	check "sshfp is ssh-keygen -r" every_sshfp_is_ssh_keygens 1a 11 12 13
	check "rfc4716 is ssh-keygen -e and read by -i" \
	    every_rfc4716_is_ssh_keygens 1a 11 12 13
	check "known_hosts is found by ssh-keygen -F" known_hosts_is_read
	check "allowed_signers is matched by ssh-keygen -Y" \
	    allowed_signers_is_read
	check "cert-authority line" \
	    line_is "cert-authority $blob ca" --format cert-authority ca
	check "cert-authority line with principals" \
	    line_is "cert-authority,principals=\"a,b\" $blob ca" \
	    --format cert-authority --principals a,b ca
	check "known_hosts line" line_is "h,!i $blob ca" \
	    --format known_hosts --hosts 'h,!i' ca
	check "known_hosts line of a CA" \
	    line_is "@cert-authority *.h $blob ca" \
	    --format known_hosts --hosts '*.h' --ca ca
	check "allowed_signers line" line_is "a@h $blob ca" \
	    --format allowed_signers --principals a@h ca
	check "allowed_signers line with all options" \
	    line_is "a@h cert-authority,namespaces=\"git\" $blob ca" \
	    --format allowed_signers --principals a@h --namespaces git \
	    --ca ca
	check "no name can forge a line" forgeries_are_refused
	check "usage errors exit 2" usage_errors
	check "help and version" help_is_there
	check "a full disk is noticed" full_disk_is_noticed
	check "a token that is not there exits 3" \
	    refused 3 "$KEYUTIL" list --token DENK9999999

	run_everything
	check "no PIN try was spent" pin_state_is 63C3
	check "nobody else is logged out" login_survives
}

# Keys as other tools, and accidents, leave them.
part_odd()
{
	vhsmctl delete-file CE01 >/dev/null	# "lost"
	vhsmctl delete-file C402 >/dev/null	# "nameless"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -keyout "$E2E/key.pem" -outform DER -out "$E2E/cert.der" \
	    -subj /CN=x -days 9 2>/dev/null
	pkcs11-tool --module "$module" --login --pin "$PIN" \
	    --write-object "$E2E/cert.der" --type cert --id 33 \
	    --label certified >/dev/null 2>&1
	openssl x509 -inform DER -in "$E2E/cert.der" -noout -pubkey \
	    >"$E2E/cert.pub.pem"

	check "a key without public part is listed with the reason" \
	    says 'its public part is not on the token' 0 \
	    "$KEYUTIL" list --all
	check "its label is shown" says 'lost ' 0 "$KEYUTIL" list --all
	check "a key without description is there by its reference" \
	    says 'ecdsa-sha2-nistp256' 0 "$KEYUTIL" export 02
	opensc_keys >"$E2E/opensc"
	check "a key with an X.509 certificate is ssh-keygen -D" \
	    same "$E2E/opensc" "$KEYUTIL" export 33
	check "and its key is the certificate's" same "$E2E/cert.pub.pem" \
	    "$KEYUTIL" export --format pem 33
}

part_many()
{
	i=4
	while [ "$i" -le 60 ]; do
		vhsmctl generate p256 "key number $i" >/dev/null
		i=$((i + 1))
	done
	"$KEYUTIL" export >"$E2E/all"
	opensc_keys >"$E2E/opensc"
	check "sixty keys are sixty lines" \
	    test "$(wc -l <"$E2E/all")" -eq 60
	check "sixty keys are ssh-keygen -D" cmp "$E2E/opensc" "$E2E/all"
	check_json "sixty keys as JSON" '(.keys | length) == 60' \
	    "$KEYUTIL" list --json
}

a_wait_is_explained()
{
	vhsmctl delay 3500 58 >/dev/null	# ENUMERATE OBJECTS
	says 'another program may be using it' 0 "$KEYUTIL" list
}

part_short()
{
	"$KEYUTIL" export >"$E2E/all"
	check "export on a reader without extended length" \
	    test "$(wc -l <"$E2E/all")" -eq 3
	check "status on a reader without extended length" \
	    says 'PIN       3 tries left' 0 "$KEYUTIL" status
	check "a long wait is explained" a_wait_is_explained
}

two_tokens_are_exported()
{
	"$KEYUTIL" export >"$E2E/all" && test "$(wc -l <"$E2E/all")" -eq 3
}

one_token_is_exported()
{
	"$KEYUTIL" export --token DENK0100001 >"$E2E/one" &&
	    test "$(wc -l <"$E2E/one")" -eq 1 &&
	    line_is "$(cat "$E2E/one")" --token DENK0100001 twin
}

the_other_is_still_shown()
{
	vhsmctl -t 0 fail 8 6F00 >/dev/null	# ENUMERATE OBJECTS
	"$KEYUTIL" export >"$E2E/stdout" 2>"$E2E/stderr"
	got=$?
	cat "$E2E/stdout" "$E2E/stderr"
	echo "exit $got"
	test "$got" -eq 1 && test "$(wc -l <"$E2E/stdout")" -eq 1 &&
	    test -s "$E2E/stderr"
}

part_two()
{
	vhsmctl -t 1 generate p256 twin >/dev/null
	check "export takes the keys of all tokens" two_tokens_are_exported
	check "--token takes one by its serial number" one_token_is_exported
	check "a label of two tokens is refused, with the candidates" \
	    says 'DENK0100001 "vhsm"' 1 "$KEYUTIL" list --token vhsm
	check "a name of two keys is refused, with the candidates" \
	    says 'on token DENK0100001' 1 "$KEYUTIL" export twin
	check "status shows both" says 'DENK0100001' 0 "$KEYUTIL" status
	check_json "list shows both" '[.keys[].token] | unique | length == 2' \
	    "$KEYUTIL" list --json
	check "a broken token hides no other" the_other_is_still_shown
}

part_foreign()
{
	check "a foreign card hides no token" says 'user' 0 "$KEYUTIL" list
	check "status names it" says 'not a SmartCard-HSM' 0 \
	    "$KEYUTIL" status
}

part_only_foreign()
{
	check "a wrong card exits 3 and says so" \
	    says 'not a SmartCard-HSM' 3 "$KEYUTIL" list
}

part_fresh()
{
	check "a token that was never initialised" \
	    says 'not initialised' 0 "$KEYUTIL" status
	check "has no keys" says 'no keys for SSH' 0 "$KEYUTIL" list
	check "and nothing to export" refused 1 "$KEYUTIL" export
}

part_pulled()
{
	vhsmctl pull >/dev/null
	wait_for 10 says 'no card' 3 "$KEYUTIL" list
	check "an empty reader exits 3 and says so" \
	    says 'no card in "Virtual' 3 "$KEYUTIL" list
	check "export from it prints nothing" refused 3 "$KEYUTIL" export
	check "status still shows the reader" \
	    says 'none: no card in this reader' 3 "$KEYUTIL" status
}

part_no_reader()
{
	check "no reader exits 3 and says what to do" \
	    says 'plug the token in' 3 "$KEYUTIL" list
	check "export without a reader prints nothing" \
	    refused 3 "$KEYUTIL" export
}

part_no_pcscd()
{
	PCSCLITE_CSOCK_NAME=$E2E/nobody
	export PCSCLITE_CSOCK_NAME
	check "no pcscd exits 3 and says what to do" \
	    says 'pcscd' 3 "$KEYUTIL" list
	check "status without pcscd still tells of the agent" \
	    says 'Agent ' 3 "$KEYUTIL" status
}

another_agent()
{
	ssh-agent "$KEYUTIL" status >"$E2E/said" 2>&1
	cat "$E2E/said"
	grep -F 'leads to another agent' "$E2E/said"
}

# Started by a service, the agent is at a place that the shell may not know.
start_at_default_socket()
{
	unset SSH_AUTH_SOCK
	XDG_RUNTIME_DIR=$E2E
	export XDG_RUNTIME_DIR
	: >"$E2E/agent.out"
	"$AGENT" -d </dev/null >"$E2E/agent.out" 2>"$AGENT_LOG" &
	# shellcheck disable=SC2034	# lib.sh ends it
	agent_pid=$!
	wait_for 20 agent_up
}

sign_something()
{
	ssh-add -L | head -n 1 >"$E2E/any.pub"
	echo text | ssh-keygen -q -Y sign -n file -f "$E2E/any.pub"
}

part_agent()
{
	check "no SSH_AUTH_SOCK is said" \
	    says 'SSH_AUTH_SOCK is not set' 0 "$KEYUTIL" status
	check "another agent is told apart" another_agent
	check "nobody at SSH_AUTH_SOCK is said" says 'nobody listens' 0 \
	    env SSH_AUTH_SOCK="$E2E/nobody" "$KEYUTIL" status
	check_json "no agent as JSON" '.agent.running == false and
	    (.agent.note | length) > 0' "$KEYUTIL" status --json

	agent_start || return
	check "status shows what the agent holds" wait_for 10 \
	    says ': locked, 1 key' 0 "$KEYUTIL" status
	check "signing works" sign_something
	check "status shows that it is unlocked" \
	    says ': unlocked, 1 key' 0 "$KEYUTIL" status
	check "keyutil does not log the agent out" run_everything
	echo 000000 >"$E2E/pin"
	check "it signs again, without a PIN" sign_something
	check_json "the agent as JSON" '.agent | .running and .in_use and
	    .pid > 0 and .tokens[0].serial == "DENK0100000" and
	    .tokens[0].state == "unlocked" and .tokens[0].keys == 1 and
	    .refusals == []' "$KEYUTIL" status --json
	agent_stop

	start_at_default_socket
	check "an agent at the default socket is found" \
	    says "socket $E2E/hsm-ssh-agent/agent.sock" 0 "$KEYUTIL" status
	check "and status says that ssh does not use it" \
	    says 'not used by ssh here' 0 "$KEYUTIL" status
	agent_stop
}

test $# -eq 0 || { run_part "$1"; exit; }
part keys --key rsa2048:user:1a --key p256:ca:11 --key p384:host:12 \
	--key p521:git:13 --key brainpoolP256r1:bp --key secp256k1:coin \
	--key aes256:sym
part odd --key rsa2048:lost:31 --key p256:nameless --key p256:cert:33
part many --key rsa2048:one --key p384:two --key p521:three
part short --key rsa2048:user --key p256:ca --key p521:git
part two --tokens 2 --key p256:user --key p256:twin
part foreign --foreign --key p256:user
part only_foreign --tokens 0 --foreign
part fresh --fresh
part pulled --key p256:user
part agent --key p256:user
bare_part no_pcscd
if "$WITH_VHSM" --tokens 0 true 2>/dev/null; then
	part no_reader --tokens 0
else
	skip "no reader exits 3" "with-vhsm takes no --tokens 0 yet"
fi
finish
