#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# hsm-keyutil init, pin and unlock: OpenSC in both roles, and each number of
# tries.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need sc-hsm-tool opensc
need pkcs11-tool opensc
need pkcs15-tool opensc
need ssh-keygen openssh-client

# shellcheck source=tests/e2e/setup-lib.sh
. "$srcdir/tests/e2e/setup-lib.sh"

# Commands that carried a PIN or a SO-PIN since the log was emptied.
sent()
{
	vhsmctl log | awk '$2 > 5 && ($1 ~ /^0020008[18]$/ ||
	    $1 ~ /^0024008[18]$/ || $1 == "002C0081" || $1 == "80500000") {
		n++
	} END { print n + 0 }'
}

# Is this the PIN?  Asked of our own.
we_take()
{
	"$KEYUTIL" unlock --last-try --pin-file "$1"
}

makes_a_key()
{
	pkcs11-tool --login --pin "$1" --keypairgen --key-type EC:prime256v1 \
	    --label made --id 55 && "$KEYUTIL" list | grep made
}

# --- OpenSC ---

part_ours()
{
	secrets
	check "init sets a token up" says "$SERIAL \"desk\" is set up" 0 \
	    init --label desk --dkek-shares 1 --tries 8
	has "it says what is next" "$E2E/said" 'next: .*dkek create-share'
	has "and after that" "$E2E/said" 'hsm-keyutil generate'
	has "it showed what was to be destroyed" "$E2E/said" \
	    'key "old", P-256, SHA256:'
	is "nothing is left of it" "$(vhsmctl tries)" 8
	check "sc-hsm-tool finds the DKEK" says 'DKEK shares' 0 sc-hsm-tool
	has "the PIN tries" "$E2E/said" 'User PIN tries left  *: 8'
	has "the SO-PIN tries" "$E2E/said" 'SO-PIN tries left  *: 15'
	check "pkcs15-tool takes the PIN" opensc_takes new-pin8
	check "pkcs15-tool has the label" says '[desk]' 0 pkcs15-tool -D
	has_not "the old key is gone" "$E2E/said" 'old'
	check "without a DKEK, too" init --label desk --tries 8
	check "pkcs11-tool logs in and makes a key" makes_a_key new-pin8

	check "we change the PIN" says 'has a new PIN' 0 \
	    "$KEYUTIL" pin change --pin-file "$E2E/new" \
	    --new-pin-file "$E2E/right"
	check "OpenSC takes the new one" opensc_takes "$PIN"
	check "OpenSC changes the PIN" pkcs15-tool --change-pin \
	    --pin "$PIN" --new-pin open99sc
	secret theirs open99sc
	check "we take that" we_take "$E2E/theirs"
	vhsmctl tries 0
	check "a blocked PIN is set by us" says 'has a new PIN' 0 \
	    "$KEYUTIL" pin unblock --so-pin-file "$E2E/so" \
	    --new-pin-file "$E2E/right"
	check "OpenSC takes it" opensc_takes "$PIN"
	vhsmctl tries 0
	check "a blocked PIN is set by OpenSC" pkcs11-tool --login \
	    --login-type so --so-pin "$SO" --init-pin --pin theirs-1
	secret theirs theirs-1
	check "we take it" we_take "$E2E/theirs"

	check "we change the SO-PIN" says 'has a new SO-PIN' 0 \
	    "$KEYUTIL" pin so-change --so-pin-file "$E2E/so" \
	    --new-so-pin-file "$E2E/other-so"
	check "sc-hsm-tool sets the token up with it" sc-hsm-tool \
	    --initialize --so-pin "$OTHER_SO" --pin "$PIN" --label theirs
	is "no try was lost on the way" "$(tries)" "3 15"
}

part_theirs()
{
	secrets
	sc-hsm-tool --initialize --so-pin "$SO" --pin "$PIN" \
	    --label theirs --dkek-shares 2 >"$E2E/out" 2>&1
	vhsmctl apdu 00B12F03045402000020 >"$E2E/label.theirs"
	check "we take the PIN that sc-hsm-tool set" we_take "$E2E/right"
	check "we change it" "$KEYUTIL" pin change --pin-file "$E2E/right" \
	    --new-pin-file "$E2E/new"
	check "OpenSC takes that" opensc_takes new-pin8
	check "we set another with the SO-PIN" "$KEYUTIL" pin unblock \
	    --so-pin-file "$E2E/so" --new-pin-file "$E2E/right"
	check "OpenSC takes that, too" opensc_takes "$PIN"
	check "a token of sc-hsm-tool's is set up anew" \
	    says '"theirs" is set up' 0 init
	is "it keeps its label, byte for byte" \
	    "$(vhsmctl apdu 00B12F03045402000020)" "$(cat "$E2E/label.theirs")"
	check "and has no DKEK any more" says 'none: its keys' 0 \
	    "$KEYUTIL" status
	check "sc-hsm-tool sets ours up anew" sc-hsm-tool --initialize \
	    --so-pin "$SO" --pin "$PIN" --label again
	is "no try was lost on the way" "$(tries)" "3 15"
}

part_options()
{
	secrets
	check "a DKEK may be random" init --dkek-shares random
	check "status has it" says 'DKEK      random' 0 "$KEYUTIL" status
	check "without one it is said that no backup will be possible" \
	    says 'can ever be backed up' 0 init
	check "the PIN may be one that the SO-PIN cannot set" \
	    init --no-pin-reset
	vhsmctl tries 0
	check "then a blocked one leads to init" says 'hsm-keyutil init' 1 \
	    "$KEYUTIL" pin unblock --so-pin-file "$E2E/so" \
	    --new-pin-file "$E2E/right"
	is "with no try lost" "$(vhsmctl so-tries)" 15
	check "and init works" init

	check "a random SO-PIN is printed" says 'SO-PIN: ' 0 \
	    init --random-so-pin
	is "once, in 16 digits" \
	    "$(grep -cE '^SO-PIN: [0-9A-F]{16}$' "$E2E/said")" 1
	secret random "$(sed -n 's/^SO-PIN: //p' "$E2E/said")"
	check "the old SO-PIN is told from it" says 'wrong SO-PIN, 14' 4 \
	    "$KEYUTIL" pin so-change --so-pin-file "$E2E/so" \
	    --random-so-pin
	has "and that the next random one was not set" "$E2E/said" \
	    'was printed was not set'
	check "it is good" "$KEYUTIL" pin so-change \
	    --so-pin-file "$E2E/random" --new-so-pin-file "$E2E/so"
	check "one that is given is set, too" init \
	    --new-so-pin-file "$E2E/other-so"
	check "it is good as well" "$KEYUTIL" pin so-change \
	    --so-pin-file "$E2E/other-so" --new-so-pin-file "$E2E/so"
	check "the factory SO-PIN is pointed out" \
	    says 'factory SO-PIN' 0 init
	check "and the factory PIN" says 'factory PIN' 0 "$KEYUTIL" init \
	    --yes $SERIAL --so-pin-file "$E2E/so" --pin-file "$E2E/right"

	# shellcheck disable=SC2016
	check "a full disk for the printed SO-PIN changes nothing" \
	    says 'nothing was changed' 1 sh -c \
	    '"$KEYUTIL" pin so-change --so-pin-file "$E2E/so" \
	    --random-so-pin >/dev/full'
	check "the SO-PIN is still the old one" init
	is "no other try was lost" "$(tries)" "3 15"
}

# typed PATTERN ANSWER CODE ARGUMENT...: init at a terminal.
typed()
{
	pattern=$1
	answer=$2
	want=$3
	shift 3
	"$HELPERS/pty-run" "$pattern" "$answer" "$KEYUTIL" init "$@" \
	    >"$E2E/said" 2>&1 </dev/null
	got=$?
	cat "$E2E/said"
	test "$got" -eq "$want"
}

part_typed()
{
	need_helper pty-run || return
	secrets
	vhsmctl reset-count
	check "no terminal and no --yes: nothing happens" \
	    says "--yes $SERIAL" 1 setsid "$KEYUTIL" init \
	    --so-pin-file "$E2E/so" --pin-file "$E2E/new"
	check "another serial number after --yes: nothing happens" \
	    says 'nothing was changed' 2 "$KEYUTIL" init --yes DENK7 \
	    --so-pin-file "$E2E/so" --pin-file "$E2E/new"
	check "anything but the serial number typed: nothing happens" \
	    typed 'Type DENK' yes 1 --so-pin-file "$E2E/so" \
	    --pin-file "$E2E/new"
	check "nobody to ask for a PIN: nothing happens" \
	    says 'name a file' 1 setsid env -u SSH_ASKPASS \
	    SSH_ASKPASS_REQUIRE='' "$KEYUTIL" pin change
	is "no SO-PIN was sent, and no PIN" "$(sent)" 0
	check "the serial number typed: it is done" \
	    typed 'Type DENK' $SERIAL 0 --so-pin-file "$E2E/so" \
	    --pin-file "$E2E/new"
	echo "$SO" >"$E2E/pin"
	check "a random SO-PIN is offered for the factory one" \
	    typed 'yes/no' yes 0 --yes $SERIAL --pin-file "$E2E/new"
	has "and printed" "$E2E/said" '^SO-PIN: [0-9A-F]{16}'
	is "no try was lost" "$(tries)" "3 15"
}

# --- tries ---

# refused TEXT CODE COMMAND...: so, and nothing is sent.
refused()
{
	vhsmctl reset-count
	says "$@" || return 1
	echo "sent: $(sent)"
	test "$(sent)" -eq 0
}

# With N tries left of the PIN and a wrong one given, each time one is spent.
pin_commands()
{
	"$KEYUTIL" pin change --pin-file "$E2E/$1" --new-pin-file "$E2E/new" \
	    ${2+"$2"}
}

part_pin_tries()
{
	secrets
	secret keep "$PIN"
	"$KEYUTIL" init --yes $SERIAL --so-pin-file "$E2E/so" \
	    --pin-file "$E2E/new" --tries 10 >"$E2E/out" 2>&1
	secret right new-pin8
	for n in 10 3 2; do
		vhsmctl tries $n
		check "$n tries: a wrong PIN costs one" \
		    says "wrong PIN, $((n - 1)) " 4 pin_commands wrong
		is "and no more" "$(tries)" "$((n - 1)) 15"
	done
	check "1 try: pin change does not spend it" \
	    refused '--last-try' 1 pin_commands right
	has "the risk is told" "$E2E/said" 'pin unblock'
	agent_start || return
	check "nor does unlock" refused 'hsm-keyutil unlock --last-try' 1 \
	    "$KEYUTIL" unlock --pin-file "$E2E/right"
	is "it is there" "$(tries)" "1 15"
	check "unlock --last-try spends it, with the right PIN" \
	    says 'is unlocked now' 0 \
	    "$KEYUTIL" unlock --last-try --pin-file "$E2E/right"
	has "and has told the risk" "$E2E/said" 'one PIN try left'
	agent_stop
	vhsmctl tries 1
	check "so does pin change --last-try" pin_commands right --last-try
	is "a right one gives all back" "$(tries)" "10 15"
	vhsmctl tries 1
	check "a wrong last one blocks" says 'blocked now' 4 \
	    "$KEYUTIL" unlock --last-try --pin-file "$E2E/wrong"
	has "and the next command is told" "$E2E/said" \
	    'hsm-keyutil pin unblock'
	for c in "pin change --new-pin-file $E2E/new" \
	    "pin change --last-try --new-pin-file $E2E/new" \
	    "unlock --last-try"; do
		# shellcheck disable=SC2086
		check "0 tries: $c leads to pin unblock" \
		    refused 'hsm-keyutil pin unblock' 4 \
		    "$KEYUTIL" $c --pin-file "$E2E/right"
	done
	is "no SO-PIN try was lost" "$(tries)" "0 15"
	check "pin unblock helps" "$KEYUTIL" pin unblock \
	    --so-pin-file "$E2E/so" --new-pin-file "$E2E/keep"
	check "the new PIN is good" we_take "$E2E/keep"
}

# so_command NAME FILE [OPTION]: with that SO-PIN.
so_command()
{
	case $1 in
	init)
		shift
		"$KEYUTIL" init --yes $SERIAL --so-pin-file "$E2E/$1" \
		    --pin-file "$E2E/new" ${2+"$2"} ;;
	unblock)
		"$KEYUTIL" pin unblock --so-pin-file "$E2E/$2" \
		    --new-pin-file "$E2E/new" ${3+"$3"} ;;
	so-change)
		"$KEYUTIL" pin so-change --so-pin-file "$E2E/$2" \
		    --new-so-pin-file "$E2E/so" ${3+"$3"} ;;
	esac
}

part_so_tries()
{
	secrets
	for c in init unblock so-change; do
		force=--last-try
		test $c != init || force=--force
		for n in 15 4; do
			vhsmctl so-tries $n
			check "$n tries: a wrong SO-PIN for $c costs one" \
			    says "wrong SO-PIN, $((n - 1)) " 4 \
			    so_command $c wrong-so
			is "and no more" "$(tries)" "3 $((n - 1))"
		done
		for n in 3 2; do
			vhsmctl so-tries $n
			if test $c = init; then
				check "$n tries: init wants --force" \
				    refused '--force' 1 so_command $c so
				is "and spends none" "$(tries)" "3 $n"
			fi
			check "$n tries: a wrong one for $c costs one" \
			    says "wrong SO-PIN, $((n - 1)) " 4 \
			    so_command $c wrong-so $force
			is "$c spent no other" "$(tries)" "3 $((n - 1))"
		done
		check "1 try: $c does not spend it" refused "$force" 1 \
		    so_command $c so
		is "it is there" "$(tries)" "3 1"
		check "$c $force does" so_command $c so $force
		is "and gets all back" "$(tries)" "3 15"
		vhsmctl so-tries 0
		check "0 tries: $c says that it is for ever" \
		    refused 'blocked for ever' 4 so_command $c so $force
		is "nothing has changed" "$(tries)" "3 0"
		vhsmctl so-tries 15
	done
	vhsmctl so-tries 1
	check "a wrong last one blocks for ever" \
	    says 'blocked now for ever' 4 so_command unblock wrong-so \
	    --last-try
	is "and that is so" "$(tries)" "3 0"
	check "the PIN still works" we_take "$E2E/new"
}

part_never_sent()
{
	secrets
	secret short 12345
	secret long 12345678901234567
	secret odd "$(printf 'p\303\251nalty')"
	secret short-so 353736323138383
	secret long-so 35373632313838300
	secret no-hex 353736323138383g
	for f in short long odd; do
		check "a PIN that is $f is not sent" refused \
		    'nothing was sent' 2 pin_commands $f
		check "nor set" refused 'nothing was sent' 2 "$KEYUTIL" \
		    pin change --pin-file "$E2E/right" \
		    --new-pin-file "$E2E/$f"
		check "nor by init" refused 'nothing was sent' 2 "$KEYUTIL" \
		    init --yes $SERIAL --so-pin-file "$E2E/so" \
		    --pin-file "$E2E/$f"
	done
	for f in short-so long-so no-hex; do
		for c in init unblock so-change; do
			check "a SO-PIN that is $f is not sent by $c" \
			    refused 'nothing was sent' 2 so_command $c $f
		done
		check "nor set" refused 'nothing was sent' 2 "$KEYUTIL" \
		    pin so-change --so-pin-file "$E2E/so" \
		    --new-so-pin-file "$E2E/$f"
	done
	for n in 0 1 4 256 x ''; do
		check "a PIN of 6 characters has no '$n' tries" refused '' 2 \
		    "$KEYUTIL" init --yes $SERIAL --so-pin-file "$E2E/so" \
		    --pin-file "$E2E/right" --tries "$n"
	done
	check "8 characters have no 11 tries" refused '2 to 10' 2 \
	    init --tries 11
	for n in 0 256 -1 x; do
		check "there are no '$n' shares" refused '' 2 \
		    init --dkek-shares=$n
	done
	check "a label is one line" refused 'can be seen' 2 init --label 'a
b'
	check "a file that others may read is not read" \
	    refused '' 1 sh -c "chmod 644 '$E2E/so' && exec '$KEYUTIL' init \
	    --yes $SERIAL --so-pin-file '$E2E/so' --pin-file '$E2E/new'"
	check "two secrets are not on one standard input" refused '' 2 \
	    "$KEYUTIL" pin change --pin-file - --new-pin-file -
	is "no try was lost" "$(tries)" "3 15"
}

# --- states ---

part_transport()
{
	secrets
	vhsmctl transport on
	check "unlock leads to pin change" refused 'hsm-keyutil pin change' \
	    4 we_take "$E2E/right"
	check "a transport PIN is changed" says 'has a new PIN' 0 \
	    pin_commands right
	has "it was said that its tries are not known" "$E2E/said" \
	    'does not tell'
	check "the new one is good" we_take "$E2E/new"
	check "for OpenSC, too" opensc_takes new-pin8
	vhsmctl transport on
	check "a wrong one costs a try" says 'wrong PIN, 2' 4 \
	    pin_commands wrong
	check "pin unblock sets one as well" "$KEYUTIL" pin unblock \
	    --so-pin-file "$E2E/so" --new-pin-file "$E2E/right"
}

part_fresh()
{
	secrets
	check "pin change leads to init" refused 'hsm-keyutil init' 4 \
	    pin_commands right
	check "so does pin unblock" refused 'hsm-keyutil init' 4 \
	    so_command unblock so
	check "and pin so-change" refused 'hsm-keyutil init' 4 \
	    so_command so-change so
	check "and unlock" refused 'hsm-keyutil init' 4 we_take "$E2E/right"
	check "init sets the first SO-PIN" says 'nothing is lost' 0 \
	    "$KEYUTIL" init --yes $SERIAL --so-pin-file "$E2E/other-so" \
	    --pin-file "$E2E/right" --label first
	check "OpenSC takes the PIN" opensc_takes "$PIN"
	check "and makes a key" makes_a_key "$PIN"
	check "the SO-PIN is good" "$KEYUTIL" pin so-change \
	    --so-pin-file "$E2E/other-so" --new-so-pin-file "$E2E/so"
	check "init again" init
	check "and PINs change as ever" pin_commands new
	is "no try was lost" "$(tries)" "3 15"
}

part_fresh_random()
{
	secrets
	check "the first SO-PIN may be random" says 'SO-PIN: ' 0 \
	    "$KEYUTIL" init --yes $SERIAL --random-so-pin \
	    --pin-file "$E2E/right"
	secret random "$(sed -n 's/^SO-PIN: //p' "$E2E/said")"
	check "it is good" "$KEYUTIL" pin unblock \
	    --so-pin-file "$E2E/random" --new-pin-file "$E2E/new"
	is "no try was lost" "$(tries)" "3 15"
}

# --- a running agent ---

sign()
{
	echo text | ssh-keygen -q -Y sign -n file -f "$E2E/user.pub"
}

# The next signature asks once, and a second one does not.
asks_once()
{
	: >"$E2E/prompts"
	echo "$1" >"$E2E/pin"
	sign && sign && test "$(prompts)" -eq 1
}

part_agent()
{
	secrets
	agent_start || return
	wait_for 10 save_keys
	check "unlock gives the agent the PIN" says 'is unlocked now' 0 \
	    "$KEYUTIL" unlock --pin-file "$E2E/right"
	: >"$E2E/prompts"
	check "the next signature asks nobody" sign
	is "it does not" "$(prompts)" 0
	check "a wrong PIN is told with exit status 4" says 'wrong PIN, 2' 4 \
	    "$KEYUTIL" unlock --pin-file "$E2E/wrong"
	check "the right one is taken, by the label" says 'unlocked' 0 \
	    "$KEYUTIL" unlock vhsm --pin-file "$E2E/right"
	check "a token that is not there is told" says 'no token' 3 \
	    "$KEYUTIL" unlock DENK7777777 --pin-file "$E2E/right"

	vhsmctl reset-count
	check "the PIN changes under the agent" pin_commands right
	check "which asks for the new one, once" asks_once new-pin8
	check "the SO-PIN sets it anew" "$KEYUTIL" pin unblock \
	    --so-pin-file "$E2E/so" --new-pin-file "$E2E/right"
	check "and again it asks once" asks_once "$PIN"
	is "no PIN was wrong, no try lost" \
	    "$(vhsmctl pins | cut -d' ' -f2) $(tries)" "0 3 15"
	check "another SO-PIN is no matter to it" "$KEYUTIL" pin so-change \
	    --so-pin-file "$E2E/so" --new-so-pin-file "$E2E/so"
	: >"$E2E/prompts"
	check "it signs on" sign
	is "and asks nobody" "$(prompts)" 0
	check "the token is set up anew" init
	vhsmctl generate p256 user >/dev/null
	check "the agent lists the new key" wait_for 10 lists_another
	save_keys
	check "and asks for the new PIN, once" asks_once new-pin8
	is "still no PIN was wrong, no try lost" \
	    "$(vhsmctl pins | cut -d' ' -f2) $(tries)" "0 3 15"
	agent_stop
}

lists_another()
{
	ssh-add -L >"$E2E/other" && test -s "$E2E/other" &&
	    ! cmp -s "$E2E/other" "$E2E/listing"
}

part_two()
{
	secrets
	check "with two tokens one has to be named" refused '--token' 2 \
	    pin_commands right
	check "a name will do" "$KEYUTIL" pin change --token DENK0100001 \
	    --pin-file "$E2E/right" --new-pin-file "$E2E/new"
	check "for init, too" "$KEYUTIL" init --token DENK0100001 \
	    --yes DENK0100001 --so-pin-file "$E2E/so" --pin-file "$E2E/new"
	is "nothing was sent to the other" "$(sent)" 0
}

test $# -eq 0 || { run_part "$1"; exit; }
part ours --key p256:old
part theirs
part options
part typed --key p256:old
part pin_tries
part so_tries
part never_sent
part transport
part fresh --fresh
part fresh_random --fresh
for e2e_firmware in 1.2 2.5 4.0 pico; do
	part fresh --fresh --firmware $e2e_firmware
	part pin_tries --firmware $e2e_firmware
	part transport --firmware $e2e_firmware
done
part agent --key p256:user
part two --tokens 2
finish
