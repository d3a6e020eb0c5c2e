#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# hsm-wsl, against programs of Windows that are played by tests/e2e/wsl/windows
# for each version of usbipd-win, and a real pcscd with a virtual HSM for the
# half inside WSL.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

# shellcheck source=tests/e2e/wsl-lib.sh
. "$srcdir/tests/e2e/wsl-lib.sh"

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
	check "one by the number of the token" wsl attach --serial \
	    DENK0100000
	wsl detach --busid 1-7 2>/dev/null
	check "... by that of its stick, as status prints it" wsl attach \
	    --serial denk01000000000
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
	check "--wait waits" wsl attach --wait --timeout 08
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
	for at in / /win; do
		printf '[automount]\nroot = %s\n' $at >"$ROOT/etc/wsl.conf"
		mkdir -p "$ROOT$at"
		mv "$ROOT/mnt/c" "$ROOT$at/c"
		check "the drives may be elsewhere, at $at" wsl status
		mv "$ROOT$at/c" "$ROOT/mnt/c"
	done
	rm "$ROOT/etc/wsl.conf"
	change 4 null
	: >"$HSM_STUB/refuse"
	check_status "who does not agree is told" 5 wsl bind --busid 1-7
	has "... what to do" "$E2E/out" 'do it again and agree'
	check "--dry-run changes nothing" wsl attach --dry-run
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
	printf '[boot]\r\ncommand="echo a\\nb"\r\n' >"$ROOT/etc/wsl.conf"
	check "setup, where Windows wrote the file" wsl setup --group cards
	is "... knows its section and its command" \
	    "$(cat "$ROOT/etc/wsl.conf")" \
	    '[boot]
command="echo a\nb; pcscd"'
	put_program "$E2E/bin/pcscd"
	check "setup, where pcscd would ask polkit" wsl setup --group cards
	has "... keeps it from that" "$ROOT/etc/default/pcscd" \
	    '^DAEMON_ARGS="--disable-polkit"$'
	echo '[boot]' >"$ROOT/etc/wsl.conf"
	check "... at each start" wsl setup --group cards
	has "... of WSL" "$ROOT/etc/wsl.conf" \
	    '^command="pcscd --disable-polkit"$'
	rm "$E2E/bin/pcscd"
	has "one group lets go of USB ports" \
	    "$ROOT/etc/udev/rules.d/60-hsm-wsl.rules" 'chgrp cards'
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
	    "$XDG_RUNTIME_DIR/hsm-ssh-agent/agent.sock"
	is "... where the agent is without XDG_RUNTIME_DIR" "$(
		unset XDG_RUNTIME_DIR
		eval "$(wsl env)" && echo "$SSH_AUTH_SOCK")" \
	    "$HOME/.ssh/agent/hsm-ssh-agent.sock"
	has "... and names git's way" "$E2E/out" 'core.sshCommand "wsl.exe -e ssh'
	mkdir -p "$XDG_CONFIG_HOME/hsm-ssh-agent"
	echo "CygwinSocket /mnt/c/Users/alice/agent.sock" \
	    >"$XDG_CONFIG_HOME/hsm-ssh-agent/config"
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
lane setup &
lane which watch notes &
wait
echo 0 >"$E2E_TOP/count"
for p in versions notes which setup watch; do
	retell "$p"
done
finish
