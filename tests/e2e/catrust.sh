#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# hsm-keyutil ca init and ca trust: sshd, ssh and ssh-keygen -Y believe the
# lines that are printed, as far as they should, and the agent takes the rules
# that are written.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2154,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need ssh openssh-client
need sshd openssh-server
need jq jq

me()
{
	id -un
}

# trust PLACE ARGUMENT...: the bare lines for it, in $E2E/PLACE.lines.
trust()
{
	trust_place=$1
	shift
	"$KEYUTIL" ca trust --only "$trust_place" "$@" \
		>"$E2E/$trust_place.lines"
}

# certify CA ARGUMENT...: $E2E/user-cert.pub, by our agent.
certify()
{
	certify_ca=$1
	shift
	rm -f "$E2E/user-cert.pub"
	ssh-keygen -q -Us "$certify_ca" "$@" "$E2E/user.pub"
}

make_user()
{
	ssh-keygen -q -t ed25519 -N '' -C user -f "$E2E/user"
}

login_by_cert()
{
	login_with "$1" "$E2E/user" -o CertificateFile="$E2E/user-cert.pub"
}

# The sshd lines, with the files where the test may write.
sshd_lines()
{
	sed "s,/etc/ssh/,$E2E/etc/," "$E2E/sshd.lines"
}

part_user()
{
	agent_start || return
	save_keys
	make_user
	mkdir "$E2E/etc"
	check "ca trust prints the lines for sshd" \
		trust sshd --for user "my ca"
	check "the file of the CA's key" trust user_ca "my ca"
	cp "$E2E/user_ca.lines" "$E2E/etc/user_ca.pub"
	check "the file of what is revoked" trust revoked "my ca"
	sshd_lines >"$E2E/new"
	is "the lines for sshd name these files" "$(cat "$E2E/new")" \
		"TrustedUserCAKeys $E2E/etc/user_ca.pub
RevokedKeys $E2E/etc/revoked_keys"
	sshd_make global "$(cat "$E2E/new")"
	check "a certificate is made" certify "$E2E/my ca.pub" -I one \
		-n "$(me)" -V +1h
	check_status "without the file of RevokedKeys nobody logs in" 1 \
		login_by_cert global
	cp "$E2E/revoked.lines" "$E2E/etc/revoked_keys"
	check "with it the certificate logs in" login_by_cert global
	has "as one" "$E2E/sshd-global/log" 'Accepted publickey .*-CERT'
	cat "$E2E/user_ca.lines" >>"$E2E/etc/revoked_keys"
	check_status "with the CA's key in it nobody does" 1 \
		login_by_cert global

	sshd_make account
	check "ca trust prints the line for authorized_keys" \
		trust authorized_keys "my ca"
	cp "$E2E/authorized_keys.lines" "$E2E/sshd-account/authorized_keys"
	check "the certificate logs in by authorized_keys" \
		login_by_cert account
	check "with --principals" trust authorized_keys \
		--principals ops,dba "my ca"
	cp "$E2E/authorized_keys.lines" "$E2E/sshd-account/authorized_keys"
	check_status "that keeps others out" 1 login_by_cert account
	check "one for dba is made" certify "$E2E/my ca.pub" -I two -n dba \
		-V +1h
	check "and logs in" login_by_cert account

	is "--file prints the same" "$("$KEYUTIL" ca trust --for user \
		--file "$E2E/my ca.pub")" \
		"$("$KEYUTIL" ca trust --for user 01)"
	is "export has the same line" "$("$KEYUTIL" export \
		--format cert-authority --principals ops,dba "my ca")" \
		"$(cat "$E2E/authorized_keys.lines")"
	agent_stop
}

# verify SIGNER NAMESPACE
verify()
{
	ssh-keygen -Y verify -f "$E2E/allowed_signers.lines" -I "$1" \
		-n "$2" -s "$E2E/text.sig" <"$E2E/text"
}

# sign NAMESPACE: by the key that the certificate is for.
sign()
{
	rm -f "$E2E/text.sig"
	ssh-keygen -q -Y sign -f "$E2E/user-cert.pub" -n "$1" "$E2E/text"
}

part_signers()
{
	agent_start || return
	save_keys
	make_user
	echo text >"$E2E/text"
	check "a certificate for alice is made" certify "$E2E/my ca.pub" \
		-I one -n alice@example.org -V +1h
	check "alice signs" sign git
	check "ca trust prints the line for allowed_signers" \
		trust allowed_signers "my ca"
	check "ssh-keygen -Y verify believes it" \
		verify alice@example.org git
	check_status "but not that it was bob" 255 verify bob@example.org git
	check "with --namespaces" trust allowed_signers --namespaces 'f*' \
		--principals '*@example.org' "my ca"
	check_status "it is for nothing else" 255 \
		verify alice@example.org git
	check "alice signs a file" sign file
	check "which is what it is for" verify alice@example.org file
	check "with other signers" trust allowed_signers --namespaces file \
		--principals '*@example.com' "my ca"
	check_status "alice is none of them" 255 \
		verify alice@example.org file
	agent_stop
}

part_hosts()
{
	agent_start || return
	save_keys
	ssh-keygen -q -t ed25519 -N '' -C someone -f "$E2E/someone"
	mkdir "$E2E/etc"
	check "ca trust prints the lines for sshd" \
		trust sshd --for host "my ca"
	sshd_lines >"$E2E/new"
	sshd_make web.example.org "$(cat "$E2E/new")"
	sshd_lets web.example.org "$E2E/someone.pub"
	cp "$E2E/sshd-web.example.org/key.pub" \
		"$E2E/etc/ssh_host_ed25519_key.pub"
	check "a host certificate is made where they say" ssh-keygen -q -h \
		-Us "$E2E/my ca.pub" -I web -n web.example.org -V +1h \
		"$E2E/etc/ssh_host_ed25519_key.pub"
	: >"$E2E/known_hosts"
	check_status "ssh does not know the host" 1 \
		login_with web.example.org "$E2E/someone"
	check "ca trust prints the line for known_hosts" \
		trust known_hosts --domain '*.example.org' "my ca"
	cp "$E2E/known_hosts.lines" "$E2E/known_hosts"
	check "ssh knows the host by it" \
		login_with web.example.org "$E2E/someone"
	has "it was the certificate" "$E2E/ssh.trace" \
		'Server host certificate: .* ID "web"'
	check "with another --domain" \
		trust known_hosts --domain '*.example.com' "my ca"
	cp "$E2E/known_hosts.lines" "$E2E/known_hosts"
	check_status "it does not" 1 login_with web.example.org "$E2E/someone"
	agent_stop
}

# forms_are_one TYPE "OPTION VALUE"
forms_are_one()
{
	"$KEYUTIL" ca trust --for "$1" "${2% *}" "${2#* }" "my ca" \
		>"$E2E/all"
	"$KEYUTIL" ca trust --json --for "$1" "${2% *}" "${2#* }" "my ca" \
		>"$E2E/json"
	is "what is no comment are the lines ($1)" \
		"$(grep -v -e '^#' -e '^$' "$E2E/all")" \
		"$(jq -r '.places[].lines[]' "$E2E/json" | grep -v '^#')"
	is "each file is named ($1)" \
		"$(grep -E '^# (/etc|~)[^ ]*$' "$E2E/all")" \
		"$(jq -r '.places[].file | "# " + .' "$E2E/json")"
}

# All of it is lines, comments and empty lines, also as JSON.
part_forms()
{
	"$KEYUTIL" export "my ca" >"$E2E/ca.pub"
	for types in 'user --principals ops' "host --domain *.example.org"; do
		forms_are_one "${types%% *}" "${types#* }"
	done
	is "JSON has the key" "$(jq -r .key "$E2E/json")" \
		"$(cat "$E2E/ca.pub")"

	check "nothing is printed of no key" says 'no key "nobody"' 1 \
		"$KEYUTIL" ca trust nobody
	check "a certificate is no CA" no_certificate
	cat "$E2E/ca.pub" "$E2E/ca.pub" >"$E2E/two"
	check "nor are two keys" says 'more than one key' 1 \
		"$KEYUTIL" ca trust --file "$E2E/two"
	check "nor is any text" says "$E2E/pin" 1 \
		"$KEYUTIL" ca trust --file "$E2E/pin"
	check "a private key is not either" says 'id"' 1 private_key
	check "known_hosts needs its hosts" says --domain 2 \
		"$KEYUTIL" ca trust --only known_hosts "my ca"
	check "and JSON, too" says --domain 2 \
		"$KEYUTIL" ca trust --json "my ca"
	check "an option that does nothing is told of" says --domain 2 \
		"$KEYUTIL" ca trust --for user --domain x "my ca"
	check "a place that is not there, too" says '--only takes' 2 \
		"$KEYUTIL" ca trust --for user --only known_hosts "my ca"
	check "patterns are not for authorized_keys" says 'wildcards' 2 \
		"$KEYUTIL" ca trust --principals 'a*' "my ca"
	nl='
'
	for bad in '' 'a b' 'a"b' "a${nl}b" 'a,,b' '#a'; do
		check "no forged line ($bad)" says '"' 2 "$KEYUTIL" ca trust \
			--principals "$bad" "my ca"
		check "nor here ($bad)" says '"' 2 "$KEYUTIL" ca trust \
			--only known_hosts --domain "$bad" "my ca"
		check "or here ($bad)" says '"' 2 "$KEYUTIL" ca trust \
			--namespaces "$bad" "my ca"
	done
}

no_certificate()
{
	ssh-keygen -q -t ed25519 -N '' -f "$E2E/own" &&
		ssh-keygen -q -s "$E2E/own" -I x -n x "$E2E/own.pub" &&
		says 'a certificate' 1 "$KEYUTIL" ca trust \
			--file "$E2E/own-cert.pub"
}

private_key()
{
	ssh-keygen -q -t ed25519 -N '' -f "$E2E/id" &&
		"$KEYUTIL" ca trust --file "$E2E/id"
}

# --- init ---

config()
{
	echo "$XDG_CONFIG_HOME/hsm-ssh-agent/config"
}

# secret NAME TEXT: a file closed to others.
secret()
{
	(umask 077 && printf '%s\n' "$2" >"$E2E/$1")
}

# init ARGUMENT...: without a terminal; what it prints is in $E2E/init.
init()
{
	setsid "$KEYUTIL" ca init --pin-file "$E2E/secret" "$@" \
		>"$E2E/init" 2>&1 </dev/null
	init_rc=$?
	cat "$E2E/init"
	return $init_rc
}

agent_takes_it()
{
	agent_once -T
}

keys_on_token()
{
	"$KEYUTIL" list --json | jq '.keys | length'
}

# The agent looks for what other programs have made every two seconds.
lists()
{
	ssh-add -L | grep -q " $1\$"
}

# From an empty token to a login and a refusal, by what is printed alone.
# The last one that ca init has printed, for a key that there is.
next_command()
{
	sed -n "s,^hsm-keyutil,'$KEYUTIL',; s/NAME/$(me)/
		s,id[.]pub,'$E2E/next.pub',; / ca sign /p" "$E2E/init" \
		>"$E2E/next.sh"
	ssh-keygen -q -t ed25519 -N '' -f "$E2E/next"
	sh "$E2E/next.sh" && test -s "$E2E/next-cert.pub"
}

part_init()
{
	secret secret "$PIN"
	check "ca init makes a CA on a fresh token" init --for user \
		--principals "$(me),dep*" --max-validity 2h 'user "CA"'
	is "there is a key" "$(keys_on_token)" 1
	check "the agent takes the configuration" agent_takes_it
	has "with the CA's name as the agent reads it" "$(config)" \
		'^CA "user ."CA.""$'
	is "others cannot read it" "$(stat -c %a "$(config)")" 600
	has "the next commands are printed" "$E2E/init" '^hsm-ssh-agent -T$'
	has "one starts an agent" "$E2E/init" '^hsm-ssh-agent$'
	has "one makes a certificate" "$E2E/init" \
		"^hsm-keyutil ca sign --ca 'user \"CA\"' "
	agent_start || return
	save_keys
	mv "$E2E"/user*.pub "$E2E/ca.pub"
	make_user
	mkdir "$E2E/etc"
	for file in user_ca.pub revoked_keys sshd_config; do
		section $file >"$E2E/etc/$file"
	done
	sed -i "s,/etc/ssh/,$E2E/etc/," "$E2E/etc/sshd_config"
	sshd_make trusting "$(cat "$E2E/etc/sshd_config")"
	check "its policy lets a certificate pass" certify "$E2E/ca.pub" \
		-I one -z 1 -n "$(me),deploy" -V +1h
	check "which sshd takes by the lines that were printed" \
		login_by_cert trusting
	check "and the command that was printed makes one" next_command
	check_status "it refuses another name" 255 certify "$E2E/ca.pub" \
		-I two -z 2 -n "$(me),nobody" -V +1h
	has "... and says why" "$AGENT_LOG" '"nobody" is not allowed'
	check_status "a longer time" 255 certify "$E2E/ca.pub" \
		-I two -z 2 -n "$(me)" -V +3h
	check_status "no serial number" 255 certify "$E2E/ca.pub" \
		-I two -n "$(me)" -V +1h
	check_status "a host" 255 certify "$E2E/ca.pub" -h -I two -z 2 \
		-n "$(me)" -V +1h

	before=$(cat "$(config)")
	check "a second CA, while the agent runs" init --type p384 \
		--for host --principals '*.example.org' --max-validity 26w \
		hosts
	is "what was there is there" "$(head -n 6 "$(config)")" "$before"
	is "and beside it as it was" "$(cat "$(config).old")" "$before"
	check "the agent takes both" agent_takes_it
	has "the command that reloads it is printed" "$E2E/init" \
		"^kill -HUP $agent_pid\$"
	: >"$AGENT_LOG"
	sh -c "$(grep '^kill -HUP' "$E2E/init")"
	check "it reads its rules again" \
		wait_for 10 in_file "$AGENT_LOG" 'configuration was read'
	check "and lists the new key" wait_for 10 lists hosts
	save_keys
	check "it certifies a host" certify "$E2E/hosts.pub" -h -I h -z 1 \
		-n web.example.org -V +1h
	check_status "but not every host" 255 certify "$E2E/hosts.pub" -h \
		-I h -z 1 -n web.example.com -V +1h
	has "known_hosts has the pattern" "$E2E/init" \
		'^@cert-authority [*].example.org ecdsa-sha2-nistp384 '
	agent_stop
}

# section FILE: the lines for that file, of what init printed.
section()
{
	awk -v file="# /etc/ssh/$1" '
		$0 == file { inside = 1; next }
		/^$/ { inside = 0 }
		inside && (!/^#/ || $0 == "# nothing is revoked") { print }
	' "$E2E/init"
}

# Nothing is half done, or done twice, or to somebody else's file.
part_again()
{
	secret secret "$PIN"
	secret wrong 000000
	mkdir -p "$XDG_CONFIG_HOME/hsm-ssh-agent"
	printf '# mine\nLogLevel error' >"$(config)"
	chmod 640 "$(config)"
	cp "$(config)" "$E2E/before"
	set -- --for user --principals alice --max-validity 12h
	check "--dry-run shows all" init --dry-run "$@" ca
	has "the block" "$E2E/init" '^    MaxValidity 12h$'
	has "the lines" "$E2E/init" \
		'^cert-authority,principals="alice" PUBLIC-KEY ca$'
	is "and makes no key" "$(keys_on_token)" 0
	check "nor a block" cmp "$E2E/before" "$(config)"
	check "without a terminal it says what is missing" \
		says '--for user|host --principals LIST --max-validity' 2 \
		init ca
	check "and no more than that" \
		says 'give --max-validity TIME' 2 \
		init --for user --principals alice ca
	is "there is still no key" "$(keys_on_token)" 0
	check_status "with a wrong PIN nothing is made" 4 \
		setsid "$KEYUTIL" ca init --pin-file "$E2E/wrong" "$@" ca
	check "no block either" cmp "$E2E/before" "$(config)"

	check "nor where the block cannot go" says '/proc/nowhere' 1 \
		init --config /proc/nowhere/config "$@" ca
	is "there is no key still" "$(keys_on_token)" 0
	check "else it is all made" init "$@" ca
	is "there is the key" "$(keys_on_token)" 1
	is "after what was there, a new line and an empty one" \
		"$(cat "$(config)")" "$(cat "$E2E/before")

CA ca
    CertificateTypes user
    Principals alice
    MaxValidity 12h
    RequireSerial yes"
	is "the mode is kept" "$(stat -c %a "$(config)")" 640
	check "what was there is kept" cmp "$E2E/before" "$(config).old"
	cp "$(config)" "$E2E/before"
	check "once more changes nothing" init "$@" ca
	check "at all" cmp "$E2E/before" "$(config)"
	has "but prints the lines" "$E2E/init" '^TrustedUserCAKeys'
	check "another block for the key is refused" \
		says 'has this block already' 1 init --for host \
		--principals alice --max-validity 12h ca
	has "and the one there is shown" "$E2E/init" '^    MaxValidity 12h'
	check "also by the key's other names" \
		says 'has this block already' 1 init --for host \
		--principals a --max-validity 12h --key 01
	check "and where nothing else was said" \
		says 'has this block already' 1 init ca
	check "nothing has changed" cmp "$E2E/before" "$(config)"
	check "another type than the key has" says 'not RSA-2048' 1 \
		init --type rsa2048 "$@" ca

	printf 'Key used\n    Use auth\n' >>"$(config)"
	check "a key with another use is no CA" says 'another use' 1 \
		init "$@" used
	printf 'Key used2\n    Use "auth\n' >>"$(config)"
	check "a configuration that cannot be read is not added to" \
		says 'config:12:' 1 init "$@" used2
	is "no key was made" "$(keys_on_token)" 1
	cp "$E2E/before" "$(config)"

	mv "$(config)" "$E2E/dotfile"
	ln -s "$E2E/dotfile" "$(config)"
	check "a symbolic link is followed" init "$@" second
	check "and stays one" test -h "$(config)"
	has "to the file that was added to" "$E2E/dotfile" '^CA second$'
	is "the last one is kept, too" "$(cat "$(config).old.2")" \
		"$(cat "$E2E/before")"
	check "the agent takes it" agent_takes_it
	is "nothing is left over" "$(find "$XDG_CONFIG_HOME" -name '.*')" ''
}

came_or_ended()
{
	test "$(vhsmctl planned)" = 0 || ! kill -0 "$1" 2>/dev/null
}

# killed_at N: while its Nth card command is under way; false: it has fewer.
killed_at()
{
	vhsmctl init "$PIN" 3537363231383830 vhsm
	rm -rf "$XDG_CONFIG_HOME"
	vhsmctl delay 300 at "$1"
	"$KEYUTIL" ca init --pin-file "$E2E/secret" --for user \
		--principals alice --max-validity 12h ca >"$E2E/cut" 2>&1 \
		</dev/null &
	cut_pid=$!
	wait_for 20 came_or_ended $cut_pid
	kill -KILL $cut_pid 2>/dev/null
	wait $cut_pid
	cut_left=$(vhsmctl planned)
	vhsmctl forget
	vhsmctl pcscd wait >/dev/null
	test "$cut_left" -eq 0
}

# A block only with its key, and both after the same command.
whole()
{
	keys=$(keys_on_token)
	if test -e "$(config)" && test "$keys" -ne 1; then
		echo "there is a block, and keys: $keys"
		return 1
	fi
	init --for user --principals alice --max-validity 12h ca &&
		test "$(keys_on_token)" -eq 1 && agent_takes_it
}

part_cut()
{
	secret secret "$PIN"
	n=1 with_key=0
	while killed_at $n; do
		test "$(keys_on_token)" -eq 0 ||
			with_key=$((with_key + 1))
		whole >"$E2E/whole" 2>&1 || {
			fail "killed at card command $n it can be completed"
			show "$E2E/whole"
		}
		n=$((n + 1))
	done
	say "killed at each of $((n - 1)) card commands, $with_key times" \
		"with the key made"
	check "it was killed before and behind the key" \
		test $with_key -gt 0 -a $with_key -lt $((n - 1))
}

part_typed()
{
	secret secret "$PIN"
	need_helper pty-run || return
	check_status "it asks for what it has to know" 0 \
		"$HELPERS/pty-run" 'user or host? [user] ' '' \
		-a 'with * and ?: ' 'alice bob' \
		-a 'with * and ?: ' 'alice,bob' \
		-a '[12h] ' 90m \
		"$KEYUTIL" ca init --pin-file "$E2E/secret" team
	has "and again where that made no sense" "$E2E/out" 'without blanks'
	has "the CA is for users" "$(config)" '^    CertificateTypes user'
	has "for those" "$(config)" '^    Principals alice bob'
	has "for so long" "$(config)" '^    MaxValidity 90m'
	check_status "a key that is there is offered" 1 \
		"$HELPERS/pty-run" '[yes/no] ' no \
		"$KEYUTIL" ca init --pin-file "$E2E/secret" --for host used
	has_not "and not taken" "$(config)" used
	check_status "and taken" 0 \
		"$HELPERS/pty-run" '[yes/no] ' yes \
		-a 'with * and ?: ' '*.example.org' -a '[26w] ' '' \
		"$KEYUTIL" ca init --for host used
	has "with the default" "$(config)" '^    MaxValidity 26w'
	check "the agent takes it all" agent_takes_it
	check_status "answers that never make sense end it" 1 \
		"$HELPERS/pty-run" '[user] ' x -a '[user] ' y -a '[user] ' z \
		"$KEYUTIL" ca init more
	is "there is no third key" "$(keys_on_token)" 2
}

test $# -eq 0 || { run_part "$1"; exit; }
for p in user signers hosts forms; do
	part $p --key 'p256:my ca:01'
done
part init
part again
# Once is enough where the tests run in several builds.
part cut
part typed --key p256:used:01
finish
