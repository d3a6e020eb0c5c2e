# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
#
# Tokens of SoftHSM, for tests of PKCS#11; sourced after lib.sh, or where
# $E2E, $PIN, $builddir and say() are others.

SOFTHSM=$(find /usr/lib -name libsofthsm2.so 2>/dev/null | head -n 1)

# shellcheck disable=SC2154	# of lib.sh
need_module_program()
{
	test -x "$builddir/agent/hsm-ssh-agent-module" ||
		skip_all "this build has no PKCS#11 (--without-pkcs11)"
}

need_soft()
{
	need softhsm2-util softhsm2
	need pkcs11-tool opensc
	test -n "$SOFTHSM" ||
		skip_all "libsofthsm2.so is missing (package softhsm2)"
}

# hostile_module: one around SoftHSM's that obeys the file $HOSTILE
# (tests/p11/hostile.c), and writes down beside it what it is asked.
hostile_module()
{
	HOSTILE_SO=$builddir/tests/p11/hostile.so
	HOSTILE=$E2E/hostile HOSTILE_REAL=$SOFTHSM
	export HOSTILE HOSTILE_REAL HOSTILE_SO
	: >"$HOSTILE"
	: >"$HOSTILE.logins"
}

# beside PROGRAM: a copy of it that finds the program which runs modules, as
# an installed one does; prints where it is.
beside()
{
	cp "$1" "$E2E" && ln -sf "$builddir/agent/hsm-ssh-agent-module" "$E2E"
	echo "$E2E/$(basename "$1")"
}

# soft_conf: a SoftHSM of this part's own, without tokens.
soft_conf()
{
	mkdir -p "$E2E/tokens"
	{
		echo "directories.tokendir = $E2E/tokens"
		echo "log.level = ERROR"
	} >"$E2E/softhsm.conf"
	SOFTHSM2_CONF=$E2E/softhsm.conf
	export SOFTHSM2_CONF
}

# soft_start: the same, and no PC/SC.
soft_start()
{
	soft_conf
	PCSCLITE_CSOCK_NAME=$E2E/no-pcscd
	export PCSCLITE_CSOCK_NAME
}

# soft_token LABEL [PIN]
soft_token()
{
	softhsm2-util --init-token --free --label "$1" --pin "${2:-$PIN}" \
		--so-pin 12345678 >/dev/null
}

# soft_tool TOKEN ARGUMENT...: OpenSC's tool, logged in; what it says is in
# $E2E/made.
soft_tool()
{
	soft_label=$1
	shift
	case " $* " in
	*' --pin '*) ;;
	*)	set -- --pin "$PIN" "$@" ;;
	esac
	pkcs11-tool --module "$SOFTHSM" --token-label "$soft_label" --login \
		"$@" >"$E2E/made" 2>&1 ||
		say "$*: $(tail -n 1 "$E2E/made")"
}

# soft_key TOKEN TYPE LABEL ID [PIN]
soft_key()
{
	soft_tool "$1" --keypairgen --key-type "$2" --label "$3" --id "$4" \
		--pin "${5:-$PIN}"
}

soft_serial()
{
	softhsm2-util --show-slots | awk -v label="$1" '
		/Serial number:/ { serial = $3 }
		/Label:/ && $2 == label { print serial }'
}

# SoftHSM 2.6 loses a few bytes with each use of an Ed25519 key.
own_leaks_only()
{
	echo "leak:libsofthsm2.so" >"$E2E/leaks"
	LSAN_OPTIONS=suppressions=$E2E/leaks:print_suppressions=0
	ASAN_OPTIONS=fast_unwind_on_malloc=0:${ASAN_OPTIONS-}
	export LSAN_OPTIONS ASAN_OPTIONS
}

# soft_part [--key TYPE:LABEL:ID]...: a token with the keys that a virtual HSM
# would have, and an agent that knows its module.
soft_part()
{
	own_leaks_only
	soft_start
	soft_token soft
	while test $# -gt 0; do
		test "$1" = --key || { say "SoftHSM has no $1"; return 1; }
		soft_type=${2%%:*} soft_id=${2##*:}
		soft_name=${2#*:} soft_name=${soft_name%:*}
		case $soft_type in
		rsa*)	soft_type=rsa:${soft_type#rsa} ;;
		p256)	soft_type=EC:prime256v1 ;;
		p*)	soft_type=EC:secp${soft_type#p}r1 ;;
		esac
		soft_key soft "$soft_type" "$soft_name" "$soft_id"
		shift 2
	done
	# shellcheck disable=SC2034	# for the part
	TOKEN_SERIAL=$(soft_serial soft)
	configure
}
