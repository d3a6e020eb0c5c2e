#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The main job: log in to a real sshd with keys that stay in the HSM.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need ssh openssh-client
need sshd openssh-server

# listed NAME TYPE BITS: ssh-add -l and -L agree with ssh-keygen.
listed()
{
	check "ssh-add -L prints key $1 as $2" \
		grep -Eqx "$2 [A-Za-z0-9+/=]+ $1" "$E2E/listing"
	is "ssh-add -l shows $1 with its bits and fingerprint" \
		"$(grep " $1 (" "$E2E/short")" \
		"$(ssh-keygen -lf "$E2E/$1.pub")"
	has "key $1 has $3 bits" "$E2E/short" "^$3 SHA256:.* $1 \("
}

used_algorithm()
{
	sed -n 's/.*sign_and_send_pubkey: signing using \([^ ]*\) .*/\1/p' \
		"$E2E/ssh.trace"
}

part_login()
{
	agent_start || return
	check "ssh-add -L lists the keys" save_keys
	ssh-add -l >"$E2E/short"
	is "every key is listed once" "$(wc -l <"$E2E/listing")" 4
	listed rsa ssh-rsa 2048
	listed p256 ecdsa-sha2-nistp256 256
	listed p384 ecdsa-sha2-nistp384 384
	listed p521 ecdsa-sha2-nistp521 521
	is "listing asks for no PIN" "$(prompts)" 0

	for k in rsa p256 p384 p521; do
		check "ssh-add -T accepts a signature of $k" \
			ssh-add -T "$E2E/$k.pub"
	done
	is "the PIN is asked for once" "$(prompts)" 1

	sshd_make any
	sshd_lets any "$E2E/p256.pub" "$E2E/p384.pub" "$E2E/p521.pub"
	for k in p256 p384 p521; do
		check "ssh logs in with $k" login_with any "$E2E/$k.pub"
		is "sshd let $k in by its fingerprint" \
			"$(accepted any)" "ECDSA $(fingerprint "$E2E/$k.pub")"
	done
	check_status "sshd refuses a key it was not told of" 1 \
		login_with any "$E2E/rsa.pub"
	for alg in rsa-sha2-512 rsa-sha2-256; do
		sshd_make $alg "PubkeyAcceptedAlgorithms $alg"
		sshd_lets $alg "$E2E/rsa.pub"
		check "ssh logs in with RSA by $alg" \
			login_with $alg "$E2E/rsa.pub" \
			-o PubkeyAcceptedAlgorithms=$alg
		is "the signature asked for was $alg" "$(used_algorithm)" $alg
	done
	check "ssh finds the right one of all keys by itself" \
		login_with any "$E2E/p384.pub" -o IdentitiesOnly=no -i none
	is "the PIN was never asked for again" "$(prompts)" 1
	agent_stop
}

# From the first server to the second, with nothing but the agent.
part_forward()
{
	agent_start || return
	save_keys
	sshd_make first
	sshd_make second
	sshd_lets first "$E2E/one.pub"
	sshd_lets second "$E2E/two.pub"
	cat >"$E2E/hop" <<EOF
#!/bin/sh
test "\$SSH_AUTH_SOCK" != "$SSH_AUTH_SOCK" || exit 52
ssh-add -l >"$E2E/listed-there" || exit 53
ssh -F "$E2E/ssh_config" -o UserKnownHostsFile="$E2E/known_hosts" \
	-o StrictHostKeyChecking=yes -o BatchMode=yes second 'exit 54'
EOF
	chmod +x "$E2E/hop"
	check_status "without -A there is no second hop" 53 \
		run_ssh -a -i "$E2E/one.pub" first "$E2E/hop"
	check_status "the second login uses the forwarded agent" 54 \
		run_ssh -A -i "$E2E/one.pub" first "$E2E/hop"
	is "the agent shows the same keys over there" \
		"$(cat "$E2E/listed-there")" "$(ssh-add -l)"
	is "the second sshd saw the second key" \
		"$(accepted second)" "ECDSA $(fingerprint "$E2E/two.pub")"
	is "one PIN entry does for both" "$(prompts)" 1
	agent_stop
}

test $# -eq 0 || { run_part "$1"; exit; }
part login --key rsa2048:rsa:01 --key p256:p256:02 --key p384:p384:03 \
	--key p521:p521:04
part forward --key p256:one:01 --key p256:two:02
finish
