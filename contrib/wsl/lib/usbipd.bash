# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# usbipd-win, 2.2 and later, by what it can and not by its number.  Only
# "usbipd state" is read: it is JSON, whole, and in no language.

STATE_SECONDS=${HSM_WSL_WINDOWS_SECONDS:-15}
ATTACH_SECONDS=${HSM_WSL_WINDOWS_SECONDS:-60}

usbipd=''		# the program, once it is found
version=''
ask=yes			# whether an administrator may be asked for
attach_words=()		# "attach --wsl" since 4.0, "wsl attach" before
detach_words=()
devices='[]'		# as read_state() leaves them, and the same by bus id:
busids=()
declare -gA is	# is[BUSID FIELD]

# Where the reason of the last attachment that failed is, for doctor.
last_error=${XDG_STATE_HOME:-${HOME-}/.local/state}/hsm-wsl/last-error

find_usbipd()
{
	local kind

	[[ -z $usbipd ]] || return 0
	kind=$(wsl_kind)
	case $kind in
	2)	;;
	1)	fail_row wsl1 ;;
	*)	fail_row no-wsl ;;
	esac
	usbipd=$(find_program usbipd.exe "$USBIPD_HOME") ||
		fail_row no-usbipd
	windows "$STATE_SECONDS" "$usbipd" --version
	version=${out%%[^0-9.]*}
	((rc == 0)) || fail_message "$err" windows-program
}

# A program that Linux found somewhere else is never run as administrator.
usbipd_for_windows()
{
	to_windows "$usbipd" || echo "$USBIPD_HOME"
}

find_words()
{
	((${#attach_words[@]} == 0)) || return 0
	windows "$STATE_SECONDS" "$usbipd" attach --help
	if ((rc == 0)) && [[ $out$err == *--wsl* ]]; then
		attach_words=(attach --wsl)
		detach_words=(detach)
	else
		attach_words=(wsl attach)
		detach_words=(wsl detach)
	fi
}

# One that knows no policies may answer with the help for all commands.
has_policy()
{
	windows "$STATE_SECONDS" "$usbipd" policy --help
	((rc == 0)) && [[ $out$err == *'usbipd policy'* ]]
}

# A device for each entry that has ids.  "persisted" ones are not plugged in.
# shellcheck disable=SC2016	# jq has variables, too
normal_state='
[.Devices[]? | select(type == "object") |
 ((.InstanceId // "") | capture(
  "VID_(?<vid>[0-9A-Fa-f]{4})&PID_(?<pid>[0-9A-Fa-f]{4})(\\\\(?<tail>[^\\\\]*))?"; "i"
 )) as $id |
 {busid: (if (.BusId // "") | test("^[0-9]+-[0-9]+$") then .BusId else null end),
  hub: (.BusId == "IncompatibleHub"),
  id: ($id.vid + ":" + $id.pid | ascii_downcase),
  serial: (if ($id.tail // "") | test("^[A-Za-z0-9]+$") then $id.tail
   else null end),
  bound: (.PersistedGuid != null),
  forced: (.IsForced == true),
  attached: (.ClientIPAddress != null or .IsWslAttached == true),
  description: (.Description // "" | gsub("[[:cntrl:]]"; "?"))}]'

# One jq, which takes its time to start: the JSON, then a line for each.
try_state()
{
	local f b id s bound forced attached

	windows "$STATE_SECONDS" "$usbipd" state
	((rc == 0)) || return
	jq -r "$normal_state"' | tojson, (.[] | select(.busid) | [.busid, .id,
	    .serial // "-", .bound, .forced, .attached] | @tsv)' <<<"$out" \
	    >"$work/state" 2>/dev/null || return
	busids=() is=()
	{
		read -r devices
		while IFS=$'\t' read -r b id s bound forced attached; do
			busids+=("$b")
			for f in id s bound forced attached; do
				is[$b $f]=${!f}
			done
		done
	} <"$work/state"
}

read_state()
{
	find_usbipd
	command -v jq >/dev/null ||
		die $EX_WSL "jq is missing: sudo apt-get install jq"
	try_state && return
	((rc != 124)) || fail_row slow "usbipd state"
	((rc != 0)) || fail_row old-usbipd "what it prints is no state"
	# Before 2.2 there was none.
	((rc != 2)) || fail_row old-usbipd "version ${version:-unknown}"
	fail_message "$err" windows-program
}

is_bound()	# BUSID
{
	[[ ${is[$1 bound]-} == true ]]
}

is_attached()	# BUSID
{
	[[ ${is[$1 attached]-} == true ]]
}

remember_error()
{
	mkdir -p "${last_error%/*}" 2>/dev/null &&
		printf '%s\n' "$1" >"$last_error" 2>/dev/null
	return 0
}

forget_error()
{
	rm -f "$last_error"
}

bind_one()	# BUSID
{
	! is_bound "$1" || return 0
	[[ $ask == yes ]] || fail_row not-shared "$1"
	as_administrator "$1 is not shared yet, which is done once" \
	    "$(usbipd_for_windows)" bind --busid "$1"
	[[ $dry_run == no ]] || return 0
	read_state
	is_bound "$1" || fail_row access-denied "$1 is still not shared"
	say "$1 is shared now"
	warn_row network
}

unbind_one()	# BUSID
{
	is_bound "$1" || return 0
	as_administrator "$1 is shared" "$(usbipd_for_windows)" unbind \
	    --busid "$1"
	[[ $dry_run == no ]] || return 0
	read_state
	! is_bound "$1" || fail_row access-denied "$1 is still shared"
	say "$1 is not shared any more"
}

try_attach()	# BUSID
{
	if [[ $dry_run == yes ]]; then
		say "would run: usbipd ${attach_words[*]} --busid $1"
		rc=0
		return
	fi
	windows "$ATTACH_SECONDS" "$usbipd" "${attach_words[@]}" --busid "$1"
}

# Since 4.2 a policy may let it be attached as it is; without one, or before,
# it has to be shared first.
attach_one()	# BUSID
{
	local said

	! is_attached "$1" || {
		more "$1 is attached already"
		return 0
	}
	find_words
	try_attach "$1"
	if ! is_bound "$1" && ((rc != 0)) &&
	    [[ $rc -eq 3 || $out$err == *'is not shared'* ]]; then
		bind_one "$1"
		try_attach "$1"
	fi
	((rc != 0)) || { forget_error; return 0; }
	# What comes from inside WSL is on standard output since 4.0.
	said=$out$'\n'$err
	((rc != 124)) || said="usbipd attach did not end in $ATTACH_SECONDS s"
	try_state
	! is_attached "$1" || { forget_error; return 0; }
	remember_error "$said"
	fail_message "$said" attach-failed
}

detach_one()	# BUSID
{
	is_attached "$1" || return 0
	find_words
	[[ $dry_run == no ]] || {
		say "would run: usbipd ${detach_words[*]} --busid $1"
		return 0
	}
	windows "$ATTACH_SECONDS" "$usbipd" "${detach_words[@]}" --busid "$1"
	((rc != 124)) || fail_row slow "usbipd detach"
	((rc == 0)) || fail_message "$err" windows-program
	say "$1 is with Windows again"
}
