#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A PIN by pinentry: the real ones, on a terminal, and what is left behind.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need ssh-add openssh-client
need opensc-tool opensc

SERIAL=DENK0100000

sign()
{
	ssh-add -T "$E2E/key.pub"
}

# pinentry_is PROGRAM: what is found as "pinentry" in PATH.
pinentry_is()
{
	mkdir -p "$E2E/bin"
	ln -sf "$(command -v "$1")" "$E2E/bin/pinentry"
	PATH=$E2E/bin:$PATH
	unset SSH_ASKPASS SSH_ASKPASS_REQUIRE
	export PATH
}

# Two signatures, on a terminal, by an agent that is in front and has the
# terminal itself, or by one in the background, which knows it by GPG_TTY.
session_make()
{
	cat >"$E2E/session" <<EOF
TERM=vt100
GPG_TTY=\$(tty)
SSH_AUTH_SOCK=$E2E/t.sock
export TERM GPG_TTY SSH_AUTH_SOCK
rm -f "$E2E/agent.out"
case \$1 in
front)
	SSH_ASKPASS_REQUIRE=prefer "$AGENT" -D -a "$E2E/t.sock" \
		>"$E2E/agent.out" 2>"$E2E/agent.t.log" &
	agent=\$!
	until grep -qs pid "$E2E/agent.out"; do
		kill -0 \$agent || exit 55
	done
	;;
back)
	eval "\$("$AGENT" -a "$E2E/t.sock")"
	agent=\$SSH_AGENT_PID
	;;
esac
ssh-add -L >"$E2E/key.pub"
ssh-add -T "$E2E/key.pub" && ssh-add -T "$E2E/key.pub"
rc=\$?
kill \$agent
while kill -0 \$agent 2>/dev/null; do :; done
exit \$rc
EOF
}

# type_pin PIN WHERE
type_pin()
{
	"$HELPERS/pty-run" 'PIN: ' "$1" sh "$E2E/session" "$2"
}

part_tty()
{
	need_helper pty-run || return
	has_program pinentry-tty || {
		skip "pinentry-tty asks for the PIN" \
			"it is missing (package pinentry-tty)"
		return
	}
	pinentry_is pinentry-tty
	session_make
	for where in front back; do
		vhsmctl reset-count
		check "pinentry-tty asks for the PIN ($where)" \
			type_pin "$PIN" $where
		tr -d '\r' <"$E2E/out" >"$E2E/shown"
		is "once ($where)" "$(grep -c 'PIN: ' "$E2E/shown")" 1
		has "it names label and serial number ($where)" \
			"$E2E/shown" "^PIN for token vhsm \\($SERIAL\\)\$"
		has "and the tries left ($where)" "$E2E/shown" \
			'^3 tries left$'
		has_not "what is typed is not shown ($where)" "$E2E/shown" \
			"$PIN"
		is "one PIN is sent ($where)" "$(pins_sent)" 1
	done

	vhsmctl reset-count
	check_status "an empty answer cancels" 1 type_pin '' front
	has "and the log says so" "$E2E/agent.t.log" \
		'refused .*(no PIN was entered|cancelled)'
	is "nothing is sent then" "$(pins_sent)" 0
	check_status "a wrong PIN refuses the signature" 1 \
		type_pin 999999 front
	is "one try is gone" "$(tries_left)" 63C2
	check "the right one then works" type_pin "$PIN" back
	has "the tries left were said" "$E2E/out" '2 tries left'
}

part_curses()
{
	need_helper pty-run || return
	has_program pinentry-curses || {
		skip "pinentry-curses asks for the PIN" \
			"it is missing (package pinentry-curses)"
		return
	}
	pinentry_is pinentry-curses
	session_make
	# It takes the terminal as it is: the key sends a carriage return.
	check "pinentry-curses asks for the PIN" \
		type_pin "$PIN$(printf '\r')" back
	has "it names label and serial number" "$E2E/out" \
		"PIN for token vhsm \\($SERIAL\\)"
	has_not "what is typed is not shown" "$E2E/out" "$PIN"
}

# One that no terminal is needed for.
fake_pinentry()
{
	cat >"$E2E/fake" <<EOF
#!/bin/sh
tr '\\0' '\\n' <"/proc/\$\$/environ" >"$E2E/child.environ"
ls -l /proc/\$\$/fd >"$E2E/child.fds"
echo OK Pleased to meet you
while read -r word rest; do
	echo "\$word \$rest" >>"$E2E/heard"
	case \$word in
	GETPIN)	echo "D \$(cat "$E2E/pin")"
		echo OK ;;
	BYE)	echo OK
		exit ;;
	*)	echo OK ;;
	esac
done
EOF
	chmod +x "$E2E/fake"
	PATH=$PATH:$E2E
	pinentry_is fake
	DISPLAY=:9
	export DISPLAY
}

part_display()
{
	fake_pinentry
	agent_start || return
	save_keys
	check "with a display, the pinentry in PATH asks" sign
	is "once" "$(grep -c GETPIN "$E2E/heard")" 1
	check "and it is said goodbye to" in_file "$E2E/heard" '^BYE'
	has_not "it is not told the PIN" "$E2E/heard" "$PIN"
	has_not "nor by its environment" "$E2E/child.environ" "$PIN"
	# Beside the script itself and that list.
	is "it has a socket and the log, and nothing else of the agent's" \
		"$(sed -n 's/.* -> //p' "$E2E/child.fds" | sort -u |
		grep -cve '/fake$' -e '/child[.]fds$')" 2
	if test "$(id -u)" -ne 0 || ! need_helper core-grep; then
		skip "what would go into a core file has no PIN" \
			"needs root"
	else
		# shellcheck disable=SC2154	# set by agent_start
		check_status "what would go into a core file has no PIN" 1 \
			"$HELPERS/core-grep" "$agent_pid" "$PIN"
		check "the search would find it: it is in the locked page" \
			"$HELPERS/core-grep" -a "$agent_pid" "$PIN"
	fi
	agent_stop
	has_not "the log does not have it" "$AGENT_LOG" "$PIN"

	rm "$E2E/bin/pinentry"
	ln -s /usr/bin/false "$E2E/bin/pinentry"
	agent_start || return
	check_status "a pinentry that only fails refuses the signature" 1 \
		sign
	has "the log says why" "$AGENT_LOG" \
		'refused .*ended without an answer'
	agent_stop
}

test $# -eq 0 || { run_part "$1"; exit; }
part tty --key p256:key:01
part curses --key p256:key:01
part display --key p256:key:01
finish
