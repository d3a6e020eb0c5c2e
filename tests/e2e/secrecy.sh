#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The PIN, where it must never be seen.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need ssh-add openssh-client

SERIAL=DENK0100000

sign()
{
	ssh-add -T "$E2E/key.pub"
}

# no_pin SENTENCE FILE: no form of it is in there.
no_pin()
{
	if grep -aq -e "$PIN" -e "$(printf %s "$PIN" | od -An -tx1 |
	    tr -d ' \n')" "$2"; then
		fail "$1"
		say "${2##*/} holds the PIN"
	elif test -s "$2"; then
		pass "$1"
	else
		fail "$1"
		say "${2##*/} is empty or missing"
	fi
}

# Twice: a real core file, and all that one would hold, by a helper that
# shows what it can find, too.
look_in_core()
{
	need_helper core-grep || return
	if test "$(id -u)" -ne 0; then
		# shellcheck disable=SC2154	# agent_pid is set by lib.sh
		check_status "a process of the same user cannot look ($1)" 2 \
			"$HELPERS/core-grep" "$agent_pid" "$PIN"
		skip "the PIN is not in a core file ($1)" "needs root"
		return
	fi
	test "$1" != "by askpass" ||
		check "a search of its memory finds the key's comment" \
			"$HELPERS/core-grep" "$agent_pid" "$COMMENT"
	check_status "what would go into a core file has no PIN ($1)" 1 \
		"$HELPERS/core-grep" "$agent_pid" "$PIN"
	if is_sanitized; then
		skip "a core file of gcore has no PIN ($1)" \
			"this build would fill the disk"
		return
	fi
	has_program gcore || {
		skip "a core file of gcore has no PIN ($1)" "gdb is missing"
		return
	}
	# At most 1 GiB, whatever happens.
	(ulimit -f 2097152 && gcore -o "$E2E/core" "$agent_pid") \
		>"$E2E/gcore.out" 2>&1 </dev/null
	no_pin "a core file of gcore has no PIN ($1)" "$E2E/core.$agent_pid"
	check "which does hold its memory ($1)" \
		grep -aq "$COMMENT" "$E2E/core.$agent_pid"
	rm -f "$E2E"/core.*
}

# look_for_pin WORD: everywhere but in the one locked page.
look_for_pin()
{
	check "it is unlocked ($1)" sign
	tr '\0' '\n' <"/proc/$agent_pid/cmdline" >"$E2E/cmdline"
	no_pin "the PIN is not in the argument list ($1)" "$E2E/cmdline"
	if test "$(id -u)" -eq 0; then
		tr '\0' '\n' <"/proc/$agent_pid/environ" >"$E2E/environ"
		no_pin "nor in the environment ($1)" "$E2E/environ"
	else
		check_status "nobody can read its environment ($1)" 1 \
			cat "/proc/$agent_pid/environ"
	fi
	is "core files are switched off ($1)" "$(sed -n \
		's/^Max core file size *\([^ ]*\) *\([^ ]*\) .*/\1 \2/p' \
		"/proc/$agent_pid/limits")" "0 0"
	look_in_core "$1"
	agent_stop
	no_pin "the PIN is not in the log ($1)" "$AGENT_LOG"
}

part_secrecy()
{
	COMMENT='one-comment-to-find-it-by'
	ln -s "$E2E/$COMMENT.pub" "$E2E/key.pub"
	agent_start || return
	save_keys
	look_for_pin "by askpass"

	exec 7<"$E2E/pin"
	agent_start --pin-fd 7 --unlock || return
	exec 7<&-
	if test "$(id -u)" -eq 0; then
		check "wait until it is unlocked" wait_for 10 in_file \
			"$AGENT_LOG" 'unlocked$'
		check_status "nothing is left of the command with the PIN" 1 \
			"$HELPERS/core-grep" "$agent_pid" "$PIN"
		check "the search would find it: it is in the locked page" \
			"$HELPERS/core-grep" -a "$agent_pid" "$PIN"
	else
		skip "nothing is left of the command with the PIN" \
			"needs root"
	fi
	look_for_pin "by --pin-fd"

	chmod 600 "$E2E/pin"
	echo "PinFile $E2E/pin" >"$E2E/conf"
	agent_start --config "$E2E/conf" || return
	look_for_pin "by PinFile"

	printf '#!/bin/sh\nexec cat "%s"\n' "$E2E/pin" >"$E2E/command"
	chmod 700 "$E2E/command"
	echo "PinCommand $E2E/command" >"$E2E/conf"
	agent_start --config "$E2E/conf" || return
	rm "$E2E/askpass"
	look_for_pin "by PinCommand"

	echo "PinCredential pin" >"$E2E/conf"
	mkdir -m 700 "$E2E/credentials"
	cp -p "$E2E/pin" "$E2E/credentials/pin"
	CREDENTIALS_DIRECTORY=$E2E/credentials
	export CREDENTIALS_DIRECTORY
	agent_start --config "$E2E/conf" || return
	unset CREDENTIALS_DIRECTORY
	look_for_pin "by a credential"
	askpass_make

	agent_start || return
	check "ssh-add -s unlocks" ssh-add -s $SERIAL
	look_for_pin "by ssh-add -s"

	# A PIN that was wrong is a secret, too.
	right=$PIN
	PIN=135791
	echo "$PIN" >"$E2E/pin"
	agent_start || return
	sign >/dev/null 2>&1
	echo "$right" >"$E2E/pin"
	look_for_pin "a wrong one"
	PIN=$right

	cat >"$E2E/askpass" <<EOF
#!/bin/sh
tr '\\0' '\\n' <"/proc/\$\$/environ" >"$E2E/child.environ"
ls -l /proc/\$\$/fd >"$E2E/child.fds"
exec cat "$E2E/pin"
EOF
	# A second prompt: the first PIN is in memory by then, expired or not.
	exec 7<"$E2E/pin"
	agent_start --pin-fd 7 --token nobody || return
	exec 7<&-
	check "askpass is run" sign
	no_pin "a child's environment does not have the PIN" \
		"$E2E/child.environ"
	has_not "a child does not have the descriptor of --pin-fd" \
		"$E2E/child.fds" '/pin$'
	agent_stop
}

as_user()
{
	if test "$(id -u)" -eq 0; then
		setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
	else
		"$@"
	fi
}

# Another process of the same user can neither attach nor look.  Root could,
# so root does this as nobody.
part_traced()
{
	need_helper core-grep || return
	mkdir -m 700 "$E2E/theirs"
	if test "$(id -u)" -eq 0; then
		chmod 711 "$E2E_TOP" "$E2E"
		chown 65534:65534 "$E2E/theirs"
	fi
	if ! as_user test -x "$AGENT"; then
		skip "nobody of the same user looks into the agent" \
			"other users cannot reach the build, or no setpriv"
		return
	fi
	as_user env HOME="$E2E/theirs" XDG_CONFIG_HOME="$E2E/theirs" \
		"$AGENT" -D -a "$E2E/theirs/sock" >"$E2E/agent.out" \
		2>"$E2E/agent.nobody.log" </dev/null &
	wait_for 20 grep -q '^echo Agent pid' "$E2E/agent.out"
	agent_adopt "$E2E/agent.out"
	as_user sleep 60 &
	wait_for 20 pgrep -P $! sleep
	other=$(pgrep -P $! sleep)
	check "a process of a user can read another one's environment" \
		as_user cat "/proc/$other/environ"
	check_status "and memory" 1 \
		as_user "$HELPERS/core-grep" "$other" no-such-text
	kill "$other"
	wait $! 2>/dev/null
	check_status "but not the agent's memory" 2 \
		as_user "$HELPERS/core-grep" "$agent_pid" no-such-text
	check_status "nor the agent's environment" 1 \
		as_user cat "/proc/$agent_pid/environ"
	if has_program gdb; then
		as_user gdb -batch -p "$agent_pid" -ex 'info threads' \
			>"$E2E/gdb" 2>&1 </dev/null
		has "gdb is refused" "$E2E/gdb" \
			'Operation not permitted|Permission denied'
	else
		skip "gdb is refused" "gdb is missing"
	fi
	agent_dismiss
}

test $# -eq 0 || { run_part "$1"; exit; }
part secrecy --key p256:one-comment-to-find-it-by:01
part traced
finish
