#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# AuditLog: what real clients leave in it, and what becomes of the file.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2154,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need ssh openssh-client
need sshd openssh-server
need jq jq

SERIAL=DENK0100000

start()
{
	AUDIT=$E2E/audit
	configure "AuditLog $AUDIT" "$@"
	umask 000
	agent_start || return
	umask 022
	save_keys
}

# entry SENTENCE FILTER: the last one is such that this is true.
entry()
{
	tail -n 1 "$AUDIT" >"$E2E/entry"
	if jq -e "$2" <"$E2E/entry" >/dev/null 2>&1; then
		pass "$1"
	else
		fail "$1"
		say "not true: $2"
		show "$E2E/entry"
	fi
}

entries()
{
	wc -l <"$AUDIT" | tr -d ' '
}

use()
{
	ssh-add -T "$E2E/login.pub"
}

over_there()
{
	run_ssh -A -i "$E2E/login.pub" there "$1"
}

# Of each entry: when, who, and all of the key.
sound()
{
	entry "... at what time" '.time |
		test("^20[0-9-]{8}T[0-9:]{8}[.][0-9]{3}Z$")'
	entry "... for which program" ".pid > 1 and .uid == $(id -u) and
		(.exe | endswith(\"/$1\"))"
	entry "... after how long" '.duration_ms >= 0'
}

# with_key NAME ACTION KIND: allowed.
with_key()
{
	entry "... by which key" ".token == \"$SERIAL\" and .key == \"$1\" and
		.fingerprint == \"$(fingerprint "$E2E/$1.pub")\""
	entry "... is allowed" ".action == \"$2\" and .kind == \"$3\" and
		.verdict == \"allowed\" and (has(\"reason\") or
		has(\"why\") or has(\"lost\") | not)"
}

part_members()
{
	start 'Key login' '	Use auth sshsig:git' || return
	is "the file is for its owner alone" "$(stat -c %a "$AUDIT")" 600
	is "and empty" "$(entries)" 0
	sshd_make there
	sshd_make beyond
	sshd_lets there "$E2E/login.pub"
	sshd_lets beyond "$E2E/login.pub"

	check "ssh-add -s" ssh-add -s $SERIAL
	entry "is an unlock" ".action == \"unlock\" and
		.verdict == \"allowed\" and .token == \"$SERIAL\""
	sound ssh-add
	check "a login" login_with there "$E2E/login.pub"
	with_key login sign login-hostbound
	sound ssh
	entry "... as whom, and where" ".user == \"$(id -un)\" and
		.host == \"$(fingerprint "$E2E/sshd-there/key.pub")\" and
		.forwarded == false and .confirmed == false"
	check "a login from there" over_there "ssh -F '$E2E/ssh_config' \
		-i '$E2E/login.pub' -o UserKnownHostsFile='$E2E/known_hosts' \
		-o BatchMode=yes -o IdentitiesOnly=yes beyond true"
	with_key login sign login-hostbound
	entry "... is forwarded, and to where" ".forwarded == true and
		.host == \"$(fingerprint "$E2E/sshd-beyond/key.pub")\""

	ssh-keygen -q -t ed25519 -N '' -f "$E2E/alice"
	check "a certificate" ssh-keygen -q -Us "$E2E/ca.pub" -I 'id 7' \
		-n alice,bob -z 18446744073709551615 -V +8h "$E2E/alice.pub"
	with_key ca sign certificate
	sound ssh-keygen
	entry "... of which type, for whom" '.certificate |
		.type == "user" and .key_id == "id 7" and
		.principals == ["alice", "bob"]'
	entry "... with its number, to the last digit" \
		'.certificate.serial == "18446744073709551615"'
	entry "... from when, until when" '.certificate |
		(.valid_before | fromdate) - (.valid_after | fromdate) |
		. >= 28800 and . < 29000'
	check_status "one without an end is refused" 255 ssh-keygen -q -h \
		-Us "$E2E/ca.pub" -I "$(printf 'a\033\377\001z')" -n host \
		"$E2E/alice.pub"
	entry "... as one by its key" '.verdict == "denied" and
		.kind == "certificate" and .key == "ca"'
	entry "... is for ever" '.certificate.type == "host" and
		.certificate.valid_before == "forever"'
	entry "... and its name harmless" '.certificate.key_id |
		test("^a[^\u0000-\u001f]*z$")'

	check "a file" ssh-keygen -q -Y sign -f "$E2E/login.pub" -n git \
		"$E2E/listing"
	with_key login sign sshsig
	entry "... in what namespace" '.namespace == "git"'
	check_status "a file that is refused" 255 ssh-keygen -q -Y sign \
		-f "$E2E/login.pub" -n other "$E2E/listing"
	entry "is denied" '.verdict == "denied" and .action == "sign" and
		.kind == "sshsig" and .namespace == "other"'
	entry "... for a reason" '.reason == "denied" and
		(.why | contains("is not for \"sshsig:other\"; see Use"))'
	entry "... by which key" '.key == "login"'
	check "a test" use
	with_key login sign test
	entry "... has neither user nor host" \
		'has("user") or has("host") or has("namespace") | not'
	lesser_entries
	jq -c . <"$AUDIT" >"$E2E/parsed" 2>&1
	is "each line is JSON" "$(wc -l <"$E2E/parsed" | tr -d ' ')" \
		"$(entries)"
	has_not "no PIN is in it" "$AUDIT" "$PIN|111111|sesame"
	agent_stop
}

lesser_entries()
{
	check "ssh-add -d" ssh-add -d "$E2E/ca.pub"
	entry "is a removal" '.action == "remove" and .verdict == "allowed"'
	entry "... of which key" ".token == \"$SERIAL\" and .key == \"ca\" and
		.fingerprint == \"$(fingerprint "$E2E/ca.pub")\""
	check_status "ssh-add of a key in a file" 1 ssh-add "$E2E/alice"
	entry "is denied" '.action == "add" and .verdict == "denied" and
		.reason == "unsupported"'
	check "ssh-add -e" ssh-add -e vhsm
	entry "is a lock" '.action == "lock" and .verdict == "allowed"'
	entry "... of which token" ".token == \"$SERIAL\""
	check_status "ssh-add -e again" 1 ssh-add -e vhsm
	entry "is denied" ".action == \"lock\" and .verdict == \"denied\" and
		.token == \"$SERIAL\" and .reason == \"not-found\""
	check "ssh-add -D" ssh-add -D
	entry "is a lock" '.action == "lock" and .verdict == "allowed"'
	cp "$E2E/pin" "$E2E/pin.kept"
	echo 111111 >"$E2E/pin"
	check_status "a wrong PIN" 1 ssh-add -s $SERIAL
	entry "is denied" '.action == "unlock" and .verdict == "denied" and
		.reason == "pin-wrong" and (.why | contains("2 tries left"))'
	echo sesame >"$E2E/pin"
	check "ssh-add -x" ssh-add -x
	entry "locks the agent" '.action == "lock-agent"'
	check_status "who asks meanwhile" 1 use
	entry "is denied" '.action == "request" and .verdict == "denied"'
	check "ssh-add -X" ssh-add -X
	entry "unlocks it" '.action == "unlock-agent" and
		.verdict == "allowed"'
	cp "$E2E/pin.kept" "$E2E/pin"
}

part_consent()
{
	start 'Confirm yes' || return
	check "a yes" use
	entry "is confirmed" '.verdict == "allowed" and .confirmed'
	rm "$E2E/pin"
	check_status "a no" 1 use
	entry "is denied" '.verdict == "denied" and .confirmed == false and
		.reason == "cancelled" and (.why | startswith("declined"))'
	agent_stop
}

part_file()
{
	start || return
	check "an entry" use
	mv "$AUDIT" "$AUDIT.1"
	check "it is renamed, and another" use
	is "makes a new file" "$(entries)" 1
	is "... for its owner alone" "$(stat -c %a "$AUDIT")" 600
	is "the old one stays as it was" "$(wc -l <"$AUDIT.1" | tr -d ' ')" 1
	rm "$AUDIT"
	kill -HUP "$agent_pid"
	check "SIGHUP makes it at once" wait_for 10 test -e "$AUDIT"

	check "another path, read again" reconfigure "AuditLog $AUDIT.2"
	check "an entry" use
	is "... is there" "$(wc -l <"$AUDIT.2" | tr -d ' ')" 1
	is "... and not here" "$(entries)" 0
	check "a directory that is not there" \
		reconfigure "AuditLog $E2E/not/yet"
	has "... is an error that names it" "$AGENT_LOG" \
		"AuditLog stays as it was: .*$E2E/not/yet: No such file"
	check "signatures go on" use
	is "... to where it was" "$(wc -l <"$AUDIT.2" | tr -d ' ')" 2
	mkdir "$E2E/not"
	check "it is made, and read again" \
		reconfigure "AuditLog $E2E/not/yet"
	check "an entry" use
	check "... is there" test -s "$E2E/not/yet"
	check "a path with ~" reconfigure 'AuditLog ~/audit'
	check "an entry" use
	check "... is there" test -s "$HOME/audit"
	check "without AuditLog" reconfigure ''
	check "no entry is written" use
	is "... nowhere" "$(wc -l <"$E2E/not/yet" | tr -d ' ')" 1
	agent_stop

	for place in none/audit pin/audit askpass; do
		configure "AuditLog $E2E/$place"
		chmod 777 "$E2E/askpass"
		check_status "AuditLog $place: it does not start" 1 \
			agent_once -D -a "$E2E/no.sock"
		has "... and names it" "$E2E/out" \
			"udit log .*$E2E/$place: (No such|Not a|others may)"
	done
	configure 'AuditLog elsewhere'
	check_status "a relative path is a mistake" 2 \
		agent_once -D -a "$E2E/no.sock"
	has "... with its line" "$E2E/out" 'config:1: AuditLog takes the whole path'
	configure "AuditLog $E2E/none/audit"
	check_status "-T finds a directory that is not there" 2 \
		agent_once -T
	has "... with its line" "$E2E/out" \
		"config:1: .*$E2E/none/audit: No such"
}

# In the mount namespace of with-vhsm, or nowhere.
part_full()
{
	mkdir "$E2E/small"
	mount -t tmpfs -o size=8k none "$E2E/small" 2>/dev/null || {
		skip "a full disk" "nothing can be mounted"
		return
	}
	configure "AuditLog $E2E/small/audit"
	agent_start || return
	AUDIT=$E2E/small/audit
	save_keys
	check "an entry" use
	cat /dev/zero >"$E2E/small/rest" 2>/dev/null
	n=0
	until grep -q 'entries are lost' "$AGENT_LOG" || test $n -eq 30; do
		n=$((n + 1))
		use || break
	done
	has "a full disk is said in the log" "$AGENT_LOG" \
		"audit log $AUDIT: .*; entries are lost"
	check "... and keeps nobody from signing" use
	is "... is said once" "$(grep -c 'entries are lost' "$AGENT_LOG")" 1
	rm "$E2E/small/rest"
	check "there is room again" use
	entry "the entry tells how many were lost" '.lost == 2'
	has "... as does the log" "$AGENT_LOG" \
		'written to again, 2 entries were lost'
	jq -e .time "$AUDIT" >/dev/null 2>"$E2E/out"
	is "each line is whole" "$?" 0
	agent_stop
	umount "$E2E/small"
}

test $# -eq 0 || { run_part "$1"; exit; }
for p in members consent file full; do
	part $p --key p256:login:01 --key p256:ca:02
done
finish
