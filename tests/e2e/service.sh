#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The agent as a service: its configuration checked and read again, the
# socket from a service manager and the news for it, and the units.
# shellcheck source=tests/e2e/lib.sh disable=SC2016,SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need ssh-add openssh-client

sign()
{
	ssh-add -T "$E2E/key.pub"
}

# conf LINE...: what the configuration says from now on, all at once.
conf()
{
	printf '%s\n' "$@" >"$E2E/conf.new"
	mv "$E2E/conf.new" "$E2E/conf"
}

# front ARGUMENT...: as agent_start, with no more in its log than LogLevel
# wants.
front()
{
	AGENT_LOG=$E2E/agent.front.log
	: >"$E2E/agent.out"
	"$AGENT" -D -a "$E2E/agent.sock" "$@" </dev/null >"$E2E/agent.out" \
		2>"$AGENT_LOG" &
	agent_pid=$!
	SSH_AUTH_SOCK=$E2E/agent.sock
	export SSH_AUTH_SOCK
	wait_for 20 ssh-add -L || return
	ssh-add -L >"$E2E/key.pub"
}

reads()
{
	grep -Ec 'configuration (was read again|stays as it was)' "$AGENT_LOG"
}

more_reads_than()
{
	test "$(reads)" -gt "$1"
}

# reload: and wait until it is done; for a LogLevel of info at least.
reload()
{
	e2e_reads=$(reads)
	kill -HUP "$agent_pid"
	wait_for 10 more_reads_than "$e2e_reads"
}

part_check()
{
	conf 'LogLevel info' 'PinEntry none' 'Token one' "PinFile $E2E/pin"
	chmod 600 "$E2E/pin"
	check "-T: a right configuration" "$AGENT" -T --config "$E2E/conf"
	is "-T: it says in one line which file it was" "$(cat "$E2E/out")" \
		"$E2E/conf: no mistakes"
	conf 'LogLevel info' 'LogLevel loud' 'Nonsense'
	check_status "-T: a mistake is status 2" 2 \
		"$AGENT" -T --config "$E2E/conf"
	has "-T: it has file and line" "$E2E/out" "^$E2E/conf:2: LogLevel takes"
	conf 'PinEntry /no/such' '' "PinFile $E2E/pin" 'NotifyCommand /etc'
	chmod 644 "$E2E/pin"
	check_status "-T: what the file names is looked at" 2 \
		"$AGENT" -T --config "$E2E/conf"
	has "-T: a program" "$E2E/out" "^$E2E/conf:1: /no/such: No such file"
	has "-T: a PIN file that others can read" "$E2E/out" \
		"^$E2E/conf:3: .*$E2E/pin"
	has "-T: every such mistake" "$E2E/out" "^$E2E/conf:4: /etc: not a pro"
	chmod 600 "$E2E/pin"
	check_status "-T: a file that is not there is status 1" 1 \
		"$AGENT" -T --config "$E2E/nowhere"
	has "-T: it is named" "$E2E/out" "$E2E/nowhere: no such file"
	if test -e /etc/hsm-ssh-agent/config; then
		skip "-T: no file at all is no mistake" "this machine has one"
	else
		check "-T: no file at all is no mistake" "$AGENT" -T
		has "-T: it says so" "$E2E/out" 'no configuration file'
	fi
	mkdir -p "$XDG_CONFIG_HOME/hsm-ssh-agent"
	echo 'Lifetime 1x' >"$XDG_CONFIG_HOME/hsm-ssh-agent/config"
	check_status "-T: the user's own file is the default" 2 "$AGENT" -T
	has "-T: by its whole name" "$E2E/out" \
		"^$XDG_CONFIG_HOME/hsm-ssh-agent/config:1: "
	check_status "an open quote is status 2, too" 2 sh -c \
		'echo "PinFile \"x" >"$E2E/conf" &&
		"$AGENT" -T --config "$E2E/conf"'
	check_status "-T does not serve" 1 test -e \
		"$XDG_RUNTIME_DIR/hsm-ssh-agent"
}

part_reload()
{
	need_helper sign-on || return
	conf 'LogLevel info'
	front --config "$E2E/conf" || return
	check "a signature" sign
	is "the PIN was asked for once" "$(prompts)" 1
	sent=$(pins_sent)

	conf 'LogLevel debug'
	check "SIGHUP: the configuration is read again" reload
	has "SIGHUP: the log says from where" "$AGENT_LOG" \
		"was read again: $E2E/conf"
	check "SIGHUP: it signs on" sign
	is "SIGHUP: no new login" "$(pins_sent)" "$sent"
	is "SIGHUP: no new prompt" "$(prompts)" 1

	has_not "LogLevel info logs no details" "$AGENT_LOG" 'message type'
	ssh-add -D 2>"$E2E/out"
	has "SIGHUP: LogLevel debug is in force" "$AGENT_LOG" 'message type 9'
	conf 'LogLevel info' "PinFile $E2E/pin"
	chmod 600 "$E2E/pin"
	check "SIGHUP: a PinFile that is new" reload
	check "SIGHUP: it is used" sign
	is "SIGHUP: nobody is asked" "$(prompts)" 1

	conf 'LogLevel info' 'PinCache never'
	check "SIGHUP: PinCache never" reload
	check "SIGHUP: it signs with a PIN" sign
	is "SIGHUP: the one it had was forgotten" "$(prompts)" 2
	check "SIGHUP: and again" sign
	is "SIGHUP: with another prompt" "$(prompts)" 3

	conf 'LogLevel info' "PinFile $E2E/pin" 'PinEntry "x'
	check "SIGHUP: a configuration with a mistake" reload
	has "SIGHUP: the log has its line" "$AGENT_LOG" \
		"stays as it was: $E2E/conf:3: "
	check "SIGHUP: it signs on as before" sign
	is "SIGHUP: nothing of it was taken" "$(prompts)" 4
	rm "$E2E/conf"
	check "SIGHUP: a configuration that is gone" reload
	has "SIGHUP: the log tells that" "$AGENT_LOG" \
		"stays as it was: $E2E/conf: no such file"
	agent_stop
}

# What the parts in the loop have to be told of.
part_parts()
{
	printf '#!/bin/sh\necho "$2" >"%s/noticed"\n' "$E2E" >"$E2E/notify"
	chmod +x "$E2E/notify"
	unset SSH_ASKPASS_REQUIRE
	conf 'LogLevel info' 'PinEntry /bin/false'
	front --config "$E2E/conf" || return
	check_status "a pinentry that does not work gets no PIN" 1 sign
	has "the log says which" "$AGENT_LOG" '/bin/false'
	conf 'LogLevel info' 'Lifetime 1s' "NotifyCommand $E2E/notify" \
		'LockOnScreenLock yes' "Socket $E2E/other.sock"
	check "SIGHUP: none of that, and more of other" reload
	check "SIGHUP: no PinEntry any more" sign
	is "SIGHUP: askpass was asked" "$(prompts)" 1
	check "SIGHUP: Lifetime is in force" \
		wait_for 10 in_file "$AGENT_LOG" 'has expired'
	ssh-keygen -q -t ed25519 -N '' -f "$E2E/in-file"
	ssh-add "$E2E/in-file" 2>"$E2E/out"
	check "SIGHUP: NotifyCommand is in force" \
		wait_for 10 in_file "$E2E/noticed" 'a key from a file'
	has_not "SIGHUP: -a is still the socket" "$AGENT_LOG" \
		'Socket is another'
	agent_stop
}

part_restart()
{
	conf 'LogLevel info' "Socket $E2E/agent.sock"
	"$AGENT" -D --config "$E2E/conf" </dev/null >"$E2E/agent.out" \
		2>"$AGENT_LOG" &
	agent_pid=$!
	SSH_AUTH_SOCK=$E2E/agent.sock
	export SSH_AUTH_SOCK
	wait_for 20 ssh-add -l
	conf 'LogLevel info' "Socket $E2E/other.sock"
	check "another Socket" reload
	has "the log says that it takes a restart" "$AGENT_LOG" \
		'Socket is another now: that takes a restart'
	check "the old one is served" ssh-add -l
	agent_stop
	check "and removed at the end" test ! -e "$E2E/agent.sock"

	# In the background it has left this directory.
	(
		cd "$E2E" || exit
		conf 'LogLevel info' 'PinEntry none'
		"$AGENT" -a "$E2E/b.sock" --config conf </dev/null \
			>"$E2E/out" 2>"$E2E/agent.bg.log"
		agent_adopt "$E2E/out"
		ssh-add -L >"$E2E/key.pub"
		conf "PinFile $E2E/pin"
		chmod 600 "$E2E/pin"
		rm "$E2E/askpass"	# nobody could be asked
		kill -HUP "$agent_pid"
		check "a relative --config is found from the background" \
			wait_for 10 sign
		agent_dismiss
	)
}

part_busy()
{
	need_helper sign-on || return
	conf 'LogLevel info'
	front --config "$E2E/conf" || return
	mkfifo "$E2E/end"
	"$HELPERS/sign-on" 8 0 k <"$E2E/end" >"$E2E/clients" 2>&1 &
	clients=$!
	exec 8>"$E2E/end"
	wait_for 20 in_file "$AGENT_LOG" 'signed ' || fail "they sign"
	i=0
	while test $i -lt 20; do
		conf 'LogLevel info' "LockAfterIdle $((i + 60))s" \
			"LockOnScreenLock $(test $((i % 2)) -eq 0 &&
			echo yes || echo no)" "PinTimeout ${i}s"
		reload || fail "reload $i"
		conf 'LogLevel info' 'Nonsense'
		reload || fail "reload $i, with a mistake"
		i=$((i + 1))
	done
	exec 8>&-
	e2e_rc=0
	wait $clients || e2e_rc=$?
	is "eight clients signed all the time beside 40 reloads" $e2e_rc 0
	show "$E2E/clients"
	is "one prompt did for all of it" "$(prompts)" 1
	agent_stop
}

part_terminal()
{
	need_helper pty-run || return
	"$HELPERS/pty-run" '' '' "$AGENT" -D -a "$E2E/a.sock" >"$E2E/shown" &
	tty=$!
	SSH_AUTH_SOCK=$E2E/a.sock
	export SSH_AUTH_SOCK
	wait_for 20 ssh-add -l
	# In the front of its own terminal, which now hangs up.
	kill -HUP "$(tr -d '\r' <"$E2E/shown" |
		sed -n 's/^SSH_AGENT_PID=\([0-9]*\);.*/\1/p')"
	e2e_rc=0
	wait $tty || e2e_rc=$?
	is "in front on a terminal, SIGHUP ends it with status 0" $e2e_rc 0
	check "the socket is removed" test ! -e "$SSH_AUTH_SOCK"
}

# activate ARGUMENT...: as a service manager starts it; $E2E/news is what it
# hears.
activate()
{
	AGENT_LOG=$E2E/agent.service.log
	rm -f "$E2E/service.sock" "$E2E/news.sock" "$E2E/news"
	SSH_AUTH_SOCK=$E2E/service.sock
	export SSH_AUTH_SOCK
	"$HELPERS/activate" "$SSH_AUTH_SOCK" "$E2E/news" "$AGENT" "$@" \
		</dev/null >"$E2E/agent.out" 2>"$AGENT_LOG" &
	manager_pid=$!
	wait_for 20 in_file "$E2E/news" '^READY=1$' || return
	agent_pid=$(sed -n 's/^pid //p' "$E2E/news")
}

# deactivate: and the manager hears of it.
deactivate()
{
	kill -TERM "$agent_pid"
	e2e_rc=0
	wait "$manager_pid" || e2e_rc=$?
	agent_pid=''
	is "SIGTERM ends the service with status 0" $e2e_rc 0
	is "its last word is that it ends" "$(tail -n 1 "$E2E/news")" \
		'STOPPING=1'
}

# What the children of the agent get to see.
part_service()
{
	need_helper activate || return
	cat >"$E2E/askpass" <<'EOT'
#!/bin/sh
here=${0%/*}
env | grep -E '^(LISTEN_|NOTIFY_)' >"$here/inherited"
(: <&3) 2>/dev/null && echo fd 3 >>"$here/inherited"
printf '%s\n' "$1" >>"$here/prompts"
exec cat "$here/pin"
EOT
	conf 'LogLevel debug'
	activate -D --config "$E2E/conf" || { fail "it says READY=1"; return; }
	check "the socket that was passed is served" wait_for 20 ssh-add -L
	ssh-add -L >"$E2E/key.pub"
	check "it signs" sign
	is "no child inherits what was for the agent" \
		"$(cat "$E2E/inherited" || echo nobody asked)" ''
	check "the manager is told what is there" \
		wait_for 10 in_file "$E2E/news" '^STATUS=1 token, 1 key$'
	is "no lines for a shell are printed" "$(cat "$E2E/agent.out")" ''

	echo 'Nonsense' >"$E2E/conf"
	kill -HUP "$agent_pid"
	check "a mistake in the configuration is told to the manager" \
		wait_for 10 in_file "$E2E/news" \
		"^READY=1\\|STATUS=.*$E2E/conf:1: unknown keyword"
	is "as the end of a reload" \
		"$(grep -A1 '^RELOADING=1|MONOTONIC_USEC=[0-9]*$' \
		"$E2E/news" | grep -c '^READY=1|STATUS=')" 1
	conf 'LogLevel debug'
	kill -HUP "$agent_pid"
	check "a right one brings the old status back" \
		wait_for 10 in_file "$E2E/news" \
		'^READY=1\|STATUS=1 token, 1 key$'
	vhsmctl pull
	check "the manager hears that a token went" \
		wait_for 10 in_file "$E2E/news" '^STATUS=no SmartCard-HSM'
	deactivate
	check "its socket is left to the manager" test -S "$SSH_AUTH_SOCK"
	sanitizer_reports >"$E2E/reports" && fail "a sanitizer has a report"

	vhsmctl insert
	activate -a "$E2E/other.sock" --config "$E2E/conf" ||
		{ fail "it says READY=1 without -D"; return; }
	check "without -D it stays in front, too" wait_for 20 ssh-add -l
	check_status "-a has no effect then" 1 test -e "$E2E/other.sock"
	deactivate

	# With a COMMAND, what the manager says is for that.
	check "a COMMAND inherits it" "$HELPERS/activate" "$E2E/c.sock" \
		"$E2E/c.news" "$AGENT" sh -c \
		'test "$LISTEN_PID" = $$ && test -n "$NOTIFY_SOCKET"'
	check_status "two sockets are refused" 2 env LISTEN_FDS=2 sh -c \
		'LISTEN_PID=$$ exec "$AGENT" -D'
	check_status "something else than a socket is refused" 1 \
		env LISTEN_FDS=1 sh -c \
		'LISTEN_PID=$$ exec "$AGENT" -D 3</dev/null'
	has "it is said why" "$E2E/out" 'not a UNIX-domain stream socket'
}

# units KIND UNIT...: systemd finds no fault with them, and does nothing.
units()
{
	kind=$1
	what="systemd-analyze finds no fault with $2"
	if ! has_program systemd-analyze; then
		skip "$what" "it is missing (package systemd)"
		return
	fi
	shift
	mkdir -p "$E2E/units.$kind"
	for unit in "$@"; do
		test ! -e "$srcdir/contrib/systemd/$unit.in" ||
			sed "s|@bindir@|${AGENT%/*}|" \
			"$srcdir/contrib/systemd/$unit.in" \
			>"$E2E/units.$kind/$unit"
		test ! -e "$srcdir/contrib/systemd/$unit" ||
			cp "$srcdir/contrib/systemd/$unit" "$E2E/units.$kind/"
	done
	check "$what" systemd-analyze "--$kind" --man=no verify \
		"$E2E/units.$kind/$1" "$E2E/units.$kind/$2"
	is "$what: not a word" "$(grep "$E2E/units" "$E2E/out")" ''
}

part_units()
{
	units user hsm-ssh-agent.service hsm-ssh-agent.socket
	units system hsm-ssh-agent-host.service hsm-ssh-agent-host.socket
}

test $# -eq 0 || { run_part "$1"; exit; }
bare_part check
part reload --key p256:k:01
part parts --key p256:k:01
part restart --key p256:k:01
part busy --key p256:k:01 --latency 5
part terminal --key p256:k:01
part service --key p256:k:01
bare_part units
finish
