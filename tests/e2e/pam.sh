#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# sudo by PAM: pam_ssh_agent_auth asks the agent.  pamtester is in the place
# of sudo, with a PAM service of the test's own.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need ssh-add openssh-client
need pamtester pamtester
module=
for e2e_f in /lib/*/security/pam_ssh_agent_auth.so; do
	test ! -e "$e2e_f" || module=$e2e_f
done
test -n "$module" || skip_all \
	"pam_ssh_agent_auth is missing (package libpam-ssh-agent-auth)"
test "$(id -u)" -eq 0 || skip_all "only root can add a PAM service"

# The module trusts no file below a directory that others can write.
pam_make()
{
	PAM=hsm-ssh-agent-test-$$
	ALLOWED=$(mktemp -d "/root/$PAM.XXXXXX") || return
	trap 'agent_kill; rm -rf "/etc/pam.d/$PAM" "$ALLOWED"' EXIT
	cat >"/etc/pam.d/$PAM" <<-EOF
	auth required $module file=$ALLOWED/keys
	account required pam_permit.so
	EOF
}

authenticate()
{
	timeout 60 pamtester "$PAM" root authenticate
}

# lets_in SENTENCE KEY: and no other key does.
lets_in()
{
	cp "$E2E/$2.pub" "$ALLOWED/keys"
	check "$1" authenticate
	has "pamtester says so" "$E2E/out" 'successfully authenticated'
}

part_pam()
{
	pam_make || return
	agent_start || return
	save_keys
	for k in p256 p384 p521; do
		lets_in "pam_ssh_agent_auth lets $k in" $k
	done
	ssh-keygen -q -t ecdsa -N '' -f "$E2E/other"
	cp "$E2E/other.pub" "$ALLOWED/keys"
	check_status "but not who has another key" 1 authenticate
	cp "$E2E/rsa.pub" "$ALLOWED/keys"
	check_status "RSA would need SHA-1" 1 authenticate
	has "and the log says so" "$AGENT_LOG" 'refused .*SHA-1'
	is "the PIN was asked for once" "$(prompts)" 1
	agent_stop

	echo 'AllowSHA1 yes' >"$E2E/conf"
	chmod 600 "$E2E/conf"
	agent_start --config "$E2E/conf" || return
	lets_in "with AllowSHA1 RSA does" rsa
	agent_stop
}

test $# -eq 0 || { run_part "$1"; exit; }
part pam --key rsa2048:rsa:01 --key p256:p256:02 --key p384:p384:03 \
	--key p521:p521:04
finish
