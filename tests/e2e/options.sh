#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The command line, the configuration and the socket.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need ssh-add openssh-client

sign()
{
	ssh-add -T "$E2E/key.pub"
}

# mode_of FILE: as "700", with its owner behind it.
mode_of()
{
	stat -c '%a %u' "$1"
}

# in_background ARGUMENT...: starts and adopts one; its lines are in out.
in_background()
{
	"$AGENT" "$@" >"$E2E/out" 2>"$E2E/agent.bg.log" </dev/null || return
	agent_adopt "$E2E/out"
}

# lines SENTENCE WANTED ARGUMENT...: what a shell is told.
lines()
{
	e2e_line=$1 e2e_text=$2
	shift 2
	"$AGENT" -a "$E2E/a.sock" "$@" >"$E2E/out" 2>"$E2E/agent.bg.log" \
		</dev/null
	agent_pid=$(sed -n 's/^echo Agent pid \([0-9]*\);$/\1/p' "$E2E/out")
	is "$e2e_line" "$(sed "s/$agent_pid/PID/" "$E2E/out")" "$e2e_text"
	agent_dismiss
	check "its socket goes with it" test ! -e "$E2E/a.sock"
}

part_lines()
{
	for_sh="SSH_AUTH_SOCK=$E2E/a.sock; export SSH_AUTH_SOCK;
SSH_AGENT_PID=PID; export SSH_AGENT_PID;
echo Agent pid PID;"
	for_csh="setenv SSH_AUTH_SOCK $E2E/a.sock;
setenv SSH_AGENT_PID PID;
echo Agent pid PID;"
	SHELL=/bin/sh
	export SHELL
	lines "the lines for sh are those of ssh-agent" "$for_sh"
	lines "-c asks for those for csh" "$for_csh" -c
	SHELL=/bin/tcsh
	lines "\$SHELL tells that csh is wanted" "$for_csh"
	lines "-s asks for those for sh" "$for_sh" -s
	SHELL=/bin/sh

	eval "$("$AGENT" -a "$E2E/it's.sock" 2>"$E2E/agent.bg.log")" \
		>"$E2E/out"
	agent_pid=$SSH_AGENT_PID
	check "a shell can eval them, quotes in the path and all" \
		ssh-add -l
	is "the agent listens where it says" "$SSH_AUTH_SOCK" \
		"$E2E/it's.sock"
	if test "$(id -u)" -eq 0; then
		is "its working directory is /" \
			"$(readlink "/proc/$agent_pid/cwd")" /
	else
		skip "its working directory is /" "only root can see it"
	fi
	check "-k ends it" "$AGENT" -k
	is "and prints what to unset" "$(cat "$E2E/out")" \
		"unset SSH_AUTH_SOCK;
unset SSH_AGENT_PID;
echo Agent pid $agent_pid killed;"
	check "it has ended" wait_for 10 gone "$agent_pid"
	check "its socket is gone" wait_for 10 test ! -e "$SSH_AUTH_SOCK"
	unset SSH_AGENT_PID
	check_status "-k without SSH_AGENT_PID is a usage error" 2 \
		"$AGENT" -k
	agent_pid=

	# As some service managers start it.
	"$AGENT" -a "$E2E/a.sock" >"$E2E/out" <&- 2>&-
	agent_adopt "$E2E/out"
	check "it serves when started without stdin and stderr" ssh-add -l
	agent_dismiss
}

part_socket()
{
	umask 000
	in_background
	is "the default socket is in XDG_RUNTIME_DIR" "$SSH_AUTH_SOCK" \
		"$XDG_RUNTIME_DIR/hsm-ssh-agent/agent.sock"
	is "nobody else can use it, whatever the umask" \
		"$(mode_of "$SSH_AUTH_SOCK")" "600 $(id -u)"
	is "nor its directory" \
		"$(mode_of "$XDG_RUNTIME_DIR/hsm-ssh-agent")" "700 $(id -u)"
	check_status "a second one at the same socket is refused" 1 \
		agent_once -D
	has "it says why" "$E2E/out" 'is listening there already'
	check "the first one serves on" ssh-add -l
	kill -KILL "$agent_pid"
	wait_for 10 gone "$agent_pid"
	check "a dead one leaves its socket" test -S "$SSH_AUTH_SOCK"
	in_background
	check "the next one takes its place" ssh-add -l
	agent_dismiss

	chmod 755 "$XDG_RUNTIME_DIR/hsm-ssh-agent"
	check_status "a directory that others can enter is refused" 1 \
		agent_once -D
	has "it says which and what to do" "$E2E/out" \
		"$XDG_RUNTIME_DIR/hsm-ssh-agent.*chmod 700"
	chmod 700 "$XDG_RUNTIME_DIR/hsm-ssh-agent"
	: >"$E2E/file"
	check_status "a file in the socket's place is not removed" 1 \
		agent_once -D -a "$E2E/file"
	check "it is still there" test -f "$E2E/file"
	check_status "a path too long for a socket is refused" 1 agent_once \
		-D -a "$E2E/$(printf '%0110d' 0)"
	has "it says so" "$E2E/out" 'longer than'

	(
		unset XDG_RUNTIME_DIR
		in_background
		is "without XDG_RUNTIME_DIR it is in ~/.ssh/agent" \
			"${SSH_AUTH_SOCK%/*}" "$HOME/.ssh/agent"
		is "for nobody else, either" \
			"$(mode_of "$HOME/.ssh/agent")" "700 $(id -u)"
		agent_dismiss
	)
	(
		cd "$E2E" || exit
		in_background -a here.sock
		is "a relative path is told as an absolute one" \
			"$SSH_AUTH_SOCK" "$E2E/here.sock"
		agent_dismiss
	)
	umask 077

	for signal in TERM INT; do
		agent_start || return
		kill -$signal "$agent_pid"
		e2e_rc=0
		wait "$agent_pid" || e2e_rc=$?
		is "SIG$signal ends it with status 0" $e2e_rc 0
		check "SIG$signal: the socket is removed" \
			test ! -e "$SSH_AUTH_SOCK"
	done
	agent_pid=
}

# Hung up on: ssh-add says that, or dies of it while it writes.
not_served()
{
	! "$@" ssh-add -l >"$E2E/told" 2>&1 && ! grep SHA256 "$E2E/told"
}

part_others()
{
	if test "$(id -u)" -ne 0 || ! has_program setpriv; then
		skip "other users are refused" "needs root and setpriv"
		return
	fi
	agent_start || return
	chmod 711 "$E2E_TOP" "$E2E"
	chmod 666 "$SSH_AUTH_SOCK"
	check "another user is refused, whatever the socket's mode" \
		not_served setpriv --reuid=65534 --regid=65534 --clear-groups
	has "the log says whom" "$AGENT_LOG" \
		'ssh-add\) of user 65534 may not use this agent'
	check "its own user is served" ssh-add -l
	agent_stop
}

part_command()
{
	cat >"$E2E/command" <<'EOF'
echo "$SSH_AUTH_SOCK" >"$E2E/command.sock"
echo "$SSH_AGENT_PID" >"$E2E/command.pid"
stat -c '%a' "$SSH_AUTH_SOCK" >"$E2E/command.mode"
ssh-add -L >"$E2E/key.pub" && ssh-add -T "$E2E/key.pub" || exit 99
printf '%s|' "$@" >"$E2E/command.args"
exit 7
EOF
	check_status "COMMAND: its status is passed on" 7 \
		"$AGENT" sh "$E2E/command" -a -D --help 'two words'
	is "COMMAND: its arguments are its own" \
		"$(cat "$E2E/command.args")" '-a|-D|--help|two words|'
	is "COMMAND: nothing else is printed" \
		"$(grep -c 'Agent pid' "$E2E/out")" 0
	is "COMMAND: the socket was nobody else's" \
		"$(cat "$E2E/command.mode")" 600
	check "COMMAND: the agent ends with it" \
		wait_for 12 gone "$(cat "$E2E/command.pid")"
	check "COMMAND: its socket goes" \
		wait_for 10 test ! -e "$(cat "$E2E/command.sock")"
	agent_start || return
	check_status "COMMAND: beside another agent it has its own" 7 \
		"$AGENT" sh "$E2E/command"
	check_status "COMMAND: the other one's socket differs" 1 \
		test "$(cat "$E2E/command.sock")" = "$SSH_AUTH_SOCK"
	agent_stop
	check_status "COMMAND: not found is 127" 127 \
		"$AGENT" "$E2E/nowhere"
	check_status "COMMAND: not to be run is 126" 126 \
		"$AGENT" "$E2E/command"
	check_status "COMMAND: ended by a signal" 143 \
		"$AGENT" sh -c 'kill -TERM $$'
	check_status "COMMAND with -D is a usage error" 2 \
		"$AGENT" -D true
	exec 7<"$E2E/pin"
	check "COMMAND: --pin-fd is not passed on to it" \
		"$AGENT" --pin-fd 7 sh -c '! true 2>/dev/null <&7'
	exec 7<&-
}

fails()
{
	e2e_rc=0
	"$@" || e2e_rc=$?
	test $e2e_rc -eq 1 || test $e2e_rc -eq 2
}

# refused_with SENTENCE TEXT PATTERN: a configuration.
refused_with()
{
	printf '%s\n' "$2" >"$E2E/conf"
	check "configuration: $1 is an error" fails agent_once \
		-D -a "$E2E/no.sock" --config "$E2E/conf"
	has "configuration: $1 is named by file and line" "$E2E/out" "$3"
}

part_configuration()
{
	check "--help" "$AGENT" --help
	has "it shows the usage" "$E2E/out" '^usage: hsm-ssh-agent'
	check "--version" "$AGENT" --version
	has "it shows a version" "$E2E/out" '^hsm-ssh-agent [0-9]'
	check_status "an unknown option is a usage error" 2 agent_once -D -z
	check_status "an unknown long one, too" 2 agent_once -D --nonsense
	check_status "-a without its path, too" 2 agent_once -D -a
	check_status "--pin-fd of a word, too" 2 agent_once -D --pin-fd x

	refused_with "an unknown keyword" '# one

Nonsense yes' 'conf:3: unknown keyword "Nonsense"'
	refused_with "a bad value" 'AllowSHA1 perhaps' 'conf:1: '
	refused_with "a bad time" 'Lifetime soon' 'conf:1: '
	refused_with "a bad level" 'LogLevel loud' 'conf:1: '
	refused_with "an open quote" 'PinFile "x' 'conf:1: '
	refused_with "a value too many" 'Lifetime 1h 2h' 'conf:1: '
	refused_with "a second PinFile" 'PinFile /a
PinFile /b' 'conf:2: '
	refused_with "a global keyword in a Token block" 'Token one
	PinFile /a
LogLevel debug' 'conf:3: .*does not belong into a Token block'
	check_status "a configuration that is not there is an error" 1 \
		agent_once -D -a "$E2E/no.sock" --config "$E2E/nowhere"
	has "it is named" "$E2E/out" "$E2E/nowhere"
	echo 'LogLevel info' >"$E2E/conf"
	chmod 666 "$E2E/conf"
	check_status "one that others may write is refused" 1 \
		agent_once -D -a "$E2E/no.sock" --config "$E2E/conf"
	chmod 600 "$E2E/conf"

	mkdir -p "$XDG_CONFIG_HOME/hsm-ssh-agent"
	cat >"$XDG_CONFIG_HOME/hsm-ssh-agent/config" <<EOF
Socket "$E2E/from conf.sock"
Lifetime=1
LogLevel quiet
EOF
	"$AGENT" -D >"$E2E/agent.out" 2>"$E2E/quiet.log" </dev/null &
	agent_pid=$!
	SSH_AUTH_SOCK="$E2E/from conf.sock"
	export SSH_AUTH_SOCK
	wait_for 20 test -S "$SSH_AUTH_SOCK"
	check "Socket in the default configuration is used" save_keys
	check "and signs" sign
	agent_stop
	is "LogLevel quiet: not a word but the first" \
		"$(grep -vc 'token' "$E2E/quiet.log")" 0
	agent_start || return
	check "-a wins over Socket" test -S "$E2E/agent.sock"
	check "a signature" sign
	check "Lifetime in the configuration ends the unlock" \
		wait_for 10 in_file "$AGENT_LOG" 'has expired'
	agent_stop
	agent_start -t 1h || return
	check "a signature with -t" sign
	agent_stop

	providers
}

# The real path of a module counts.
providers()
{
	module=$(find /usr/lib -name opensc-pkcs11.so 2>/dev/null | head -n 1)
	if test -z "$module"; then
		skip "-P" "OpenSC's module is missing (package opensc-pkcs11)"
		return
	fi
	cp -L "$module" "$E2E/module.so"
	check_status "-P: a path outside of it is refused" 1 provider \
		"/usr/lib/*"
	check "-P: a path in it is allowed" provider "$E2E/*"
	check "-P: it is a list" provider "/nowhere/*,$E2E/*"
}

provider()
{
	agent_start -P "$1" || return
	e2e_rc=0
	ssh-add -s "$E2E/module.so" || e2e_rc=$?
	agent_stop
	return $e2e_rc
}

test $# -eq 0 || { run_part "$1"; exit; }
part lines --key p256:key:01
part socket --key p256:key:01
part others --key p256:key:01
part command --key p256:key:01
part configuration --key p256:key:01
finish
