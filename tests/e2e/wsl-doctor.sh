#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# hsm-wsl doctor: each thing that can be wrong is found, named, and told with
# what mends it; and what other commands say of the same.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2154,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

# shellcheck source=tests/e2e/wsl-lib.sh
. "$srcdir/tests/e2e/wsl-lib.sh"

# A row: doctor ends with it, and names it and what mends it.
row()	# ID STATUS ADVICE [OPTION...]
{
	row_id=$1 row_rc=$2 row_says=$3
	shift 3
	check_status "doctor: $row_id" "$row_rc" wsl doctor --json "$@"
	has "... by its name" "$E2E/out" "\"id\": \"$row_id\""
	has "... and what mends it" "$E2E/out" "$row_says"
	echo "$row_id" >>"$E2E/rows"
}

# message ID STATUS ADVICE TEXT: usbipd said this when it was to attach.
message()
{
	windows_has 4.4.0
	shared
	printf '%s\n' "$4" >"$HSM_STUB/say-attach"
	check_status "attach: $1" "$2" wsl attach
	has_not "... is not said to be what is only told" "$E2E/out" \
	    'usbipd: info'
	has "... and what mends it" "$E2E/out" "$3"
	row "$1" "$2" "$3"
}

# inside ID STATUS ADVICE TEXT [JSON]: hsm-keyutil said this.
inside()
{
	windows_has 4.4.0
	shared
	attached
	linux_gets
	cat >"$E2E/bin/said-keyutil" <<-END
	#!/bin/sh
	echo '${5-$EMPTY}'
	echo 'hsm-keyutil: $4' >&2
	exit 1
	END
	chmod +x "$E2E/bin/said-keyutil"
	HSM_KEYUTIL=said-keyutil
	row "$1" "$2" "$3"
}

doctor_of_the_system()
{
	windows_has 4.4.0
	echo 6.1.0-28-amd64 >"$ROOT/proc/sys/kernel/osrelease"
	rm -r "$ROOT/run/WSL"
	row no-wsl 6 'run hsm-wsl in a WSL 2'
	echo 4.4.0-19041-Microsoft >"$ROOT/proc/sys/kernel/osrelease"
	row wsl1 6 'wsl --set-version'
	windows_has 4.4.0
	echo 'usbipd.exe: cannot execute binary file: Exec format error' \
	    >"$HSM_STUB/say---version"
	row binfmt 6 'WSLInterop:M::MZ::/init:PF'
	echo '<3>init: (9) ERROR: UtilConnectToInteropServer:307: connect' \
	    >"$HSM_STUB/say---version"
	row interop 6 'wsl --shutdown'
	: >"$HSM_STUB/once"
	WSL_INTEROP=$ROOT/run/WSL/1_interop
	export WSL_INTEROP
	check "a stale socket is left for one that works" wsl status
	unset WSL_INTEROP
	windows_has 4.4.0
	rm -r "$ROOT/mnt/c/Program Files/usbipd-win"
	row no-usbipd 3 'winget install usbipd'
	windows_has 2.0.0
	row old-usbipd 3 'winget upgrade usbipd'
	windows_has 5.2.0
	row policy-5.2.0 5 'winget upgrade usbipd'
	check_status "... policy add does not try" 3 wsl policy add
	WSLENV=A:SSH_AUTH_SOCK/p
	export WSLENV
	row wslenv 5 'out of WSLENV'
	unset WSLENV
	echo 'usbipd: error: no idea' >"$HSM_STUB/say-state"
	row windows-program 3 'run the same with --verbose'
	windows_has 4.4.0
	echo 'usbipd: error: The service is currently not running; a reboot' \
	    'should fix that.' >"$HSM_STUB/say-state"
	row service 3 'net start usbipd'
	windows_has 4.4.0
	echo state >"$HSM_STUB/hang"
	HSM_WSL_WINDOWS_SECONDS=3
	export HSM_WSL_WINDOWS_SECONDS
	row slow 7 'net stop usbipd'
	check_status "... no command waits for it" 7 wsl status
	shared
	attached
	echo detach >"$HSM_STUB/hang"
	check_status "... nor for what it does not do" 7 wsl detach
	unset HSM_WSL_WINDOWS_SECONDS
}

doctor_of_the_device()
{
	windows_has 4.4.0
	devices_are
	check "doctor: a card in some reader is a token, too" wsl doctor
	has "... and said to be one" "$E2E/out" 'with a card in it'
	check "... status names it" wsl status
	has_not "... and does not say that there is none" "$E2E/out" \
	    'no HSM is plugged in'
	vhsmctl pull
	row no-device 4 'hsm-wsl attach --wait'
	devices_are "$(device 2-1 'VID_20A0&PID_4108\0000000000')"
	row wrong-device 4 'Nitrokey HSM is 20a0:4230'
	devices_are "$(device IncompatibleHub 'VID_20A0&PID_4230\DENK01')"
	row hub 3 'another port'
	vhsmctl insert
	windows_has 4.4.0
	row not-shared 5 'hsm-wsl bind'
	check_status "... as a text" 5 wsl doctor
	has "... and what mends it" "$E2E/out" '^ +hsm-wsl bind, which asks'
	mkdir -p "$XDG_STATE_HOME/hsm-wsl"
	echo "usbipd: error: what was wrong once" \
	    >"$XDG_STATE_HOME/hsm-wsl/last-error"
	row not-shared 5 'hsm-wsl bind'
	rm "$XDG_STATE_HOME/hsm-wsl/last-error"
	: >"$HSM_STUB/policy"
	row not-attached 6 'hsm-wsl attach'
	rm "$HSM_STUB/policy"
	shared
	row not-attached 6 'hsm-wsl attach'
	row network 6 'Set-NetFirewallRule'
	linux_gets
	row ghost 6 'doctor --fix'
	check "... --fix lets go of it, and attaches" wsl doctor --fix
	is "... that port alone" \
	    "$(cat "$ROOT/sys/devices/platform/vhci_hcd.0/detach")" 2
	windows_has 4.4.0
	shared
	attached
	row not-arrived 6 'hsm-wsl detach, then'
}

doctor_of_attaching()
{
	message no-distro 6 'keep a shell of the distribution open' \
	    'There is no WSL 2 distribution running; keep a command prompt open'
	message kernel 6 'wsl --update' \
	    "WSL kernel is not USBIP capable; update with 'wsl --update'."
	message vhci 6 'install kmod' \
	    "Loading vhci_hcd failed; update with 'wsl --update'."
	message firewall 3 'allow usbipd in it' \
	    'A firewall appears to be blocking the connection; ensure TCP 3240'
	message tcp-connect 3 'attach --host-ip' 'WSL usbip: error: tcp connect'
	message error-state 3 'bind --force' \
	    'WSL usbip: error: Attach Request for 1-7 failed - Device in error state'
	message busy 3 'bind --force' \
	    'The device appears to be used by Windows; stop the software'
	message filter 3 'uninstall the filter' \
	    "USB filter 'UsbDk' is known to be incompatible with this software"
	message null-driver 3 'group policy|who makes the policies' \
	    'DIIDFLAG_INSTALLNULLDRIVER'
	message usbip-client 6 'winget upgrade' \
	    "WSL 'usbip' client not correctly installed."
	message network-mode 3 'networkingMode' \
	    "Networking mode 'none' is not supported."
	message many-devices 4 '--busid N-N' \
	    "Multiple devices with hardware-id '20a0:4230' were found"
	message attach-failed 3 'plug it out and in' 'Something else.'
	windows_has 4.4.0
	shared
	echo "Device with busid '1-7' is already attached to a client." \
	    >"$HSM_STUB/say-attach"
	check_status "attach: another client has it" 1 wsl attach
	has "... is no reason to do anything here" "$E2E/out" 'detach it there'
	echo already-attached >>"$E2E/rows"
}

doctor_inside()
{
	windows_has 4.4.0
	shared
	attached
	linux_gets
	HSM_KEYUTIL=no-such-program
	row no-keyutil 6 'HSM_KEYUTIL='
	HSM_KEYUTIL=$KEYUTIL
	vhsmctl insert
	check "all is well" wsl doctor --serial DENK0100000
	has "... as a text" "$E2E/out" '^ok +token DENK0100000$'
	devices_are "$(device 1-7 'VID_20A0&PID_4230\6&3A4CF841&0&9')"
	attached
	row other-token 4 'hsm-wsl status shows' --serial DENK0200000
	vhsmctl pull
	row no-token 4 'put the card in'
	vhsmctl pcscd stop
	row no-pcscd 6 'hsm-wsl setup'
	mkdir -p "$ROOT/run/systemd/system"
	echo 'vhsmctl pcscd start; vhsmctl insert' >"$HSM_STUB/on-systemctl"
	check "--fix starts it" wsl doctor --fix
	inside polkit 6 'join the group' \
	    'PC/SC: PC/SC access denied to this user (polkit)'
	inside libusb 6 'upgrade libccid' 'LIBUSB_ERROR_ACCESS'
	inside no-reader 6 'doctor --fix' 'no reader'
	inside scdaemon 0 'gpgconf --kill scdaemon' 'held by scdaemon' \
	    '{"readers": [{"reader": "r", "token": {"serial": "DENK01"}}]}'
	printf '#!/bin/sh\nexec sleep 60\n' >"$E2E/bin/said-keyutil"
	windows_has 4.4.0
	shared
	attached
	linux_gets
	HSM_KEYUTIL=said-keyutil HSM_WSL_SECONDS=1
	export HSM_WSL_SECONDS
	row pcscd-hangs 7 'wsl.conf'
	unset HSM_WSL_SECONDS
}

# No row is there that nobody has seen.
part_doctor()
{
	doctor_of_the_system
	doctor_of_the_device
	doctor_of_attaching
	doctor_inside
	windows_has 4.4.0
	: >"$HSM_STUB/refuse"
	check_status "attach: nobody agrees" 5 wsl attach
	echo access-denied >>"$E2E/rows"
	sed -n 's/^row \([a-z0-9.-]*\) .*/\1/p' \
	    "$srcdir/contrib/wsl/lib/advice.bash" | sort >"$E2E/all-rows"
	sort -u "$E2E/rows" >"$E2E/seen-rows"
	is "every row was reached" "$(comm -3 "$E2E/all-rows" \
	    "$E2E/seen-rows")" ""
}

test $# -eq 0 || { run_part "$1"; exit; }
part doctor --key p256:ec:01
finish
