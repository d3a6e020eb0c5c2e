#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Keys leave a token and come to another: backup, restore and clone, judged
# by OpenSC's tools, which do the same, and cut off at each card command.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need sc-hsm-tool opensc
need openssl openssl

A=DENK0100000
B=DENK0100001
INIT=805000001C800200018106363438323139
INIT=${INIT}82083537363231383830910103920101
FACTORY=805000001980020001810636343832313982083537363231383830910103

# dkek READER BYTE: the token anew, its DKEK made of 32 such bytes.
dkek()
{
	share=$(printf "$2%.0s" 1 2 3 4 5 6 7 8)
	vhsmctl -t "$1" apdu $INIT | grep -q '9000$' &&
	vhsmctl -t "$1" apdu "8052000020$share$share$share${share}00" |
	    grep -q '9000$'
}

pin_file()
{
	printf '%s\n' "$PIN" >"$E2E/pin.file"
	chmod 600 "$E2E/pin.file"
}

# on_a, on_b: a command with the PIN, on that token.
on_a()
{
	${become-} "$KEYUTIL" "$@" --token $A --pin-file "$E2E/pin.file"
}
on_b()
{
	${become-} "$KEYUTIL" "$@" --token $B --pin-file "$E2E/pin.file"
}
clone()
{
	${become-} "$KEYUTIL" clone "$@" --to $B --pin-file "$E2E/pin.file" \
	    --to-pin-file "$E2E/pin.file"
}

# says TEXT STATUS COMMAND...: it exits so, and prints this somewhere.
says()
{
	text=$1 want=$2
	shift 2
	"$@" >"$E2E/said" 2>&1
	got=$?
	cat "$E2E/said"
	echo "exit $got, expected $want and: $text"
	test "$got" -eq "$want" && grep -qF -e "$text" "$E2E/said"
}

# Label, type, id and fingerprint of the keys on a token, in no order.
keys_of()
{
	"$KEYUTIL" list --all --token "$1" | sed '/^Token/d; /LABEL/d; /no keys/d' |
	    sed 's/SSH has.*//' | sort
}

same_keys()
{
	keys_of $A >"$E2E/keys.a" && keys_of $B >"$E2E/keys.b" &&
	    test -s "$E2E/keys.a" && diff "$E2E/keys.a" "$E2E/keys.b"
}

# opensc_signs READER ID ALG: and openssl verifies it by the public key.
opensc_signs()
{
	pkcs15-tool --reader "$1" --read-public-key "$2" -o "$E2E/pub.pem" &&
	head -c 100 /dev/zero >"$E2E/data" &&
	openssl dgst -sha256 -binary "$E2E/data" >"$E2E/hash" || return 1
	if test "$3" = RSA; then
		pkcs15-crypt --reader "$1" --key "$2" --sign --pkcs1 \
		    --sha-256 --pin "$PIN" -i "$E2E/hash" -o "$E2E/sig" --raw
	else
		pkcs15-crypt --reader "$1" --key "$2" --sign \
		    --signature-format openssl --pin "$PIN" \
		    -i "$E2E/hash" -o "$E2E/sig" --raw
	fi &&
	openssl dgst -sha256 -verify "$E2E/pub.pem" -signature "$E2E/sig" \
	    "$E2E/data"
}

blob_end()
{
	openssl asn1parse -inform DER -in "$1" 2>/dev/null |
	    sed -n '2s/^ *\([0-9]*\):.*hl=\([0-9]*\) *l= *\([0-9]*\).*/\1 \2 \3/p' |
	    { read -r off hl len; echo $((off + hl + len)); }
}

# Two files differ in nothing but the key, which is encrypted anew each time.
same_but_for_the_key()
{
	one=$(blob_end "$1") two=$(blob_end "$2")
	echo "the keys end at $one and $two"
	test "$one" -gt 300 && test "$one" -eq "$two" || return 1
	for f in "$1" "$2"; do
		head -c 8 "$f"
		tail -c +$((one + 1)) "$f"
	done >"$E2E/both"
	n=$(($(wc -c <"$E2E/both") / 2))
	head -c $n "$E2E/both" >"$E2E/both.1"
	tail -c +$((n + 1)) "$E2E/both" | cmp "$E2E/both.1" -
}

# --- files and OpenSC ---

# The second token, the share that sc-hsm-tool has made.
takes_share()
{
	printf 'secret\n' >"$E2E/password"
	chmod 600 "$E2E/password"
	"$KEYUTIL" dkek import-share "$E2E/share.pbe" -t $B \
	    --password-file "$E2E/password"
}

# A wrapped RSA-4096 key is too long for sc-hsm-tool of OpenSC 0.23.
part_opensc()
{
	pin_file
	for r in 0 1; do
		check "sc-hsm-tool initialises token $r" sc-hsm-tool \
		    --reader $r --initialize --so-pin 3537363231383830 \
		    --pin "$PIN" --dkek-shares 1
	done
	check "sc-hsm-tool makes a DKEK share" sc-hsm-tool --reader 0 \
	    --create-dkek-share "$E2E/share.pbe" --password secret
	check "and token 0 takes it" sc-hsm-tool --reader 0 \
	    --import-dkek-share "$E2E/share.pbe" --password secret
	check "and token 1, from us" takes_share
	vhsmctl generate rsa2048 rsa 20 >/dev/null
	vhsmctl generate rsa4096 big 21 >/dev/null
	vhsmctl generate p256 p256 22 >/dev/null
	vhsmctl generate p384 p384 23 >/dev/null
	vhsmctl generate p521 p521 24 >/dev/null
	vhsmctl generate brainpoolP256r1 bp 25 >/dev/null
	vhsmctl generate p256 q256 26 >/dev/null

	mkdir "$E2E/ours" "$E2E/theirs"
	check "all keys are backed up" on_a backup --all -o "$E2E/ours"
	is "each has a file of its name" "$(cd "$E2E/ours" && echo *)" \
	    "big.hsmkey bp.hsmkey p256.hsmkey p384.hsmkey p521.hsmkey \
q256.hsmkey rsa.hsmkey"
	is "and they are printed" "$(sed -n 's/.*ours.//p' "$E2E/out" |
	    sort | tr '\n' ' ')" "big.hsmkey bp.hsmkey p256.hsmkey \
p384.hsmkey p521.hsmkey q256.hsmkey rsa.hsmkey "
	has "the DKEK shares are spoken of" "$E2E/out" 'same DKEK.*shares'
	is "only their owner can read them" \
	    "$(stat -c %a "$E2E"/ours/* | sort -u)" 600

	for k in rsa:1 p256:3 p384:4 p521:5 bp:6 q256:7; do
		i=${k#*:} k=${k%:*}
		check "sc-hsm-tool wraps $k" sc-hsm-tool --reader 0 \
		    --wrap-key "$E2E/theirs/$k.hsmkey" --key-reference "$i" \
		    --pin "$PIN"
		check "its file is ours" same_but_for_the_key \
		    "$E2E/ours/$k.hsmkey" "$E2E/theirs/$k.hsmkey"
	done

	for k in rsa:7:20 p256:8:22 p384:9:23 p521:10:24; do
		file=$E2E/ours/${k%%:*}.hsmkey ref=${k#*:}
		check "sc-hsm-tool takes our ${k%%:*}" says imported 0 \
		    sc-hsm-tool --reader 1 --unwrap-key "$file" \
		    --key-reference "${ref%:*}" --pin "$PIN"
	done
	check "OpenSC signs with an RSA key that it put in" \
	    opensc_signs 1 20 RSA
	check "and with an EC key" opensc_signs 1 22 EC
	check "those are on the token already, we see" \
	    says '"p521" (P-521, id 24) is on token DENK0100001 already' 0 \
	    on_b restore "$E2E/ours/p521.hsmkey"

	vhsmctl -t 1 apdu $INIT >/dev/null
	check "the second token is emptied" takes_share
	check "what sc-hsm-tool wrapped is restored" on_b restore \
	    "$E2E"/theirs/*.hsmkey "$E2E/ours/big.hsmkey"
	is "each signs" "$(grep -c 'now, and signs' "$E2E/out")" 6
	check "labels, ids and public keys are those of before" same_keys
	check "OpenSC signs with an RSA key that we put in" \
	    opensc_signs 1 20 RSA
	check "with one of 4096 bits" opensc_signs 1 21 RSA
	check "and with an EC key that we put in" opensc_signs 1 22 EC
	check "a login is possible with it" says SHA256 0 "$KEYUTIL" export \
	    --format fingerprint --token $B rsa

	verified
}

# flip FILE OFFSET: with one bit of that byte changed.
flip()
{
	byte=$(od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' ')
	head -c "$2" "$1"
	# shellcheck disable=SC2059	# an octal number is what is printed
	printf "\\$(printf %o $((byte ^ 1)))"
	tail -c +$(($2 + 2)) "$1"
}

# splice FILE OTHER: the private key of one, and all else of the other.
splice()
{
	head -c "$(blob_end "$1")" "$1"
	tail -c +$(($(blob_end "$2") + 1)) "$2"
}

# Under a DKEK of which the share is at hand: without any token.
verified()
{
	echo secret >"$E2E/password"
	chmod 600 "$E2E/password"
	set -- --share "$E2E/share.pbe" --password-file "$E2E/password"
	check "the share proves all files" "$KEYUTIL" backup verify "$@" \
	    "$E2E"/ours/*.hsmkey "$E2E"/theirs/*.hsmkey
	is "one line for each" "$(grep -c ': proved: ' "$E2E/out")" 13

	mkdir "$E2E/bad"
	end=$(blob_end "$E2E/ours/p256.hsmkey") at=8
	while test $at -lt "$end"; do
		flip "$E2E/ours/p256.hsmkey" $at >"$E2E/bad/$at.hsmkey"
		at=$((at + 7))
	done
	splice "$E2E/ours/p256.hsmkey" "$E2E/ours/q256.hsmkey" \
	    >"$E2E/bad/spliced.hsmkey"
	n=$(find "$E2E/bad" -name '*.hsmkey' | wc -l)
	check "an altered key is found out, and another public key" \
	    says "$n of $n files are not good" 1 "$KEYUTIL" backup verify \
	    "$@" "$E2E"/bad/*.hsmkey
	has "the latter says so" "$E2E/said" \
	    'spliced.hsmkey.*not that of its public key'
	echo wrong >"$E2E/password"
	check "a wrong password is told" says 'password is wrong' 1 \
	    "$KEYUTIL" backup verify "$@" "$E2E/ours/rsa.hsmkey"
	check_status "a file that is no share, too" 1 "$KEYUTIL" \
	    backup verify --share "$E2E/ours/rsa.hsmkey" \
	    --password-file "$E2E/password" "$E2E/ours/rsa.hsmkey"

	check "a key is deleted" on_b delete q256 --yes q256
	keys_of $B >"$E2E/before"
	check "a spliced key is not put in" says 'deleted again' 1 \
	    on_b restore --label new --id 77 "$E2E/bad/spliced.hsmkey"
	keys_of $B >"$E2E/after"
	check "and not left there" cmp "$E2E/before" "$E2E/after"
}

# A DKEK of two shares, all by hsm-keyutil.
part_shares()
{
	pin_file
	printf 'first password\n' >"$E2E/password.1"
	printf 'second password\n' >"$E2E/password.2"
	chmod 600 "$E2E"/password.*
	vhsmctl apdu "${INIT%??}02" >/dev/null
	for i in 1 2; do
		check "share $i is made" "$KEYUTIL" dkek create-share \
		    -o "$E2E/$i.pbe" --password-file "$E2E/password.$i"
		check "and put in" "$KEYUTIL" dkek import-share \
		    --password-file "$E2E/password.$i" "$E2E/$i.pbe"
	done
	check "a key is made" "$KEYUTIL" generate p256 --label key \
	    --pin-file "$E2E/pin.file"
	check "and backed up" on_a backup key -o "$E2E"
	check "both shares prove it" says ': proved: the key "key"' 0 \
	    "$KEYUTIL" backup verify --share "$E2E/1.pbe,$E2E/2.pbe" \
	    --password-file "$E2E/password.1,$E2E/password.2" \
	    "$E2E/key.hsmkey"
	check "one is not enough" says 'the shares make one with' 1 \
	    "$KEYUTIL" backup verify --share "$E2E/1.pbe" \
	    --password-file "$E2E/password.1" "$E2E/key.hsmkey"
}

# --- what is refused ---

nothing_in()
{
	find "$1" -mindepth 1
	test -z "$(find "$1" -mindepth 1)"
}

part_refused()
{
	pin_file
	dkek 0 01
	dkek 1 01
	vhsmctl generate p256 one 10 >/dev/null
	vhsmctl generate p256 two 11 >/dev/null
	vhsmctl generate p384 a/../b 12 >/dev/null
	mkdir "$E2E/d" "$E2E/none"
	check_status "a name or --all is needed" 2 on_a backup -o "$E2E/none"
	check_status "and where to" 2 on_a backup one
	check "a key that is not there is told" says 'no key "three"' 1 \
	    on_a backup three -o "$E2E/none"
	check "keys are backed up by name, id and fingerprint" on_a backup \
	    one 10 11 "$(fp_of one)" -o "$E2E/d"
	is "each once" "$(cd "$E2E/d" && echo *)" "one.hsmkey two.hsmkey"
	check "no name leads out of the directory" on_a backup a/../b \
	    -o "$E2E/d"
	check "nor hides there" test -s "$E2E/d/a_.._b.hsmkey"
	rm "$E2E/d/a_.._b.hsmkey"

	echo old >"$E2E/d/one.hsmkey.new"
	cp "$E2E/d/one.hsmkey" "$E2E/one"
	check "a file that is there is not replaced" \
	    says 'exists and is not replaced' 1 on_a backup --all -o "$E2E/d"
	check "and nothing else is written" test ! -e \
	    "$E2E/d/a_.._b.hsmkey"
	check "it is as it was" cmp "$E2E/one" "$E2E/d/one.hsmkey"
	rm "$E2E/d/one.hsmkey.new"
	check "a directory that is none is told" says 'No such file' 1 \
	    on_a backup one -o "$E2E/nowhere"
	check "one that cannot be written, too" says 'cannot write' 1 \
	    on_a backup one -o /proc
	check "a file that may not grow is told" says 'File too large' 0 \
	    small_files on_a backup one -o "$E2E/none"
	has "and that it failed" "$E2E/said" '^status 1$'
	check "and no part of a file is left" nothing_in "$E2E/none"
	disk_full

	cut_files
	wrong_tokens
	names_taken
	is "no PIN try was lost" "$(tries_left 0) $(tries_left 1)" "63C3 63C3"
}

fp_of()
{
	"$KEYUTIL" export --format fingerprint --token $A "$1" | cut -d' ' -f2
}

small_files()
{
	{
		ulimit -f 0
		"$@" 2>&1
		echo "status $?"
	} | cat
}

disk_full()
{
	mkdir "$E2E/disk"
	if mount -t tmpfs -o size=4k,nr_inodes=8 none "$E2E/disk" \
	    2>/dev/null; then
		head -c 4096 /dev/zero >"$E2E/disk/full"
		check "so is a full file system" says 'No space left' 1 \
		    on_a backup one -o "$E2E/disk"
		is "on which nothing is left" "$(ls -A "$E2E/disk")" full
		umount "$E2E/disk"
	else
		skip "so is a full file system" "no mount"
	fi
}

cut_files()
{
	mkdir "$E2E/cut"
	size=$(wc -c <"$E2E/d/one.hsmkey")
	n=0
	while test $n -lt "$size"; do
		head -c $n "$E2E/d/one.hsmkey" >"$E2E/cut/$n.hsmkey"
		n=$((n + 1))
	done
	check "a file cut anywhere is found out without the share" \
	    says "$size of $size files are not good" 1 "$KEYUTIL" backup \
	    verify "$E2E"/cut/*.hsmkey
	vhsmctl -t 1 reset-count
	check "and not restored" says 'not all of one' 1 on_b restore \
	    "$E2E/d/two.hsmkey" "$E2E/cut/300.hsmkey"
	is "nor is another with it, or the token asked" \
	    "$(vhsmctl -t 1 count)" 0
	check_status "a directory is no file" 1 on_b restore "$E2E/cut"
	check_status "nor is something else" 1 on_b restore "$E2E_SCRIPT"
	check "what is right is not proved without the share" \
	    says 'not proved' 0 "$KEYUTIL" backup verify "$E2E/one"
	has "its DKEK is held against the tokens" "$E2E/said" \
	    "DKEK [0-9a-f]{16}, that of token $A"
}

wrong_tokens()
{
	vhsmctl -t 1 apdu $FACTORY >/dev/null
	check "a token without DKEK is told, with the way out" \
	    says 'init --dkek-shares' 1 on_b restore "$E2E/d/one.hsmkey"
	check_status "to clone to one, too" 1 clone --all
	vhsmctl -t 1 generate p256 mine >/dev/null
	check "its own keys cannot leave it" says 'has no DKEK' 1 \
	    on_b backup mine -o "$E2E/none"
	vhsmctl -t 1 apdu $INIT >/dev/null
	check "one that waits for shares is told" \
	    says '1 of its 1 shares are missing' 1 \
	    on_b restore "$E2E/d/one.hsmkey"
	odd_dkeks
	dkek 1 02
	check "one with another DKEK is told with both check values" \
	    says "$(kcv $A)" 1 on_b restore "$E2E/d/one.hsmkey"
	has "the other one" "$E2E/said" "$(kcv $B)"
	check "also to clone" says "$(kcv $B)" 1 clone --all
	check_status "and by the files alone" 0 "$KEYUTIL" backup verify \
	    "$E2E/d/one.hsmkey"
	check "a token is named" says 'say with --to' 2 "$KEYUTIL" clone one
	check "another one" says 'same token' 2 clone one --token $B
	dkek 1 01
}

# A random DKEK, and one of two shares that are the same.
odd_dkeks()
{
	vhsmctl -t 1 apdu "${INIT%??}00" >/dev/null
	vhsmctl -t 1 generate p256 mine >/dev/null
	check "of a random DKEK it is said that nobody has it" \
	    says 'nobody has shares' 0 on_b backup mine -o "$E2E/none"
	rm "$E2E/none/mine.hsmkey"
	vhsmctl -t 1 apdu "${INIT%??}02" >/dev/null
	share=$(printf '01%.0s' 1 2 3 4 5 6 7 8)
	for i in 1 2; do
		vhsmctl -t 1 apdu \
		    "8052000020$share$share$share${share}00" >/dev/null
	done
	vhsmctl -t 1 generate p256 mine >/dev/null
	check "nothing leaves under one that everybody knows" \
	    says 'everybody knows' 1 on_b backup mine -o "$E2E/none"
	check "and no file is written" nothing_in "$E2E/none"
}

kcv()
{
	"$KEYUTIL" status --json --token "$1" | tr ',' '\n' |
	    grep -E -o '[0-9a-f]{16}' | head -n 1
}

names_taken()
{
	vhsmctl -t 1 generate p384 one 50 >/dev/null
	check "a label of another key is told" says 'its label is' 1 \
	    on_b restore "$E2E/d/two.hsmkey" "$E2E/d/one.hsmkey"
	has "with the way out" "$E2E/said" 'restore --label'
	is "and nothing was put in" "$(keys_of $B | wc -l)" 1
	check "another label helps" on_b restore --label uno \
	    "$E2E/d/one.hsmkey"
	check "the key has it" says uno 0 "$KEYUTIL" list --token $B
	check "a restored key is not put in twice" \
	    says 'is on token DENK0100001 already' 0 \
	    on_b restore "$E2E/d/one.hsmkey"
	vhsmctl -t 1 generate p384 other 11 >/dev/null
	check "an id of another key is told" says 'restore --id' 1 \
	    on_b restore "$E2E/d/two.hsmkey"
	check "another id helps" on_b restore --id ABCD "$E2E/d/two.hsmkey"
	check "the key has it, for OpenSC too" says abcd 0 \
	    pkcs15-tool --reader 1 --list-keys
	check_status "one name is for one file" 2 on_b restore --id 01 \
	    "$E2E/d/one.hsmkey" "$E2E/d/two.hsmkey"
	check_status "an id is hexadecimal" 2 on_b restore --id 0 \
	    "$E2E/d/one.hsmkey"
	# Two keys of one label have their ids in the names of their files.
	vhsmctl generate p256 one 13 >/dev/null
	mkdir "$E2E/twins"
	check "keys of one label get files of two names" on_a backup 10 13 \
	    -o "$E2E/twins"
	is "by their ids" "$(cd "$E2E/twins" && echo *)" \
	    "one-10.hsmkey one-13.hsmkey"
}

# --- cut off ---

# The token B as it was before the key came.
fresh_b()
{
	for f in CC C4 CE; do
		vhsmctl -t 1 delete-file ${f}02 >/dev/null 2>&1
	done
}

files_of_b()
{
	vhsmctl -t 1 apdu 80580000000000 | wc -c
}

# What was there is there; what came is whole, OpenSC signs with it, and
# nothing else was left.
whole()
{
	keys_of $B | diff "$E2E/want" - && opensc_signs 1 10 EC &&
	test "$(files_of_b)" -eq "$(cat "$E2E/files")"
}

card_seen()
{
	test "$(vhsmctl -t "$1" reader)" = seen
}

all_answered()
{
	test "$(vhsmctl -t "$1" planned)" = 0
}

# Killed when the Nth command has been done and not answered yet.
killed_at()
{
	reader=$1 n=$2
	shift 2
	vhsmctl -t "$reader" delay 500 at "$n"
	# The program itself is killed, which the shell becomes.
	(become="exec" && "$@") >"$E2E/first.$n" 2>&1 &
	pid=$!
	wait_for 10 all_answered "$reader"
	kill -KILL $pid && kills=$((kills + 1))
	wait $pid 2>/dev/null
}

# each_cut WHAT READER HOW COMMAND...: cut off at each of its commands in
# that reader, and given again, it is whole.  HOW is drop, drop-after, kill.
each_cut()
{
	what=$1 reader=$2 how=$3
	shift 3
	fresh_b
	vhsmctl -t "$reader" reset-count
	"$@" >"$E2E/out" 2>&1 || return 1
	commands=$(vhsmctl -t "$reader" count)
	n=1 bad='' kills=0
	while test $n -le "$commands"; do
		fresh_b
		if test "$how" = kill; then
			killed_at "$reader" $n "$@"
		else
			vhsmctl -t "$reader" fail $n "$how"
			"$@" >"$E2E/first.$n" 2>&1
		fi
		vhsmctl -t "$reader" forget
		wait_for 10 card_seen "$reader"
		"$@" >"$E2E/second.$n" 2>&1 && whole >"$E2E/whole.$n" 2>&1 ||
		    bad="$bad $n"
		n=$((n + 1))
	done
	echo "$what, $how: $commands commands, $kills killed, bad:$bad"
	for n in $bad; do
		cat "$E2E/first.$n" "$E2E/second.$n" "$E2E/whole.$n"
	done
	test "$commands" -gt 10 && test -z "$bad" &&
	if test "$how" = kill; then test $kills -eq "$commands"; fi
}

restore_it()
{
	on_b restore "$E2E/d/one.hsmkey"
}

part_cut()
{
	pin_file
	dkek 0 01
	vhsmctl generate p256 one 10 >/dev/null
	mkdir "$E2E/d"
	check "a key is backed up" on_a backup one -o "$E2E/d"
	dkek 1 01
	vhsmctl -t 1 generate p384 other 70 >/dev/null
	check "and restored beside another" restore_it
	keys_of $B >"$E2E/want"
	files_of_b >"$E2E/files"
	is "so there are two" "$(wc -l <"$E2E/want")" 2
	for how in drop drop-after kill; do
		check "restore, given again, completes: $how at each command" \
		    each_cut restore 1 $how restore_it
	done
	check "clone does, the one it goes to being lost" \
	    each_cut clone 1 drop-after clone one
	check "or the one it comes from" each_cut clone 0 drop clone one
	check "or itself killed" each_cut clone 1 kill clone one
	is "no PIN try was lost" "$(tries_left 0) $(tries_left 1)" "63C3 63C3"
}

# --- clone ---

part_clone()
{
	pin_file
	dkek 0 01
	dkek 1 01
	vhsmctl generate rsa2048 rsa 20 >/dev/null
	vhsmctl generate p384 ec 21 >/dev/null
	vhsmctl generate p256 mine 22 >/dev/null
	vhsmctl algs 03 70 >/dev/null
	check "a key that must not leave keeps the others back" \
	    says 'allowed algorithms' 1 clone --all
	is "and nothing is copied by halves" "$(keys_of $B | wc -l)" 0
	check "named, the others are copied" clone rsa ec
	is "and sign there" "$(grep -c 'now, and signs' "$E2E/out")" 2
	check "OpenSC signs with one" opensc_signs 1 20 RSA
	vhsmctl -t 0 reset-count
	vhsmctl -t 1 reset-count
	check "a second time nothing is to be done" \
	    says 'is on token DENK0100001 already' 0 clone rsa ec
	is "and no PIN is sent" "$(pins_sent 0) $(pins_sent 1)" "0 0"
	check "to back all up tells which key stays" \
	    says 'not backed up: token DENK0100000, the key "mine"' 1 \
	    on_a backup --all -o "$E2E"
	check "and writes the others" test -s "$E2E/rsa.hsmkey"
	check "without them, nothing is copied to nowhere" \
	    says 'there is no token "X"' 3 "$KEYUTIL" clone rsa --to X
	is "no PIN try was lost" "$(tries_left 0) $(tries_left 1)" "63C3 63C3"
}

# --- a name that another program gave ---

renamed()
{
	XDG_CACHE_HOME=$E2E/other on_a label "$@"
}

part_renamed()
{
	pin_file
	dkek 0 01
	vhsmctl generate p256 old 10 >/dev/null
	check "the cache knows the key" "$KEYUTIL" list --token $A
	check "another program, with no such cache, renames it" \
	    renamed old new
	check "it is found by its new name" on_a backup new -o "$E2E"
	check "and renamed again" renamed new third
	check "what has another name by now is not backed up" \
	    says 'run the command again' 1 on_a backup new -o "$E2E/home"
	check_status "no file says that it were" 1 \
	    test -e "$E2E/home/new.hsmkey"
	check "the command again finds it" on_a backup third -o "$E2E"
}

test $# -eq 0 || { run_part "$1"; exit; }
part opensc --tokens 2
part shares
part refused --tokens 2
part clone --tokens 2
part renamed --tokens 2
# Minutes: once is enough where the tests run in several builds.
test -n "${E2E_BRIEF-}" || part cut --tokens 2
finish
