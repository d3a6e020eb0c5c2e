#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Revocation lists: what lib/ssh writes, ssh-keygen and sshd read as it is
# meant, and of what either wrote both say the same.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need ssh-keygen openssh-client
need sshd openssh-server

krl()
{
	"$HELPERS/krl-tool" "$@"
}

# ssh-keygen puts comments after the names; a complaint is no verdict.
their_ask()
{
	ssh-keygen -Q -f "$@" >"$E2E/theirs" 2>"$E2E/err"
	cat "$E2E/err"
	sed 's/ ([^()]*): /: /' "$E2E/theirs"
}

their_list()
{
	ssh-keygen -Q -l -f "$1" | grep -e '^serial: ' -e '^id: ' | sort
}

# same SENTENCE FILE FILE
same()
{
	if test -s "$2" && cmp -s "$2" "$3"; then
		pass "$1"
	else
		fail "$1"
		diff "$2" "$3" | head -n 20 >"$E2E/diff"
		show "$E2E/diff"
	fi
}

# agree WHOSE LIST WANTED PUB...: both say the same of it, and that is right.
agree()
{
	whose=$1 list=$2 wanted=$3
	shift 3
	their_ask "$list" "$@" >"$E2E/verdicts.theirs"
	krl ask "$list" "$@" >"$E2E/verdicts.ours"
	same "ssh-keygen's verdicts on $whose are right" \
		"$wanted" "$E2E/verdicts.theirs"
	same "and ours are the same ($whose)" \
		"$E2E/verdicts.theirs" "$E2E/verdicts.ours"
	their_list "$list" >"$E2E/list.theirs"
	krl list "$list" | sort >"$E2E/list.ours"
	same "both list the same ($whose)" \
		"$E2E/list.theirs" "$E2E/list.ours"
}

# From "serial: 1-9" and the like to our commands.
to_ours()
{
	echo "ca $1"
	sed -n -e 's/^id: /id /p' \
		-e 's/^serial: \([0-9]*\)-\([0-9]*\)$/serial \1 \2/p' \
		-e 's/^serial: \([0-9]*\)$/serial \1 \1/p'
}

size()
{
	wc -c <"$1" | tr -d ' '
}

# many NAME PROGRAM: 10,000 certificates, for each of which the awk program
# prints serial number, key ID, and 1 if that number is to be revoked.
many()
{
	mkdir "$E2E/$1"
	cd "$E2E/$1" || exit 1
	awk "$2" </dev/null >all
	is "there are 10,000 numbers ($1)" \
		"$(cut -d' ' -f1 all | sort -u | wc -l | tr -d ' ')" 10000
	cut -d' ' -f1,2 all >some
	check "they are certified ($1)" sh -c \
		"'$HELPERS/krl-tool' certify . <some"
	awk '$3 == 1 { print "serial: " $1 }
		$3 == 2 && !seen[$2]++ { print "id: " $2 }' all >spec
	awk '{ print $1 "-cert.pub: " ($3 ? "REVOKED" : "ok") }' all \
		>wanted
	to_ours ca.pub <spec | krl write ours.krl
	ssh-keygen -q -k -f theirs.krl -s ca.pub -z 9 spec
	set -- "$1" "$(size ours.krl)" "$(size theirs.krl)"
	say "$1: ours has $2 bytes, ssh-keygen's $3"
	check "ours is no larger ($1)" test "$2" -le "$3"
	cut -d: -f1 wanted | tr '\n' ' ' >names
	# shellcheck disable=SC2046	# names without blanks
	agree "our list of $1" ours.krl wanted $(cat names)
	# shellcheck disable=SC2046
	agree "its list of $1" theirs.krl wanted $(cat names)
}

part_many()
{
	need_helper krl-tool || return
	many clusters 'BEGIN {
		for (i = 1; i <= 10000; i++)
			print i, "id" i, (i % 100 < 40 || i > 9000 ||
			    i * 7919 % 13 == 0) ? 1 : 0
	}'
	many random 'BEGIN {
		srand(4711)
		for (i = 1; i <= 10000; i++)
			printf "%d%09d%09d id%d %d\n", 1 + int(17 * rand()),
			    1e9 * rand(), 1e5 * (i - 1) + 1e5 * rand(), i,
			    rand() < 0.5
	}'
	many sparse 'BEGIN {
		srand(815)
		for (i = 1; i <= 10000; i++) {
			at += 1 + int(30 * rand())
			if (rand() < 0.01)
				at += 100000
			print at, "id" i % 50, rand() < 0.7 ? 1 : \
			    i % 50 == 7 ? 2 : 0
		}
	}'
}

# What only ssh-keygen's own reader cannot read of its own writer.
part_long()
{
	need_helper krl-tool || return
	cd "$E2E" || exit 1
	awk 'BEGIN { for (i = 1; i < 60000; i += 2) print i, "id" }' >all
	printf '59998 id\n59999 id\n' | krl certify .
	awk '{ print "serial: " $1 }' all >spec
	to_ours ca.pub <spec | krl write ours.krl
	printf '59998-cert.pub: ok\n59999-cert.pub: REVOKED\n' >wanted
	agree "every other one of 60,000" ours.krl wanted \
		59998-cert.pub 59999-cert.pub
	check "that takes a bit each" test "$(size ours.krl)" -lt 7800
	echo 'serial: 1-18446744073709551615' | to_ours ca.pub |
		krl write ours.krl
	printf '59998-cert.pub: REVOKED\n59999-cert.pub: REVOKED\n' >wanted
	agree "all numbers" ours.krl wanted 59998-cert.pub 59999-cert.pub
}

# Of each type a key and certificates by two CAs, numbered or not.
make_keys()
{
	for t in rsa:2048 ecdsa:256 ecdsa:384 ecdsa:521 ed25519:256; do
		name=${t%:*}${t#*:}
		ssh-keygen -q -t "${t%:*}" -b "${t#*:}" -N '' -C "$name" \
			-f "$name"
		for ca in one two; do
			cp "$name.pub" "$name.$ca.pub"
			ssh-keygen -q -s "ca-$ca" -I "$name" -n alice \
				-V +1h -z "${t#*:}" "$name.$ca.pub"
		done
		cp "$name.pub" "$name.none.pub"
		ssh-keygen -q -s ca-one -I "unnumbered" -n alice -V +1h \
			"$name.none.pub"
		rm "$name.one.pub" "$name.two.pub" "$name.none.pub"
	done
	ls ./*.pub >names
}

# Every way that both writers have, by itself.  SPEC is a line of ssh-keygen's
# file, OURS one or more commands.
# way SENTENCE SPEC OURS PATTERN-OF-REVOKED
way()
{
	echo "$2" >spec
	printf '%b\n' "$3" | krl write ours.krl
	ssh-keygen -q -k -f theirs.krl -s ca-one.pub spec
	while read -r f; do
		if echo "$f" | grep -Eq -e "$4"; then
			echo "$f: REVOKED"
		else
			echo "$f: ok"
		fi
	done <names >wanted
	# shellcheck disable=SC2046
	for l in ours theirs; do
		their_ask $l.krl $(cat names) >verdicts.theirs
		krl ask $l.krl $(cat names) >verdicts.ours
		same "$1: ssh-keygen on $l" wanted verdicts.theirs
		same "$1: we on $l" wanted verdicts.ours
	done
}

part_ways()
{
	need_helper krl-tool || return
	cd "$E2E" || exit 1
	ssh-keygen -q -t ecdsa -N '' -f ca-one
	ssh-keygen -q -t ed25519 -N '' -f ca-two
	make_keys
	ca='ca ca-one.pub\n'
	way "a serial number" 'serial: 384' "${ca}serial 384 384" \
		'ecdsa384.one-cert'
	way "a range" 'serial: 256-400' "${ca}serial 256 400" \
		'(ecdsa256|ecdsa384|ed25519256).one-cert'
	way "all numbers" 'serial: 1-18446744073709551615' \
		"${ca}serial 1 18446744073709551615" '[.]one-cert'
	way "a key ID" 'id: rsa2048' "${ca}id rsa2048" 'rsa2048.one-cert'
	way "a key" "key: $(cut -d' ' -f1,2 rsa2048.pub)" 'key rsa2048.pub' \
		'/rsa2048'
	hash=$(ssh-keygen -l -f ecdsa521.pub | cut -d' ' -f2)
	way "a hash" "hash: $hash" "hash $hash" '/ecdsa521'
	way "a CA's key" "key: $(cut -d' ' -f1,2 ca-two.pub)" \
		'key ca-two.pub' '(ca-two|two-cert)'
	hash=$(ssh-keygen -l -f ca-one.pub | cut -d' ' -f2)
	way "a CA's hash" "hash: $hash" "hash $hash" \
		'(ca-one|one-cert|none-cert)'

	echo "sha1: $(cut -d' ' -f1,2 ed25519256.pub)" >spec
	echo "sha256: $(cut -d' ' -f1,2 ecdsa256.pub)" >>spec
	ssh-keygen -q -k -f theirs.krl spec
	sed -e '/ed25519256/s/$/: REVOKED/' -e '/ecdsa256/s/$/: REVOKED/' \
		-e '/REVOKED$/!s/$/: ok/' names >wanted
	# shellcheck disable=SC2046
	krl ask theirs.krl $(cat names) >verdicts.ours
	same "SHA-1 and SHA-256 of ssh-keygen" wanted verdicts.ours
	echo "id: unnumbered" >spec
	ssh-keygen -q -k -f theirs.krl -s none spec
	sed -e '/none-cert/s/$/: REVOKED/' -e '/REVOKED$/!s/$/: ok/' names \
		>wanted
	# shellcheck disable=SC2046
	krl ask theirs.krl $(cat names) >verdicts.ours
	same "a key ID, whichever CA signed it" wanted verdicts.ours

	printf 'ca ca-one.pub\nid a\nca ca-two.pub\nid b\nserial 9 9\n' |
		krl write ours.krl "by krl-tool"
	ssh-keygen -Q -l -f ours.krl >listing
	has "ssh-keygen shows the version" listing '^# KRL version 42$'
	has "and the comment" listing '^# Comment: by krl-tool$'
	is "and both CAs" "$(grep -c '^# CA key ' listing)" 2
}

part_sshd()
{
	need_helper krl-tool || return
	cd "$E2E" || exit 1
	ssh-keygen -q -t ed25519 -N '' -f ca
	sshd_make revoking "TrustedUserCAKeys $E2E/ca.pub" \
		"RevokedKeys $E2E/now.krl"
	for i in 1 2 3; do
		ssh-keygen -q -t ed25519 -N '' -f user$i
		ssh-keygen -q -s ca -I user$i -n "$(id -un)" -V +1h -z $i \
			user$i.pub
	done
	echo "ca ca.pub" | krl write now.krl
	check "sshd lets a certificate in with an empty list" \
		login_with revoking user1
	printf 'ca ca.pub\nserial 1 1\nid user2\n' | krl write now.krl
	check_status "not when its number is in it" 1 login_with revoking \
		user1
	check_status "nor its key ID" 1 login_with revoking user2
	has "sshd says why" "$E2E/sshd-revoking/log" 'revoked'
	check "another one still" login_with revoking user3
	printf 'key user3.pub\n' | krl write now.krl
	check_status "nor its key" 1 login_with revoking user3
	check "the others then" login_with revoking user1
}

test $# -eq 0 || { run_part "$1"; exit; }
for p in many long ways sshd; do
	bare_part $p
done
finish
