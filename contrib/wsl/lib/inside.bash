# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The half inside WSL: USB as Linux sees it, pcscd, and the token in its
# reader, of which hsm-keyutil tells.

KEYUTIL_SECONDS=${HSM_WSL_SECONDS:-20}
ARRIVE_SECONDS=${HSM_WSL_SECONDS:-10}	# from attached to a device, and to a reader

keyutil=${HSM_KEYUTIL:-hsm-keyutil}

# The HSMs that Linux has, by the names of their directories, as 1-1.
linux_tokens()
{
	local d

	for d in "$root"/sys/bus/usb/devices/*/idVendor; do
		[[ -e $d ]] || continue
		d=${d%/*}
		[[ -n ${hsm_name[$(<"$d/idVendor"):$(<"$d/idProduct")]-} ]] &&
			echo "${d##*/}"
	done
}

linux_has_token()
{
	[[ -n $(linux_tokens) ]]
}

has_systemd()
{
	[[ -d $root/run/systemd/system ]]
}

restart_pcscd()
{
	if has_systemd; then
		as_root timeout 30 systemctl restart pcscd.socket \
		    pcscd.service
	else
		as_root timeout 30 service pcscd restart
	fi
}

# What hsm-keyutil says: all of it in $inside, and of that the number of
# readers, the serial numbers of tokens, and what is wrong with $err in front.
# shellcheck disable=SC2089	# it is JSON, and no words
no_readers='{"readers":[]}'
inside=$no_readers readers=0 found_serials='' troubles=''

read_inside()
{
	command -v "$keyutil" >/dev/null || fail_row no-keyutil
	bounded "$KEYUTIL_SECONDS" "$keyutil" status --json
	((rc != 124)) || err='pcscd does not answer'
	inside=$no_readers readers=0 found_serials='' troubles=$err
	jq -r 'tojson, (.readers | length), ([.readers[].token.serial //
	    empty] | join(" ")), (.readers[].trouble // empty)' <<<"$out" \
	    >"$work/inside" 2>/dev/null || return 0
	{
		read -r inside
		read -r readers
		read -r found_serials
		troubles+=${troubles:+$'\n'}$(cat)
	} <"$work/inside"
}

# How many tokens have to be in readers: as many as were attached.
needed=1

count_needed()
{
	local b id s

	needed=0
	while read -r b id s; do
		! is_attached "$b" && [[ " ${chosen[*]} " != *" $b "* ]] ||
			((++needed))
	done < <(tokens)
	((needed > 0)) || needed=1
}

has_token()
{
	local found

	read_inside
	read -ra found <<<"$found_serials"
	((${#found[@]} >= needed))
}

# pcscd notices a new device by itself, or when it is started again.
wait_for_token()
{
	until_true "$ARRIVE_SECONDS" has_token && return
	[[ $(row_of "$err" none) != no-pcscd ]] || fail_message "$err" no-pcscd
	((rc != 124)) || fail_row pcscd-hangs
	[[ -n $busid ]] || linux_has_token || fail_row not-arrived
	say "pcscd does not see the token; restarting it"
	restart_pcscd && until_true "$ARRIVE_SECONDS" has_token && return
	((readers > 0)) || fail_message "$troubles" no-reader
	[[ -z $found_serials ]] || fail_row no-reader \
	    "$needed are attached, and found is only $found_serials"
	fail_message "$troubles" no-token
}

# By the number of the token, or by the longer one of its stick.
is_wanted()
{
	local t

	[[ -n $serial ]] || return 0
	for t in $found_serials; do
		same_serial "$t" "$serial" || same_serial "$serial" "$t" ||
			continue
		return 0
	done
	return 1
}

# What came in is the token that was meant.
check_token()
{
	count_needed
	wait_for_token
	is_wanted || fail_row other-token \
	    "wanted $serial, found $found_serials"
	say "in WSL: token $found_serials"
	warn_of_others
}

# A stick tells Windows its own number, which begins with that of its HSM.
warn_of_others()
{
	local b usb t

	for b in "${chosen[@]}"; do
		usb=${is[$b s]-}
		[[ -n $usb && $usb != - ]] || continue
		for t in $found_serials; do
			same_serial "$usb" "$t" && continue 2
		done
		say "but none of them is $usb, which was attached at $b"
	done
}

# --- ports of vhci_hcd that lead nowhere ---

# Lines of PORT and DEVICE, as 1-1, of all ports in use.
used_ports()
{
	awk '$3 == "006" { print $2 + 0, $NF }' \
	    "$root"/sys/devices/platform/vhci_hcd.*/status* 2>/dev/null
}

# Only those of HSMs: other devices may be well.
free_ports()
{
	local port dev at=''

	for at in "$root"/sys/devices/platform/vhci_hcd.*/detach; do
		break
	done
	[[ -e $at ]] || return 1
	while read -r port dev; do
		[[ " $(linux_tokens | tr '\n' ' ')" == *" $dev "* ]] || continue
		say "letting go of port $port ($dev), which leads nowhere"
		if [[ -w $at && $dry_run == no ]]; then
			echo "$port" >"$at" || return
		else
			as_root sh -c "echo $port >'$at'" || return
		fi
	done < <(used_ports)
}

# Linux still has a token that Windows has back.
is_ghost()
{
	local b id s

	linux_has_token || return
	while read -r b id s; do
		! is_attached "$b" || return
	done < <(tokens)
}
