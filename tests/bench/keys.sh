#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck disable=SC2317	# functions are called by measure()
# keys.sh KEYUTIL: card commands and time of the same job by hsm-keyutil and
# by OpenSC's tools, on one virtual token, in a table.  Each command takes
# 10 ms in the card, so that the time is that of a real one.  Started by
# run.sh, under with-vhsm; status 1 when ours needs more commands anywhere.
set -u
keyutil=$1
work=$VHSM_DIR/keys
delay=10
status=0

now_ms()
{
	echo $(($(date +%s%N) / 1000000))
}

# "COMMANDS MS" of a command, or "- -" when it fails.
measure()	# COMMAND...
{
	vhsmctl reset-count >/dev/null
	begin=$(now_ms)
	if "$@" >"$work/out" 2>&1 </dev/null; then
		end=$(now_ms)
		echo "$(vhsmctl count) $((end - begin))"
	else
		sed 's/^/bench: /' "$work/out" >&2
		echo "- -"
	fi
}

# The jobs, each as OURS and THEIRS; functions, for the words in them.
generate_ours()
{
	"$keyutil" generate "$1" --label "ours-$1" --pin-file "$work/pin"
}

generate_theirs()
{
	pkcs11-tool --login --pin "$VHSM_PIN" --keypairgen --key-type "$2" \
		--label "theirs-$1" --id "$3"
}

backup_ours()
{
	"$keyutil" backup ours-p256 -o "$work" --pin-file "$work/pin"
}

backup_theirs()
{
	sc-hsm-tool --wrap-key "$work/theirs.bin" --key-reference 1 \
		--pin "$VHSM_PIN"
}

delete_ours()
{
	"$keyutil" delete ours-p256 --yes ours-p256 --pin-file "$work/pin"
}

delete_theirs()
{
	pkcs11-tool --login --pin "$VHSM_PIN" --delete-object \
		--type privkey --id 22
}

compare()	# SENTENCE OURS THEIRS
{
	# shellcheck disable=SC2086	# two words each
	set -- "$1" $2 $3
	awk -v what="$1" -v a="$2" -v ms_a="$3" -v b="$4" -v ms_b="$5" 'BEGIN {
		printf "  %-32s %8s %8s %9s %9s %7s\n", what, a, b,
		    ms_a " ms", ms_b " ms",
		    (ms_a + 0 > 0 ? sprintf("%.1fx", ms_b / ms_a) : "-")
	}'
	test "$2" != - && test "$2" -le "$4" || status=1
}

mkdir -m 700 "$work"
umask 077
XDG_CACHE_HOME=$work
export XDG_CACHE_HOME
printf '%s\n' "$VHSM_PIN" >"$work/pin"
sc-hsm-tool --initialize --so-pin "$VHSM_SO_PIN" --pin "$VHSM_PIN" \
	--label bench --dkek-shares 0 >/dev/null 2>&1 || exit 2
vhsmctl delay $delay >/dev/null

printf '\nThe same job, each card command %s ms\n' $delay
printf '  %-32s %8s %8s %9s %9s\n' '' ours theirs ours theirs
compare "make a P-256 key" "$(measure generate_ours p256)" \
	"$(measure generate_theirs p256 EC:prime256v1 22)"
compare "make an RSA-2048 key" "$(measure generate_ours rsa2048)" \
	"$(measure generate_theirs rsa2048 rsa:2048 23)"
compare "list four keys" "$(measure "$keyutil" list)" \
	"$(measure pkcs11-tool --list-objects)"
compare "print the public keys" "$(measure "$keyutil" export)" \
	"$(measure ssh-keygen -D "$OPENSC_MODULE")"
# The list has made the cache of public keys know them, as an agent does.
compare "back a key up, its name known" "$(measure backup_ours)" "$(measure backup_theirs)"
compare "delete a key" "$(measure delete_ours)" "$(measure delete_theirs)"
exit $status
