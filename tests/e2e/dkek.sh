#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# hsm-keyutil dkek: shares that it and sc-hsm-tool make for each other, with a
# password and split among people, and what is no share or not wanted.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need sc-hsm-tool opensc
# shellcheck source=tests/e2e/setup-lib.sh
. "$srcdir/tests/e2e/setup-lib.sh"

A=DENK0100000
B=DENK0100001

dkek()
{
	"$KEYUTIL" dkek "$@"
}

# fresh SHARES [READER]: set up by sc-hsm-tool with a DKEK of so many.
fresh()
{
	sc-hsm-tool -r "${2:-0}" -X --so-pin $SO --pin "$PIN" \
	    --dkek-shares "$1"
}

# kcv SERIAL: the key check value as we show it; empty: it is not complete.
kcv()
{
	dkek status --token "$1" | sed -n 's/^Check *//p'
}

# theirs_kcv READER: the same by sc-hsm-tool.
theirs_kcv()
{
	sc-hsm-tool -r "$1" 2>/dev/null |
		sed -n 's/^DKEK key check value *: //p' | tr A-F a-f
}

# Shares that went to the token since the log was emptied.
shares_sent()
{
	vhsmctl log | awk '$1 == "80520000" && $2 > 5 { n++ }
	    END { print n + 0 }'
}

# field NAME N FILE: of the Nth password share that was printed.
field()
{
	sed -n "s/^$1 *: *//p" "$3" | tr -d '\r' | sed -n "${2}p"
}

# typed FILE N...: what people type to sc-hsm-tool, Enter between them.
typed()
{
	typed_file=$1
	shift
	field Prime 1 "$typed_file"
	for typed_n; do
		echo
		field 'Share ID' "$typed_n" "$typed_file"
		field 'Share value' "$typed_n" "$typed_file"
	done
}

# they_join SHARE PARTS N...: sc-hsm-tool imports it, with those parts.
they_join()
{
	join_share=$1 join_parts=$2
	shift 2
	typed "$join_parts" "$@" |
		sc-hsm-tool -I "$join_share" --pwd-shares-total $#
}

# Both make a share, both import both, each into a token of its own.
part_password()
{
	cd "$E2E" || return
	secret pw 'Correct horse: 8'
	fresh 2 0 >/dev/null 2>&1
	fresh 2 1 >/dev/null 2>&1
	cp pw pin
	check "we make a share" says 'ours.pbe: key check value' 0 \
	    dkek create-share -o ours.pbe
	is "its password was asked for twice" "$(prompts)" 2
	is "that nobody else can read" "$(stat -c '%a %s' ours.pbe)" "600 64"
	value=$(sed -n 's/.*check value \([0-9a-f]*\),.*/\1/p' said)
	theirs=$srcdir/tests/data/dkek/password.pbe
	secret their-pw hello123

	check "sc-hsm-tool imports ours" says 'DKEK share imported' 0 \
	    sc-hsm-tool -r 0 -I ours.pbe --password "$(cat pw)"
	check "we see one of two" says '2, of which 1 is missing' 0 \
	    dkek status -t $A
	check "we import sc-hsm-tool's beside it" \
	    says "$A \"SmartCard-HSM\": DKEK complete, key check value" 0 \
	    dkek import-share "$theirs" -t $A --password-file their-pw
	check "we import theirs" says '1 of 2 DKEK shares imported' 0 \
	    dkek import-share "$theirs" -t $B --password-file their-pw
	check "it is said what is next" says '2, of which 1 is missing' 0 \
	    dkek status -t $B
	whole_kcv=$(kcv $A)
	check "we import ours, of the value that the other token has" \
	    says "DKEK complete, key check value $whole_kcv" 0 \
	    dkek import-share ours.pbe -t $B --password-file pw \
	    --expect "$(echo "$whole_kcv" | tr a-f A-F)"
	is "the tokens have one DKEK, by us" "$(kcv $A)" "$(kcv $B)"
	is "and by sc-hsm-tool, the one we showed" \
	    "$(theirs_kcv 0) $(theirs_kcv 1)" "$whole_kcv $whole_kcv"
	check "status has it as JSON" says '"state": "complete"' 0 \
	    dkek status -t $A --json
	has "with the value" said "\"key_check_value\": \"$whole_kcv\""
	check "a share too many is refused" says 'it has all its 2 DKEK' 1 \
	    dkek import-share ours.pbe -t $A --password-file pw
	fresh 1 1 >/dev/null 2>&1
	check "what we showed when we made ours is the value of it alone" \
	    says "DKEK complete, key check value $value" 0 \
	    dkek import-share ours.pbe -t $B --password-file pw
	is "by sc-hsm-tool, too" "$(theirs_kcv 1)" "$value"
	is "no PIN try was lost" "$(tries_left 0) $(tries_left 1)" "63C3 63C3"
}

# Answers of people: $E2E/answers has lines "PATTERN<tab>ANSWER".
custodians()
{
	cat >"$E2E/askpass" <<'EOF'
#!/bin/sh
here=${0%/*}
printf '%s\n' "$1" >>"$here/prompts"
while IFS='	' read -r pattern answer; do
	case $1 in
	*"$pattern"*)	printf '%s\n' "$answer"
			exit ;;
	esac
done <"$here/answers"
exit 1
EOF
	: >"$E2E/prompts"
}

# answers FILE N...: these shares, in this order.
answers()
{
	answers_file=$1
	shift
	custodians
	{
		printf 'prime\t%s\n' "$(field Prime 1 "$answers_file")"
		i=0
		for answers_n; do
			i=$((i + 1))
			printf 'share ID (%d of\t%s\n' $i \
			    "$(field 'Share ID' "$answers_n" "$answers_file")"
			printf 'value of share %s (\t%s\n' \
			    "$(field 'Share ID' "$answers_n" "$answers_file")" \
			    "$(field 'Share value' "$answers_n" \
			    "$answers_file")"
		done
	} >"$E2E/answers"
}

enters()
{
	printf '\n\n\n\n\n\n\n\n\n\n\n\n'
}

part_split()
{
	cd "$E2E" || return
	umask 077
	fresh 3 >/dev/null 2>&1
	dkek create-share -o ours.pbe --shares 15 --threshold 3 \
	    >ours.parts 2>ours.said
	is "we make a share for 3 of 15 people" $? 0
	is "each has a password share, printed" \
	    "$(grep -c '^Share value : ' ours.parts)" 15
	has "and who keeps what" ours.said 'each of 15 people notes'
	enters | sc-hsm-tool -C theirs.pbe --pwd-shares-threshold 3 \
	    --pwd-shares-total 5 >theirs.parts 2>&1
	is "sc-hsm-tool makes one" $? 0

	check "sc-hsm-tool imports ours by 10, 1 and 15, whose IDs are letters" \
	    says 'DKEK share imported' 0 they_join ours.pbe ours.parts 10 1 15
	answers theirs.parts 4 2 5
	check "we import theirs by shares 4, 2 and 5" \
	    says '2 of 3 DKEK shares imported' 0 \
	    dkek import-share theirs.pbe --threshold 3
	is "each was asked for once" "$(prompts)" 7
	has "with the name of the file" prompts 'DKEK share "theirs.pbe"'

	# It has 2-of-3 shares, see tests/data/README.
	zero=$srcdir/tests/data/dkek/leading-zero.pbe
	printf '%s\n' 'Prime : f7:83:ce:7c:d9:c0:01:c3' 'Share ID : 1' \
	    'Share value : ef:f2:bb:5e:52:8f:c9:9d' 'Share ID : 3' \
	    'Share value : e0:52:20:03:75:16:48:0d' >zero.parts
	check "we open what sc-hsm-tool made and cannot open" \
	    says 'DKEK complete' 0 dkek import-share "$zero" --threshold 2 \
	    --password-file zero.parts
	is "both show one key check value" "$(kcv $A)" "$(theirs_kcv 0)"

	fresh 2 >/dev/null 2>&1
	check "we take theirs as it printed them" \
	    says '1 of 2 DKEK shares imported' 0 dkek import-share \
	    theirs.pbe --threshold 3 --password-file theirs.parts
	check "and ours" says 'DKEK complete' 0 dkek import-share ours.pbe \
	    --threshold 3 --password-file ours.parts
}

# What goes wrong with people's shares before seconds are spent.
part_people()
{
	cd "$E2E" || return
	umask 077
	fresh 1 0 >/dev/null 2>&1
	cp "$srcdir/tests/data/dkek/leading-zero.pbe" zero.pbe
	printf '%s\n' 'Prime : f7:83:ce:7c:d9:c0:01:c3' 'Share ID : 1' \
	    'Share value : ef:f2:bb:5e:52:8f:c9:9d' >one.parts
	check "too few shares in a file" says 'has 1 password shares, not 2' 1 \
	    dkek import-share zero.pbe --threshold 2 --password-file one.parts
	{ cat one.parts; echo 'Share ID : 1'; echo 'Share value : 1'; } \
		>twice.parts
	check "one share twice" says 'share 1 was given twice' 1 \
	    dkek import-share zero.pbe --threshold 2 \
	    --password-file twice.parts
	sed 's/c3$/c5/' one.parts >slip.parts
	printf 'Share ID : 3\nShare value : 1\n' >>slip.parts
	check "a prime with a slip of the pen" says 'not prime' 1 \
	    dkek import-share zero.pbe --threshold 2 --password-file slip.parts
	sed 's/ef:/xx:/' one.parts >bad.parts
	check "a value that is none is told by its line" says 'line 3' 1 \
	    dkek import-share zero.pbe --threshold 2 --password-file bad.parts
	custodians
	printf 'not prime\tx\nprime\tf7:83:ce:7c:d9:c0:01:c5\n' >answers
	check "a wrong prime is asked for again, but not for ever" \
	    says 'prime' 1 dkek import-share zero.pbe --threshold 2
	is "three times in all" "$(prompts)" 3
	has "with the reason" prompts 'not what was printed'
	printf 'again\tfirst one\nnew password\tanother\n' >answers
	check "a new password that is typed in two ways" \
	    says 'the two are not the same' 1 dkek create-share -o new.pbe
	is "makes no file" "$(ls new.pbe 2>/dev/null)" ""
	rm askpass
	check "nobody to ask leads to --password-file" \
	    says 'password-file' 1 env SSH_ASKPASS_REQUIRE=never \
	    "$KEYUTIL" dkek import-share zero.pbe
	is "nothing was sent to the token" "$(shares_sent)" 0
}

# An only share, and one that is imported twice.
part_value()
{
	cd "$E2E" || return
	secret pw hello123
	fresh 1 0 >/dev/null 2>&1
	file=$srcdir/tests/data/dkek/password.pbe
	vhsmctl reset-count
	check "a share of another value is refused" \
	    says 'makes the key check value bc4d1cbe0b213581' 1 \
	    dkek import-share "$file" --password-file pw \
	    --expect 0011223344556677
	is "before it is sent" "$(shares_sent)" 0
	check "the right one is taken" says 'value bc4d1cbe0b213581' 0 \
	    dkek import-share "$file" --password-file pw \
	    --expect BC4D1CBE0B213581
	is "sc-hsm-tool has the same value" "$(theirs_kcv 0)" bc4d1cbe0b213581

	fresh 2 0 >/dev/null 2>&1
	vhsmctl fail 1 52+ drop-after
	check "a share whose answer is lost is not sent again" \
	    says 'see with "hsm-keyutil dkek status"' 3 \
	    dkek import-share "$file" --password-file pw
	vhsmctl pcscd wait >/dev/null
	check "status tells that it went in" says '2, of which 1 is missing' \
	    0 dkek status
	check "a share that goes in twice is found out" \
	    says 'one share was imported twice' 1 \
	    dkek import-share "$file" --password-file pw
	check "status knows it, too" says 'no key at all' 0 dkek status
	check "and for programs" says '"state": "worthless"' 0 \
	    dkek status --json
}

create()
{
	dkek create-share --password-file pw "$@"
}

# Files only: none is replaced, and none is left half-made.
part_files()
{
	cd "$E2E" || return
	mkdir d
	secret pw hello123
	secret short 1234567
	secret open hello123
	chmod 644 open
	echo old >d/there
	check "what exists is not replaced" says 'exists and is not' 1 \
	    create -o d/there
	is "and is as it was" "$(cat d/there)" old
	check "a directory that is not there" says 'No such file' 1 \
	    create -o d/no/share
	check "a directory that cannot be written to" says 'cannot write' 1 \
	    create -o /proc/share.pbe
	check "a short password" says 'fewer than 8' 2 dkek create-share \
	    -o d/new --password-file short
	check "a password that others can read" says 'chmod go-rwx' 1 \
	    dkek create-share -o d/new --password-file open
	check "no file named" says 'give the file' 2 dkek create-share
	check "half of a scheme" says 'belong together' 2 \
	    dkek create-share -o d/new --shares 5
	check "a threshold that is too high" says 'at most all' 2 \
	    dkek create-share -o d/new --shares 2 --threshold 3
	check "too many people" says 'up to 15' 2 dkek create-share \
	    -o d/new --shares 16 --threshold 3
	check "one alone" says 'from 2' 2 dkek create-share -o d/new \
	    --shares 3 --threshold 1
	{
		ulimit -f 0
		dkek create-share -o d/new --password-file pw 2>&1
		echo "status $?"
	} | cat >said
	has "a file that cannot grow is told" said 'cannot write'
	has "and is an error" said '^status 1$'
	is "nothing is left behind" "$(ls -A d)" there
	dkek create-share -o d/new --shares 3 --threshold 2 >/dev/full 2>said
	is "shares that cannot be printed" $? 1
	is "leave no file" "$(ls -A d)" there
	full_disk
}

full_disk()
{
	if mount -t tmpfs -o size=4k,nr_inodes=8 none "$E2E/d" 2>/dev/null
	then
		head -c 4096 /dev/zero >d/full
		check "a full disk is told" says 'No space left' 1 \
		    dkek create-share -o d/new --password-file pw
		is "and nothing is left on it" "$(ls -A d)" full
		umount "$E2E/d"
	else
		skip "a full disk is told" "no mount"
	fi
}

import()
{
	dkek import-share --password-file pw -t $A "$@"
}

part_refused()
{
	cd "$E2E" || return
	secret pw hello123
	secret bad hello124
	fresh 1 0 >/dev/null 2>&1
	whole=$srcdir/tests/data/dkek/password.pbe
	head -c 63 "$whole" >short
	cat "$whole" pw >long
	: >empty
	tr S T <"$whole" >foreign
	check "no share at all is named" says 'name one file' 2 import
	check "a file that is not there" says 'No such file' 1 import none
	check "a directory" says 'Is a directory' 1 import .
	check "an empty file" says 'it is empty' 1 import empty
	check "a foreign file" says 'it is no DKEK share' 1 import foreign
	check "a truncated file" says '63 bytes and not 64' 1 import short
	check "a longer file" says 'long' 1 import long
	check "a value to expect that is none" says 'is 16 hexadecimal' 2 \
	    import "$whole" --expect 12
	check "a threshold that is none" says 'from 2 to 255' 2 \
	    import "$whole" --threshold 1
	check "with two tokens one is to be named" says '--token' 2 \
	    dkek import-share "$whole" --password-file pw
	check "a wrong password" says 'the password is wrong' 1 \
	    dkek import-share "$whole" --password-file bad -t $A
	# Its last bytes but 16: they spoil one byte of the padding.
	{ head -c 47 "$whole"; printf '\377'; tail -c 16 "$whole"; } >spoilt
	check "a spoilt file is told from that" says 'the file is damaged' 1 \
	    import spoilt
	has "and that the password was right" said 'the password is right'
	check "a token without a DKEK" says 'it has no DKEK' 1 \
	    dkek import-share "$whole" --password-file pw -t $B
	check "status says what that means" says 'can be backed up' 0 \
	    dkek status -t $B
	fresh 0 1 >/dev/null 2>&1
	check "a token with a random one" says 'random one' 1 \
	    dkek import-share "$whole" --password-file pw -t $B
	check "status says what that means, too" says 'this token only' 0 \
	    dkek status -t $B
	is "no token was sent a share" "$(shares_sent) $(kcv $A)" "0 "
}

test $# -eq 0 || { run_part "$1"; exit; }
part password --tokens 2
part split
part people
part value
part files --tokens 0
part refused --tokens 2
finish
