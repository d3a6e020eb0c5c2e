#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# contrib/quickstart, which README begins with, in a home that has nothing to
# do with it: from the keys to a login with a certificate.  It finds all built.
# shellcheck source=tests/e2e/lib.sh disable=SC2016,SC2119,SC2154,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need ssh openssh-client
need sshd openssh-server

# A tree whose build is ours.
tree_make()
{
	mkdir -p "$E2E/tree/contrib" "$E2E/tree/build"
	cp "$srcdir/contrib/quickstart" "$srcdir/contrib/packages" \
		"$E2E/tree/contrib"
	ln -s "$srcdir/configure" "$E2E/tree/configure"
	ln -s "$builddir" "$E2E/tree/build/try"
}

# quickstart builds what it needs, by name.
part_build()
{
	sed -n 's/^\(bin\|libexec\)_PROGRAMS = //p' "$srcdir/Makefile.am" |
		tr ' ' '\n' >"$E2E/programs"
	check "some programs are installed" \
		test "$(wc -l <"$E2E/programs")" -ge 3
	while read -r program; do
		has "quickstart builds $program" "$srcdir/contrib/quickstart" \
			"(^|[ 	])$program( |\$)"
	done <"$E2E/programs"
}

part_run()
{
	tree_make
	check "quickstart works" env -u MAKEFLAGS -u MAKELEVEL \
		"$E2E/tree/contrib/quickstart"
	has "with two keys one logs in" "$E2E/out" '^ *sshd: Accepted.*RSA'
	has "and one" "$E2E/out" '^ *sshd: Accepted.*ECDSA'
	has "and with a certificate" "$E2E/out" '^ *sshd: Accepted.*-CERT'
	has "and says so at its end" "$E2E/out" '^Both logins worked'
	find "$HOME" -type f >"$E2E/left"
	check "it leaves nothing in the home" diff /dev/null "$E2E/left"
}

test $# -eq 0 || { run_part "$1"; exit; }
bare_part build
bare_part run
finish
