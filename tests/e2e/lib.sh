# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
#
# What the end-to-end tests share.  A script sources this, defines functions
# part_NAME, and ends with
#
#	test $# -eq 0 || { run_part "$1"; exit; }
#	part NAME [OPTION of with-vhsm]...
#	finish
#
# Each part runs in a shell of its own, under a virtual HSM of its own, in a
# directory of its own, $E2E.  E2E_KEEP=DIR keeps those directories there.
# With E2E_SOFT=yes the keys are in a token of SoftHSM, and no pcscd runs.
# Nothing waits for time to pass: wait_for asks again until a bound.

srcdir=$(cd "${srcdir:-.}" && pwd)
builddir=$(cd "${top_builddir:-.}" && pwd)
AGENT=$builddir/agent/hsm-ssh-agent
KEYUTIL=$builddir/keyutil/hsm-keyutil
HELPERS=$builddir/tests/e2e
WITH_VHSM=$builddir/tests/harness/with-vhsm
SSHD=$(PATH=$PATH:/usr/sbin:/sbin command -v sshd)
E2E_SCRIPT=$0
LC_ALL=C
LANG=C
export LC_ALL LANG AGENT KEYUTIL HELPERS srcdir
unset SSH_AUTH_SOCK SSH_AGENT_PID SSH_ASKPASS DISPLAY WAYLAND_DISPLAY

# --- results, in TAP ---

say()
{
	printf '%s\n' "$*" | sed 's/^/# /'
}

# The file as diagnostics, at most its last 40 lines.
show()
{
	test -s "$1" || return 0
	say "--- ${1##*/}:"
	tail -n 40 "$1" | sed 's/^/# /'
}

count_one()
{
	read -r e2e_n <"$E2E_TOP/count"
	e2e_n=$((e2e_n + 1))
	echo $e2e_n >"$E2E_TOP/count"
}

pass()
{
	count_one
	printf 'ok %d - %s\n' "$e2e_n" "$1"
}

fail()
{
	count_one
	printf 'not ok %d - %s\n' "$e2e_n" "$1"
	: >"$E2E_TOP/failed"
}

skip()
{
	count_one
	printf 'ok %d - %s # SKIP %s\n' "$e2e_n" "$1" "$2"
}

skip_all()
{
	printf '1..0 # SKIP %s\n' "$1"
	exit 0
}

# need PROGRAM PACKAGE: all of the script is skipped without it.
need()
{
	PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null ||
		skip_all "$1 is missing (package $2)"
}

has_program()
{
	command -v "$1" >/dev/null
}

# check SENTENCE COMMAND...: what it says is in $E2E/out.
check()
{
	e2e_what=$1
	shift
	if "$@" >"$E2E/out" 2>&1 </dev/null; then
		pass "$e2e_what"
	else
		e2e_rc=$?
		fail "$e2e_what"
		say "status $e2e_rc: $*"
		show "$E2E/out"
		show_logs
	fi
}

# check_status SENTENCE STATUS COMMAND...
check_status()
{
	e2e_what=$1 e2e_want=$2 e2e_rc=0
	shift 2
	"$@" >"$E2E/out" 2>&1 </dev/null || e2e_rc=$?
	if test $e2e_rc -eq "$e2e_want"; then
		pass "$e2e_what"
	else
		fail "$e2e_what"
		say "status $e2e_rc, not $e2e_want: $*"
		show "$E2E/out"
		show_logs
	fi
}

# is SENTENCE GOT WANTED
is()
{
	if test "$2" = "$3"; then
		pass "$1"
	else
		fail "$1"
		say "got:      $2"
		say "expected: $3"
		show_logs
	fi
}

# has SENTENCE FILE PATTERN, an extended regular expression
has()
{
	if grep -Eq -e "$3" "$2"; then
		pass "$1"
	else
		fail "$1"
		say "no line like: $3"
		show "$2"
	fi
}

has_not()
{
	if grep -En -e "$3" "$2" >"$E2E/found"; then
		fail "$1"
		show "$E2E/found"
	elif test -e "$2"; then
		pass "$1"
	else
		fail "$1"
		say "there is no $2"
	fi
}

# says TEXT CODE COMMAND...: for check; it exits so, and prints this somewhere.
says()
{
	text=$1
	want=$2
	shift 2
	"$@" >"$E2E/said" 2>&1
	got=$?
	cat "$E2E/said"
	echo "exit $got, expected $want and: $text"
	test "$got" -eq "$want" && grep -qF -e "$text" "$E2E/said"
}

# wait_for SECONDS COMMAND...: ask until it says yes.
wait_for()
{
	e2e_left=$(($1 * 20))
	shift
	until "$@" >/dev/null 2>&1; do
		e2e_left=$((e2e_left - 1))
		test $e2e_left -gt 0 || return 1
		sleep 0.05
	done
}

in_file()
{
	grep -Eq -e "$2" "$1"
}

# --- parts ---

top_start()
{
	test -x "$AGENT" || { echo "Bail out! $AGENT is not built"; exit 99; }
	if test -z "${E2E_SOFT-}"; then
		test -x "$WITH_VHSM" ||
			skip_all "tests/harness/with-vhsm is not built"
		test -x /usr/sbin/pcscd ||
			skip_all "pcscd is missing (package pcscd)"
	fi
	E2E_TOP=${E2E_KEEP:-$(mktemp -d)}
	mkdir -p "$E2E_TOP"
	export E2E_TOP
	rm -f "$E2E_TOP/failed"
	echo 0 >"$E2E_TOP/count"
	test -n "${E2E_KEEP-}" || trap 'rm -rf "$E2E_TOP"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
}

# part NAME [OPTION...]: part_NAME under with-vhsm with these options.
part()
{
	test -n "${E2E_TOP-}" || top_start
	e2e_part=$1
	shift
	e2e_rc=0
	if test -n "${E2E_SOFT-}"; then
		E2E_SOFT_KEYS=$* sh "$E2E_SCRIPT" "$e2e_part" || e2e_rc=$?
	else
		"$WITH_VHSM" "$@" sh "$E2E_SCRIPT" "$e2e_part" || e2e_rc=$?
	fi
	test $e2e_rc -eq 0 || { fail "part $e2e_part ran to its end"
		say "status $e2e_rc"; }
}

# The same without a virtual HSM.
bare_part()
{
	test -n "${E2E_TOP-}" || top_start
	e2e_rc=0
	sh "$E2E_SCRIPT" "$1" || e2e_rc=$?
	test $e2e_rc -eq 0 || { fail "part $1 ran to its end"
		say "status $e2e_rc"; }
}

finish()
{
	read -r e2e_n <"$E2E_TOP/count"
	echo "1..$e2e_n"
	test ! -e "$E2E_TOP/failed"
}

run_part()
{
	E2E=$E2E_TOP/$1
	export E2E
	# Nobody's own configuration or agent is any business of a test.
	HOME=$E2E/home
	XDG_CONFIG_HOME=$E2E/home/config
	XDG_CACHE_HOME=$E2E/home/cache
	XDG_STATE_HOME=$E2E/home/state
	XDG_RUNTIME_DIR=$E2E/run
	# It is searched for in what the agent holds and is: not from here.
	PIN=${VHSM_PIN:-648219}
	unset VHSM_PIN VHSM_SO_PIN
	export HOME XDG_CONFIG_HOME XDG_CACHE_HOME XDG_STATE_HOME \
		XDG_RUNTIME_DIR
	mkdir -p "$HOME" "$XDG_RUNTIME_DIR"
	chmod 700 "$E2E" "$XDG_RUNTIME_DIR"
	agent_pid='' agent_n=0 AGENT_LOG=$E2E/agent.log
	trap 'agent_kill' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	say "part $1"
	askpass_make
	TOKEN_SERIAL=DENK0100000
	if test -n "${E2E_SOFT_KEYS-}"; then
		# shellcheck source=tests/e2e/soft-lib.sh
		. "$srcdir/tests/e2e/soft-lib.sh"
		# shellcheck disable=SC2086	# words
		soft_part $E2E_SOFT_KEYS
	fi
	"part_$1"
}

# --- the PIN ---

# An askpass that writes down what it was asked and answers $E2E/pin, or yes
# where that is the question; it refuses when there is no such file.  The last
# such question is in $E2E/question.
askpass_make()
{
	printf '%s\n' "$PIN" >"$E2E/pin"
	: >"$E2E/prompts"
	cat >"$E2E/askpass" <<'EOF'
#!/bin/sh
here=${0%/*}
end='
'
printf '%s\n' "${1%%"$end"*}" >>"$here/prompts"
if test "${SSH_ASKPASS_PROMPT-}" = confirm; then
	printf '%s\n' "$1" >"$here/question"
	test -e "$here/pin"
	exit
fi
exec cat "$here/pin" 2>/dev/null
EOF
	chmod +x "$E2E/askpass"
	SSH_ASKPASS=$E2E/askpass
	SSH_ASKPASS_REQUIRE=force
	export SSH_ASKPASS SSH_ASKPASS_REQUIRE
}

prompts()
{
	wc -l <"$E2E/prompts" | tr -d ' '
}

# VERIFY commands that carried a PIN since the log was emptied.
pins_sent()
{
	vhsmctl -t "${1:-0}" log |
		awk '$1 == "00200081" && $2 > 5 { n++ } END { print n + 0 }'
}

# wrong_pins N [READER]: somebody else gets it wrong that often.
wrong_pins()
{
	e2e_i=0
	while test $e2e_i -lt "$1"; do
		opensc-tool -r "${2:-0}" -s 00:20:00:81:06:39:39:39:39:39:39 \
			>/dev/null 2>&1
		e2e_i=$((e2e_i + 1))
	done
}

# The status word to the question of how many tries are left, by OpenSC.
tries_left()
{
	opensc-tool -r "${1:-0}" -s 00:20:00:81 2>/dev/null |
		sed -n 's/.*SW1=0x\(..\), SW2=0x\(..\).*/\1\2/p'
}

# --- the agent ---

agent_up()
{
	grep -q '^echo Agent pid' "$E2E/agent.out" || ! kill -0 "$agent_pid"
}

# configure LINE...: what an agent that is started from now on reads.
configure()
{
	mkdir -p "$XDG_CONFIG_HOME/hsm-ssh-agent"
	test -z "${E2E_SOFT_KEYS-}" || set -- "Module $SOFTHSM" "$@"
	printf '%s\n' "$@" >"$XDG_CONFIG_HOME/hsm-ssh-agent/config"
}

# reconfigure LINE...: what the agent reads, now.
reconfigure()
{
	configure "$@"
	: >"$AGENT_LOG"
	kill -HUP "$agent_pid"
	wait_for 10 in_file "$AGENT_LOG" 'configuration was read again'
}

# agent_start [ARGUMENT...]: in front, with its log in $AGENT_LOG.
agent_start()
{
	agent_n=$((agent_n + 1))
	AGENT_LOG=$E2E/agent.$agent_n.log
	: >"$E2E/agent.out"
	: >"$AGENT_LOG"		# as tests may do again: it is added to
	"$AGENT" -d -a "$E2E/agent.sock" "$@" </dev/null >"$E2E/agent.out" \
		2>>"$AGENT_LOG" &
	agent_pid=$!
	SSH_AUTH_SOCK=$E2E/agent.sock
	export SSH_AUTH_SOCK
	wait_for 20 agent_up
	kill -0 "$agent_pid" 2>/dev/null || {
		fail "the agent starts"
		show "$AGENT_LOG"
		agent_pid=''
		return 1
	}
}

# agent_once ARGUMENT...: one that should not even start.
agent_once()
{
	timeout 30 "$AGENT" "$@"
}

# Built with ASan: that reserves terabytes, slows down, and hides leaks of
# other kinds.
is_sanitized()
{
	grep -aq __asan_init "$AGENT"
}

need_helper()
{
	test -x "$HELPERS/$1" && return 0
	fail "the helper tests/e2e/$1 is built"
	return 1
}

sanitizer_reports()
{
	cat "$E2E"/*.log | grep -E 'Sanitizer|runtime error:'
}

# Ends it; that must be quick, with status 0, and nothing lost or leaked.
agent_stop()
{
	agent_rc=0
	kill -TERM "$agent_pid" 2>/dev/null
	wait "$agent_pid" || agent_rc=$?
	agent_pid=''
	if test $agent_rc -ne 0; then
		fail "the agent ends with status 0"
		say "status $agent_rc"
		show "$AGENT_LOG"
	fi
	if sanitizer_reports >"$E2E/reports"; then
		fail "no sanitizer has anything to report"
		show "$AGENT_LOG"
	fi
}

agent_kill()
{
	test -z "$agent_pid" || kill -KILL "$agent_pid" 2>/dev/null
}

# agent_adopt FILE: one that put itself into the background; FILE has the
# lines that it printed.
agent_adopt()
{
	agent_pid=$(tr -d '\r' <"$1" |
		sed -n 's/^SSH_AGENT_PID=\([0-9]*\);.*/\1/p')
	SSH_AUTH_SOCK=$(tr -d '\r' <"$1" |
		sed -n 's/^SSH_AUTH_SOCK=\(.*\); export.*/\1/p')
	export SSH_AUTH_SOCK
	test -n "$agent_pid"
}

# It has ended, whether or not its parent knows.
gone()
{
	! kill -0 "$1" 2>/dev/null ||
		grep -q '^State:.*Z' "/proc/$1/status" 2>/dev/null
}

# Ends one that was adopted.
agent_dismiss()
{
	kill -TERM "$agent_pid" 2>/dev/null
	wait_for 10 gone "$agent_pid" || fail "the agent ends"
	agent_pid=''
}

show_logs()
{
	test ! -e "$AGENT_LOG" || show "$AGENT_LOG"
}

# accepted NAME: the type and fingerprint that sshd wrote down.
accepted()
{
	tr -d '\r' <"$E2E/sshd-$1/log" |
		sed -n 's/^Accepted publickey .* ssh2: //p'
}

fingerprint()
{
	ssh-keygen -lf "$1" | cut -d' ' -f2
}

# The same as a pattern: base64 may have a "+" in it.
pattern_of()
{
	fingerprint "$1" | sed 's/[+]/[+]/g'
}

# The listing as files $E2E/COMMENT.pub, one for each key.
save_keys()
{
	ssh-add -L | grep -v -e '-cert-v01@' >"$E2E/listing"
	test -s "$E2E/listing" || return 1
	while read -r e2e_type e2e_blob e2e_name; do
		echo "$e2e_type $e2e_blob $e2e_name" >"$E2E/$e2e_name.pub"
	done <"$E2E/listing"
}

# --- sshd and ssh ---

# sshd_make NAME [LINE...]: a server that ssh reaches by that name, for each
# connection an "sshd -i" of its own.  No line may set what these do.
sshd_make()
{
	e2e_host=$E2E/sshd-$1
	mkdir -p "$e2e_host"
	if test "$(id -u)" -eq 0 && test ! -d /run/sshd; then
		mkdir -m 755 /run/sshd	# sshd, as root, wants it
	fi
	test -e "$e2e_host/key" ||
		ssh-keygen -q -t ed25519 -N '' -C "$1" -f "$e2e_host/key"
	: >"$e2e_host/authorized_keys"
	: >"$e2e_host/log"
	e2e_name=$1
	shift
	{
		for e2e_line in "$@"; do
			echo "$e2e_line"
		done
		cat <<EOF
HostKey $e2e_host/key
AuthorizedKeysFile $e2e_host/authorized_keys
AuthenticationMethods publickey
PermitRootLogin yes
StrictModes no
UsePAM no
LogLevel VERBOSE
PidFile none
Subsystem sftp internal-sftp
EOF
	} >"$e2e_host/config"
	cat >>"$E2E/ssh_config" <<EOF
Host $e2e_name
	HostName $e2e_name
	HostKeyAlias $e2e_name
	ProxyCommand "$SSHD" -i -f "$e2e_host/config" -E "$e2e_host/log"
EOF
	echo "$e2e_name $(cat "$e2e_host/key.pub")" >>"$E2E/known_hosts"
}

# sshd_listen NAME [LINE...]: the same for those who want a port: on loopback,
# at $port, as the process $server.
sshd_listen()
{
	sshd_make "$@"
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

# sshd_lets NAME FILE.pub...: these keys, and no others, may log in.
sshd_lets()
{
	e2e_host=$E2E/sshd-$1
	shift
	cat /dev/null "$@" >"$e2e_host/authorized_keys"
}

# says_in COMMAND...: a client that logs in to say "in", and does.
says_in()
{
	timeout 60 "$@" >"$E2E/said" 2>&1 </dev/null
	rc=$?
	tail -n 20 "$E2E/said"
	test $rc -eq 0 && grep -q '^in' "$E2E/said"
}

# run_ssh ARGUMENT...: ssh, to a server made above, with keys that are named.
run_ssh()
{
	run_ssh_with_any -o IdentitiesOnly=yes "$@"
}

# The same with all that the agent has.
run_ssh_with_any()
{
	ssh -F "$E2E/ssh_config" -o UserKnownHostsFile="$E2E/known_hosts" \
		-o GlobalKnownHostsFile=none -o StrictHostKeyChecking=yes \
		-o BatchMode=yes -o PreferredAuthentications=publickey \
		-o ControlPath=none "$@"
}

# login_with NAME FILE.pub [ARGUMENT...]: by that key alone; what ssh has to
# say of it is in $E2E/ssh.trace.
# shellcheck disable=SC2016
login_with()
{
	e2e_at=$1 e2e_key=$2
	shift 2
	: >"$E2E/sshd-$e2e_at/log"
	: >"$E2E/ssh.trace"
	run_ssh -vvv -E "$E2E/ssh.trace" -i "$e2e_key" "$@" "$e2e_at" \
		'echo in as "$(id -un)"' >"$E2E/ssh.out" 2>&1 &&
		grep -q "^in as $(id -un)\$" "$E2E/ssh.out" && return 0
	cat "$E2E/ssh.out" "$E2E/ssh.trace" | tail -n 12
	tail -n 12 "$E2E/sshd-$e2e_at/log"
	return 1
}
