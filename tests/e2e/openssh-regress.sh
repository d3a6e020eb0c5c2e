#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# OpenSSH's own regress scripts, as the package openssh-tests has them, with
# our agent as TEST_SSH_SSHAGENT.  They all make keys in files, which our
# agent has where its configuration names another agent (Upstream).  There is
# no token here: what each script holds an agent to is asked of keys in one
# by the tests on the right.
#
#	agent			here, Upstream		regress.sh agent
#	agent-getpeereid	here			regress.sh getpeereid
#	agent-pkcs11		no: makes keys in SoftHSM, and has the agent
#				load that		regress.sh pkcs11
#	agent-pkcs11-cert	no: the same, and OpenSSH 9.2 does not have it
#							regress.sh pkcs11_cert
#	agent-pkcs11-restrict	no: the same		regress.sh restrict
#	agent-ptrace		here, as nobody if root runs this
#							regress.sh ptrace
#	agent-restrict		here, Upstream		regress.sh restrict
#	agent-subprocess	here			regress.sh subprocess
#	agent-timeout		here, Upstream		regress.sh timeout
#	hostkey-agent		here, Upstream		sshsig.sh host_key
#	sshsig			here, Upstream		sshsig.sh files
#
# They mostly wait, for ten seconds and more: so all at a time.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

RUN_TESTS=/usr/lib/openssh/regress/run-tests

test -x $RUN_TESTS ||
	skip_all "OpenSSH's regress scripts are missing (package openssh-tests)"
need make make
need sshd openssh-server

# The agent that adds another's keys, called as ssh-agent is.  What it starts
# is in the file pids.
write_wrapper()
{
	cat >"$E2E/with-upstream" <<EOF
#!/bin/sh
case " \$* " in
*' -k '*) exec "$AGENT" "\$@" ;;
esac
mine="$E2E/agent.\$\$"
provider=
for word in "\$@"; do
	case \$word in
	-P*) provider=\$word ;;
	esac
done
# The scripts wait for the end of what is printed.
"$(command -v ssh-agent)" -D \$provider -a "\$mine.other" >/dev/null 2>&1 &
echo \$! >>"$E2E/pids"
left=200
until test -S "\$mine.other"; do
	left=\$((left - 1))
	test \$left -gt 0 || exit 1
	sleep 0.05
done
echo "Upstream \$mine.other" >"\$mine.conf"
chmod 600 "\$mine.conf"
case " \$* " in
*' -a '*) exec "$AGENT" --config "\$mine.conf" "\$@" ;;
esac
lines=\$("$AGENT" --config "\$mine.conf" -a "\$mine.sock" "\$@") || exit
echo "\$lines"
echo "\$lines" | sed -n 's/^SSH_AGENT_PID=\([0-9]*\);.*/\1/p' >>"$E2E/pids"
EOF
	chmod +x "$E2E/with-upstream"
	: >"$E2E/pids"
}

# Whom the scripts want not to be, and how they become somebody else.
write_fakes()
{
	mkdir "$OPEN/bin"
	cat >"$OPEN/bin/whoami" <<-'EOF'
	#!/bin/sh
	echo somebody
	EOF
	cat >"$OPEN/bin/sudo" <<-'EOF'
	#!/bin/sh
	# sudo -S -u USER COMMAND...
	test "$1 $2" = "-S -u" || exit 64
	user=$3
	shift 3
	exec setpriv --reuid "$user" --regid nogroup --clear-groups "$@"
	EOF
	chmod -R a+rx "$OPEN/bin"
}

# begin NAME DIRECTORY AGENT [VARIABLE=VALUE]...: by the package's own runner.
begin()
{
	e2e_name=$1 e2e_dir=$2 e2e_agent=$3
	shift 3
	test -d "$e2e_dir" || mkdir "$e2e_dir"
	(
		cd "$e2e_dir" || exit
		$AS timeout 300 $RUN_TESTS "$e2e_dir" t-exec \
			LTESTS="$e2e_name" TEST_SSH_SSHAGENT="$e2e_agent" \
			SUDO= "$@" >"$E2E/$e2e_name.out" 2>&1 </dev/null
		echo $? >"$E2E/$e2e_name.rc"
	) &
	waiting="$waiting $!"
}

result()
{
	if grep -Eiq '^skip' "$E2E/$1.out"; then
		skip "OpenSSH's $1.sh" \
			"$(grep -Ei '^skip' "$E2E/$1.out" | head -n 1)"
	elif test "$(cat "$E2E/$1.rc")" = 0 &&
	    grep -q '^ok ' "$E2E/$1.out"; then
		pass "OpenSSH's $1.sh"
	else
		fail "OpenSSH's $1.sh"
		sed '/^==> /,$d' "$E2E/$1.out" | head -n 20 >"$E2E/$1.said"
		show "$E2E/$1.said"
	fi
}

# Another user's agent and files, in a directory that he can reach.  The
# script would have the agent belong to a group to keep gdb away: ours needs
# no such help, and gets none.
begin_ptrace()
{
	if test "$(id -u)" -eq 0; then
		chown nobody "$OPEN/ptrace" "$OPEN/agent"
		AS="setpriv --reuid nobody --regid nogroup --clear-groups
			env -u XDG_CONFIG_HOME -u XDG_STATE_HOME
			HOME=$OPEN/ptrace XDG_RUNTIME_DIR=$OPEN/ptrace
			XDG_CACHE_HOME=$OPEN/ptrace"
	fi
	begin agent-ptrace "$OPEN/ptrace" "$OPEN/agent" SUDO=true
	AS=''
}

begin_getpeereid()
{
	if test "$(id -u)" -eq 0; then
		AS="env PATH=$OPEN/bin:$PATH"
		begin agent-getpeereid "$OPEN/uid" "$AGENT" SUDO=sudo
		AS=''
	else
		begin agent-getpeereid "$OPEN/uid" "$AGENT" \
			"SUDO=$(sudo -n true 2>/dev/null && echo sudo)"
	fi
}

clean_up()
{
	while read -r pid; do
		kill "$pid" 2>/dev/null
	done <"$E2E/pids"
	rm -rf "$OPEN"
}

part_regress()
{
	unset SSH_ASKPASS SSH_ASKPASS_REQUIRE
	# No token: not one of this machine, either.
	PCSCLITE_CSOCK_NAME=$E2E/none
	AS='' waiting=''
	OPEN=$(mktemp -d)
	trap 'clean_up' EXIT
	chmod 1777 "$OPEN"
	ASAN_OPTIONS=log_path=$OPEN/sanitizer
	UBSAN_OPTIONS=log_path=$OPEN/sanitizer
	export PCSCLITE_CSOCK_NAME ASAN_OPTIONS UBSAN_OPTIONS
	write_wrapper
	write_fakes
	mkdir "$OPEN/ptrace" "$OPEN/uid"
	cp "$AGENT" "$OPEN/agent"

	upstream="agent agent-restrict agent-timeout hostkey-agent sshsig"
	begin agent-subprocess "$E2E/0" "$AGENT"
	begin_ptrace
	begin_getpeereid
	# The scripts search the directory's name for words.
	n=0
	for name in $upstream; do
		n=$((n + 1))
		begin "$name" "$E2E/$n" "$E2E/with-upstream"
	done
	# shellcheck disable=SC2086	# words
	wait $waiting
	for name in agent-subprocess agent-ptrace agent-getpeereid \
	    $upstream; do
		result "$name"
	done
	cat "$OPEN"/sanitizer.* >"$E2E/reports" 2>/dev/null
	is "no sanitizer has anything to report" "$(cat "$E2E/reports")" ''
}

test $# -eq 0 || { run_part "$1"; exit; }
bare_part regress
finish
