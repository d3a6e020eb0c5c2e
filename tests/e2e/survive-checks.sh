# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
#
# What an agent's session has to survive, asked of any agent at all: the one
# at $SSH_AUTH_SOCK, with the token in the first virtual reader.  A script
# sources this and calls survive_checks.  Nothing in here knows the agent.

survive_signs()
{
	timeout 30 ssh-add -T "$1" >/dev/null 2>&1
}

# Until the card is in (Yes) or out (No) of the first reader, or 10 seconds.
survive_card()
{
	survive_left=200
	until opensc-tool -l 2>/dev/null | grep -q "^0  *$1 "; do
		survive_left=$((survive_left - 1))
		test $survive_left -gt 0 || return 1
		sleep 0.05
	done
}

survive_applet()
{
	vhsmctl quirk other-applet on
	opensc-tool -r 0 -s 00:A4:04:00:06:D2:76:00:01:24:01 |
		grep -q 'SW1=0x90'
}

survive_select()
{
	opensc-tool -r 0 \
		-s 00:A4:04:00:0B:E8:2B:06:01:04:01:81:C3:1F:02:01:00
}

survive_reset()
{
	opensc-tool -r 0 --reset
}

survive_listed()
{
	pkcs11-tool --list-objects
}

survive_login()
{
	pkcs11-tool --login --pin "$(cat "$E2E/pin")" --list-objects
}

survive_replug()
{
	vhsmctl pull && survive_card No && vhsmctl insert && survive_card Yes
}

survive_wiggle()
{
	vhsmctl pull && vhsmctl insert && vhsmctl pull && vhsmctl insert &&
		vhsmctl pull && vhsmctl insert && survive_card Yes
}

# pcscd is the same again when there is another process of that name.
survive_pcscd()
{
	kill -USR1 "$VHSM_HARNESS_PID" && survive_card Yes
}

# survive_checks KEY.pub REVIVE REPORT: before each check REVIVE may do what
# a user would, and after it "REPORT ID yes|no SENTENCE" is called.  Numbers
# are those of the acceptance list.
survive_checks()
{
	survive_key=$1 survive_revive=$2 survive_report=$3
	while IFS=: read -r survive_id survive_what survive_says; do
		"$survive_revive"
		survive_is=no
		survive_signs "$survive_key" &&
			"survive_$survive_what" >"$E2E/other.out" 2>&1 &&
			survive_signs "$survive_key" &&
			survive_signs "$survive_key" && survive_is=yes
		"$survive_report" "$survive_id" "$survive_is" "$survive_says"
	done <<-'END'
	21a:applet:another program selects another applet
	21b:select:another program selects the HSM's applet
	21c:reset:another program resets the card
	21d:listed:OpenSC lists the objects
	21e:login:OpenSC logs in and out
	22a:replug:the token is unplugged and plugged in again
	22b:wiggle:the plug is loose, three times
	22c:pcscd:the PC/SC daemon is restarted
	END
}
