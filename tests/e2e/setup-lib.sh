# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
#
# What the tests of hsm-keyutil init and pin share.

SERIAL=DENK0100000
SO=3537363231383830	# what with-vhsm sets
OTHER_SO=0011223344556677

# secret NAME TEXT: a file for --NAME, closed to others.
secret()
{
	(umask 077 && printf '%s\n' "$2" >"$E2E/$1")
}

# The files that the commands here take their secrets from.
secrets()
{
	secret so "$SO"
	secret other-so "$OTHER_SO"
	secret wrong-so 0000000000000000
	secret right "$PIN"
	secret wrong 999999
	secret new new-pin8
}

# init [OPTION...]: with the SO-PIN of the token; the PIN is "new".
init()
{
	${become-} "$KEYUTIL" init --yes $SERIAL --so-pin-file "$E2E/so" \
	    --pin-file "$E2E/new" "$@"
}

# says TEXT CODE COMMAND...: it exits so, and prints this line somewhere.
says()
{
	text=$1
	want=$2
	shift 2
	"$@" >"$E2E/said" 2>&1 </dev/null
	got=$?
	cat "$E2E/said"
	echo "exit $got, expected $want and: $text"
	test "$got" -eq "$want" && grep -qF -e "$text" "$E2E/said"
}

# The tries that are left: of the PIN, of the SO-PIN.
tries()
{
	echo "$(vhsmctl tries) $(vhsmctl so-tries)"
}

# Is this the PIN?  Asked of OpenSC.
opensc_takes()
{
	pkcs15-tool --verify-pin --pin "$1"
}
