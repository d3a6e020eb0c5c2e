#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# man 7 hsm-ssh-agent-tutorial, as a person works through it: each command of
# the page is run as it stands, at a terminal, on two tokens from their bags.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2154,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need ssh openssh-client
need sshd openssh-server

# The person's answers; the SO-PIN is the one that was printed.
answers_make()
{
	cat >"$E2E/askpass" <<'EOS'
#!/bin/sh
here=${0%/*}
printf '%s\n' "$1" >>"$here/prompts"
case $1 in
*SO-PIN*)	sed -n 's/^SO-PIN: *//p' "$here/transcript" | tail -n 1 ;;
*[Pp]assword*)	echo 'correct horse' ;;
*)		echo 735184 ;;
esac
EOS
}

# The lines of the page that are typed or done.
page_lines()
{
	sed -n '/^\.Bd -literal/,/^\.Ed/{
		s/^\$ /run /p
		s/^# /do /p
	}' "$srcdir/man/hsm-ssh-agent-tutorial.7"
}

do_it()
{
	case $1 in
	"put in the second token"*)
		vhsmctl -t 1 insert >/dev/null
		wait_for 10 sees DENK0100001 ;;
	"bring both to the server: TrustedUserCAKeys"*)
		mv "$E2E/sshd-server/config" "$E2E/config"
		{
			echo "TrustedUserCAKeys $E2E/sshd-server/user_ca.pub"
			echo "RevokedKeys $E2E/sshd-server/revoked_keys"
			cat "$E2E/config"
		} >"$E2E/sshd-server/config"
		cp user_ca.pub revoked_keys "$E2E/sshd-server/" ;;
	"bring the list to the server"*)
		cp revoked_keys "$E2E/sshd-server/" ;;
	"take the first token out"*)
		vhsmctl -t 0 pull >/dev/null
		wait_for 10 sees_not DENK0100000 ;;
	*)	false ;;
	esac
}

sees()
{
	"$KEYUTIL" status 2>/dev/null | grep -q "$1"
}

sees_not()
{
	! sees "$1"
}

# In this shell, for "eval $(...)"; at a terminal where something is typed.
run_it()
{
	case $1 in
	"hsm-keyutil init"*)
		serial=DENK0100000
		case $1 in *DENK0100001*) serial=DENK0100001 ;; esac
		"$HELPERS/pty-run" "to go on:" $serial sh -c "$1" ;;
	"ssh "*)
		ssh()
		{
			command ssh -F "$E2E/ssh_config" -o BatchMode=yes \
				-o UserKnownHostsFile="$E2E/known_hosts" "$@"
		}
		eval "$1" ;;
	*)	eval "$1" ;;
	esac
}

# What the server has against the laptop, it has against nobody else.
revoked_alone()
{
	has "... because its list has the key" "$E2E/sshd-server/log" \
		"key ED25519-CERT $(pattern_of laptop.pub) revoked by file \
$E2E/sshd-server/revoked_keys"
	ssh-keygen -q -t ed25519 -N '' -f tablet
	check "... and another certificate" hsm-keyutil ca sign \
		--ca user-ca -n "$USER" --validity 8h tablet.pub
	check "... logs in with the same list" run_it \
		"ssh -o IdentitiesOnly=yes -i tablet server true"
	has "... as what it is" "$E2E/sshd-server/log" \
		"^Accepted publickey .* ED25519-CERT $(pattern_of tablet.pub) "
}

part_tutorial()
{
	answers_make
	: >"$E2E/transcript"
	SSH_ASKPASS=$E2E/askpass SSH_ASKPASS_REQUIRE=force
	PATH=$builddir/agent:$builddir/keyutil:$PATH
	USER=$(id -un)
	export SSH_ASKPASS SSH_ASKPASS_REQUIRE PATH USER
	vhsmctl -t 1 pull >/dev/null
	wait_for 10 sees DENK0100000
	mkdir -p "$HOME/.ssh" "$E2E/desk"
	cd "$E2E/desk" || return
	sshd_make server
	ln -sf "$HOME/.ssh/authorized_keys" "$E2E/sshd-server/"
	page_lines >"$E2E/lines"
	check "the page has commands" test "$(grep -c ^run "$E2E/lines")" -gt 20
	while read -r verb line <&3; do
		if test "$verb" = "do"; then
			check "$line" do_it "$line"
			continue
		fi
		run_it "$line" >"$E2E/out" 2>&1 </dev/null
		rc=$?
		cat "$E2E/out" >>"$E2E/transcript"
		is "$line" $rc 0
		test $rc -eq 0 || show "$E2E/out"
		case $line in
		*"|| echo refused")
			has "... it is refused" "$E2E/out" '^refused$'
			revoked_alone ;;
		esac
	done 3<"$E2E/lines"
	has "the log says that it is revoked" "$E2E/transcript" \
		' revoked'
}

test $# -eq 0 || { run_part "$1"; exit; }
part tutorial --tokens 2 --fresh
finish
