# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2034,SC2119,SC2154,SC2317
#
# A Windows with a token, and a WSL in it, for tests of hsm-wsl; sourced after
# lib.sh.  Its programs are played by tests/e2e/wsl/windows.

need jq jq

EMPTY='{"readers": []}'
DESCRIPTION='Microsoft Usbccid Smartcard Reader (WUDF)'

# windows_has VERSION [JSON]: a Windows with this usbipd, and a token, not
# shared, at 1-7.  $ROOT is the system that hsm-wsl sees.
windows_has()
{
	HSM_STUB=$E2E/stub ROOT=$E2E/root
	rm -rf "$HSM_STUB" "$ROOT" "${E2E:?}/home"
	mkdir -p "$HSM_STUB" "$E2E/home" "$E2E/usb" "$ROOT/proc/sys/kernel" \
	    "$ROOT/proc/4242" "$ROOT/run/WSL" "$ROOT/sys/bus/usb/devices" \
	    "$ROOT/sys/devices/platform/vhci_hcd.0" "$ROOT/etc" \
	    "$ROOT/mnt/c/Program Files/usbipd-win" \
	    "$ROOT/mnt/c/Windows/System32/WindowsPowerShell/v1.0"
	echo 5.15.167.4-microsoft-standard-WSL2 \
	    >"$ROOT/proc/sys/kernel/osrelease"
	: >"$ROOT/run/WSL/4242_interop"
	: >"$ROOT/sys/devices/platform/vhci_hcd.0/detach"
	put_program "$ROOT/mnt/c/Program Files/usbipd-win/usbipd.exe"
	put_program "$ROOT/mnt/c/Windows/System32/attrib.exe"
	put_program \
	    "$ROOT/mnt/c/Windows/System32/WindowsPowerShell/v1.0/usbipd.exe"
	put_program \
	    "$ROOT/mnt/c/Windows/System32/WindowsPowerShell/v1.0/powershell.exe"
	for p in systemctl service pkaction apt-get; do
		put_program "$E2E/bin/$p"
	done
	echo 20a0 >"$E2E/usb/idVendor"
	echo 4230 >"$E2E/usb/idProduct"
	printf '%s\n%s\n' 'hub port sta spd dev      sockfd local_busid' \
	    'hs  0002 006 002 00010002 000003 1-1' >"$E2E/port"
	echo "$1" >"$HSM_STUB/version"
	echo 122 >"$HSM_STUB/polkit"
	one=$(device 1-7 'VID_20A0&PID_4230\DENK01000000000')
	devices_are "$one"
	HOME=$E2E/home HSM_WSL_ROOT=$ROOT HSM_KEYUTIL=$KEYUTIL
	XDG_CONFIG_HOME=$HOME/.config XDG_STATE_HOME=$HOME/.local/state
	export HSM_STUB HSM_WSL_ROOT HSM_KEYUTIL HOME XDG_CONFIG_HOME \
	    XDG_STATE_HOME
	case $PATH in "$E2E/bin:"*) ;; *) PATH=$E2E/bin:$PATH ;; esac
}

put_program()
{
	mkdir -p "${1%/*}"
	ln -sf "$(readlink -f "$srcdir/tests/e2e/wsl/windows")" "$1"
}

device()	# BUSID INSTANCE [DESCRIPTION]
{
	printf '%s\tUSB\\%s\t%s\tnull\tnull\n' "$1" "$2" \
	    "${3-$DESCRIPTION}"
}

devices_are()	# LINE...
{
	printf '%s\n' "$@" | grep . >"$HSM_STUB/devices"
}

# change COLUMN VALUE: of the device at 1-7, as in tests/e2e/wsl/windows.
change()
{
	awk -F'\t' -v OFS='\t' -v n="$1" -v v="$2" \
	    '$1 == "1-7" { $n = v } { print }' "$HSM_STUB/devices" \
	    >"$HSM_STUB/new" && mv "$HSM_STUB/new" "$HSM_STUB/devices"
}

shared()	{ change 4 620917ea-73c4-4365-8604-2c415a29a977; }
attached()	{ change 5 172.24.192.52; }

# What Linux shows of it, at port 2.
linux_gets()
{
	mkdir -p "$ROOT/sys/bus/usb/devices/1-1"
	cp "$E2E"/usb/* "$ROOT/sys/bus/usb/devices/1-1"
	cp "$E2E/port" "$ROOT/sys/devices/platform/vhci_hcd.0/status"
}

# Attached, it is in the reader; detached, it is not.
joined()
{
	vhsmctl pull
	cat >"$HSM_STUB/on-attach" <<-END
	vhsmctl insert
	mkdir '$ROOT/sys/bus/usb/devices/1-1'
	cp '$E2E'/usb/* '$ROOT/sys/bus/usb/devices/1-1'
	cp '$E2E/port' '$ROOT/sys/devices/platform/vhci_hcd.0/status'
	END
	cat >"$HSM_STUB/on-detach" <<-END
	vhsmctl pull
	rm -rf '$ROOT/sys/bus/usb/devices/1-1'
	END
}

wsl()
{
	timeout 60 "$srcdir/contrib/wsl/hsm-wsl" "$@"
}
