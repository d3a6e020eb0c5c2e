# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
#
# What the tests of hsm-keyutil ca sign and ca renew share.

me()
{
	id -un
}

new_key()
{
	ssh-keygen -q -t "${2:-ed25519}" -N '' -C "$1" -f "$E2E/$1"
}

# The public key of the CA, with and without an agent; and the PIN for the
# latter.
save_ca()
{
	chmod 600 "$E2E/pin"
	"$KEYUTIL" export "${1:-ca}" >"$E2E/${1:-ca}.pub"
}

# sign ARGUMENT...: through the agent if there is one, else on the token.
sign()
{
	if test -n "${SSH_AUTH_SOCK-}"; then
		"$KEYUTIL" ca sign "$@"
	else
		"$KEYUTIL" ca sign --pin-file "$E2E/pin" "$@"
	fi
}

# field FILE NAME: from the lines "Serial: ..." and the like of ssh-keygen.
field()
{
	ssh-keygen -Lf "$1" | sed -n "s/^ *$2: //p"
}

# Seconds from now on, to the minute.
valid_for()
{
	valid_to=$(ssh-keygen -Lf "$1" |
		sed -n 's/^ *Valid: from .* to \(.*\)$/\1/p')
	valid_s=$(($(date -d "$valid_to" +%s) - $(date +%s) + 30))
	echo $((valid_s / 60 * 60))
}

# wrong SENTENCE REASON ARGUMENT...: the command line is.
wrong()
{
	wrong_what=$1 wrong_why=$2
	shift 2
	check "$wrong_what is a mistake" says "$wrong_why" 2 sign "$@"
}
