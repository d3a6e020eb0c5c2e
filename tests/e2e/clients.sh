#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Other people's SSH clients log in through the agent, those that are here.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need ssh openssh-client
need sshd openssh-server

# These want a port.  sshd_listen NAME: on loopback, at $port.
sshd_listen()
{
	sshd_make "$1"
	e2e_host=$E2E/sshd-$1
	for port in $(shuf -i 20000-32000 -n 20); do
		: >"$e2e_host/log"
		"$SSHD" -D -f "$e2e_host/config" -E "$e2e_host/log" \
			-o ListenAddress=127.0.0.1 -p "$port" &
		server=$!
		wait_for 20 in_file "$e2e_host/log" \
			'Server listening|Cannot bind'
		in_file "$e2e_host/log" 'Server listening' && return
		wait "$server"
	done
	return 1
}

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

says_in()
{
	timeout 60 "$@" >"$E2E/said" 2>&1 </dev/null
	rc=$?
	tail -n 20 "$E2E/said"
	test $rc -eq 0 && grep -q '^in' "$E2E/said"
}

# client NAME PACKAGE HERE KEYS COMMAND...: HERE is a command that fails
# where the client is not installed.
client()
{
	name=$1 package=$2 here=$3 keys=$4
	shift 4
	if ! eval "$here" >/dev/null 2>&1; then
		skip "$name logs in" "it is missing (package $package)"
		return
	fi
	for k in $keys; do
		with_key "$name" "$k" "$@"
	done
}

write_python()
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
	# That of the distribution has its packages.
	python=/usr/bin/python3
	test -x $python || python=python3
}

part_clients()
{
	agent_start || return
	save_keys
	sshd_listen server || {
		fail "an sshd listens on loopback"
		show "$E2E/sshd-server/log"
		return
	}
	trap 'kill $server; agent_kill' EXIT
	me=$(id -un)
	print=$(fingerprint "$E2E/sshd-server/key.pub")
	mkdir -p "$HOME/.ssh"
	chmod 700 "$HOME" "$HOME/.ssh"
	echo in >"$E2E/in"
	write_python
	all='p256 p384 p521 rsa'

	client "OpenSSH" openssh-client true "$all" \
		ssh -F none -p "$port" -o UserKnownHostsFile=/dev/null \
		-o StrictHostKeyChecking=no -o BatchMode=yes \
		"$me@127.0.0.1" 'echo in'
	client "libssh" libssh-dev 'need_helper libssh-login' "$all" \
		"$HELPERS/libssh-login" 127.0.0.1 "$port" "$me" 'echo in'
	client "plink" putty-tools 'has_program plink' "$all" \
		plink -agent -batch -ssh -P "$port" -hostkey "$print" \
		"$me@127.0.0.1" 'echo in'
	client "dbclient" dropbear-bin 'has_program dbclient' "$all" \
		dbclient -y -y -p "$port" "$me@127.0.0.1" 'echo in'
	client "paramiko" python3-paramiko "$python -c 'import paramiko'" \
		"$all" "$python" "$E2E/with-paramiko.py" "$port" "$me"
	client "asyncssh" python3-asyncssh "$python -c 'import asyncssh'" \
		"$all" "$python" "$E2E/with-asyncssh.py" "$port" "$me"
	client "rclone" rclone 'has_program rclone' "$all" \
		rclone --config '' cat ":sftp,host=127.0.0.1,port=$port,\
user=$me,key_use_agent=true,shell_type=none:$E2E/in"
	# libssh2 1.10 cannot ask for RSA with SHA-2.
	client "curl" curl 'curl -V | grep -q sftp' "p256 p384 p521" \
		curl -sS --insecure -u "$me:" \
		"sftp://127.0.0.1:$port$E2E/in"
	is "the PIN was asked for once" "$(prompts)" 1
	agent_stop
}

test $# -eq 0 || { run_part "$1"; exit; }
part clients --key p256:p256:01 --key p384:p384:02 --key p521:p521:03 \
	--key rsa2048:rsa:04
finish
