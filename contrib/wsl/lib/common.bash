# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What all parts use: how it ends, what is said, other programs with a limit
# of time, and text of Windows as text.

# How hsm-wsl ends; hsm-wsl(1) has them.
EX_FAIL=1 EX_USAGE=2 EX_WINDOWS=3 EX_DEVICE=4 EX_DENIED=5 EX_WSL=6 EX_TIME=7
export EX_FAIL EX_USAGE EX_WINDOWS EX_DEVICE EX_DENIED EX_WSL EX_TIME

# Below it are /proc, /sys, /run, /etc and /mnt.  Only tests set it.
root=${HSM_WSL_ROOT-}

# To people, while data goes to standard output.
say()
{
	printf 'hsm-wsl: %s\n' "$*" >&2
}

more()
{
	[[ $verbose == no ]] || say "$*"
}

die()	# CODE TEXT
{
	local code=$1

	shift
	say "$*"
	exit "$code"
}

# Windows writes CR, marks of byte order and, now and then, UTF-16.
plain_text()
{
	cat >"$work/raw"
	if grep -q -a -P '\x00' "$work/raw"; then
		iconv -c -f UTF-16LE -t UTF-8 "$work/raw"
	else
		cat "$work/raw"
	fi | sed $'1s/^\xef\xbb\xbf//' | tr -d '\r'
}

# bounded SECONDS COMMAND...: what it says is in $out and $err, how it ended in
# $rc; 124 is that it did not in time.
bounded()
{
	local seconds=$1

	shift
	timeout -k 2 "$seconds" "$@" >"$work/out" 2>"$work/err" </dev/null
	rc=$?
	((rc != 137)) || rc=124
	out=$(plain_text <"$work/out")
	err=$(plain_text <"$work/err")
	[[ $verbose == no ]] || printf '  $ %s\n  %s\n' "$*" \
	    "ended with $rc; ${err:-nothing to complain of}" >&2
}

# until_true SECONDS COMMAND...: whether it came true in that time.
until_true()
{
	local end=$((SECONDS + $1))

	shift
	until "$@"; do
		((SECONDS < end)) || return 1
		sleep 0.5
	done
}

# Whether somebody could type a password, whatever standard input is.
has_terminal()
{
	{ : </dev/tty; } 2>/dev/null
}

# as_root COMMAND...: asks for a password where somebody can type one.
as_root()
{
	if [[ $dry_run == yes ]]; then
		say "would run: $*"
	elif ((EUID == 0)); then
		"$@"
	elif has_terminal; then
		sudo "$@"
	else
		sudo -n "$@" || {
			say "that takes root: sudo $*"
			return 1
		}
	fi
}
