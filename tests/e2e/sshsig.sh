#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Signatures of files and of git commits, an sshd whose host key is in the
# HSM, and whether ssh-keygen and lib/ssh/sshsig believe each other.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need ssh-keygen openssh-client
need sshd openssh-server

verify()
{
	ssh-keygen -Y verify -f "$E2E/allowed" -I "$1" -n "$2" -s "$3" <"$4"
}

# one_key NAME [OPTION...]: signs a file; the others' keys do not fit.
one_key()
{
	name=$1
	shift
	head -c 100000 /dev/urandom >"$E2E/$name.file"
	check "ssh-keygen -Y sign with $name $*" ssh-keygen -Y sign \
		-f "$E2E/$name.pub" -n file "$@" "$E2E/$name.file"
	check "-Y verify accepts it ($name $*)" verify "$name@example.org" \
		file "$E2E/$name.file.sig" "$E2E/$name.file"
	check_status "but not for another namespace ($name $*)" 255 verify \
		"$name@example.org" git "$E2E/$name.file.sig" \
		"$E2E/$name.file"
	echo >>"$E2E/$name.file"
	check_status "nor for another file ($name $*)" 255 verify \
		"$name@example.org" file "$E2E/$name.file.sig" \
		"$E2E/$name.file"
	rm "$E2E/$name.file.sig"
}

part_files()
{
	agent_start || return
	save_keys
	for k in rsa p256 p384 p521; do
		echo "$k@example.org $(cat "$E2E/$k.pub")"
	done >"$E2E/allowed"
	for k in rsa p256 p384 p521; do
		one_key $k
	done
	one_key rsa -O hashalg=sha256
	one_key p256 -O hashalg=sha256
	has "the log names the namespace" "$AGENT_LOG" \
		'signed SSHSIG.*namespace file.*key rsa'
	is "the PIN was asked for once" "$(prompts)" 1

	# A certificate of the CA in the HSM speaks for the key.
	ssh-keygen -q -t ed25519 -N '' -f "$E2E/carol"
	check "ssh-keygen -Us certifies a signer" ssh-keygen -q \
		-Us "$E2E/p256.pub" -I carol -n carol@example.org -V +1h \
		"$E2E/carol.pub"
	echo "*@example.org cert-authority $(cat "$E2E/p256.pub")" \
		>"$E2E/allowed"
	echo text >"$E2E/text"
	ssh-keygen -q -Y sign -f "$E2E/carol-cert.pub" -n file \
		"$E2E/text" 2>"$E2E/out"
	check "allowed_signers believes its certificate" verify \
		carol@example.org file "$E2E/text.sig" "$E2E/text"
	agent_stop
}

in_repository()
{
	git -C "$E2E/repository" "$@"
}

part_git()
{
	has_program git || {
		skip "git signs commits" "git is missing"
		return
	}
	agent_start || return
	save_keys
	echo "a@example.org $(cat "$E2E/ec.pub")" >"$E2E/allowed"
	echo "a@example.org namespaces=\"git\" $(cat "$E2E/rsa.pub")" \
		>>"$E2E/allowed"
	git -c init.defaultBranch=main init -q "$E2E/repository"
	in_repository config user.name A
	in_repository config user.email a@example.org
	in_repository config gpg.format ssh
	in_repository config gpg.ssh.allowedSignersFile "$E2E/allowed"
	for k in ec rsa; do
		in_repository config user.signingKey "$E2E/$k.pub"
		check "git commit -S with $k" in_repository commit -q -S \
			--allow-empty -m "by $k"
		check "git verify-commit accepts it ($k)" \
			in_repository verify-commit HEAD
		has "by that key ($k)" "$E2E/out" \
			"Good \"git\" signature for a@example.org with .*$(
			pattern_of "$E2E/$k.pub")"
		check "git tag -s with $k" in_repository tag -s -m "$k" "$k"
		check "git verify-tag accepts it ($k)" \
			in_repository verify-tag "$k"
	done
	# git may also name the key itself and look in the agent for it.
	in_repository config user.signingKey "key::$(cat "$E2E/ec.pub")"
	check "git commit -S with a literal key" in_repository commit -q -S \
		--allow-empty -m literal
	check "git verify-commit accepts that" in_repository verify-commit \
		HEAD
	in_repository cat-file commit HEAD | sed 's/^literal/forged/' \
		>"$E2E/forged"
	forged=$(in_repository hash-object -t commit -w "$E2E/forged")
	check_status "git verify-commit refuses a forged one" 1 \
		in_repository verify-commit "$forged"
	is "the PIN was asked for once" "$(prompts)" 1
	agent_stop
}

# host NAME: an sshd that has its host key NAME in the HSM.
host()
{
	sshd_make "host-$1" "HostKeyAgent $SSH_AUTH_SOCK" \
		"HostKey $E2E/$1.pub"
	# Only the one in the HSM; the line of the file goes.
	sed "/^HostKey .*sshd-host-$1/d" "$E2E/sshd-host-$1/config" \
		>"$E2E/config.new"
	mv "$E2E/config.new" "$E2E/sshd-host-$1/config"
	sshd_lets "host-$1" "$E2E/someone.pub"
	grep -v "^host-$1 " "$E2E/known_hosts" >"$E2E/known.new"
	echo "host-$1 $(cut -d' ' -f1,2 "$E2E/$1.pub")" >>"$E2E/known.new"
	mv "$E2E/known.new" "$E2E/known_hosts"
}

part_host_key()
{
	configure 'Use host'
	agent_start || return
	save_keys
	ssh-keygen -q -t ed25519 -N '' -f "$E2E/someone"
	for k in p256 rsa p521; do
		host $k
		check "sshd proves itself with host key $k of the HSM" \
			login_with host-$k "$E2E/someone"
		has "it was that key ($k)" "$E2E/ssh.trace" \
			"Server host key: .* $(pattern_of "$E2E/$k.pub")"
	done
	echo "host-p256 $(cut -d' ' -f1,2 "$E2E/p521.pub")" \
		>"$E2E/known_hosts"
	check_status "a client that knows another key is not taken in" 1 \
		login_with host-p256 "$E2E/someone"
	has "the log says that it was a host's signature" "$AGENT_LOG" \
		'signed host key exchange'
	agent_stop
}

# no_good SENTENCE NAMESPACE FILE: that is not what $E2E/sig is of.
no_good()
{
	if judge_check "$2" "$E2E/sig" "$3" >"$E2E/out" 2>&1; then
		fail "$1"
	else
		has "$1" "$E2E/out" 'namespace|signature is wrong'
	fi
}

judge_check()
{
	"$HELPERS/sshsig-judge" check "$1" "$2" <"$3"
}

# believed NAME FILE...: ssh-keygen signs it with this key, and we believe it.
believed()
{
	name=$1
	rm -f "$E2E/message.sig"
	ssh-keygen -q -Y sign -n file -f "$E2E/$name" "$E2E/message" \
		>"$E2E/out" 2>&1
	mv "$E2E/message.sig" "$E2E/sig"
	fp=$(ssh-keygen -l -f "$E2E/$name.pub")
	fp=${fp#* }
	is "a signature by ssh-keygen's $name is believed" \
		"$(judge_check file "$E2E/sig" "$E2E/message" 2>&1)" \
		"${fp%% *}"
	no_good "but not of another namespace ($name)" git "$E2E/message"
	no_good "nor of another file ($name)" file "$E2E/other"
}

# made TYPE HASH NAMESPACE: we sign, and ssh-keygen believes it.
made()
{
	"$HELPERS/sshsig-judge" sign "$1" "$2" "$3" "$E2E/made.pub" \
		<"$E2E/message" >"$E2E/sig" 2>"$E2E/out" || return
	echo "a@example.org $(cat "$E2E/made.pub")" >"$E2E/allowed"
	verify a@example.org "$3" "$E2E/sig" "$E2E/message" &&
		! verify a@example.org "$3" "$E2E/sig" "$E2E/other"
}

part_forms()
{
	echo 'The message.' >"$E2E/message"
	echo 'Another.' >"$E2E/other"
	set -- ed25519 ecdsa:256 ecdsa:384 ecdsa:521 rsa:2048
	SSH_SK_PROVIDER=/usr/lib/openssh/regress/misc/sk-dummy/sk-dummy.so
	export SSH_SK_PROVIDER
	if test -e $SSH_SK_PROVIDER; then
		set -- "$@" ed25519-sk ecdsa-sk
	else
		skip "security keys sign" "no sk-dummy.so (openssh-tests)"
	fi
	for k in "$@"; do
		case $k in
		*:*)	ssh-keygen -q -t "${k%:*}" -b "${k#*:}" -N '' \
				-f "$E2E/$k" ;;
		*)	ssh-keygen -q -t "$k" -N '' -f "$E2E/$k" ;;
		esac >"$E2E/out" 2>&1 </dev/null
		believed "$k"
	done
	for k in ed25519 rsa-sha256 rsa-sha512 p256 p384 p521; do
		check "ssh-keygen believes what we sign with $k (SHA-512)" \
			made $k sha512 file
		check "ssh-keygen believes what we sign with $k (SHA-256)" \
			made $k sha256 'a name@example.org'
	done
	# One of these fills its last line; the form is ssh-keygen's in all.
	ns=0123456789012345678901234567890123
	for more in 4 5 6 7 8 9 0 1; do
		ns=$ns$more
		check "ssh-keygen reads an armour of any length (${#ns})" \
			made ed25519 sha512 $ns
	done
}

test $# -eq 0 || { run_part "$1"; exit; }
part files --key rsa2048:rsa:01 --key p256:p256:02 --key p384:p384:03 \
	--key p521:p521:04
part git --key p256:ec:01 --key rsa2048:rsa:02
part host_key --key p256:p256:01 --key rsa2048:rsa:02 --key p521:p521:03
bare_part forms
finish
