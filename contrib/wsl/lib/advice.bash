# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What can be wrong, one row each: how hsm-wsl ends with it, how it is known
# by what usbipd, which speaks English alone, or hsm-keyutil says of it, why,
# and what mends it.  "-": it is found in another way.

row_ids=()
declare -gA row_class row_sign row_cause row_advice

row()	# ID CLASS SIGN CAUSE ADVICE
{
	row_ids+=("$1")
	row_class[$1]=$2 row_sign[$1]=$3 row_cause[$1]=$4 row_advice[$1]=$5
}

# --- this system ---

row no-wsl $EX_WSL - \
    'this is no WSL' \
    'run hsm-wsl in a WSL 2 distribution; elsewhere the token needs no help'
row wsl1 $EX_WSL - \
    'this distribution runs on WSL 1, which has no USB' \
    'in Windows: wsl --set-version DISTRIBUTION 2'
row binfmt $EX_WSL 'Exec format error' \
    'programs of Windows do not start: systemd-binfmt removed their entry' \
    "sudo sh -c 'echo :WSLInterop:M::MZ::/init:PF > \
/usr/lib/binfmt.d/WSLInterop.conf', then sudo systemctl restart systemd-binfmt"
row interop $EX_WSL 'UtilConnectToInteropServer|UtilConnectUnix' \
    'no socket in /run/WSL leads to Windows any more' \
    'close all shells of this distribution, or in Windows: wsl --shutdown'

# --- usbipd on Windows ---

row no-usbipd $EX_WINDOWS - \
    'usbipd-win is not installed on Windows' \
    'in Windows: winget install usbipd'
row old-usbipd $EX_WINDOWS - \
    'usbipd-win is older than 2.2, and does not tell its state' \
    'in Windows: winget upgrade usbipd'
row service $EX_WINDOWS 'service is currently not running|VBoxUsbMon' \
    'the service or the driver of usbipd does not run on Windows' \
    'as an administrator: net start usbipd; if that fails, restart Windows'
row slow $EX_TIME 'did not end in [0-9]+ s' \
    'usbipd.exe took too long' \
    'try again; as an administrator: net stop usbipd, then net start usbipd'
row filter $EX_WINDOWS "USB filter '.*' is known to be incompatible" \
    'another USB filter on Windows is in the way (UsbDk, USBPcap, VirtualBox)' \
    'uninstall the filter that is named, and restart Windows'
row null-driver $EX_WINDOWS 'DIIDFLAG_INSTALLNULLDRIVER' \
    'a group policy forbids to install the driver that sharing needs' \
    'share without --force, or ask who makes the policies of this machine'
row policy-5.2.0 $EX_WINDOWS - \
    '"usbipd policy add" of 5.2.0 cannot read what it is given' \
    'in Windows: winget upgrade usbipd'
row windows-program $EX_WINDOWS - \
    'a program of Windows failed' \
    'run the same with --verbose, and usbipd state in Windows'

# --- the token, from Windows ---

row no-device $EX_DEVICE \
    'There is no device with busid|No devices found with hardware-id' \
    'no token is plugged in' \
    'plug it in, and wait for it: hsm-wsl attach --wait'
row many-devices $EX_DEVICE 'Multiple devices with hardware-id' \
    'several tokens are plugged in' \
    'say which: --serial NUMBER, --busid N-N or --all'
row wrong-device $EX_DEVICE - \
    'what is plugged in is no HSM' \
    'a Nitrokey HSM is 20a0:4230; the others keep keys in other ways'
row hub $EX_WINDOWS - \
    'the token is behind a USB hub that usbipd cannot share from' \
    'plug it into another port'
row not-shared $EX_DENIED 'is not shared' \
    'the token is not shared yet' \
    'hsm-wsl bind, which asks for an administrator of Windows once'
row access-denied $EX_DENIED \
    'Access denied|requires administrator privileges' \
    'Windows did not allow it, or nobody agreed' \
    'do it again and agree, or as an administrator: usbipd bind --busid N-N'
row network 0 - \
    'whoever reaches TCP port 3240 of this Windows can take a shared token' \
    "as an administrator: Set-NetFirewallRule -DisplayName usbipd \
-RemoteAddress 172.16.0.0/12, where networkingMode=nat has WSL; or hsm-wsl unbind"

# --- the way into WSL ---

row not-attached $EX_WSL - \
    'the token is not attached to WSL' \
    'hsm-wsl attach'
row already-attached 0 'is already attached to a client' \
    'the token is attached to another client' \
    'nothing to do if that is this WSL; else detach it there'
row no-distro $EX_WSL 'There is no WSL 2 distribution running' \
    'WSL was asleep' \
    'keep a shell of the distribution open, and attach again'
row kernel $EX_WSL 'WSL kernel is not USBIP capable' \
    'the kernel of WSL has no USB/IP' \
    'in Windows: wsl --update, then wsl --shutdown'
row vhci $EX_WSL "Loading vhci_hcd failed|'modprobe' command is unavailable" \
    'the module vhci_hcd does not load' \
    'sudo apt-get install kmod; in Windows: wsl --update'
row firewall $EX_WINDOWS 'firewall (appears to be|may be) blocking' \
    'a firewall on Windows keeps WSL from TCP port 3240' \
    'allow usbipd in it for the network of WSL, and look at VPN programs'
row tcp-connect $EX_WINDOWS 'usbip: error: tcp connect' \
    'WSL does not reach the service on Windows' \
    "try (echo >/dev/tcp/HOST/3240); another networkingMode in .wslconfig, or \
usbipd attach --host-ip"
row error-state $EX_WINDOWS 'Device in error state' \
    'Windows could not take the token away from its own drivers' \
    'plug it out and in; stop what uses it; else usbipd bind --force'
row busy $EX_WINDOWS 'appears to be used by Windows|Device busy' \
    'a program on Windows uses the token' \
    'end it (a browser, the minidriver, gpg), or usbipd bind --force'
row usbip-client $EX_WSL "'usbip' client not correctly installed" \
    'usbipd before 4.0 needs a usbip program in the distribution' \
    'in Windows: winget upgrade usbipd'
row network-mode $EX_WINDOWS \
    "Networking mode '.*' is not supported|Unable to determine host address" \
    'the networking mode of WSL does not lead to Windows' \
    'networkingMode=nat or mirrored in .wslconfig, then wsl --shutdown'
row ghost $EX_WSL - \
    'Windows has the token back, while WSL still believes to have it' \
    'hsm-wsl doctor --fix, or hsm-wsl watch, which does this after each sleep'
row attach-failed $EX_WINDOWS - \
    'usbipd could not attach the token' \
    'plug it out and in, and try again with --verbose'
row not-arrived $EX_WSL - \
    'usbipd says it is attached, but no such device is in WSL' \
    'hsm-wsl detach, then hsm-wsl attach; dmesg may say more'

# --- inside WSL ---

row no-keyutil $EX_WSL - \
    'hsm-keyutil is not to be found' \
    'make install, or HSM_KEYUTIL=/path/to/hsm-keyutil'
row no-pcscd $EX_WSL 'no PC/SC daemon|0x8010001D' \
    'pcscd does not run' \
    "hsm-wsl setup; sudo systemctl start pcscd.socket, or sudo service pcscd \
start"
row pcscd-hangs $EX_TIME 'pcscd does not answer' \
    'pcscd, or what starts it, hangs' \
    "without systemd put this into /etc/wsl.conf: [boot] command=\"pcscd\"; \
hsm-wsl setup does"
row polkit $EX_WSL 'polkit|NOT authorized|Access denied.*pcsc' \
    'polkit keeps you from pcscd: a shell of WSL is no local session' \
    'hsm-wsl setup, then join the group it names and open a new shell'
row libusb $EX_WSL 'LIBUSB_ERROR_ACCESS' \
    'pcscd may not open the USB device' \
    'upgrade libccid for its udev rules; without systemd run pcscd as root'
row no-reader $EX_WSL - \
    'the token is in WSL, but pcscd did not notice' \
    'hsm-wsl doctor --fix, which restarts pcscd'
row no-token $EX_DEVICE - \
    'no reader holds a token' \
    'put the card in; hsm-keyutil status says what is in the readers'
row other-token $EX_DEVICE - \
    'it is not the token that was asked for' \
    'hsm-wsl status shows the serial numbers'
row scdaemon 0 'scdaemon' \
    'scdaemon of GnuPG has the reader' \
    "echo disable-ccid >> ~/.gnupg/scdaemon.conf; gpgconf --kill scdaemon"
row wslenv 0 - \
    'SSH_AUTH_SOCK goes to Windows in WSLENV, and breaks its ssh' \
    'take SSH_AUTH_SOCK out of WSLENV'

# --- telling ---

# Which row a message is of, or the one that stands for all others.
row_of()	# MESSAGE OTHERWISE
{
	local id

	for id in "${row_ids[@]}"; do
		[[ ${row_sign[$id]} != - && $1 =~ ${row_sign[$id]} ]] || continue
		echo "$id"
		return
	done
	echo "$2"
}

tell_row()	# ID DETAIL
{
	say "${row_cause[$1]}${2:+: $2}"
	say "    ${row_advice[$1]}"
}

warn_row()	# ID [DETAIL]
{
	tell_row "$1" "${2-}"
}

# Ends hsm-wsl; doctor, in a subshell, takes the row instead.
fail_row()	# ID [DETAIL]
{
	printf '%s\n' "$1" >"$work/row"
	printf '%s\n' "${2-}" >"$work/detail"
	tell_row "$1" "${2-}"
	exit $((row_class[$1] > 0 ? row_class[$1] : EX_FAIL))
}

# The line that matters: what is only told comes first, and warnings.
detail_of()	# MESSAGE
{
	local line first='' error=''

	while read -r line; do
		[[ -n $line && $line != 'usbipd: info:'* ]] || continue
		[[ -n $first ]] || first=$line
		[[ -n $error || $line != *error* ]] || error=$line
	done <<<"$1"
	echo "${error:-$first}"
}

fail_message()	# MESSAGE OTHERWISE
{
	fail_row "$(row_of "$1" "$2")" "$(detail_of "$1")"
}
