#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What a module of PKCS#11 has to do with others: a PIN that is meant for a
# token of one reaches no other token, and while one hangs nobody waits who
# has no need of it.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2120,SC2154,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

# shellcheck source=tests/e2e/soft-lib.sh
. "$srcdir/tests/e2e/soft-lib.sh"

need_module_program
need_soft

# Milliseconds that a command takes, whatever it says.
takes()
{
	takes_from=$(date +%s%N)
	"$@" >"$E2E/taken" 2>&1
	echo $((($(date +%s%N) - takes_from) / 1000000))
}

# --- PINs ---

# Added by several at once: all are refused, when the first one is and the
# module dropped, too.
part_none()
{
	none=$(find /usr/lib -name 'libz.so.1' | head -n 1)
	agent_start || return
	check "the card's key is listed" ssh-add -l
	echo 999999 >"$E2E/pin"
	vhsmctl reset-count
	i=0
	while test $i -lt 8; do
		ssh-add -s "$none" >"$E2E/add.$i" 2>&1 &
		i=$((i + 1))
	done
	wait_for 20 all_refused
	is "all who add what is no module are refused" \
		"$(cat "$E2E"/add.* | grep -c 'agent refused')" 8
	is "... and the card gets none of their PINs" "$(vhsmctl pins)" \
		"0 0 0"
	check_status "nor is a path of no module the card" 1 \
		ssh-add -s "$none"
	check_status "... to be locked" 1 ssh-add -e "$none"
	is "... it has all its tries" "$(vhsmctl pins)" "0 0 0"
	agent_stop
}

all_refused()
{
	test "$(cat "$E2E"/add.* | wc -l)" -ge 8
}

# set_serial DIRECTORY NUMBER: of the token there.  The end of it is the
# number of its slot.
set_serial()
{
	serial=$(softhsm2-util --show-slots |
		awk '/Serial number:/ && $3 != "" { print $3; exit }')
	sed -i "s/$serial/$2/" "$1"/*/token.object
}

# One token goes and another comes, in a slot of the same number, while
# nobody has the module open.
part_swapped()
{
	soft_start
	soft_token two 111222
	soft_key two EC:prime256v1 other 01 111222
	set_serial "$E2E/tokens" "ffff000012345678"
	mv "$E2E/tokens" "$E2E/two"
	mkdir "$E2E/tokens"
	soft_token one
	soft_key one EC:prime256v1 ec 01
	set_serial "$E2E/tokens" "eeee000012345678"
	configure "Module $SOFTHSM"
	agent_start || return
	save_keys
	check "the first token signs" ssh-add -T "$E2E/ec.pub"
	mv "$E2E/tokens" "$E2E/one"
	mv "$E2E/two" "$E2E/tokens"
	pkill -KILL -P "$agent_pid" -f hsm-ssh-agent-module
	check_status "a PIN for it is not sent to the one in its place" 1 \
		ssh-add -s 'pkcs11:token=one'
	check_status "... nor the next time" 1 ssh-add -s 'pkcs11:token=one'
	pkcs11-tool --module "$SOFTHSM" -L >"$E2E/slots" 2>/dev/null
	has "... which is the second" "$E2E/slots" 'two'
	has_not "... that has lost no try" "$E2E/slots" 'count low'
	agent_stop
}

# Whatever a URI says has to be so.
part_uri()
{
	soft_start
	soft_token one
	soft_key one EC:prime256v1 ec 01
	configure "Module $SOFTHSM"
	agent_start || return
	for part in model=YubiHSM manufacturer=Yubico slot-id=7 seriaI=999 \
		serial=999; do
		check_status "$part is not this token" 1 ssh-add -s \
			"pkcs11:token=one;$part"
	done
	has_not "... and gets no PIN" "$AGENT_LOG" 'unlocked'
	check "what is so is" ssh-add -s \
		'pkcs11:token=one;model=SoftHSM%20v2;manufacturer=SoftHSM%20project'
	save_keys
	agent_stop
	cp "$E2E/pin" "$E2E/of-one"
	chmod 600 "$E2E/of-one"
	configure "Module $SOFTHSM" 'Token "pkcs11:token=one"' \
		"PinFile $E2E/of-one"
	agent_start || return
	: >"$E2E/prompts"
	check "a Token block is named by one, too" ssh-add -T "$E2E/ec.pub"
	is "... and its PinFile is used" "$(prompts)" 0
	agent_stop
	configure 'Token "pkcs11:token=one;model=x"'
	check_status "... but not by what else a token is" 2 "$AGENT" -T
	has "... which is told" "$E2E/out" '"serial" and "token" alone'
}

# --- time ---

modules_run()
{
	pgrep -P "$agent_pid" -f hsm-ssh-agent-module >/dev/null
}

no_modules_run()
{
	! modules_run
}

# Nobody waits for a module, nor does one run, before keys are wanted.
part_lazy()
{
	soft_start
	soft_token one
	soft_key one EC:prime256v1 ec 01
	configure "Module $SOFTHSM"
	agent_start || return
	check "no module is opened at the start" no_modules_run
	check "who asks how things are is told of its token" \
		"$KEYUTIL" status
	has "... by its label" "$E2E/out" '"one"'
	check "... and has it opened" modules_run
	agent_stop
	agent_start || return
	check "the same after another start" no_modules_run
	check "... until keys are listed" ssh-add -l
	agent_stop
	agent_start || return
	check "... or a token is added" ssh-add -s 'pkcs11:token=one'
	agent_stop
	agent_start --unlock || return
	check "--unlock opens it, and unlocks" wait_for 10 in_file \
		"$AGENT_LOG" 'unlocked'
	agent_stop
}

lists()
{
	ssh-add -L | grep -q " $1\$"
}

hangs_in()	# FUNCTION
{
	echo "$1 block" >"$HOSTILE"
	agent_start || return
	ms=$(takes ssh-add -l)
	has "$1 hangs: the card's key is listed" "$E2E/taken" 'card'
	check "... after 10 s at most ($ms ms)" test "$ms" -lt 10000
	ms=$(takes ssh-add -s "$none")
	check "... another module is refused meanwhile ($ms ms)" \
		test "$ms" -lt 5000
	echo >"$HOSTILE"
	check "... later the module's key is listed, too" wait_for 60 \
		lists ec
	agent_stop
}

# A module that hangs from the start keeps no card's keys away.
part_start()
{
	soft_conf
	soft_token soft
	soft_key soft EC:prime256v1 ec 01
	hostile_module
	configure "Module $HOSTILE_SO" "ModuleTimeout 12s"
	none=$(find /usr/lib -name 'libz.so.1' | head -n 1)
	hangs_in C_FindObjects
	hangs_in C_GetSlotList
}

test $# -eq 0 || { run_part "$1"; exit; }
part none --key p256:card:01
bare_part swapped
bare_part uri
bare_part lazy
part start --key p256:card:01
finish
