#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# The parts of hsm-wsl that only compute.

# shellcheck disable=SC2034,SC2154	# they are for, or of, the parts
setup() {
	LIB=$BATS_TEST_DIRNAME/../../contrib/wsl/lib
	verbose=no dry_run=no serial='' busid='' all=no HSM_WSL_ROOT=$BATS_TEST_TMPDIR
	export LC_ALL=C.UTF-8
	for part in common windows advice usbipd devices inside commands setup report; do
		# shellcheck source=/dev/null
		. "$LIB/$part.bash"
	done
	work=$BATS_TEST_TMPDIR
}

normal() {
	# shellcheck disable=SC2154
	jq -c "$normal_state" <<<"$1"
}

one() {
	printf '{"Devices": [{"BusId": %s, "ClientIPAddress": %s, "InstanceId": "%s",
	    "PersistedGuid": %s, "Description": "x"}]}' "$1" "$2" "$3" "$4"
}

@test "ids are taken from the instance, in upper or lower case" {
	for i in 'USB\\VID_20A0&PID_4230\\DENK01' 'USB\\Vid_20a0&Pid_4230\\DENK01'; do
		[[ $(normal "$(one '"1-7"' null "$i" null)") == *'"id":"20a0:4230"'* ]]
	done
}

@test "a number of Windows' own is no serial number" {
	[[ $(normal "$(one '"1-7"' null 'USB\\VID_20A0&PID_4230\\6&3A4CF841&0&4' null)") == \
	    *'"serial":null'* ]]
	[[ $(normal "$(one '"1-7"' null 'USB\\VID_20A0&PID_4230\\DENK01' null)") == \
	    *'"serial":"DENK01"'* ]]
}

@test "shared, attached and plugged in are told apart" {
	[[ $(normal "$(one null null 'USB\\VID_20A0&PID_4230\\A' '"g"')") == \
	    *'"busid":null'*'"bound":true'*'"attached":false'* ]]
	[[ $(normal "$(one '"1-7"' '"172.1.1.1"' 'USB\\VID_20A0&PID_4230\\A' '"g"')") == \
	    *'"busid":"1-7"'*'"attached":true'* ]]
	[[ $(normal "$(one '"IncompatibleHub"' null 'USB\\VID_20A0&PID_4230\\A' null)") == \
	    *'"busid":null,"hub":true'* ]]
}

@test "what is no state is none, and no code" {
	for s in '{}' '{"Devices": null}' '{"Devices": [1, {"InstanceId": null}]}' \
	    '{"Devices": [{"InstanceId": "HID\\VID_1&PID_2"}]}'; do
		[[ $(normal "$s") == '[]' ]]
	done
	run normal '[]'
	[ "$status" -ne 0 ]
	[[ $(normal "$(one '"1-7;id"' null 'USB\\VID_20A0&PID_4230\\A' null)") == \
	    *'"busid":null'* ]]
}

@test "text of Windows is text: CR, a mark of byte order, UTF-16" {
	[[ $(printf '\xef\xbb\xbfa\r\nb\r\n' | plain_text) == $'a\nb' ]]
	[[ $(printf 'Läuft\r\n' | iconv -t UTF-16LE | plain_text) == Läuft ]]
	[[ $(printf 'x' | plain_text) == x ]]
}

@test "WSL is known, also by a kernel of one's own" {
	unset WSL_DISTRO_NAME
	mkdir -p "$HSM_WSL_ROOT/proc/sys/kernel"
	kernel=$HSM_WSL_ROOT/proc/sys/kernel/osrelease
	echo 6.1.0-28-amd64 >"$kernel"
	[[ $(wsl_kind) == no ]]
	[[ $(WSL_DISTRO_NAME=Debian wsl_kind) == 2 ]]
	mkdir -p "$HSM_WSL_ROOT/run/WSL"
	[[ $(wsl_kind) == 2 ]]
	echo 4.4.0-19041-Microsoft >"$kernel"
	[[ $(wsl_kind) == 1 ]]
	echo 5.15.167.4-microsoft-standard-WSL2 >"$kernel"
	[[ $(wsl_kind) == 2 ]]
}

@test "paths of Windows and Linux" {
	[[ $(to_linux 'C:\a b\c') == "$HSM_WSL_ROOT/mnt/c/a b/c" ]]
	[[ $(to_windows "$HSM_WSL_ROOT/mnt/d/a b/c") == 'D:\a b\c' ]]
	run to_windows /home/a
	[ "$status" -ne 0 ]
	mkdir -p "$HSM_WSL_ROOT/etc"
	printf '[user]\nroot = /x/\n[automount]\nroot=/win/\n' >"$HSM_WSL_ROOT/etc/wsl.conf"
	[[ $(to_windows "$HSM_WSL_ROOT/win/c/a") == 'C:\a' ]]
}

@test "PowerShell's quotes hold" {
	[[ $(quoted "a'b") == "'a''b'" ]]
}

@test "the USB serial number begins with that of the HSM" {
	same_serial DENK01000000000 DENK0100000
	same_serial denk01000000000 DENK0100000
	run same_serial DENK01000000000 DENK0200000
	[ "$status" -ne 0 ]
	run same_serial DENK01 ''
	[ "$status" -ne 0 ]
}

@test "a report names nobody" {
	export USER=alice
	text='serial DENK0102395 at 172.24.192.52 of C:\Users\alice\x in /home/alice for
620917ea-73c4-4365-8604-2c415a29a977 and "serial": "X1", fe80::1:2:3:4'
	said=$(redact <<<"$text")
	for word in DENK0 172. alice 620917 X1 fe80; do
		[[ $said != *"$word"* ]]
	done
	[[ $said == *SERIAL*ADDRESS* ]]
	said=$(redact <<<'"reader": "Pico (E66)", "serial": "ESPICO01"; token ESPICO01')
	[[ $said == '"reader": "Pico (SERIAL)", "serial": "SERIAL"; token SERIAL' ]]
}

@test "a webcam that is attached hides no ghost" {
	linux_has_token() { true; }
	busids=(1-7 2-1)
	is=(['1-7 id']=20a0:4230 ['1-7 s']=- ['1-7 attached']=false
	    ['2-1 id']=1bcf:28cc ['2-1 s']=- ['2-1 attached']=true)
	is_ghost
	is['1-7 attached']=true
	run is_ghost
	[ "$status" -ne 0 ]
}

@test "a rule that denies is none that allows" {
	policy_out='4b66a1e4-c94d-4569-8e5b-5af5f0b9ba64 Deny AutoBind 20A0:4230'
	windows() { out=$policy_out; }
	[[ -z $(policy_rule) ]]
	policy_out=${policy_out/Deny/Allow}
	[[ $(policy_rule) == 4b66a1e4-* ]]
}

@test "a setting of wsl.conf is that of its section" {
	printf '[user]\ncommand=x\n[boot]\r\n#command=y\ncommand = "a; b"\r\n' >"$work/conf"
	[[ $(setting_of "$work/conf" boot command) == 'a; b' ]]
	[[ -z $(setting_of "$work/conf" boot systemd) ]]
}

@test "each message has one row, and others none" {
	[[ $(row_of "usbipd: error: Device is not shared; run 'usbipd bind'" x) == not-shared ]]
	[[ $(row_of 'cannot execute binary file: Exec format error' x) == binfmt ]]
	[[ $(row_of 'all is well' x) == x ]]
	for id in "${row_ids[@]}"; do
		[[ -n ${row_cause[$id]} && -n ${row_advice[$id]} ]]
	done
}

@test "a password is asked for where there is a terminal, whatever the input" {
	[[ $(id -u) == 0 ]] || skip "only root can be somebody else"
	local dir
	dir=$(mktemp -d)
	printf '#!/bin/sh\necho "sudo $*" >>%s/log\n' "$dir" >"$dir/sudo"
	: >"$dir/log"
	cp "$LIB/common.bash" "$dir"
	chmod 755 "$dir" "$dir/sudo"
	chmod 644 "$dir/common.bash"
	chmod 666 "$dir/log"
	local somebody="PATH=$dir:\$PATH setpriv --reuid 65534 --clear-groups \
	    bash -c '. $dir/common.bash; verbose=no dry_run=no; \
	    echo x | as_root tee /etc/x'"
	script -qec "$somebody" /dev/null </dev/null >/dev/null
	[[ $(<"$dir/log") == "sudo tee /etc/x" ]]
	: >"$dir/log"
	setsid bash -c "$somebody" </dev/null >/dev/null 2>&1
	[[ $(<"$dir/log") == "sudo -n tee /etc/x" ]]
	rm -r "$dir"
}

@test "addresses of either kind are not reported" {
	[[ $(redact <<<'at fe80::1 and 2001:db8::5:6, 10.1.2.3, at 10:11:12') == \
	    'at ADDRESS and ADDRESS, ADDRESS, at 10:11:12' ]]
}

@test "the line that matters is told" {
	[[ $(detail_of $'usbipd: info: Using x\nusbipd: warning: w\nusbipd: error: e') == \
	    'usbipd: error: e' ]]
	[[ $(detail_of $'usbipd: info: Using x\nsomething') == something ]]
}
