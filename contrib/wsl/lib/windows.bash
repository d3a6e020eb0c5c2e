# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# From WSL to Windows: whether this is WSL 2 at all, where its programs are,
# the socket through which they start, and how to become an administrator.

USBIPD_HOME='C:\Program Files\usbipd-win\usbipd.exe'
ADMIN_SECONDS=120	# for the person to answer Windows' question

# 2, 1, or no.  A kernel that somebody built may have any name.
wsl_kind()
{
	local release

	release=$(cat "$root/proc/sys/kernel/osrelease" 2>/dev/null)
	case ${release,,} in
	*microsoft*wsl2* | *wsl2*)	echo 2 ;;
	*microsoft-standard*)		echo 2 ;;
	*microsoft*)			echo 1 ;;
	*)
		if [[ -n ${WSL_DISTRO_NAME-} || -d $root/run/WSL ]]; then
			echo 2
		else
			echo no
		fi ;;
	esac
}

# Where the drives are, with a slash at its end.
automount_root()
{
	local at

	at=$(sed -n '/^\[automount\]/,/^\[/s/^ *root *= *//p' \
	    "$root/etc/wsl.conf" 2>/dev/null | head -n 1 | tr -d '"\r ')
	at=${at:-/mnt}
	echo "$root${at%/}/"
}

# C:\a\b to /mnt/c/a/b, and back; nothing where that is not possible.
to_linux()
{
	local drive=${1%%:*} path=${1#*:}

	echo "$(automount_root)${drive,,}${path//\\//}"
}

to_windows()
{
	local at rest

	at=$(automount_root)
	rest=${1#"$at"}
	[[ $rest != "$1" && $rest =~ ^([a-z])/(.*)$ ]] || return
	printf '%s:\\%s\n' "${BASH_REMATCH[1]^}" "${BASH_REMATCH[2]//\//\\}"
}

# find_program NAME [WINDOWS-PATH]: in PATH, or where it is installed.
find_program()
{
	local at

	command -v "$1" && return
	(($# > 1)) || return 1
	at=$(to_linux "$2")
	[[ -e $at ]] && echo "$at"
}

# The interop socket that this shell was given may be gone, as in tmux, in a
# service and over ssh; the newest whose process lives is as good.
pick_interop()
{
	local s pid best=''

	for s in "$root"/run/WSL/*_interop; do
		pid=${s##*/}
		pid=${pid%_interop}
		[[ -e $s && $pid =~ ^[0-9]+$ && -d $root/proc/$pid ]] || continue
		[[ -z $best || $pid -gt $best ]] && best=$pid
	done
	[[ -n $best ]] || return 1
	WSL_INTEROP=$root/run/WSL/${best}_interop
	export WSL_INTEROP
}

interop_is_stale()
{
	[[ $err == *UtilConnectToInteropServer* || $err == *UtilConnectUnix* ]]
}

# windows SECONDS PROGRAM ARGUMENT...: as bounded.
windows()
{
	[[ -z ${WSL_INTEROP-} || -e $WSL_INTEROP ]] || pick_interop || :
	bounded "$@"
	if interop_is_stale && pick_interop; then
		more "trying again through $WSL_INTEROP"
		bounded "$@"
	fi
}

quoted()	# for PowerShell
{
	printf "'%s'" "${1//\'/\'\'}"
}

# as_administrator WHY PROGRAM ARGUMENT...: PROGRAM is a path of Windows.  What
# came of it cannot be seen from here: look at the state again.
as_administrator()
{
	local why=$1 program=$2 list='' a shell

	shift 2
	for a in "$@"; do
		list+=${list:+,}$(quoted "$a")
	done
	shell=$(find_program powershell.exe \
	    'C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe') ||
		die $EX_WINDOWS "powershell.exe is not to be found; as an \
administrator of Windows run: usbipd $*"
	say "$why; Windows will ask whether an administrator allows"
	say "    \"$program\" $*"
	if [[ $dry_run == yes ]]; then
		say "would ask now"
		return
	fi
	windows $ADMIN_SECONDS "$shell" -NoProfile -NonInteractive -Command \
	    "Start-Process -FilePath $(quoted "$program") -ArgumentList $list \
-Verb RunAs -Wait -WindowStyle Hidden"
	((rc != 124)) || die $EX_TIME "nobody answered in $ADMIN_SECONDS s"
}
