#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What vhsmctl promises (ctl.h, with-vhsm.c), as seen through a real pcscd by
# another program, vhsmuser: without this, a test of the agent under a fault
# may pass because there was none.  Prints TAP.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:-.}/tests/e2e/lib.sh"

SELECT=00A404000BE82B0601040181C31F020100
STATUS=00200081
VERIFY=0020008106363438323139
WRONG=0020008106303030303030
SIGN=80680170041122334400

# The last answer's last two bytes, of these words; "error" if one failed.
sw()
{
	vhsmuser "$@" >"$E2E/answer" 2>"$E2E/why" || { echo error; return; }
	tail -n 1 "$E2E/answer" | sed 's/.*\(....\)$/\1/'
}

# Start "vhsmuser WORDS hold" and wait until it holds.
start_holding()
{
	rm -f "$E2E/hold"
	mkfifo "$E2E/hold"
	: >"$E2E/held"
	vhsmuser "$@" hold <"$E2E/hold" >"$E2E/held" 2>&1 &
	holder=$!
	exec 9>"$E2E/hold"
	wait_for 10 in_file "$E2E/held" holding
}

stop_holding()
{
	exec 9>&-
	wait "$holder"
}

part_moments()
{
	vhsmctl at 1 A4 after reset
	is "reset between SELECT and VERIFY" \
		"$(sw send $SELECT send $VERIFY)" 6D00
	vhsmctl at 1 68 before logout
	is "logout between VERIFY and SIGN" \
		"$(sw send $SELECT send $VERIFY send $SIGN)" 6982
	vhsmctl at 1 68 during logout
	is "during SIGN it is too late for that" \
		"$(sw send $SELECT send $VERIFY send $SIGN)" 9000
	is "but not for the next" "$(sw send $SIGN)" 6982
	vhsmctl at 1 68 before other-applet
	is "another applet before SIGN" \
		"$(sw send $SELECT send $VERIFY send $SIGN)" 6E00
	vhsmctl at 1 58 before card 1 ping
	is "a line that works" "$(sw send $SELECT send 8058000000)" 9000
	vhsmctl at 1 20+ before pin 111111
	vhsmctl reset-count
	is "PIN changed between status and VERIFY" \
		"$(sw send $SELECT send $STATUS send $VERIFY)" 63C2
	is "one PIN was sent, and cost a try" "$(vhsmctl pins)" "1 1 0"
	vhsmctl pin "$PIN"
	is "nothing failed, nothing is left" "$(vhsmctl planned)" 0

	vhsmctl at 1 68 before pull
	is "pull before SIGN" "$(sw send $SELECT send $VERIFY send $SIGN)" \
		error
	has "is a failed transaction" "$E2E/why" 'Transaction failed'
	is "the reader is empty" "$(vhsmctl reader)" empty
	vhsmctl insert
	vhsmctl pcscd wait
	is "insert, seen" "$(sw send $SELECT send $STATUS)" 63C3
	vhsmctl at 1 68 during pull
	is "pull during SIGN" "$(sw send $SELECT send $VERIFY send $SIGN)" \
		error
	vhsmctl insert
	vhsmctl pcscd wait
	vhsmctl at 1 68 after pull
	is "pull after SIGN" "$(sw send $SELECT send $VERIFY send $SIGN)" \
		9000
	vhsmctl insert
	vhsmctl pcscd wait
	vhsmctl delay 400 at 2 84
	sw send $SELECT send 0084000008 >/dev/null
	before=$(date +%s%N)
	sw send 0084000008 >/dev/null
	check "the second GET CHALLENGE is late" \
		test $((($(date +%s%N) - before) / 1000000)) -ge 400
	vhsmctl fail 2 20 empty
	is "no answer, and no error" \
		"$(sw send $SELECT send $STATUS send $STATUS)" ""
	vhsmctl pcscd wait
	vhsmctl fail 1 20 drop-after
	is "a PIN that is checked, its answer lost" \
		"$(sw send $SELECT send $WRONG)" error
	vhsmctl pcscd wait
	is "cost a try" "$(vhsmctl tries)" 2
}

part_swap()
{
	vhsmctl card 1 init 111111 3537363231383830 second
	vhsmctl card 1 generate p256 spare 07 >/dev/null
	is "the first card" "$(vhsmctl serial)" DENK0100000
	vhsmctl swap 1
	vhsmctl pcscd wait
	is "another is in the reader" "$(vhsmctl serial)" DENK0200000
	check "OpenSC finds its key" pkcs15-tool -k
	has "by its name" "$E2E/out" spare
	is "it has a PIN of its own" "$(sw send $SELECT send $VERIFY)" 63C2
	vhsmctl swap 0
	vhsmctl pcscd wait
	check "the first is back" pkcs15-tool -k
	has "with its key" "$E2E/out" first

	start_holding
	vhsmctl swap 1
	vhsmctl pcscd wait
	stop_holding
	vhsmctl swap 0
	vhsmctl pcscd wait

	is "logged in" "$(sw send $SELECT send $VERIFY)" 9000
	start_holding begin send $STATUS
	has "still" "$E2E/held" 9000
	vhsmctl swap 1 quiet
	stop_holding
	is "a quiet swap ends no connection" $? 0
	is "but the card is another" "$(sw send $SELECT send $VERIFY)" 63C1
	vhsmctl swap 0 quiet

	vhsmctl swap 1 reset
	is "a swap at the next reset is not yet done" "$(vhsmctl serial)" \
		DENK0100000
	check "somebody resets" vhsmuser send $SELECT reset
	is "now it is" "$(vhsmctl serial)" DENK0200000
	pid=$(vhsmctl pid)
	kill -9 "$pid"
	wait_for 10 vhsmctl ping
	is "a killed vhsm comes back with card 0" "$(vhsmctl serial)" \
		DENK0100000
	is "and with the other in the drawer" "$(vhsmctl card 1 tries)" 1
}

part_sharing()
{
	start_holding exclusive
	is "an exclusive user shuts others out" "$(sw send $SELECT)" error
	has "with the right reason" "$E2E/why" '[Ss]haring'
	stop_holding
	is "until it ends" "$(sw send $SELECT)" 9000
	start_holding begin send $SELECT send $VERIFY
	has "one logs in" "$E2E/held" 9000
	stop_holding
	is "it is for all" "$(sw send $STATUS)" 9000
	check "a reset by PC/SC" vhsmuser send $STATUS reset
	is "ends it" "$(sw send $STATUS)" 6D00
}

part_pcscd()
{
	first=$(vhsmctl pcscd pid)
	is "the card is seen" "$(vhsmctl reader)" seen
	check "pcscd stops" vhsmctl pcscd stop
	check "it is gone" gone "$first"
	check_status "clients find none" 1 vhsmuser send $SELECT
	check_status "it cannot stop again" 1 vhsmctl pcscd stop
	is "it has no pid" "$(vhsmctl pcscd pid)" 0
	check "it starts" vhsmctl pcscd start
	is "with the card" "$(sw send $SELECT)" 9000
	check_status "it cannot start again" 1 vhsmctl pcscd start
	check "pcscd crashes" vhsmctl pcscd kill
	check_status "clients find none" 1 vhsmuser send $SELECT
	vhsmctl pull
	check "it starts with an empty reader" vhsmctl pcscd start
	is "which it is" "$(sw send $SELECT)" error
	vhsmctl insert
	check "the card comes" vhsmctl pcscd wait
	is "and works" "$(sw send $SELECT)" 9000
	vhsmctl pull
	vhsmctl atr 3B80800101
	vhsmctl insert
	vhsmctl pcscd wait
	check "a card with an ATR that says nothing" opensc-tool -a
	has "is one" "$E2E/out" '^3b:80:80:01:01'
	second=$(vhsmctl pcscd pid)
	check "it restarts" vhsmctl pcscd restart
	is "with the card" "$(sw send $SELECT)" 9000
	check "as another process" test "$second" != "$(vhsmctl pcscd pid)"
	check_status "no other word" 1 vhsmctl pcscd dance
}

test $# -eq 0 || { run_part "$1"; exit; }
need pkcs15-tool opensc
part moments --key p256:first:01
part swap --key p256:first:01
part sharing --key p256:first:01
part pcscd --tokens 2
finish
