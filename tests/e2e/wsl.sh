#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# hsm-wsl, against programs of Windows that are played by tests/e2e/wsl/windows
# for each version of usbipd-win, and a real pcscd with a virtual HSM for the
# half inside WSL.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

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

# --- versions ---

# Each command twice: what is so already is no error.
part_versions()
{
	for v in 2.2.0 2.3.0 3.2.0 4.0.0 4.2.0 4.4.0 5.3.0; do
		windows_has $v
		joined
		check "$v: attach, from not shared" wsl attach
		has "... which asked for an administrator and said why" \
		    "$E2E/out" '1-7 is not shared yet, .*Windows will ask'
		has "... and warns of the network" "$E2E/out" 'TCP port 3240'
		has "... and found the token" "$E2E/out" 'token DENK0100000$'
		check "... again" wsl attach --serial DENK0100000
		has_not "... asks nobody" "$E2E/out" 'Windows will ask'
		check "... status" wsl status
		has "... says so" "$E2E/out" \
		    '1-7 +20a0:4230 +Nitrokey HSM DENK01.* attached$'
		check "... detach" wsl detach
		check "... again" wsl detach
		check "... bind, which it is" wsl bind
		check "... unbind" wsl unbind
		check "... again" wsl unbind --busid 1-7
		check "... status as JSON" wsl status --json
		is "... says so" "$(jq -r '.devices[0] | "\(.name) \(.bound)"' \
		    "$E2E/out")" "Nitrokey HSM false"
		has_not "... the list, which Windows translates, is not read" \
		    "$HSM_STUB/log" '^usbipd.exe (wsl )?list'
		policies $v
	done
}

policies()
{
	case $1 in
	2.* | 3.* | 4.0.*)
		check_status "... it has no policy, and says what to do" 3 \
		    wsl policy add
		has "... which is to share it" "$E2E/out" 'hsm-wsl bind' ;;
	*)
		check "... policy add" wsl policy add
		check "... again" wsl policy add
		check "... attach needs no administrator then" wsl attach
		has_not "... and nobody is asked" "$E2E/out" 'Windows will ask'
		check "... policy" wsl policy
		has "... tells of the rule" "$E2E/out" '20a0:4230 may be shared'
		wsl detach >/dev/null 2>&1
		check "... policy remove" wsl policy remove
		check "... again" wsl policy remove ;;
	esac
}

# --- as in the notes of those who did it by hand ---

# notes VERSION COMMAND STATE: what they saw, then from there to a signature.
notes()
{
	windows_has "$1"
	joined
	# shellcheck disable=SC2086	# words
	"$ROOT/mnt/c/Program Files/usbipd-win/usbipd.exe" $2 >"$E2E/listed"
	has "usbipd $2 says \"$3\"" "$E2E/listed" \
	    "^1-7 +20a0:4230 +$DESCRIPTION_RE +$3"
	check "... hsm-wsl attach" wsl attach
	agent_start || return
	ssh-add -L | head -n 1 >"$E2E/key.pub"
	check "... and the agent signs" ssh-add -T "$E2E/key.pub"
	agent_stop
}

part_notes()
{
	DESCRIPTION_RE='Microsoft Usbccid Smartcard Reader [(]WUDF[)]'
	notes 3.2.0 "wsl list" "Not attached"
	notes 4.4.0 list "Not shared"
}

# --- which device ---

part_which()
{
	windows_has 4.4.0
	joined
	mobile=$(device 2-1 'VID_20A0&PID_42B2\6&3A4CF841&0&4' '安全密钥')
	devices_are "$mobile"
	check_status "a Nitrokey 3 is none" 4 wsl attach
	has "... and named" "$E2E/out" 'no HSM: Nitrokey 3 [(]20a0:42b2[)] at 2-1'
	devices_are "$mobile" "$one" \
	    "$(device 3-2 'VID_04E6&PID_5816\6&3A4CF841&0&2')"
	check_status "two tokens are too many" 4 wsl attach
	has "... unless one is named" "$E2E/out" '--serial NUMBER, --busid N-N'
	check_status "--all means both, of which one does not come" 6 \
	    env HSM_WSL_SECONDS=3 "$srcdir/contrib/wsl/hsm-wsl" attach --all
	has "... which is told" "$E2E/out" \
	    'pcscd did not notice: 2 are attached, and found is only DENK0100000'
	wsl detach 2>/dev/null
	check "one by its bus id" wsl attach --busid 1-7
	wsl detach --busid 1-7 2>/dev/null
	check "one by the number that Windows has" wsl attach --serial \
	    DENK0100000
	wsl detach --busid 1-7 2>/dev/null
	devices_are "$(device 1-7 'VID_20A0&PID_4230\6&3A4CF841&0&9')"
	check_status "without one, the token itself is asked" 4 wsl attach \
	    --serial DENK0999999
	has "... and it is another" "$E2E/out" \
	    'not the token that was asked for: wanted DENK0999999, found DENK01'
	wsl detach 2>/dev/null
	devices_are "$(device 1-7 'VID_20A0&PID_4230\DENK02000000000')"
	check "one that is not what Windows says is attached" wsl attach
	has "... and told of" "$E2E/out" 'none of them is DENK02000000000'
	: >"$HSM_STUB/utf16"
	check "what is in UTF-16 is read, too" wsl attach
	rm "$HSM_STUB/utf16"
	wsl detach 2>/dev/null
	devices_are
	check_status "--wait has a limit" 7 wsl attach --wait --timeout 1
	(sleep 2; devices_are "$one") &
	check "--wait waits" wsl attach --wait --timeout 30
	wait
	for bad in "attach --busid 1;2" "attach --serial a'b" "attach x" nothing \
	    "attach --nothing" "attach --timeout x"; do
		# shellcheck disable=SC2086	# words
		check_status "usage: $bad" 2 wsl $bad
	done
	windows_has 4.4.0
	put_program "$E2E/bin/usbipd.exe"
	joined
	check "a usbipd.exe of Linux is not made administrator" wsl attach
	rm "$E2E/bin/usbipd.exe"
	printf '[automount]\nroot = /\n' >"$ROOT/etc/wsl.conf"
	mv "$ROOT/mnt/c" "$ROOT/c"
	check "the drives may be elsewhere" wsl status
	change 4 null
	: >"$HSM_STUB/refuse"
	check_status "who does not agree is told" 5 wsl bind --busid 1-7
	has "... what to do" "$E2E/out" 'do it again and agree'
	check "--dry-run changes nothing" wsl attach --dry-run
}

# --- doctor ---

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
}

doctor_of_the_device()
{
	windows_has 4.4.0
	devices_are
	row no-device 4 'hsm-wsl attach --wait'
	devices_are "$(device 2-1 'VID_20A0&PID_4108\0000000000')"
	row wrong-device 4 'Nitrokey HSM is 20a0:4230'
	devices_are "$(device IncompatibleHub 'VID_20A0&PID_4230\DENK01')"
	row hub 3 'another port'
	windows_has 4.4.0
	row not-shared 5 'hsm-wsl bind'
	check_status "... as a text" 5 wsl doctor
	has "... and what mends it" "$E2E/out" '^ +hsm-wsl bind, which asks'
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
	    'usbip: error: Attach Request for 1-7 failed - Device in error state'
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

# --- setup ---

part_setup()
{
	windows_has 4.4.0
	echo "[boot]" >"$ROOT/etc/wsl.conf"
	echo "[user]" >>"$ROOT/etc/wsl.conf"
	check "setup --dry-run" wsl setup --dry-run
	has "... shows what would be written" "$E2E/out" '^[+]command="pcscd"'
	check "... and writes nothing" test ! -e "$ROOT/etc/polkit-1"
	check "setup" wsl setup --group cards
	has "... lets one group in" \
	    "$ROOT/etc/polkit-1/rules.d/50-hsm-wsl.rules" 'isInGroup."cards"'
	is "... starts pcscd with WSL" "$(cat "$ROOT/etc/wsl.conf")" \
	    "$(printf '[boot]\ncommand="pcscd"\n[user]')"
	is "... and keeps what was there" \
	    "$(cat "$ROOT"/etc/wsl.conf.hsm-wsl-*)" \
	    "$(printf '[boot]\n[user]')"
	check "setup again" wsl setup --group cards
	is "... changes nothing" "$(find "$ROOT/etc" -name '*hsm-wsl-*' |
	    wc -l)" 1
	echo '[boot]
#systemd=true
command = "service cron start"' >"$ROOT/etc/wsl.conf"
	check "setup, where WSL starts something else" wsl setup --group cards
	has "... leaves that" "$ROOT/etc/wsl.conf" \
	    '^command="service cron start; pcscd"$'
	check "... again" wsl setup --group cards
	has_not "... which is enough" "$E2E/out" '^[+]'
	windows_has 4.4.0
	mkdir -p "$ROOT/run/systemd/system"
	echo 0.105 >"$HSM_STUB/polkit"
	check "setup with systemd and an old polkit" wsl setup
	has "... enables the socket" "$HSM_STUB/log" \
	    '^systemctl enable --now pcscd.socket'
	has "... and writes no rule that it does not read" \
	    "$ROOT/etc/polkit-1/localauthority/50-local.d/hsm-wsl.pkla" \
	    '^Identity=unix-group:plugdev'
	check "install-service" wsl install-service
	check "... again" wsl install-service
	has "... it watches" \
	    "$XDG_CONFIG_HOME/systemd/user/hsm-wsl.service" 'hsm-wsl watch$'
	rm -r "$ROOT/run/systemd"
	check_status "... not without systemd" 6 wsl install-service
	others
}

others()
{
	windows_has 4.4.0
	check "env" wsl env
	is "... is for eval" "$(eval "$(wsl env)" && echo "$SSH_AUTH_SOCK")" \
	    "${XDG_RUNTIME_DIR:-/run/user/$(id -u)}/hsm-ssh-agent/agent.sock"
	has "... and names git's way" "$E2E/out" 'core.sshCommand "wsl.exe -e ssh'
	mkdir -p "$XDG_CONFIG_HOME/hsm-ssh-agent"
	echo "CygwinSocket /mnt/c/Users/alice/agent.sock" \
	    >"$XDG_CONFIG_HOME/hsm-ssh-agent/hsm-ssh-agent.conf"
	check "env, with a Cygwin socket" wsl env
	has "... has its name in Windows" "$E2E/out" \
	    'SSH_AUTH_SOCK=C:\\Users\\alice\\agent.sock'
	has "... and makes it a system file" "$HSM_STUB/log" \
	    '^attrib.exe [+]s C:\\Users\\alice\\agent.sock'
	check_status "bridge needs one of two programs" 3 wsl bridge
	has "... and says why ours is better" "$E2E/out" 'reads what it signs'
	ln -sf /bin/true "$E2E/bin/wsl2-ssh-agent"
	check "bridge" wsl bridge
	check "bridge --run" wsl bridge --run
	vhsmctl insert
	check "report" wsl report
	has "... has the parts" "$E2E/out" '^== hsm-wsl doctor'
	has_not "... but no serial number" "$E2E/out" 'DENK0'
	has_not "... and no address" "$E2E/out" '172[.]24'
	check "report into a file" wsl report "$E2E/report"
	check_status "... does not replace one" 1 wsl report "$E2E/report"
}

# --- watch ---

log_has()
{
	grep -Eq "$1" "$HSM_STUB/log"
}

has_attached()
{
	grep -q '	172[.]24' "$HSM_STUB/devices"
}

part_watch()
{
	windows_has 4.4.0
	joined
	HSM_WSL_SECONDS=5 "$srcdir/contrib/wsl/hsm-wsl" watch --timeout 1 >"$E2E/watch" 2>&1 &
	watch=$!
	trap 'kill $watch' EXIT
	check "watch asks for no administrator" wait_for 20 in_file \
	    "$E2E/watch" "hsm-wsl bind"
	has_not "... as nobody is there" "$HSM_STUB/log" '^powershell'
	shared
	check "watch attaches it" wait_for 20 has_attached
	check "... and looks at the token" wait_for 20 in_file "$E2E/watch" \
	    "in WSL: token DENK0100000"
	rm -rf "$ROOT/sys/bus/usb/devices/1-1"
	devices_are
	is "... plugged out, it is gone" "$(has_attached && echo there)" ""
	devices_are "$one"
	shared
	check "... plugged in again, it is back" wait_for 20 has_attached
	change 5 null
	check "after a sleep a dead port is let go" wait_for 20 in_file \
	    "$ROOT/sys/devices/platform/vhci_hcd.0/detach" 2
	has "... which is told" "$E2E/watch" 'letting go of port 2'
	check "... and it is back" wait_for 20 has_attached
	echo "mkdir -p '$ROOT/sys/bus/usb/devices/1-1'" >"$HSM_STUB/on-attach"
	device 3-2 'VID_04E6&PID_5816\6&3A4CF841&0&2' |
	    sed 's/null/620917ea-73c4-4365-8604-2c415a29a978/' \
	    >>"$HSM_STUB/devices"
	check "a second token is attached, too" wait_for 20 in_file \
	    "$HSM_STUB/log" "attach --wsl --busid 3-2"
}

# Three at a time, as each mostly waits for programs to start.
lane()	# PART...
{
	for p in "$@"; do
		part "$p" --key p256:ec:01 >"$E2E_TOP/tap.$p"
	done
}

# What a part said, with numbers that go on.
retell()	# PART
{
	while IFS= read -r line; do
		case $line in
		'ok '*)		pass "${line#*- }" ;;
		'not ok '*)	fail "${line#*- }" ;;
		*)		printf '%s\n' "$line" ;;
		esac
	done <"$E2E_TOP/tap.$1"
}

test $# -eq 0 || { run_part "$1"; exit; }
top_start
lane versions &
lane doctor setup &
lane which watch notes &
wait
echo 0 >"$E2E_TOP/count"
for p in versions notes which doctor setup watch; do
	retell "$p"
done
finish
