# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# setup and install-service: what is written once, inside WSL.  Each file is
# shown as a difference first, and what was there is kept beside it.

# What is there now, in $work/old; rules of polkit are for root's eyes only.
read_old()	# PATH
{
	local dry=$dry_run

	rm -f "$work/old"
	if [[ -x ${1%/*} || ! -d ${1%/*} ]]; then
		[[ ! -e $1 ]] || cat "$1" >"$work/old"
		return
	fi
	dry_run=no
	as_root cat "$1" >"$work/old" 2>/dev/null || rm -f "$work/old"
	dry_run=$dry
}

# write_file PATH MODE: from standard input, if it is not like that already.
write_file()
{
	local path=$root$1 now

	cat >"$work/file"
	read_old "$path"
	cmp -s "$work/file" "$work/old" && { say "$1 is as it should be"; return; }
	now=$work/old
	[[ -e $now ]] || now=/dev/null
	diff -u --label "$1" --label "$1, new" "$now" "$work/file"
	[[ $dry_run == no ]] || return 0
	if [[ -e $work/old ]]; then
		printf -v now '%(%Y%m%d-%H%M%S)T'
		as_root cp -p "$path" "$path.hsm-wsl-$now" || return
		say "what was there is in $1.hsm-wsl-$now"
	fi
	as_root mkdir -p "${path%/*}" &&
		as_root install -m "$2" "$work/file" "$path" &&
		say "wrote $1"
}

setting_of()	# FILE SECTION KEY; without quotes around it
{
	awk -v section="[$2]" -v key="$3" '
	{ sub(/\r$/, "") }
	/^\[/ { inside = $0 == section }
	inside && $0 ~ "^ *" key " *=" {
		sub(/^[^=]*= */, "")
		value = $0
	}
	END { print value }' "$1" | sed -E 's/^"(.*)" *$/\1/'
}

# with_setting FILE SECTION KEY VALUE: its text, with that in it.
with_setting()
{
	section="[$2]" key=$3 value=$4 awk '
	BEGIN {
		section = ENVIRON["section"]
		key = ENVIRON["key"]
	}
	function put() { print key "=" ENVIRON["value"]; done = 1 }
	{ sub(/\r$/, "") }
	/^\[/ {
		if (inside && !done) put()
		inside = $0 == section
	}
	inside && $0 ~ "^ *" key " *=" {
		if (!done) put()
		next
	}
	{ print }
	END {
		if (!done && !inside) print section
		if (!done) put()
	}' "$1"
}

polkit_rule()
{
	cat <<-END
	// Written by hsm-wsl setup: a shell of WSL is no local session, so
	// this lets one group use smart cards, and changes nothing else.
	polkit.addRule(function(action, subject) {
	    if ((action.id == "org.debian.pcsc-lite.access_pcsc" ||
	         action.id == "org.debian.pcsc-lite.access_card") &&
	        subject.isInGroup("$group"))
	        return polkit.Result.YES;
	});
	END
}

# Before 0.106 polkit read no rules.
polkit_pkla()
{
	cat <<-END
	[hsm-wsl]
	Identity=unix-group:$group
	Action=org.debian.pcsc-lite.access_pcsc;org.debian.pcsc-lite.access_card
	ResultAny=yes
	ResultInactive=yes
	ResultActive=yes
	END
}

write_polkit()
{
	local v

	bounded 10 pkaction --version
	v=${out##* }
	if [[ $v =~ ^0\.([0-9]+)$ ]] && ((BASH_REMATCH[1] < 106)); then
		polkit_pkla | write_file \
		    /etc/polkit-1/localauthority/50-local.d/hsm-wsl.pkla 644
	else
		polkit_rule | write_file \
		    /etc/polkit-1/rules.d/50-hsm-wsl.rules 644
	fi
}

# A service has nobody to type a password; hsm-wsl watch lets ports go.
write_udev()
{
	local at

	write_file /etc/udev/rules.d/60-hsm-wsl.rules 644 <<-END
	# Written by hsm-wsl setup: one group may let go of USB devices that
	# came by network.
	ACTION=="add", SUBSYSTEM=="platform", KERNEL=="vhci_hcd.*", RUN+="/bin/sh -c 'chgrp $group /sys%p/detach; chmod g+w /sys%p/detach'"
	END
	for at in "$root"/sys/devices/platform/vhci_hcd.*/detach; do
		[[ -e $at ]] || continue
		{ as_root chgrp "$group" "$at" && as_root chmod g+w "$at"; } ||
			say "the group $group cannot let go of USB ports yet"
	done
}

install_packages()
{
	local missing=''

	PATH=$PATH:/usr/sbin:/sbin command -v pcscd >/dev/null ||
		missing+=' pcscd'
	command -v jq >/dev/null || missing+=' jq'
	if [[ -z $missing ]]; then
		say "no package is missing"
	elif command -v apt-get >/dev/null; then
		# shellcheck disable=SC2086	# names
		as_root timeout 1800 apt-get install -y $missing
	else
		die $EX_FAIL "please install:$missing"
	fi
}

# Without systemd mostly nobody runs polkit, and one that asks it lets in nobody.
pcscd_options()
{
	bounded 10 env "PATH=$PATH:/usr/sbin:/sbin" pcscd --help
	[[ $out$err != *--disable-polkit* ]] || echo --disable-polkit
}

# With systemd its socket starts pcscd; without, WSL itself does at its start.
start_pcscd_always()
{
	local conf=$root/etc/wsl.conf now options

	[[ -e $conf ]] || conf=/dev/null
	if has_systemd; then
		as_root timeout 60 systemctl enable --now pcscd.socket
		return
	fi
	options=$(pcscd_options)
	[[ -z $options ]] || echo "DAEMON_ARGS=\"$options\"" |
		write_file /etc/default/pcscd 644 || return
	now=$(setting_of "$conf" boot command)
	if [[ $(setting_of "$conf" boot systemd) == true ]]; then
		say "systemd comes with the next start of WSL"
	elif [[ $now == *pcscd* ]]; then
		say "/etc/wsl.conf is as it should be"
	else
		with_setting "$conf" boot command \
		    "\"${now:+$now; }pcscd${options:+ $options}\"" |
			write_file /etc/wsl.conf 644
	fi
	say "for systemd instead, put systemd=true into [boot] of /etc/wsl.conf"
	say "in Windows, when all of it is done: wsl --shutdown"
	as_root timeout 30 service pcscd start || say "pcscd starts with WSL"
}

in_group()
{
	id -nG "${SUDO_USER:-$(id -un)}" | tr ' ' '\n' | grep -qx "$group"
}

cmd_setup()
{
	install_packages || die $EX_FAIL "packages are missing"
	write_polkit || die $EX_FAIL "polkit has no rule"
	write_udev || die $EX_FAIL "udev has no rule"
	start_pcscd_always || die $EX_FAIL "pcscd was not started"
	in_group || say "join the group and open a new shell: sudo usermod -aG \
$group ${SUDO_USER:-$(id -un)}"
}

cmd_install_service()
{
	local dir=${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user

	has_systemd || die $EX_WSL "there is no systemd here; hsm-wsl watch \
does the same from a shell, or set systemd=true in /etc/wsl.conf"
	cat >"$work/unit" <<-END
	[Unit]
	Description=Attach the HSM to WSL whenever it is plugged in
	Documentation=man:hsm-wsl(1)

	[Service]
	ExecStart=$(readlink -f "$0") watch
	Restart=on-failure
	RestartSec=30

	[Install]
	WantedBy=default.target
	END
	if cmp -s "$work/unit" "$dir/hsm-wsl.service"; then
		say "$dir/hsm-wsl.service is as it should be"
	else
		diff -u --label hsm-wsl.service --label "hsm-wsl.service, new" \
		    "$([[ -e $dir/hsm-wsl.service ]] &&
		    echo "$dir/hsm-wsl.service" || echo /dev/null)" \
		    "$work/unit"
		[[ $dry_run == no ]] || return 0
		mkdir -p "$dir" &&
			install -m 644 "$work/unit" "$dir/hsm-wsl.service" ||
			die $EX_FAIL "$dir cannot be written"
	fi
	[[ $dry_run == no ]] || return 0
	timeout 60 systemctl --user daemon-reload &&
		timeout 60 systemctl --user enable --now hsm-wsl.service ||
		die $EX_FAIL "systemctl --user failed"
}
