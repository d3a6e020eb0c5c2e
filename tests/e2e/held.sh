#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Another program keeps the card to itself: it is named, with what to do; and
# when it lets go the agent goes on by itself.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need ssh-keygen openssh-client

# hold HOW: until let_go; $holder is its process.  It goes by a name that is
# likelier than those of other tests that use PC/SC at the same time.
hold()
{
	cp "$HELPERS/hold-card" "$E2E/scdaemon"
	mkfifo "$E2E/hold.in"
	"$E2E/scdaemon" "$1" <"$E2E/hold.in" >"$E2E/held" 2>&1 &
	holder=$!
	exec 7>"$E2E/hold.in"
	rm "$E2E/hold.in"
	wait_for 10 in_file "$E2E/held" '^held'
}

let_go()
{
	exec 7>&-
	wait "$holder"
}

# The sentence, in a file: nobody else is there, or somebody is.
names_the_holder()
{
	grep -E "for itself alone: .*scdaemon \(pid $holder\)[;,]" "$1" |
		grep 'run "gpgconf --kill scdaemon"'
}

# says_who COMMAND...
says_who()
{
	"$@" >"$E2E/said" 2>&1
	cat "$E2E/said"
	names_the_holder "$E2E/said"
}

listed()
{
	ssh-add -L >"$E2E/user.pub"
}

sign_something()
{
	echo text | ssh-keygen -q -Y sign -n file -f "$E2E/user.pub"
}

part_exclusive()
{
	need_helper hold-card || return
	hold exclusive
	check "who holds the card is named" says_who "$KEYUTIL" list
	let_go
	check "and when it lets go there is nothing to say" "$KEYUTIL" list
}

part_agent()
{
	need_helper hold-card || return
	hold exclusive
	agent_start 7>&-	# or it would never end for the holder
	check "an agent that cannot have the card says who has it" wait_for 10 \
	    names_the_holder "$AGENT_LOG"
	check "hsm-keyutil status has that reason" \
	    says_who "$KEYUTIL" status
	let_go
	check "and has the keys when it is let go" wait_for 20 listed
	check "it signs" sign_something
	agent_stop
}

test $# -eq 0 || { run_part "$1"; exit; }
part exclusive --key p256:user
part agent --key p256:user
finish
