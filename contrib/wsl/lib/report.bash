# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# env, bridge and report: what goes into a shell, another way, and a bug
# report.

# The user's, or that of the system; where neither is, the user's can be made.
conf_file()
{
	local own=${XDG_CONFIG_HOME:-$HOME/.config}/hsm-ssh-agent/config

	if [[ ! -e $own && -e $root/etc/hsm-ssh-agent/config ]]; then
		own=$root/etc/hsm-ssh-agent/config
	fi
	echo "$own"
}

default_socket()
{
	if [[ -n ${XDG_RUNTIME_DIR-} ]]; then
		echo "$XDG_RUNTIME_DIR/hsm-ssh-agent/agent.sock"
	else
		echo "$HOME/.ssh/agent/hsm-ssh-agent.sock"
	fi
}

setting()	# KEYWORD; of the agent's configuration
{
	sed -nE "s/^[[:space:]]*$1[[:space:]=]+\"?([^\"#]*[^\"# ])\"?.*/\1/Ip" \
	    "$(conf_file)" 2>/dev/null | tail -n 1
}

# For eval: whatever is for Windows is a comment.
cmd_env()
{
	local socket file win

	socket=$(setting Socket)
	socket=${socket/#\~/$HOME}
	socket=${socket:-$(default_socket)}
	printf 'export SSH_AUTH_SOCK=%q\n' "$socket"
	echo "# Git of Windows with the ssh, and so the agent, of WSL:"
	echo "#   git config --global core.sshCommand \"wsl.exe -e ssh\""
	echo "#   git config --global ssh.variant ssh"
	file=$(setting CygwinSocket)
	if [[ -z $file ]]; then
		echo "# Git for Windows, MSYS2 and Cygwin: put CygwinSocket"
		echo "#   $(automount_root)c/Users/NAME/hsm-ssh-agent.sock"
		echo "#   into $(conf_file)"
		return
	fi
	win=$(to_windows "$root$file") || {
		echo "# CygwinSocket $file is on no drive of Windows"
		return
	}
	mark_system "$win"
	echo "# Git for Windows, MSYS2 and Cygwin:"
	echo "#   set SSH_AUTH_SOCK=$win"
	echo "#   and after each start of the agent: hsm-wsl env, which marks it"
	echo "# ssh of Windows, and PuTTY: hsm-wsl-relay.exe \"$win\""
}

# Cygwin's library wants a socket's file to be a "system" file.
mark_system()
{
	local attrib

	attrib=$(find_program attrib.exe 'C:\Windows\System32\attrib.exe') ||
		return 0
	windows 10 "$attrib" +s "$1"
	((rc == 0)) || say "attrib.exe +s $1: ${err:-$out}"
}

cmd_bridge()
{
	local pipe=//./pipe/openssh-ssh-agent relay socket line

	socket=${XDG_RUNTIME_DIR:-$HOME/.ssh}/windows-agent.sock
	cat >&2 <<-'END'
	This brings an agent of Windows into WSL.  Where the token can be in
	WSL, hsm-ssh-agent there is better: it reads what it signs, knows who
	asks, keeps its promises about PINs, and no program of Windows starts
	for each connection.  With wsl2-ssh-agent, each message goes over a
	connection of its own, so that keys limited to hosts do not work.
	END
	if relay=$(command -v wsl2-ssh-agent); then
		line=("$relay" --foreground -socket "$socket")
	elif relay=$(command -v npiperelay.exe); then
		command -v socat >/dev/null ||
			die $EX_FAIL "socat is missing: sudo apt-get install socat"
		line=(socat "UNIX-LISTEN:$socket,fork,unlink-early,mode=600"
		    "EXEC:$relay -ei -s $pipe,nofork")
	else
		die $EX_WINDOWS "neither npiperelay.exe nor wsl2-ssh-agent is in \
PATH: in Windows, winget install albertony.npiperelay"
	fi
	printf 'export SSH_AUTH_SOCK=%q\n' "$socket"
	if [[ $run == no ]]; then
		printf '# %s\n' "${line[*]@Q}"
		say "--run starts it"
		return
	fi
	rm -rf "$work"
	exec "${line[@]}"
}

# --- report ---

# Names of people and machines, numbers of tokens and addresses go.
redact()
{
	local user host text s

	user=${USER:-$(id -un)}
	host=$(uname -n)
	text=$(cat)
	# Not all begin as those of CardContact, so by what was printed.
	while read -r s; do
		text=${text//"$s"/SERIAL}
	done < <(grep -oP '"serial": *"\K[A-Za-z0-9]{4,}' <<<"$text" | sort -ru)
	sed -E \
	    -e 's/[0-9]{1,3}(\.[0-9]{1,3}){3}/ADDRESS/g' \
	    -e 's/[0-9a-fA-F:]*::[0-9a-fA-F:]*/ADDRESS/g' \
	    -e 's/([0-9a-fA-F]{0,4}:){3,7}[0-9a-fA-F]{1,4}/ADDRESS/g' \
	    -e 's/DE[A-Z]{2}[0-9]{7,12}/SERIAL/g' \
	    -e 's/("serial": *")[^"]*/\1SERIAL/g' \
	    -e 's/("label": *")[^"]*/\1LABEL/g' \
	    -e 's/[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}/GUID/g' \
	    -e 's/SHA256:[A-Za-z0-9+\/]{43}/FINGERPRINT/g' \
	    -e 's/([Uu]sers[\\\/]+)[^\\\/" ]+/\1USER/g' \
	    -e 's/(\/home\/)[^\/" ]+/\1USER/g' \
	    -e 's/("reader": *"[^"(]*\()[^")]*/\1SERIAL/g' \
	    -e "s/\\b${user//[^A-Za-z0-9_-]/.}\\b/USER/g" \
	    -e "s/\\b${host//[^A-Za-z0-9_-]/.}\\b/HOST/g" <<<"$text"
}

report_part()	# TITLE COMMAND...
{
	printf '== %s\n' "$1"
	shift
	("$@") 2>&1
	echo
}

whole_report()
{
	json=yes
	report_part "hsm-wsl doctor" cmd_doctor
	report_part "hsm-wsl status" cmd_status
	report_part "kernel" cat "$root/proc/sys/kernel/osrelease"
	report_part "system" grep PRETTY_NAME "$root/etc/os-release"
	report_part "wsl.conf" cat "$root/etc/wsl.conf"
	report_part "ports" used_ports
	report_part "last error" cat "$last_error"
}

cmd_report()
{
	local file=${1-}

	if [[ -z $file ]]; then
		whole_report | redact
		return
	fi
	[[ ! -e $file ]] || die $EX_FAIL "$file is there already"
	(umask 077 && whole_report | redact >"$file") ||
		die $EX_FAIL "$file cannot be written"
	say "wrote $file; read it before you send it"
}
