#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Other people's SSH clients log in through the agent, those that are here,
# and git pushes.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2154,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need ssh openssh-client
need sshd openssh-server

# That of the distribution has its packages.
python=/usr/bin/python3
test -x $python || python=python3

# with_key CLIENT KEY COMMAND...: it prints "in", and sshd saw that key.
with_key()
{
	client=$1 key=$2
	shift 2
	sshd_lets server "$E2E/$key.pub"
	: >"$E2E/sshd-server/log"
	check "$client logs in with $key" says_in "$@"
	is "sshd let $client in by $key" "$(accepted server |
		cut -d' ' -f2)" "$(fingerprint "$E2E/$key.pub")"
}

# with_certificate CLIENT KEY COMMAND...: the same by a certificate in the
# agent.  Each has a CA of its own, and sshd trusts that alone.
with_certificate()
{
	client=$1 key=$2
	shift 2
	cp "$E2E/certs/ca-$key.pub" "$E2E/trusted"
	: >"$E2E/sshd-server/log"
	check "$client logs in by a certificate for $key" says_in "$@"
	has "sshd let $client in by it ($key)" "$E2E/sshd-server/log" \
		"Accepted publickey .*-CERT .* ID for-$key "
}

# client NAME PACKAGE HERE KEYS COMMAND...: HERE is a command that fails
# where the client is not installed.  What is done for each key is $by.
client()
{
	name=$1 package=$2 here=$3 keys=$4
	shift 4
	if ! eval "$here" >/dev/null 2>&1; then
		skip "$name logs in" "it is missing (package $package)"
		return
	fi
	for k in $keys; do
		"$by" "$name" "$k" "$@"
	done
}

write_clients()
{
	cat >"$E2E/with-paramiko.py" <<'EOF'
import sys
import paramiko
from paramiko.client import SSHClient, AutoAddPolicy
c = SSHClient()
c.set_missing_host_key_policy(AutoAddPolicy())
c.connect("127.0.0.1", int(sys.argv[1]), sys.argv[2], look_for_keys=False)
sys.stdout.write(c.exec_command("echo in")[1].read().decode())
c.close()
EOF
	cat >"$E2E/with-asyncssh.py" <<'EOF'
import asyncio
import sys
import asyncssh
async def main():
    async with asyncssh.connect("127.0.0.1", int(sys.argv[1]),
            username=sys.argv[2], known_hosts=None, config=None) as c:
        sys.stdout.write((await c.run("echo in")).stdout)
asyncio.run(main())
EOF
}

# listen [LINE...]: the server for all of them.
listen()
{
	sshd_listen server "$@" || {
		fail "an sshd listens on loopback"
		show "$E2E/sshd-server/log"
		return 1
	}
	trap 'kill $server; agent_kill' EXIT
	me=$(id -un)
	print=$(fingerprint "$E2E/sshd-server/key.pub")
	mkdir -p "$HOME/.ssh"
	chmod 700 "$HOME" "$HOME/.ssh"
	echo in >"$E2E/in"
	write_clients
}

# run_clients KEYS PARAMIKO: those that know certificates, too.  paramiko
# 2.12 asks for SHA-1 where it has a certificate for RSA.
run_clients()
{
	client "OpenSSH" openssh-client true "$1" \
		ssh -F none -p "$port" -o UserKnownHostsFile=/dev/null \
		-o StrictHostKeyChecking=no -o BatchMode=yes \
		"$me@127.0.0.1" 'echo in'
	client "plink" putty-tools 'has_program plink' "$1" \
		plink -agent -batch -ssh -P "$port" -hostkey "$print" \
		"$me@127.0.0.1" 'echo in'
	client "paramiko" python3-paramiko "$python -c 'import paramiko'" \
		"$2" "$python" "$E2E/with-paramiko.py" "$port" "$me"
	client "rclone" rclone 'has_program rclone' "$1" \
		rclone --config '' cat ":sftp,host=127.0.0.1,port=$port,\
user=$me,key_use_agent=true,shell_type=none:$E2E/in"
	# libssh2 1.10 cannot ask for RSA with SHA-2.
	client "curl" curl 'curl -V | grep -q sftp' "${1% rsa}" \
		curl -sS --insecure -u "$me:" \
		"sftp://127.0.0.1:$port$E2E/in"
}

has_ssh2()
{
	has_program node && test -d "${E2E_NODE-}/node_modules/ssh2"
}

# run_others KEYS: those that do not.
run_others()
{
	client "libssh" libssh-dev 'need_helper libssh-login' "$1" \
		"$HELPERS/libssh-login" 127.0.0.1 "$port" "$me" 'echo in'
	client "dbclient" dropbear-bin 'has_program dbclient' "$1" \
		dbclient -y -y -p "$port" "$me@127.0.0.1" 'echo in'
	client "asyncssh" python3-asyncssh "$python -c 'import asyncssh'" \
		"$1" "$python" "$E2E/with-asyncssh.py" "$port" "$me"
	# No package: contrib/check gets it, where there is npm.
	client "node's ssh2" "of npm: ssh2, in \$E2E_NODE" has_ssh2 \
		"$1" node "$srcdir/tests/e2e/ssh2-login.js" "$port" "$me"
}

part_clients()
{
	agent_start && listen || return
	save_keys
	by=with_key
	run_clients "p256 p384 p521 rsa" "p256 p384 p521 rsa"
	run_others "p256 p384 p521 rsa"
	push
	is "the PIN was asked for once" "$(prompts)" 1
	agent_stop
}

# git push and clone, over ssh.
push()
{
	has_program git || { skip "git push" "git is missing"; return; }
	sshd_lets server "$E2E/p256.pub"
	GIT_SSH_COMMAND="ssh -F none -p $port -o BatchMode=yes \
-o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no"
	export GIT_SSH_COMMAND
	there=ssh://$me@127.0.0.1$E2E/there
	git init -q --bare "$E2E/there" 2>/dev/null
	git init -q "$E2E/here" 2>/dev/null
	git -C "$E2E/here" -c user.name=A -c user.email=a@example.org \
		commit -q --allow-empty -m first
	check "git push over ssh" \
		git -C "$E2E/here" push -q "$there" HEAD:refs/heads/main
	is "what was pushed is there" \
		"$(git -C "$E2E/there" rev-parse main)" \
		"$(git -C "$E2E/here" rev-parse HEAD)"
	check "git clone over ssh" \
		git clone -q -b main "$there" "$E2E/again"
	sshd_lets server
	check_status "but not by a key that the server was not told of" 128 \
		git -C "$E2E/here" fetch -q "$there" main
}

part_certificates()
{
	$python -c 'import cryptography' 2>/dev/null || {
		skip "clients log in by certificates" \
			"python3-cryptography is missing"
		return
	}
	agent_start && listen "TrustedUserCAKeys $E2E/trusted" || return
	save_keys
	mkdir "$E2E/certs"
	for k in p256 rsa; do
		cp "$E2E/$k.pub" "$E2E/certs"
		ssh-keygen -q -t ed25519 -N '' -f "$E2E/certs/ca-$k"
		ssh-keygen -q -s "$E2E/certs/ca-$k" -I "for-$k" \
			-n "$(id -un)" -V +1h "$E2E/certs/$k.pub"
	done
	is "the token gets a certificate for each key" "$($python -B \
		"$srcdir/tests/e2e/add-token.py" "$E2E/pin" "$TOKEN_SERIAL" \
		"$E2E/certs/p256-cert.pub" "$E2E/certs/rsa-cert.pub" 2>&1)" 6
	by=with_certificate
	run_clients "p256 rsa" p256
	agent_stop
}

test $# -eq 0 || { run_part "$1"; exit; }
part clients --key p256:p256:01 --key p384:p384:02 --key p521:p521:03 \
	--key rsa2048:rsa:04
part certificates --key p256:p256:01 --key rsa2048:rsa:02
finish
