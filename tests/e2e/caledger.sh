#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The ledger: ca log finds what ssh-keygen had signed, and what is revoked in
# any way is so for ssh-keygen -Q, for sshd and for ca log alike.
# CALEDGER_N=N: so many certificates where there are many.
# shellcheck source=tests/e2e/lib.sh disable=SC2016,SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need sshd openssh-server
need jq jq

new_key()
{
	ssh-keygen -q -t ed25519 -N '' -C "$1" -f "$E2E/$1"
}

# certify NAME SERIAL KEY-ID PRINCIPALS [ARGUMENT...]: by $ca, or the key ca.
certify()
{
	name=$1 serial=$2 id=$3 names=$4
	shift 4
	test -e "$E2E/$name" || new_key "$name"
	ssh-keygen -q -Us "$E2E/${ca:-ca}.pub" -I "$id" -n "$names" -V +1h \
		-z "$serial" "$@" "$E2E/$name.pub"
}

# The serial numbers that a search finds.
found()
{
	"$KEYUTIL" ca log --json "$@" >"$E2E/found" 2>"$E2E/err" || {
		echo "status $?"
		cat "$E2E/err"
		return
	}
	jq -r '.[].serial' "$E2E/found" | tr '\n' ' '
}

# --- searching ---

search()
{
	is "all are found" "$(found --all)" "11 12 0 13 18446744073709551615 \
11 "
	is "the last ones of each CA" "$(found --last 1)" \
		"18446744073709551615 11 "
	is "those of a CA by its label" "$(found --ca other)" "11 "
	is "... its .pub file" "$(found --ca "$E2E/other.pub")" "11 "
	is "... its fingerprint" \
		"$(found --ca "$(fingerprint "$E2E/other.pub")")" "11 "
	is "one by its serial number" "$(found --ca ca --serial 12)" "12 "
	is "the highest that there is" \
		"$(found --serial 18446744073709551615)" \
		"18446744073709551615 "
	is "none by a number that was not used" "$(found --serial 5)" ""
	is "those of a key ID" "$(found --key-id id-a)" "11 0 11 "
	is "those of a principal" "$(found --principal ops)" "12 0 "
	is "those of a key" "$(found --subject "$E2E/b.pub")" "12 13 "
	is "... by a certificate of it" \
		"$(found --subject "$E2E/b-cert.pub")" "12 13 "
	is "... by its fingerprint" \
		"$(found --subject "$(fingerprint "$E2E/b.pub")")" "12 13 "
	is "several things at once" \
		"$(found --subject "$E2E/b.pub" --principal ops)" "12 "
	is "what ends soon" "$(found --expiring 2h)" "11 12 0 13 11 "
	is "... of one CA" "$(found --expiring 2h --ca ca --last 2)" "0 13 "
	is "what ends very soon" "$(found --expiring +5m)" ""
	check "a time that is none" says '--expiring: "soon" is no time' 2 \
		"$KEYUTIL" ca log --expiring soon
	check "half of a fingerprint" says 'no whole fingerprint' 2 \
		"$KEYUTIL" ca log --subject SHA256:abc
	is "what ends until a day" "$(found --expiring 20991231 --ca other)" \
		"11 "
}

part_log()
{
	check "without a ledger there is nothing to show" says \
		"no CA key has signed anything" 1 "$KEYUTIL" ca log
	check_status "... nor to verify" 1 "$KEYUTIL" ca log verify
	check_status "... nor to resume" 1 "$KEYUTIL" ca log resume \
		--reason none
	is "... and none was made" "$(find "$E2E/home" -name 'ledger*')" ""
	agent_start || return
	save_keys
	certify a 11 id-a alice
	cp "$E2E/a-cert.pub" "$E2E/first-cert.pub"
	certify b 12 id-b alice,ops
	certify a 0 id-a ops
	certify b 13 id-b bob
	certify host 18446744073709551615 web web.example.org -h -V +3w
	ca=other certify a 11 id-a alice
	before=$(prompts)
	search
	check "a table for people" "$KEYUTIL" ca log --subject "$E2E/b.pub"
	has "... has the certificate of a user" "$E2E/out" \
		'^ +12 +valid +20[0-9-]+ [0-9:]+ [A-Z]+ +user +id-b +alice,ops$'
	check "a wider table" "$KEYUTIL" ca log
	has "... has that of a host" "$E2E/out" \
		'^ +18446744073709551615 +valid .* host +web$'
	"$KEYUTIL" ca log --json --serial 11 --ca ca >"$E2E/json"
	is "the whole certificate is there" \
		"$(jq -r '.[0].certificate' "$E2E/json")" \
		"$(cut -d' ' -f1,2 "$E2E/first-cert.pub")"
	is "... and who asked for it" "$(jq -r '.[0].requester |
		"\(.uid) \(.program)"' "$E2E/json")" \
		"$(id -u) $(readlink -f "$(command -v ssh-keygen)")"
	is "the fingerprint is that of the key" \
		"$(jq -r '.[0].fingerprint' "$E2E/json")" \
		"$(fingerprint "$E2E/a.pub")"
	check "serial number 0 finds nobody in particular" says \
		"search by --key-id" 2 "$KEYUTIL" ca log --serial 0
	is "nobody was asked for a PIN" "$(prompts)" "$before"
	i=100
	while test $i -lt 120; do
		certify many $i many alice
		i=$((i + 1))
	done
	check "twenty are shown" "$KEYUTIL" ca log --ca ca
	is "... the last ones" "$(grep -c ' many ' "$E2E/out")" 20
	has "... and that there are more" "$E2E/out" 'the last 20 .*--all'
	check "or all" "$KEYUTIL" ca log --ca ca --all
	is "... of them" "$(grep -c ' valid ' "$E2E/out")" 25
	agent_stop
}

# --- what became of the file ---

# The checkpoint comes by itself, a little later.
vouched()
{
	"$KEYUTIL" ca log verify | grep -q '^Until entry 1,'
}

# Whoever closes it as the last one leaves one file.
in_one_file()
{
	"$KEYUTIL" ca revoke --serial 1 --dry-run
	test ! -e "$state/ledger.db-wal"
}

part_lost()
{
	state=$XDG_STATE_HOME/hsm-ssh-agent
	agent_start || return
	save_keys
	certify a 1 id-before alice
	wait_for 10 vouched
	check "a ledger is whole" "$KEYUTIL" ca log verify
	has "... and says how much is in it" "$E2E/out" 'certificates: 1,'
	has "... and which key vouches for what" "$E2E/out" \
		"Until entry 1, the CA key $(pattern_of "$E2E/ca.pub") has"
	check "nothing is resumed after nothing was lost" says \
		"is whole" 1 "$KEYUTIL" ca log resume --reason why --yes
	agent_stop
	mkdir "$E2E/old"
	cp "$state"/ledger.db* "$E2E/old"
	rm "$E2E/old"/*.head

	agent_start || return
	certify a 2 id-lost alice
	certify b 3 id-lost alice
	agent_stop
	rm -f "$state"/ledger.db "$state"/ledger.db-*
	cp "$E2E/old"/* "$state"
	check_status "an old copy is found out" 1 "$KEYUTIL" ca log verify
	has "... as what it is" "$E2E/out" 'an old copy'
	check "it can be read all the same" "$KEYUTIL" ca log
	agent_start || return
	check_status "nothing is signed" 255 certify c 4 id alice
	check_status "nothing is revoked" 1 "$KEYUTIL" ca revoke --serial 1 \
		--reason why
	check_status "a reason is asked for" 2 "$KEYUTIL" ca log resume --yes
	check_status "without a terminal nobody says yes" 1 "$KEYUTIL" ca \
		log resume --reason "disk full"
	has "... and is told how" "$E2E/out" 'give "--yes" if'
	has "what was lost is shown" "$E2E/out" 'entries 3 to [45] are lost'
	check "it goes on" "$KEYUTIL" ca log resume --reason "disk died" --yes
	check "certificates are signed again" certify c 4 id alice
	check "and the ledger is whole" "$KEYUTIL" ca log verify
	has "... but for what it says was lost" "$E2E/out" 'end was lost'
	agent_stop

	wait_for 10 in_one_file
	sed 's/id-before/id-BEFORE/g' "$state/ledger.db" >"$E2E/edited"
	cat "$E2E/edited" >"$state/ledger.db"
	check_status "an edited entry is found" 1 "$KEYUTIL" ca log verify
	has "... by its number" "$E2E/out" '^entry 1: '
	check_status "... also for programs" 1 sh -c \
		'"$KEYUTIL" ca log verify --json >"$E2E/json"'
	check "... which have its number, too" jq -e '.faults[0].entry == 1' \
		"$E2E/json"
}

# --- revoking ---

people="one low high kid bare ops sub file good"

# agree SENTENCE NAME...: just these are revoked, whoever is asked.
agree()
{
	agree_what=$1
	shift
	"$KEYUTIL" ca krl --output "$E2E/list" >"$E2E/out" 2>&1 ||
		fail "$agree_what: a list is written"
	wanted='' theirs='' ours='' servers=''
	"$KEYUTIL" ca log --json --all >"$E2E/json"
	for name in $people; do
		case " $* " in
		*" $name "*) wanted="$wanted $name" ;;
		esac
		cert=$E2E/$name-cert.pub
		ssh-keygen -Qf "$E2E/list" "$cert" >"$E2E/q" 2>&1 ||
			theirs="$theirs $name"
		jq -e --arg line "$(cut -d' ' -f1,2 "$cert")" 'any(.[];
			.certificate == $line and .state == "revoked")' \
			"$E2E/json" >/dev/null && ours="$ours $name"
		login_with host "$E2E/$name" -o CertificateFile="$cert" \
			>/dev/null 2>&1 || servers="$servers $name"
	done
	is "$agree_what: ssh-keygen -Qf" "$theirs" "$wanted"
	is "$agree_what: ca log" "$ours" "$wanted"
	is "$agree_what: sshd" "$servers" "$wanted"
}

# revoke SENTENCE ARGUMENT...
revoke()
{
	revoke_what=$1
	shift
	check "$revoke_what" "$KEYUTIL" ca revoke --reason "a test" "$@"
	has "... says where servers learn of it" "$E2E/out" 'ca krl'
	check "... and is not done twice" "$KEYUTIL" ca revoke --reason again \
		"$@"
	has "... as it says" "$E2E/out" 'revoked already.*nothing is added'
}

part_revoke()
{
	agent_start || return
	save_keys
	me=$(id -un)
	certify one 11 one "$me"
	certify low 21 low "$me"
	certify high 29 high "$me"
	certify kid 31 the-kid "$me"
	certify bare 0 bare "$me,ops"
	certify ops 41 ops "$me,ops"
	certify sub 51 sub "$me"
	certify file 61 file "$me"
	certify good 71 good "$me"
	sshd_make host "TrustedUserCAKeys $E2E/ca.pub" \
		"RevokedKeys $E2E/list"
	agree "nothing is revoked"
	check "serial number 0 cannot be" says "--key-id or" 2 \
		"$KEYUTIL" ca revoke --serial 0 --reason x
	check "nor a certificate that has it" says '"bare"' 2 \
		"$KEYUTIL" ca revoke --certificate "$E2E/bare-cert.pub" \
		--reason x
	check_status "nor anything without a reason" 2 "$KEYUTIL" ca revoke \
		--serial 11
	check_status "nor two things at once" 2 "$KEYUTIL" ca revoke \
		--serial 11 --key-id one --reason x
	check "nor a principal that nobody has" says "no certificate" \
		1 "$KEYUTIL" ca revoke --principal nobody --reason x
	check "it can be seen before" "$KEYUTIL" ca revoke --principal ops \
		--dry-run
	has "... what it would be" "$E2E/out" 'in the ledger: 2$'
	agree "a dry run revokes nothing"

	revoke "a serial number is revoked" --serial 11
	set -- one
	agree "by serial number" "$@"
	revoke "a range is" --serial 20-29
	set -- "$@" low high
	agree "by a range" "$@"
	revoke "a key ID is" --key-id the-kid
	set -- "$@" kid
	agree "by key ID" "$@"
	revoke "a principal is" --principal ops
	set -- "$@" bare ops
	agree "by principal" "$@"
	revoke "a key is" --subject "$E2E/sub.pub"
	set -- "$@" sub
	agree "by key" "$@"
	revoke "a certificate is" --certificate "$E2E/file-cert.pub"
	set -- "$@" file
	agree "by certificate" "$@"
	check "a certificate shows it" "$KEYUTIL" ca log --key-id the-kid
	has "... in the table" "$E2E/out" '^ +31 +revoked '
	is "what is revoked needs no renewal" \
		"$(found --expiring 2h)" "71 "
	later "$@"
	check "the ledger is whole" "$KEYUTIL" ca log verify
	check "ca show says why" says "its key ID is" 1 "$KEYUTIL" ca \
		show --user "$me" --revoked "$E2E/list" "$E2E/kid-cert.pub"
	agent_stop
}

# What is certified after it was revoked.
later()
{
	certify kid 32 the-kid "$me"
	agree "a key ID is revoked for later ones, too" "$@"
	certify sub 52 other-id "$me"
	agree "and so is a key" "$@"
	certify ops 42 ops-again "$me,ops"
	agree "but not a principal" one low high kid bare sub file
	check "which can be revoked once more" "$KEYUTIL" ca revoke \
		--principal ops --reason again
	agree "for those that came since" "$@"
}

# --- the file ---

version()
{
	ssh-keygen -Qlf "$E2E/list" | sed -n 's/^# KRL version //p'
}

verified()
{
	echo "ca $(cat "$1")" >"$E2E/signers"
	ssh-keygen -Y verify -f "$E2E/signers" -I ca -n krl@hsm-ssh-agent \
		-s "$E2E/list.sig" <"${2:-$E2E/list}"
}

krl()
{
	"$KEYUTIL" ca krl --output "$E2E/list" "$@"
}

signatures()
{
	check "the CA's key signs a list" krl --ca ca --sign
	check "ssh-keygen verifies it" verified "$E2E/ca.pub"
	check "another key signs one" krl --ca ca --sign-key signer
	check "ssh-keygen verifies that" verified "$E2E/signer.pub"
	check "a key signs one on the token" krl --ca ca --token "$1" \
		--sign-key signer --pin-file "$E2E/pin"
	check "ssh-keygen verifies that, too" verified "$E2E/signer.pub"
	{ cat "$E2E/list"; echo; } >"$E2E/more"
	check_status "but no other list" 255 verified "$E2E/signer.pub" \
		"$E2E/more"
	check "a token is of no use to a list that nobody signs" says \
		'without --sign' 2 krl --ca ca --token "$1"
	check "a list that nobody signs" krl --ca ca
	has "... leaves an old signature, and says so" "$E2E/out" \
		'list.sig. is of an older list'
}

part_file()
{
	agent_start || return
	save_keys
	certify a 1 a alice
	ca=other certify b 1 b alice
	check "an empty list is one" krl --ca ca
	check "... for ssh-keygen" ssh-keygen -Qf "$E2E/list" \
		"$E2E/a-cert.pub"
	is "... that everybody can read" "$(stat -c %a "$E2E/list")" 644
	is "... and is the first" "$(version)" 1
	check "another list" krl --ca ca --comment "of a test"
	is "... is the second" "$(version)" 2
	ssh-keygen -Qlf "$E2E/list" >"$E2E/out"
	has "... and has a comment" "$E2E/out" 'of a test'
	chmod 600 "$E2E/pin"
	signatures "$("$KEYUTIL" list |
		sed -n 's/^Token \([^ ]*\).*/\1/p')"

	"$KEYUTIL" ca revoke --ca other --serial 1 --reason x >/dev/null
	check "a list of another CA is not replaced" says \
		"is not replaced" 1 krl --ca other
	check "a list of all" "$KEYUTIL" ca krl --output "$E2E/all"
	check_status "... has what the one CA revoked" 1 ssh-keygen -Qf \
		"$E2E/all" "$E2E/b-cert.pub"
	check "... and of the other the same number is well" ssh-keygen -Qf \
		"$E2E/all" "$E2E/a-cert.pub"
	check_status "... and nobody knows which CA is to sign it" 2 \
		"$KEYUTIL" ca krl --output "$E2E/all" --sign
	cp "$E2E/a.pub" "$E2E/text"
	check "what is no list is not replaced" says "is no revoca" \
		1 "$KEYUTIL" ca krl --ca ca --output "$E2E/text"
	check "... and is still there" cmp "$E2E/a.pub" "$E2E/text"
	: >"$E2E/text"
	check "but an empty file is" "$KEYUTIL" ca krl --ca ca --output \
		"$E2E/text"
	check_status "nothing is written to no directory" 1 "$KEYUTIL" ca krl \
		--ca ca --output "$E2E/none/list"
	agent_stop
	cut_off
}

# A key that certifies and does nothing else signs what it revokes, too.
part_block()
{
	configure "CA ca" "    Principals alice" "    EarliestStart 5m"
	agent_start || return
	save_keys
	certify a 1 a alice
	check "the key of a CA block signs its list" krl --sign
	check "ssh-keygen verifies it" verified "$E2E/ca.pub"
	echo text >"$E2E/text"
	check_status "and nothing else" 255 ssh-keygen -Y sign -n file \
		-f "$E2E/ca.pub" "$E2E/text"
	agent_stop
}

# In less than a file system has; the ledger itself needs less.
cut_off()
{
	long=$(printf '%05000d' 1)
	i=0
	while test $i -lt 60; do
		"$KEYUTIL" ca revoke --ca ca --key-id "$i-$long" --reason x
		i=$((i + 1))
	done >"$E2E/out"
	cp "$E2E/list" "$E2E/before"
	check_status "no list where there is no room" 1 sh -c \
		'ulimit -f 200; "$KEYUTIL" ca krl --ca ca --output "$E2E/list"'
	has "... says that it was the list" "$E2E/out" \
		'cannot write ".*/list"'
	check "... the old one is still there" cmp "$E2E/before" "$E2E/list"
	is "... and nothing else" "$(find "$E2E" -name '.hsm-keyutil-*')" ""
	check "nothing is revoked where there is none either" says \
		'the ledger: ' 1 sh -c 'ulimit -f 8; "$KEYUTIL" ca revoke \
		--ca ca --serial 777 --reason x'
	killed=0 bad=0
	for after in 2 4 6 8 10 12 14 16 18 20 22 24 26 28 30 35 40 50; do
		timeout -s KILL "0.0$(printf %02d $after)" "$KEYUTIL" ca krl \
			--ca ca --output "$E2E/list" >/dev/null 2>&1 ||
			killed=$((killed + 1))
		ssh-keygen -Qf "$E2E/list" "$E2E/a-cert.pub" \
			>/dev/null 2>&1 || bad=$((bad + 1))
	done
	is "killed at any moment it leaves a whole list" "$bad" 0
	check "and did die" test $killed -gt 0
	check "the next one is written" krl --ca ca
	check "and the ledger is whole" "$KEYUTIL" ca log verify
}

# --- many ---

# offered LIST: what an sshd with that list says of these entries' certificates
# when they are offered to it, for which nobody needs their keys.
offered()
{
	seq -f user-%.0f 0 96 >"$E2E/principals"
	sshd_make many "TrustedUserCAKeys $room/certs/ca.pub" \
		"RevokedKeys $1" "MaxAuthTries 100" \
		"AuthorizedPrincipalsFile $E2E/principals"
	set -- -o IdentityFile=none -o IdentityAgent=none
	while read -r i; do
		set -- "$@" -o CertificateFile="$room/certs/$i-cert.pub"
	done <"$E2E/few"
	run_ssh "$@" many true >"$E2E/ssh.out" 2>&1
	tr -d '\r' <"$E2E/sshd-many/log" | sed -n \
		-e 's/^Authentication key .*-CERT .* revoked by file.*/list/p' \
		-e 's/^Accepted certificate ID "\(.*\)" (serial \(.*\)) .*/\
\1 \2 ok/p' -e 's/^Failed .*-CERT .* ID \(.*\) (serial \(.*\)) CA .*/\
\1 \2 REVOKED/p' | awk '
		$1 == "list" { listed = 1; next }
		$3 == "REVOKED" && !listed { $3 = "refused" }
		NF == 3 { print; listed = 0 }'
}

# A few are enough: some beside each thing that was revoked.
servers_agree()
{
	for i in 3 5 7 8 14 15 18 29 49 50 101 102 $((n / 5 - 1)) $((n / 5)) \
	    $((n / 4)) $((n / 4 + 1)) $((n / 3)) $((n / 3 + 2)) $((n / 2)) \
	    $((n / 2 + 1)) $((n - 1)) "$n"; do
		echo "$i"
	done | sort -u >"$E2E/few"
	jq -r '.[] | "\(.entry) \(.key_id) \(.serial) " +
		if .state == "revoked" then "REVOKED" else "ok" end' \
		"$room/json" | awk 'NR == FNR { few[$1]; next }
		$1 in few { print $2, $3, $4 }' "$E2E/few" - |
		sort >"$E2E/ours"
	offered "$room/list" | sort >"$E2E/servers"
	check "sshd says the same of some" cmp "$E2E/ours" "$E2E/servers"
	for verdict in ok REVOKED; do
		check "... and not only $verdict" test \
			"$(grep -vc " $verdict$" "$E2E/servers")" -ge 5
	done
}

# In memory, where it can be: 10,000 times a disk takes its time.
part_many()
{
	n=${CALEDGER_N-10000}
	if test -z "${CALEDGER_N-}" && is_sanitized; then
		n=500
	fi
	room=$E2E/many
	test ! -w /dev/shm || room=$(mktemp -d /dev/shm/caledger.XXXXXX)
	trap 'rm -rf "$room"' EXIT
	mkdir -p "$room/certs"
	check "a ledger with $n certificates" "$HELPERS/ledger-fill" \
		"$room/ledger.db" "$n" "$room/certs"
	for what in "serial 7" "serial $((n / 5))-$((n / 4))" \
	    "serial $((n - 1))" "serial $((n * 10))" "key-id id-5" \
	    "key-id id-$((n / 6))" "key-id id-$((n / 7))" \
	    "key-id no-such" "principal user-5" "principal group-3" \
	    "subject $room/certs/$((n / 3))-cert.pub" \
	    "subject $room/certs/100-cert.pub" \
	    "certificate $room/certs/$((n / 2 + 1))-cert.pub"; do
		"$KEYUTIL" ca revoke --ledger "$room/ledger.db" \
			--reason "a test" "--${what%% *}" "${what#* }" \
			>"$E2E/out" 2>&1 || {
			fail "by $what"
			show "$E2E/out"
		}
	done
	check "a list of them" "$KEYUTIL" ca krl --ledger \
		"$room/ledger.db" --output "$room/list"
	(cd "$room/certs" && seq -f %.0f-cert.pub 1 "$n" |
		xargs -n 20000 ssh-keygen -Qf ../list) 2>&1 |
		sed 's/^\([0-9]*\)-cert[.]pub.*: \([A-Za-z]*\)$/\1 \2/' \
		>"$E2E/theirs"
	"$KEYUTIL" ca log --ledger "$room/ledger.db" --all --json \
		>"$room/json"
	jq -r '.[] | "\(.entry) " + if .state == "revoked" then
		"REVOKED" else "ok" end' "$room/json" >"$E2E/ours"
	is "ssh-keygen -Qf has a word on each" \
		"$(grep -c ' \(ok\|REVOKED\)$' "$E2E/theirs")" "$n"
	check "some are revoked" test \
		"$(grep -c REVOKED "$E2E/theirs")" -gt $((n / 10))
	check "ca log says the same of each" cmp "$E2E/theirs" "$E2E/ours"
	servers_agree
	check "the ledger is whole" "$KEYUTIL" ca log verify --ledger \
		"$room/ledger.db"
	rm -rf "$room"
}

test $# -eq 0 || { run_part "$1"; exit; }
part log --key p256:ca:01 --key p384:other:02
part lost --key p256:ca:01
part revoke --key p256:ca:01
part file --key p256:ca:01 --key rsa2048:other:02 --key p256:signer:03
part block --key p256:ca:01
bare_part many
finish
