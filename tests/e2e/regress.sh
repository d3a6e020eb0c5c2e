#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What OpenSSH's regress scripts hold an agent to, of keys in a token.  Each
# part has the name of the script agent-NAME.sh; openssh-regress.sh runs
# those that can be run as they are.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need ssh openssh-client
need sshd openssh-server

SERIAL=DENK0100000
KEYS='ec rsa'

is_listed()
{
	ssh-add -L 2>/dev/null | cut -d' ' -f1,2 |
		grep -qxF -e "$(cut -d' ' -f1,2 "$1")"
}

# listed SENTENCE NAME...: these of the keys, and no others.
listed()
{
	e2e_what=$1 e2e_seen=''
	shift
	for k in $KEYS; do
		is_listed "$E2E/$k.pub" && e2e_seen="$e2e_seen $k"
	done
	is "$e2e_what" "$e2e_seen" "${*:+ }$*"
}

sign()
{
	ssh-add -T "$E2E/$1.pub"
}

logged_out()
{
	test "$(vhsmctl send 00200081)" != 9000
}

part_agent()
{
	check_status "ssh-add -l without an agent: 2" 2 \
		env SSH_AUTH_SOCK="$E2E/none" ssh-add -l
	agent_start || return
	check "ssh-add -l with keys: 0" ssh-add -l
	save_keys
	sshd_make any
	sshd_lets any "$E2E/ec.pub" "$E2E/rsa.pub"
	for k in $KEYS; do
		check "ssh logs in with $k" login_with any "$E2E/$k.pub"
	done
	check "ssh-add -l over a forwarded agent" run_ssh -A \
		-i "$E2E/ec.pub" any ssh-add -l

	check "ssh-add -d removes a key by its file" ssh-add -d "$E2E/ec.pub"
	listed "it is gone, the other is there" rsa
	check_status "it cannot be removed again" 1 ssh-add -d "$E2E/ec.pub"
	check_status "it does not sign" 1 sign ec
	check "the other signs" sign rsa
	remove_by_stdin rsa
	check_status "ssh-add -l without keys: 1" 1 ssh-add -l
	check "ssh-add -s brings them back" ssh-add -s $SERIAL
	listed "all of them" ec rsa

	check "ssh-add -D locks the token" ssh-add -D
	check "nobody is logged in" logged_out
	listed "its keys stay in the list" ec rsa
	check "ssh-add -D with nothing to lock" ssh-add -D
	: >"$E2E/prompts"
	check "the next signature" sign ec
	is "asks for the PIN, once" "$(prompts)" 1
	agent_stop
}

remove_by_stdin()
{
	if ssh-add -d - <"$E2E/$1.pub" >"$E2E/out" 2>&1; then
		pass "ssh-add -d - removes a key by standard input"
	else
		fail "ssh-add -d - removes a key by standard input"
		show "$E2E/out"
	fi
}

part_subprocess()
{
	# shellcheck disable=SC2016	# for the inner one
	check "a command runs under the agent" "$AGENT" sh -c \
		'ssh-add -l && echo $SSH_AGENT_PID >"$E2E/pid"'
	check "the agent ends soon after it" \
		wait_for 12 gone "$(cat "$E2E/pid")"
}

# A directory that another user can reach; the token he cannot.
open_directory()
{
	test "$(id -u)" -eq 0 || {
		skip "$1" "only root can be another user"
		return 1
	}
	OPEN=$(mktemp -d)
	trap 'agent_kill; rm -rf "$OPEN"' EXIT
	chmod 755 "$OPEN"
}

# In a subshell: it becomes the command.
as_nobody()
{
	exec setpriv --reuid nobody --regid nogroup --clear-groups \
		env -i PATH="$PATH" HOME="$OPEN/home" LC_ALL=C \
		XDG_RUNTIME_DIR="$OPEN/home" SSH_AUTH_SOCK="$SSH_AUTH_SOCK" \
		PCSCLITE_CSOCK_NAME="$OPEN/none" "$@"
}

part_getpeereid()
{
	open_directory "another user is refused" || return
	agent_start -a "$OPEN/sock" || return
	SSH_AUTH_SOCK=$OPEN/sock
	chmod 666 "$SSH_AUTH_SOCK"
	check "who started the agent is served" ssh-add -l
	( as_nobody test -w "$SSH_AUTH_SOCK" )
	is "another user may open its socket" $? 0
	# ssh-add says that, or dies of SIGPIPE; "no identities" is an answer.
	( as_nobody ssh-add -l ) >"$E2E/theirs" 2>&1
	is "but is not served" "$? $(grep -Ec 'SHA256|no identities' \
		"$E2E/theirs")" "$(test -s "$E2E/theirs" && echo 1 || echo 141) 0"
	check "who started it still is" ssh-add -l
	agent_stop
}

# attach PID: another process of the same user does.
attach()
{
	( as_nobody gdb -p "$1" -batch ) >"$E2E/gdb" 2>&1 </dev/null
}

not_permitted='ptrace: Operation not permitted'

part_ptrace()
{
	has_program gdb || { skip "gdb cannot attach" "gdb is missing"; return; }
	open_directory "gdb cannot attach" || return
	mkdir "$OPEN/home"
	chown nobody "$OPEN/home"
	cp "$AGENT" "$OPEN/agent"
	as_nobody sleep 60 >/dev/null &
	sleeper=$!
	wait_for 10 in_file "/proc/$sleeper/comm" sleep
	attach $sleeper
	kill $sleeper
	if grep -q "$not_permitted" "$E2E/gdb"; then
		skip "gdb cannot attach" "it cannot attach to anything here"
		return
	fi
	( as_nobody "$OPEN/agent" -a "$OPEN/home/sock" ) >"$E2E/out" \
		2>"$E2E/err"
	agent_adopt "$E2E/out" || { fail "it starts"; show "$E2E/err"; return; }
	# shellcheck disable=SC2154	# agent_adopt sets agent_pid
	attach "$agent_pid"
	has "gdb of the same user cannot attach" "$E2E/gdb" "$not_permitted"
	agent_dismiss
}

part_timeout()
{
	agent_start || return
	save_keys
	check "ssh-add -t 2 -s unlocks" ssh-add -t 2 -s $SERIAL
	: >"$E2E/prompts"
	check "it signs" sign ec
	is "without another question" "$(prompts)" 0
	check "some seconds later nobody is logged in" wait_for 10 logged_out
	listed "the keys stay in the list" ec rsa
	check "the next signature" sign ec
	is "asks for the PIN, once" "$(prompts)" 1
	check "ssh-add -s without -t" ssh-add -s $SERIAL
	check "ssh-add -t 1h -s" ssh-add -t 1h -s $SERIAL
	check "it signs" sign rsa
	agent_stop
}

part_pkcs11()
{
	module=$(realpath /usr/lib/*/opensc-pkcs11.so | head -n 1)
	test -e "$module" || {
		skip "a token by the path of a module" "OpenSC is missing"
		return
	}
	agent_start || return
	save_keys
	sshd_make any
	check "ssh-add -s MODULE" ssh-add -s "$module"
	: >"$E2E/prompts"
	listed "its keys are listed" ec rsa
	for k in $KEYS; do
		check "ssh-add -T with $k" sign "$k"
		sshd_lets any "$E2E/$k.pub"
		check_status "ssh with $k, and the status of the command" 5 \
			run_ssh -i "$E2E/$k.pub" any 'exit 5'
	done
	check "ssh-add -e MODULE" ssh-add -e "$module"
	check_status "ssh-add -e MODULE, once more" 1 ssh-add -e "$module"
	is "no PIN was asked for meanwhile" "$(prompts)" 0
	check_status "a module that is not there" 1 ssh-add -s "$module.none"
	check "ssh-add -s with a URI" ssh-add -s "pkcs11:serial=$SERIAL"
	check "it signs" sign ec
	check "ssh-add -e with one" ssh-add -e "pkcs11:serial=$SERIAL"
	check_status "a URI of another token" 1 \
		ssh-add -s 'pkcs11:serial=DENK0999999'
	agent_stop
}

# with_certs ARGUMENT...: the answer to a token with certificates.
with_certs()
{
	$python -B "$srcdir/tests/e2e/add-token.py" "$@" 2>&1
}

part_pkcs11_cert()
{
	python=/usr/bin/python3
	$python -c 'import cryptography' 2>/dev/null || {
		skip "certificates for keys of a token" \
			"python3-cryptography is missing"
		return
	}
	agent_start || return
	save_keys
	mkdir "$E2E/certs"
	ssh-keygen -q -t ed25519 -N '' -C ca -f "$E2E/certs/ca"
	ssh-keygen -q -t ecdsa -N '' -C other -f "$E2E/certs/other"
	cp "$E2E/ec.pub" "$E2E/rsa.pub" "$E2E/certs"
	( cd "$E2E/certs" && ssh-keygen -q -s ca -I all -n "$(id -un)" \
		-V +1h ec.pub rsa.pub other.pub )
	for k in ec rsa other; do
		cp "$E2E/certs/$k-cert.pub" "$E2E/$k.cert.pub"
	done
	sshd_make trusting "TrustedUserCAKeys $E2E/certs/ca.pub"
	KEYS='ec rsa ec.cert rsa.cert other.cert'
	listed "no certificate at first" ec rsa

	is "a token with two certificates is added" "$(with_certs "$E2E/pin" \
		$SERIAL "$E2E/ec.cert.pub" "$E2E/rsa.cert.pub" \
		"$E2E/other.cert.pub")" 6
	listed "keys and certificates are listed" ec rsa ec.cert rsa.cert
	cert_login
	is "the same with certificates only" "$(with_certs --certs-only \
		"$E2E/pin" $SERIAL "$E2E/ec.cert.pub" "$E2E/rsa.cert.pub")" 6
	listed "certificates alone are listed" ec.cert rsa.cert
	cert_login
	is "certificates only, and none that fits" "$(with_certs \
		--certs-only "$E2E/pin" $SERIAL "$E2E/other.cert.pub")" 5
	is "none that fits, but the keys" "$(with_certs "$E2E/pin" $SERIAL \
		"$E2E/other.cert.pub")" 6
	listed "keys alone are listed" ec rsa
	check "ssh-add -s without certificates" ssh-add -s $SERIAL
	listed "leaves the keys" ec rsa
	agent_stop
}

cert_login()
{
	for k in ec rsa; do
		check "ssh logs in by the agent's certificate for $k" \
			login_with trusting "$E2E/$k.cert.pub"
		has "sshd saw that ($k)" "$E2E/sshd-trusting/log" \
			'Accepted publickey .*-CERT'
	done
}

# constrain ARGUMENT...: the token, by hosts of known_hosts.
constrain()
{
	check "ssh-add $* -s" ssh-add -H "$E2E/known_hosts" "$@" -s $SERIAL
}

opens()
{
	check "$1 opens: $2" login_with "$2" "$E2E/ec.pub"
}

stays_shut()
{
	check_status "$1 leaves shut: $2" 1 login_with "$2" "$E2E/ec.pub"
}

# From host to host; what the agent shows on the way is in $E2E/seen.
write_hop()
{
	cat >"$E2E/hop" <<EOF
#!/bin/sh
ssh-add -l >/dev/null 2>&1
echo \$? >>"$E2E/seen"
test \$# -gt 0 || exit 54
to=\$1
shift
exec ssh -A -F "$E2E/ssh_config" -o UserKnownHostsFile="$E2E/known_hosts" \
	-o StrictHostKeyChecking=yes -o BatchMode=yes -o IdentitiesOnly=yes \
	-i "$E2E/ec.pub" "\$to" "$E2E/hop" "\$@"
EOF
	chmod +x "$E2E/hop"
}

# over SENTENCE STATUS SEEN HOST...: 54 when it arrives.
over()
{
	e2e_what=$1 e2e_want=$2 e2e_seen=$3
	shift 3
	: >"$E2E/seen"
	check_status "$e2e_what" "$e2e_want" "$E2E/hop" "$@"
	is "... the keys are listed where they may be used" \
		"$(tr -d '\n' <"$E2E/seen")" "$e2e_seen"
}

part_restrict()
{
	agent_start || return
	save_keys
	me=$(id -un)
	for h in a b c; do
		sshd_make $h
		sshd_lets $h "$E2E/ec.pub"
	done
	write_hop
	check "ssh-add -s without constraints" ssh-add -s $SERIAL
	opens "it" b
	over "from a to b, and to c" 54 0000 a b c

	constrain -h a
	opens "-h a" a
	stays_shut "-h a" b
	check_status "it signs nothing else" 1 sign ec
	check_status "no file" 255 ssh-keygen -Y sign -n file \
		-f "$E2E/ec.pub" "$E2E/ec.pub"
	over "not even on from a" 255 01 a b
	for user in "$me" '*'; do
		constrain -h "$user@a"
		opens "-h $user@a" a
	done
	constrain -h '--BADUSER@a'
	stays_shut "another user" a

	constrain -h a -h 'a>b'
	over "-h a -h 'a>b': from a to b" 54 001 a b
	over "not from there to c" 255 001 a b c
	stays_shut "-h 'a>b' without the way over a" b
	constrain -h a -h "a>$me@b"
	over "the same for the user" 54 001 a b
	constrain -h a -h 'a>--BADUSER@b'
	over "not for another user" 255 00 a b
	constrain -h a -h 'a>b' -h 'b>c'
	over "round in a circle where that is not allowed" 255 000 a b a
	constrain -h a -h 'a>b' -h 'b>a' -h 'a>a' -h 'a>c'
	over "round in circles where that is allowed" 54 000001 a b a a c
	by_host_certificate
	agent_stop
}

# Names are those of certificates where a CA vouches for the hosts.
by_host_certificate()
{
	ssh-keygen -q -t ed25519 -N '' -f "$E2E/host-ca"
	for h in d e; do
		sshd_make $h "HostCertificate $E2E/sshd-$h/key-cert.pub"
		sshd_lets $h "$E2E/ec.pub"
		ssh-keygen -q -s "$E2E/host-ca" -I $h -h -n $h \
			"$E2E/sshd-$h/key.pub"
	done
	grep -v '^[de] ' "$E2E/known_hosts" >"$E2E/known.new"
	echo "@cert-authority * $(cat "$E2E/host-ca.pub")" >>"$E2E/known.new"
	mv "$E2E/known.new" "$E2E/known_hosts"
	constrain -h d
	opens "-h d" d
	stays_shut "-h d, of the same CA" e
}

test $# -eq 0 || { run_part "$1"; exit; }
for name in agent subprocess getpeereid ptrace timeout pkcs11 pkcs11_cert \
    restrict; do
	part $name --key p256:ec:01 --key rsa2048:rsa:02
done
finish
