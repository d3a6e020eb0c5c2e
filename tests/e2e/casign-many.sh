#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# hsm-keyutil ca sign for many: tables, hosts, what an interruption leaves, and
# how long it takes, which is all that CASIGN_N=1000 CASIGN_PERCENT=110 asks.
# shellcheck source=tests/e2e/lib.sh disable=SC2034,SC2119,SC2120,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"
# shellcheck source=tests/e2e/casign-lib.sh
. "$srcdir/tests/e2e/casign-lib.sh"

need ssh openssh-client
need sshd openssh-server

# --- tables ---

part_csv()
{
	configure "CA ca" "Principals u* $(me)" "MaxValidity 8h" \
		"DefaultValidity 1h"
	save_ca
	new_key a
	new_key b
	new_key c ecdsa
	sshd_make trusting "TrustedUserCAKeys $E2E/ca.pub"
	cat >"$E2E/t.csv" <<EOF
FILE, principals ,validity,key_id,options,key,output
$E2E/a.pub,$(me);u2,2h,"a ""quoted"" id",,,
"$E2E/b.pub",u1 u3,,,no-pty;force-command=/bin/true,,

,u4,,,,"$(cat "$E2E/c.pub")",$E2E/c-cert.pub
EOF
	check "a table is signed" sign --csv "$E2E/t.csv"
	is "... three certificates" "$(grep -c ', serial ' "$E2E/out")" 3
	is "... with the key id" "$(field "$E2E/a-cert.pub" 'Key ID')" \
		'"a "quoted" id"'
	check "... sshd lets the first in" login_with trusting "$E2E/a" \
		-o CertificateFile="$E2E/a-cert.pub"
	is "... for so long" "$(valid_for "$E2E/a-cert.pub")" 7200
	ssh-keygen -Lf "$E2E/b-cert.pub" >"$E2E/shown"
	has "... with the options" "$E2E/shown" 'force-command /bin/true'
	has_not "... all of them" "$E2E/shown" 'permit-pty'
	cp "$E2E/a-cert.pub" "$E2E/a-old"
	check "the same again finds them there" says \
		'3 of 3 were there already' 0 sign --csv "$E2E/t.csv"
	check "... and leaves them" cmp "$E2E/a-old" "$E2E/a-cert.pub"
	rm -f "$E2E/b-cert.pub"
	sign --csv - <"$E2E/t.csv" >"$E2E/out" 2>&1
	has "one that is missing is signed, from standard input, too" \
		"$E2E/out" '/b-cert.pub: .*serial'
	has "... and no other" "$E2E/out" '2 of 3 were there already'
	check "--again signs all anew" sign --again --csv "$E2E/t.csv"
	is "... all of them" "$(grep -c ', serial ' "$E2E/out")" 3
	check_status "... with other numbers" 1 cmp -s "$E2E/a-old" \
		"$E2E/a-cert.pub"
	wrong_rows
}

# row SENTENCE REASON LINE...: as the rows of a table of which all is wrong.
row()
{
	row_what=$1 row_why=$2
	shift 2
	rm -f "$E2E/x-cert.pub" "$E2E/y-cert.pub"
	{
		echo 'file,principals,validity,output'
		printf '%s\n' "$E2E/a.pub,u1,,$E2E/x-cert.pub" "$@"
	} >"$E2E/bad.csv"
	check "$row_what is told" says_wrong "$row_why" sign \
		--csv "$E2E/bad.csv"
	check "... and nothing was signed" test ! -e "$E2E/x-cert.pub"
}

# says_wrong PATTERN COMMAND...: it fails so, with a status that says it.
says_wrong()
{
	wrong_pattern=$1
	shift
	"$@" >"$E2E/said" 2>&1
	wrong_rc=$?
	cat "$E2E/said"
	test $wrong_rc -eq 1 -o $wrong_rc -eq 2 &&
		grep -Eq -e "$wrong_pattern" "$E2E/said"
}

wrong_rows()
{
	row "a row of another length" 'line 3: 2 fields under 4 names' a,b
	row "a file that is missing" 'line 3: cannot open' \
		"$E2E/none.pub,u1,,$E2E/y-cert.pub"
	row "a time that is none" 'line 3: validity "soon"' \
		"$E2E/b.pub,u1,soon,$E2E/y-cert.pub"
	row "a quote that does not end" 'line 3: the quote that begins' \
		"\"$E2E/b.pub,u1"
	row "one without principals" 'line 3: .*name them with --principals' \
		"$E2E/b.pub,,,$E2E/y-cert.pub"
	row "two for one file" 'line 2 and .*line 3 would go to one file' \
		"$E2E/b.pub,u1,,$E2E/x-cert.pub"
	row "what the CA does not sign" \
		'line 4: principal "eve" is not allowed for this CA' '' \
		"$E2E/b.pub,eve,,$E2E/y-cert.pub"
	row "more than its time" 'line 3: .*at most 8 h' \
		"$E2E/b.pub,u1,9h,$E2E/y-cert.pub"
	echo 'file,who' >"$E2E/bad.csv"
	check "a column that is none is told" says 'no column "who"' 1 \
		sign --csv "$E2E/bad.csv"
}

# --- interruptions ---

# rows N: a table for users u1 to uN, all with one key.
rows()
{
	test -e "$E2E/key.pub" || new_key key
	mkdir -p "$E2E/certs"
	rows_key=$(cat "$E2E/key.pub")
	echo 'key,principals,key_id,output'
	rows_i=0
	while test $rows_i -lt "$1"; do
		rows_i=$((rows_i + 1))
		echo "$rows_key,u$rows_i root,\"id, u$rows_i\",\
$E2E/certs/u$rows_i-cert.pub"
	done
}

written()
{
	find "$E2E/certs" -name 'u*-cert.pub' | wc -l | tr -d ' '
}

some_written()
{
	test "$(written)" -ge "$1"
}

# Each with a key id of its own row and no other.
all_whole()
{
	for i in "$E2E"/certs/*; do
		i=${i##*/}
		ssh-keygen -Lf "$E2E/certs/$i" |
			grep -q "Key ID: \"id, ${i%-cert.pub}\"" || {
			echo "$i is not what it should be"
			return 1
		}
	done
}

# With one shell less between it and a signal.
start_table()
{
	if test -n "${SSH_AUTH_SOCK-}"; then
		set --
	else
		set -- --pin-file "$E2E/pin"
	fi
	"$KEYUTIL" ca sign "$@" --validity 1h --csv "$E2E/t.csv" \
		>"$E2E/cut.out" 2>&1 </dev/null &
	cut_pid=$!
	wait_for 20 some_written 10
}

# cut_off SIGNAL WAY: in the middle, and done again.
cut_off()
{
	rm -rf "$E2E/certs" "$E2E/before"
	rows 60 >"$E2E/t.csv"
	start_table
	kill -"$1" $cut_pid
	cut_rc=0
	wait $cut_pid || cut_rc=$?
	cut_n=$(written)
	check "some are there ($1, $2)" test "$cut_n" -lt 60
	check "... and whole" all_whole
	test "$1" = KILL || {
		is "... with the exit status of a failure" $cut_rc 1
		has "... which it says" "$E2E/cut.out" \
			"$cut_n of 60 certificates are there; the same command"
	}
	cp -Rp "$E2E/certs" "$E2E/before"
	check "the same command again goes on" sign --validity 1h \
		--csv "$E2E/t.csv"
	has "... from there" "$E2E/out" "^$cut_n of 60 were there already"
	is "... to the end" "$(written)" 60
	check "... all of them whole" all_whole
	for i in "$E2E/before"/*-cert.pub; do
		cmp "$i" "$E2E/certs/${i##*/}" || echo differs
	done >"$E2E/differ" 2>&1
	is "... and leaves those that were there" "$(wc -c <"$E2E/differ")" 0
	for i in "$E2E"/certs/*-cert.pub; do
		field "$i" Serial
	done | sort -u >"$E2E/serials"
	is "... each with a number of its own" \
		"$(wc -l <"$E2E/serials" | tr -d ' ')" 60
}

part_cut()
{
	save_ca
	cut_off KILL "on the token"
	cut_off TERM "on the token"
	agent_start || return
	check "the agent is unlocked" sign -n a --validity 1h "$E2E/key.pub"
	cut_off KILL "through the agent"
	cut_off TERM "through the agent"
	agent_stop
	unset SSH_AUTH_SOCK
}

part_gone()
{
	save_ca
	agent_start || return
	rows 60 >"$E2E/t.csv"
	start_table
	agent_kill
	cut_rc=0
	wait $cut_pid || cut_rc=$?
	agent_pid=''
	is "an agent that goes ends it" $cut_rc 1
	has "... which is said" "$E2E/cut.out" 'the agent has gone'
	has "... and how far it came" "$E2E/cut.out" \
		"$(written) of 60 certificates are there; the same command"
	check "... and all of them are whole" all_whole
	unset SSH_AUTH_SOCK
	vhsmctl at 20 68 before pull
	check_status "a token that is pulled ends it" 3 sign --again \
		--validity 1h --csv "$E2E/t.csv"
	has "... which is said, and how far it came" "$E2E/out" \
		"19 of 60 certificates were signed"
	check "... and all of them are whole" all_whole
	vhsmctl insert
	check "the rest is signed when it is back" wait_for 20 sign \
		--validity 1h --csv "$E2E/t.csv"
	is "... all of it" "$(written)" 60
	check "... and all of them are whole" all_whole
}

# --- at a terminal ---

# shown: the lines of $E2E/out, one behind the other as they were drawn.
shown()
{
	tr '\r' '\n' <"$E2E/out" | sed 's/'"$(printf '\033')"'\[K//'
}

# grows: it was drawn more than once, with more and more that is done.
grows()
{
	sed -n 's/^signing certificates, .*, \([0-9]*\) of 25, .*/\1/p' \
		"$E2E/shown" >"$E2E/counts"
	cat "$E2E/counts"
	sort -nc "$E2E/counts" &&
		test "$(sort -u "$E2E/counts" | wc -l)" -gt 1
}

# The line is drawn each second; 25 signatures take more than two.
part_progress()
{
	need_helper pty-run || return
	save_ca
	rows 25 >"$E2E/t.csv"
	line='^signing certificates, 0:[0-9]{2}, [0-9]+ of 25, 0:[0-9]{2} left$'
	for way in "on the token" "through the agent"; do
		set -- --pin-file "$E2E/pin"
		if test "$way" = "through the agent"; then
			agent_start || return
			set --
		fi
		check "who signs $way at a terminal" \
			"$HELPERS/pty-run" '' '' "$KEYUTIL" ca sign "$@" \
			--again --validity 1h --csv "$E2E/t.csv"
		shown >"$E2E/shown"
		has "... sees how far it is, and how long it takes" \
			"$E2E/shown" "$line"
		check "... and that it goes on" grows
		is "... and then, in its place, all of them" "$(sed \
			-e '1,/^signing certificates, /d' "$E2E/shown" |
			grep -c '/u[0-9]*-cert[.]pub: .*serial ')" 25
	done
	check "elsewhere it is signed in silence" sign --again \
		--validity 1h --csv "$E2E/t.csv"
	has_not "... so early" "$E2E/out" 'signing certificates'
	agent_stop
}

# --- hosts ---

part_hosts()
{
	configure "CA ca" "CertificateTypes user host" "DefaultValidity 4w" \
		"Principals *.example.org 127.0.0.1"
	save_ca
	mkdir "$E2E/certs"
	sshd_listen || return
	sed "s/^[^ #]*/web1.example.org/" "$E2E/scan" >"$E2E/hosts"
	fp=$(fingerprint "$E2E/listening/ed25519.pub")
	check "of what ssh-keyscan printed, the key that is pinned is signed" \
		sign --keyscan "$E2E/hosts" --pin "web1.example.org=$fp" \
		-o "$E2E/certs"
	cert=web1.example.org-ssh_host_ed25519_key-cert.pub
	is "... and no other" "$(ls "$E2E/certs")" "$cert"
	cert=$E2E/certs/$cert
	check "... ssh-keygen reads it" ssh-keygen -Lf "$cert"
	has "... a host certificate" "$E2E/out" 'Type: .* host certificate'
	has "... for the host" "$E2E/out" '^ *web1.example.org$'
	is "... of that key" "$(fingerprint "$cert")" "$fp"

	check "a host without a pin is refused" says \
		'the host web1.example.org has no pin' 1 sign --keyscan \
		"$E2E/hosts" --pin "web2.example.org=$fp" -o "$E2E/certs"
	is "... once" "$(grep -c 'has no pin' "$E2E/said")" 1
	check "a host with another key is refused" says \
		'web1.example.org has another key than its pin says' 1 sign \
		--keyscan "$E2E/hosts" -o "$E2E/certs" \
		--pin "web1.example.org=$(fingerprint "$E2E/ca.pub")"
	wrong "a scan without pins" 'goes with --pin' --keyscan "$E2E/hosts"
	wrong "a pin that is none" 'no host with the fingerprint' \
		--keyscan "$E2E/hosts" --pin web1=MD5:00

	printf '# ours\n127.0.0.1 %s\n' "$fp" >"$E2E/pins"
	check "pins come from a file, and are for a port, too" sign \
		--keyscan "$E2E/scan" --pins "$E2E/pins" -o "$E2E/certs"
	cert=$E2E/certs/127.0.0.1-$port-ssh_host_ed25519_key-cert.pub
	check "... which has a file of its own" test -e "$cert"
	cp "$cert" "$E2E/listening/ed25519-cert.pub"
	echo "HostCertificate $E2E/listening/ed25519-cert.pub" \
		>>"$E2E/listening/config"
	sshd_end
	sshd_run || return
	echo "@cert-authority * $(cat "$E2E/ca.pub")" >"$E2E/known"
	check "ssh believes the host by it" believes
	has "... by the CA" "$E2E/out" 'Server host certificate: .* CA '
	sshd_end
}

# Nobody gets in, but that comes after the host was believed.
believes()
{
	ssh -v -F none -o UserKnownHostsFile="$E2E/known" \
		-o GlobalKnownHostsFile=none -o StrictHostKeyChecking=yes \
		-o HostKeyAlgorithms=ssh-ed25519-cert-v01@openssh.com \
		-o BatchMode=yes -o IdentitiesOnly=yes -p "$port" 127.0.0.1 \
		true >"$E2E/believed" 2>&1
	cat "$E2E/believed"
	grep -q 'Permission denied' "$E2E/believed"
}

# A server that listens, for ssh-keyscan, which runs no ProxyCommand.
sshd_listen()
{
	mkdir -p "$E2E/listening"
	test -d /run/sshd || mkdir -m 755 /run/sshd
	for t in ed25519 ecdsa; do
		ssh-keygen -q -t $t -N '' -f "$E2E/listening/$t"
		echo "HostKey $E2E/listening/$t"
	done >"$E2E/listening/config"
	cat >>"$E2E/listening/config" <<EOF
AuthorizedKeysFile none
StrictModes no
UsePAM no
PidFile none
EOF
	sshd_run && ssh-keyscan -p "$port" 127.0.0.1 >"$E2E/scan" 2>/dev/null
}

sshd_answers()
{
	! kill -0 "$sshd_pid" || ssh-keyscan -t ed25519 -p "$port" \
		127.0.0.1 2>/dev/null | grep -q ed25519
}

# On a port that nobody else has.
sshd_run()
{
	for port in 20217 21313 22409 23517 24623; do
		"$SSHD" -D -f "$E2E/listening/config" -p $port \
			-o ListenAddress=127.0.0.1 -E "$E2E/listening/log" &
		sshd_pid=$!
		wait_for 10 sshd_answers
		kill -0 $sshd_pid 2>/dev/null && return
	done
	fail "an sshd listens"
	return 1
}

sshd_end()
{
	kill "$sshd_pid"
	wait "$sshd_pid" 2>/dev/null
}

# --- speed ---

# One card command a certificate, and hardly any time between two of them.
part_bulk()
{
	n=${CASIGN_N:-100}
	save_ca
	rows "$n" >"$E2E/t.csv"
	for way in "on the token" "through the agent"; do
		rm -f "$E2E"/certs/*
		test "$way" = "on the token" || { agent_start || return; }
		sign --validity 1h -n a "$E2E/key.pub" >/dev/null
		"$KEYUTIL" speed --json --seconds $((n / 50)) \
			--pin-file "$E2E/pin" ca >"$E2E/speed"
		pace=$(sed -n 's/.*"per_second": \([0-9.]*\).*/\1/p' \
			"$E2E/speed")
		vhsmctl reset-count
		begin=$(date +%s%N)
		check "$n certificates are signed $way" sign --validity 1h \
			--csv "$E2E/t.csv"
		end=$(date +%s%N)
		is "... all of them" "$(written)" "$n"
		signed=$(vhsmctl count 68)
		check "... with a signature each, and some checkpoints" \
			test "$signed" -ge "$n" -a \
			"$signed" -le $((n + n / 100 + 1))
		percent=$(echo "$begin $end $n $pace" |
			awk '{ printf "%d", ($2 - $1) / 1e7 / ($3 / $4) }')
		say "$signed signatures, at $pace in a second as such:" \
			"$percent % of that time"
		check "... in little more time than $n raw signatures" \
			test "$percent" -le "${CASIGN_PERCENT:-200}"
	done
	agent_stop
}

test $# -eq 0 || { run_part "$1"; exit; }
if test -z "${CASIGN_N-}"; then
	part csv --key p256:ca:01
	part cut --key p256:ca:01 --latency 10
	part gone --key p256:ca:01 --latency 10
	part progress --key p256:ca:01 --latency 100
	part hosts --key p384:ca:01
fi
part bulk --key p256:ca:01 --latency 20
finish
