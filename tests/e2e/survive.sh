#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The session survives other programs, and a token that is pulled out and put
# back: nobody has to add anything again.  "make bench" asks OpenSSH's agent
# with OpenSC the same questions.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"
# shellcheck source=tests/e2e/survive-checks.sh
. "$srcdir/tests/e2e/survive-checks.sh"

need opensc-tool opensc
need pkcs11-tool opensc
need ssh-add openssh-client

# Nothing needs to be done, ever.
count_prompts()
{
	before=$(prompts)
}

report()
{
	case $2 in
	yes)	pass "$1: the next signature works after $3" ;;
	*)	fail "$1: the next signature works after $3"
		show "$E2E/other.out"
		show_logs ;;
	esac
	asked=$(($(prompts) - before))
	if test $asked -le 1; then
		pass "$1: with one prompt at most ($asked)"
	else
		fail "$1: with one prompt at most"
		say "$asked prompts"
	fi
}

part_session()
{
	agent_start || return
	save_keys
	for k in ec rsa; do
		say "$k"
		survive_checks "$E2E/$k.pub" count_prompts report
	done
	is "no PIN was wrong" "$(vhsmctl pins | cut -d' ' -f2)" 0
	is "all tries are left" "$(vhsmctl tries)" 3
	agent_stop
}

test $# -eq 0 || { run_part "$1"; exit; }
part session --key rsa2048:rsa:01 --key p256:ec:02
finish
