#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What hsm-keyutil ca show says of a certificate, held against what a real
# sshd makes of it, and a real ssh of that of a host.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need ssh openssh-client
need sshd openssh-server
need jq jq

me()
{
	id -un
}

# What sshd is told to do for this user; it prints it for -C, too.
settings_of()
{
	"$SSHD" -T -f "$E2E/sshd-$1/config" \
		-C "user=$(me),addr=127.0.0.1,host=localhost" >"$E2E/sshd-T"
}

# certify ARGUMENT...: $E2E/user-cert.pub, by the CA of the file "ca".
certify()
{
	certify_by ca "$@"
}

certify_by()
{
	certify_ca=$1
	shift
	rm -f "$E2E/user-cert.pub"
	ssh-keygen -q -s "$E2E/$certify_ca" -I id "$@" "$E2E/user.pub"
}

verdict()
{
	"$KEYUTIL" ca show --json --user "$(me)" --sshd "$E2E/sshd-T" "$@" \
		"$E2E/user-cert.pub" >"$E2E/verdict" 2>"$E2E/verdict.err"
}

codes()
{
	jq -r '[.[].verdict.reasons[].code] | join(" ")' "$E2E/verdict"
}

# agree SENTENCE SERVER CODES PATTERN [ARGUMENT...]: sshd and the verdict on
# user-cert.pub; no CODES: it lets the user in.  The pattern is of sshd's log.
agree()
{
	agree_what=$1 agree_at=$2 agree_codes=$3 agree_log=$4
	shift 4
	agree_rc=1
	test -n "$agree_codes" || agree_rc=0
	settings_of "$agree_at"
	# shellcheck disable=SC2086	# options
	check_status "$agree_what: what sshd does" $agree_rc login_with \
		"$agree_at" "$E2E/user" ${reach-} \
		-o CertificateFile="$E2E/user-cert.pub"
	test -z "$agree_log" || has "... and why" \
		"$E2E/sshd-$agree_at/log" "$agree_log"
	check_status "... and what ca show says" $agree_rc verdict "$@"
	is "... and why" "$(codes)" "$agree_codes"
}

make_keys()
{
	for name in user ca other revoked; do
		ssh-keygen -q -t ed25519 -N '' -C $name -f "$E2E/$name"
	done
	ssh-keygen -q -t ecdsa -b 384 -N '' -C ca384 -f "$E2E/ca384"
	ssh-keygen -q -t rsa -b 2048 -N '' -C rsaca -f "$E2E/rsaca"
	cat "$E2E/ca.pub" "$E2E/ca384.pub" "$E2E/rsaca.pub" >"$E2E/cas"
}

part_table()
{
	make_keys
	me=$(me)
	sshd_make plain "TrustedUserCAKeys $E2E/cas"

	certify -n "$me,ops" -V -1m:+1h -z 5
	agree "a good one" plain "" 'Accepted certificate ID "id"'
	check "... without any doubt" jq -e \
		'.[0].verdict.notes == [] and .[0].signature == "right"' \
		"$E2E/verdict"
	certify -n "$me"
	agree "one for ever" plain "" "Accepted certificate"
	certify -n "$me" -V 20200101:20210101
	agree "an expired one" plain "expired" "Certificate invalid: expired"
	certify -n "$me" -V +1d:+2d
	agree "one of tomorrow" plain "not-yet-valid" \
		"Certificate invalid: not yet valid"
	certify -n "nobody,${me}x,x$me" -V +1h
	agree "one of others" plain "principal" \
		"name is not a listed principal"
	certify -n "*" -V +1h
	agree "a pattern, which is none for users" plain "principal" \
		"name is not a listed principal"
	certify -V +1h
	agree "one for nobody" plain "no-principals" \
		"Certificate lacks principal list"
	certify -h -n "$me" -V +1h
	agree "one of a host" plain "type" ""
	certify_by other -n "$me" -V +1h
	agree "one of another CA" plain "ca-not-trusted" ""
	certify_by ca384 -n "$me" -V +1h
	agree "one by ECDSA" plain "" "Accepted certificate"
	certify_by rsaca -n "$me" -V +1h -t rsa-sha2-256
	agree "one by RSA" plain "" "Accepted certificate"
	certify_by rsaca -n "$me" -V +1h -t ssh-rsa
	agree "one by RSA and SHA-1" plain "ca-algorithm" ssh-rsa

	certify -n "$me" -V +1h -O clear
	agree "one without extensions" plain "" "Accepted certificate"
	certify -n "$me" -V +1h -O critical:no-such@example.org=y
	agree "an unknown critical option" plain "option" \
		'critical option "no-such@example.org" is not supported'
	certify -n "$me" -V +1h -O critical:permit-pty
	agree "a critical extension" plain "option" "is not supported"
	certify -n "$me" -V +1h -O extension:no-such@example.org=y
	agree "an unknown extension" plain "" "Accepted certificate"
	certify -n "$me" -V +1h -O clear -O extension:permit-pty=yes
	agree "a flag with a value" plain "option" "permit-pty.* corrupt"
	certify -n "$me" -V +1h -O extension:force-command=/bin/false
	agree "a command among the extensions" plain "" \
		"Accepted certificate"
	certify -n "$me" -V +1h -O critical:force-command
	agree "a command without one" plain "option" "force-command"
	certify -n "$me" -V +1h -O force-command=/bin/true \
		-O critical:force-command=/bin/false
	agree "two commands" plain "option" "multiple force-command"
	certify -n "$me" -V +1h -O verify-required
	agree "verify-required for a key that is no security key" plain "" \
		"Accepted certificate"
	certify -n "$me" -V +1h -O critical:source-address=10.0.0.1/8
	agree "bits beyond the mask" plain "option" "source-address"
	certify -h -n "other" -V 20200101:20210101 \
		-O critical:no-such@example.org=y
	agree "all at once" plain "type expired principal option" ""
}

# ssh itself shows no certificate of a host, but does what an agent says.
part_agent()
{
	make_keys
	sshd_make plain "TrustedUserCAKeys $E2E/cas"
	settings_of plain
	certify -h -n "$(me)" -V +1h
	eval "$(ssh-agent -a "$E2E/plain-agent")" >"$E2E/out"
	ssh-add -q "$E2E/user" 2>"$E2E/out"
	: >"$E2E/sshd-plain/log"
	check_status "one of a host in an agent opens no door" 255 \
		run_ssh_with_any plain true
	has "... and sshd says why" "$E2E/sshd-plain/log" \
		"not a user certificate"
	check_status "... and ca show, too" 1 verdict
	is "... with the reason" "$(codes)" "type"
	ssh-agent -k >"$E2E/out"
}

# The settings of sshd, each as sshd -T prints it.
part_settings()
{
	make_keys
	me=$(me)
	cas="TrustedUserCAKeys $E2E/cas"
	echo "# nobody" >"$E2E/nobody"
	printf 'dep\n\n from="*" ops # comment\n' >"$E2E/names"
	sshd_make trusting_none
	sshd_make missing "TrustedUserCAKeys $E2E/no-such"
	sshd_make calgs "$cas" "CASignatureAlgorithms ecdsa-*,rsa-sha2-512"
	sshd_make more "$cas" "CASignatureAlgorithms +ssh-rsa"
	sshd_make less "$cas" "CASignatureAlgorithms -*ed25519*"
	sshd_make algs "$cas" "PubkeyAcceptedAlgorithms ssh-ed25519,ecdsa-*"
	sshd_make size "$cas" "RequiredRSASize 3072"
	sshd_make mapped "$cas" "AuthorizedPrincipalsFile $E2E/names"
	sshd_make mapped_to "$cas" "AuthorizedPrincipalsFile $E2E/%u/%%names"
	sshd_make unmapped "$cas" "AuthorizedPrincipalsFile $E2E/nobody"
	sshd_make nofile "$cas" "AuthorizedPrincipalsFile $E2E/no-%u"
	mkdir "$E2E/$me"
	echo deploy >"$E2E/$me/%names"

	certify -n "$me" -V +1h
	agree "no CA" trusting_none "ca-not-trusted" ""
	agree "a list of CAs that is not there" missing "ca-not-trusted" ""
	agree "a CA's algorithm that is not in the list" calgs \
		"ca-algorithm" "certificate signature algorithm ssh-ed25519"
	agree "one that was taken out" less "ca-algorithm" \
		"certificate signature algorithm ssh-ed25519"
	agree "a type that is not accepted" algs "key-algorithm" \
		"not in PubkeyAcceptedAlgorithms"
	agree "a file without the name" unmapped "principals-file" \
		"does not contain an authorized principal"
	agree "a file that is not there" nofile "principals-file" \
		"does not contain an authorized principal"
	agree "the user's name, which is not in the file" mapped \
		"principals-file" "does not contain an authorized principal"
	certify_by rsaca -n "$me" -V +1h -t rsa-sha2-512
	agree "one that is" calgs "" "Accepted certificate"
	certify_by rsaca -n "$me" -V +1h -t rsa-sha2-256
	agree "the same key with another" calgs "ca-algorithm" \
		"algorithm rsa-sha2-256"
	certify_by rsaca -n "$me" -V +1h -t ssh-rsa
	agree "SHA-1 where that is allowed" more "" "Accepted certificate"
	certify -n nobody,ops -V +1h
	agree "a name in the file" mapped "" "Accepted certificate"
	check "... whose line has options" jq -e \
		'.[0].verdict.notes[0] | test("line 3 of .* has options")' \
		"$E2E/verdict"
	certify -n deploy -V +1h
	agree "a file by user" mapped_to "" "Accepted certificate"
	agree "the same with that file by hand" unmapped "principals-file" ""
	check "... judged by another" verdict --principals \
		"$E2E/$me/%names"
	certify -V +1h
	agree "one for nobody and a file" mapped \
		"principals-file no-principals" \
		"does not contain an authorized principal"

	ssh-keygen -q -t rsa -b 2048 -N '' -C short -f "$E2E/short"
	cp "$E2E/short" "$E2E/user"
	cp "$E2E/short.pub" "$E2E/user.pub"
	certify -n "$me" -V +1h
	agree "a short RSA key" size "rsa-size" "refusing RSA"
	agree "the same elsewhere" more "" "Accepted certificate"
	agree "no RSA" algs "key-algorithm" "not in PubkeyAccepted"
	settings_of algs
	sed 's/^pubkeyauthentication yes/pubkeyauthentication no/
		s/^pubkeyaccepted/# &/' "$E2E/sshd-T" >"$E2E/no-keys"
	mv "$E2E/no-keys" "$E2E/sshd-T"
	check_status "no keys at all" 1 verdict
	is "... for that reason" "$(codes)" "pubkey-off"
}

part_revoked()
{
	make_keys
	me=$(me)
	cas="TrustedUserCAKeys $E2E/cas"
	sshd_make keys "$cas" "RevokedKeys $E2E/list"
	certify -n "$me" -V +1h
	{
		echo "# revoked"
		echo
		cat "$E2E/revoked.pub"
	} >"$E2E/list"
	agree "another key is revoked" keys "" "Accepted certificate"
	cat "$E2E/user.pub" >>"$E2E/list"
	agree "its key is revoked" keys "revoked" "revoked"
	check "... in line 4" jq -e '.[0].verdict.reasons[0].text |
		test("its key is in line 4")' "$E2E/verdict"
	check_status "... and so --revoked says" 1 "$KEYUTIL" ca show --user \
		"$me" --revoked "$E2E/list" "$E2E/user-cert.pub"
	cat "$E2E/ca.pub" >"$E2E/list"
	agree "its CA is revoked" keys "revoked" "revoked"
	cat "$E2E/user-cert.pub" >"$E2E/list"
	agree "it is revoked" keys "revoked" "revoked"
	certify -n "$me" -V +2h
	agree "and with it the next one" keys "revoked" "revoked"
	for line in "serial: 77" "id: id" "key: $(cat "$E2E/user.pub")" \
	    "hash: $(fingerprint "$E2E/user.pub")"; do
		certify -n "$me" -V +1h -z 77
		rm "$E2E/list"
		echo "$line" | ssh-keygen -q -k -f "$E2E/list" \
			-s "$E2E/ca.pub" -
		agree "a list in OpenSSH's format, ${line%%:*}" keys \
			"revoked" "revoked"
	done
	echo "serial: 1-76" | ssh-keygen -q -k -f "$E2E/list" \
		-s "$E2E/ca.pub" -
	agree "such a list without it" keys "" "Accepted certificate"
	dd if="$E2E/list" of="$E2E/half" bs=1 count=50 2>/dev/null
	mv "$E2E/half" "$E2E/list"
	agree "half of such a list" keys "revoked" ""
	{
		cat "$E2E/revoked.pub"
		echo "no key"
	} >"$E2E/list"
	agree "a list with a fault" keys "revoked" ""
	cat "$E2E/user.pub" "$E2E/list" >"$E2E/list2"
	rm "$E2E/list"
	agree "no list" keys "revoked" ""
	check "a list on the command line has to be there" says \
		'cannot open' 1 "$KEYUTIL" ca show --revoked "$E2E/list" \
		"$E2E/user-cert.pub"

	sshd_make fault "TrustedUserCAKeys $E2E/list3"
	{
		echo "cert-authority $(cat "$E2E/ca.pub")"
		cat "$E2E/ca.pub"
	} >"$E2E/list3"
	agree "CAs after a line that is no key" fault "ca-not-trusted" ""
	{
		cat "$E2E/ca.pub"
		echo "cert-authority $(cat "$E2E/ca.pub")"
	} >"$E2E/list3"
	agree "a CA before it" fault "" "Accepted certificate"
}

# A client that has an address.
part_address()
{
	make_keys
	me=$(me)
	sshd_make server "TrustedUserCAKeys $E2E/cas"
	for port in $(shuf -i 20000-32000 -n 20); do
		: >"$E2E/sshd-server/log"
		"$SSHD" -D -f "$E2E/sshd-server/config" \
			-E "$E2E/sshd-server/log" \
			-o ListenAddress=127.0.0.1 -p "$port" &
		server=$!
		wait_for 20 in_file "$E2E/sshd-server/log" \
			'Server listening|Cannot bind'
		in_file "$E2E/sshd-server/log" 'Server listening' && break
		wait "$server"
	done
	reach="-o ProxyCommand=none -o HostName=127.0.0.1 -p $port"
	for list in 127.0.0.1 127.0.0.0/8 0.0.0.0/0 127.0.0.1/32 \
	    10.0.0.0/8,127.0.0.1 ::1,127.0.0.0/30,::/0 126.0.0.0/7; do
		certify -n "$me" -V +1h -O "source-address=$list"
		agree "from $list" server "" "Accepted certificate" \
			--from 127.0.0.1
	done
	check "... and the same address in the dress of IPv6" verdict \
		--from ::ffff:127.0.0.1
	for list in 127.0.0.2 10.0.0.0/8 128.0.0.0/1 ::1 ::/0 \
	    ::ffff:127.0.0.1 127.0.0.2/31 127.0.1.0/24; do
		certify -n "$me" -V +1h -O "source-address=$list"
		agree "from $list" server "source-address" \
			"not from a permitted source address" --from 127.0.0.1
	done
	check "without --from it is not judged" verdict
	check "... and that is said" jq -e '.[0].verdict.notes[0] |
		test("that takes --from ADDRESS")' "$E2E/verdict"
	for list in '!10.0.0.0/8' '*' '127.0.0.1,' ',127.0.0.1' \
	    '127.0.0.0/33' 'localhost'; do
		certify -n "$me" -V +1h -O "critical:source-address=$list"
		agree "from $list" server "option" "" --from 127.0.0.1
	done
	certify -n "$me" -V +1h -O source-address=127.0.0.1 \
		-O critical:source-address=127.0.0.1
	agree "two lists" server "option" "multiple source-address" \
		--from 127.0.0.1
	kill "$server"
	wait "$server"
}

# host_agree SENTENCE NAME CODES PATTERN: what ssh, and what we make of the
# certificate of the server "web" when it is called that.
host_agree()
{
	host_rc=255
	test -n "$3" || host_rc=0
	check_status "$1: what ssh does" $host_rc ssh -F "$E2E/ssh_config" \
		-o UserKnownHostsFile="$E2E/cas_of_hosts" -o BatchMode=yes \
		-o GlobalKnownHostsFile=none -o StrictHostKeyChecking=yes \
		-o HostKeyAlias="$2" -i "$E2E/user" -o IdentitiesOnly=yes \
		web true
	test -z "$4" || has "... and why" "$E2E/out" "$4"
	host_rc=1
	test -n "$3" || host_rc=0
	check_status "... and what ca show says" $host_rc host_verdict "$2"
	is "... and why" "$(codes)" "$3"
}

host_verdict()
{
	"$KEYUTIL" ca show --json --host "$1" --known-hosts \
		"$E2E/cas_of_hosts" "$E2E/sshd-web/key-cert.pub" \
		>"$E2E/verdict" 2>"$E2E/verdict.err"
}

certify_host()
{
	ssh-keygen -q -s "$E2E/ca" -I web "$@" "$E2E/sshd-web/key.pub"
}

part_hosts()
{
	make_keys
	sshd_make web "HostCertificate $E2E/sshd-web/key-cert.pub"
	sshd_lets web "$E2E/user.pub"
	trusts="@cert-authority web*.example,!web9.example,[Other]:22"
	echo "$trusts $(cat "$E2E/ca.pub")" >"$E2E/cas_of_hosts"

	certify_host -h -n 'web1.example,web[23].example,db?.example' -V +1h
	host_agree "a good one" web1.example "" ""
	host_agree "in large letters" WEB1.example "" ""
	host_agree "another name" web2.example "principal" \
		"name is not a listed principal"
	certify_host -h -n 'web?.example,other' -V +1h
	check "a pattern is for more than one" host_verdict web2.example
	check "... as of 10.3, and that is said" jq -e \
		'.[0].verdict.notes[0] | test("before 10.3 does not")' \
		"$E2E/verdict"
	host_agree "a pattern that does not fit" web22.example "principal" \
		"name is not a listed principal"
	host_agree "a host of another CA" db.example \
		"ca-not-trusted principal" ""
	host_agree "a host that was excluded" web9.example \
		"ca-not-trusted" ""
	certify_host -h -n 'web1.example' -V 20200101:20210101
	host_agree "an expired one" web1.example "expired" "expired"
	certify_host -h -V +1h
	check_status "one for nobody" 1 host_verdict web1.example
	is "... is for nobody" "$(codes)" "no-principals"
	certify_host -n 'web1.example' -V +1h
	check_status "one of a user" 1 host_verdict web1.example
	is "... is none of a host" "$(codes)" "type"
	certify_host -h -n 'web1.example' -V +1h -O force-command=/bin/true
	host_agree "an option" web1.example "option" \
		"unsupported critical options"
	certify_host -h -n 'web1.example' -V +1h
	echo "@revoked * $(cat "$E2E/sshd-web/key.pub")" \
		>>"$E2E/cas_of_hosts"
	host_agree "a revoked key" web1.example "revoked" "REVOKED|revoked"
	{
		echo "$trusts $(cat "$E2E/ca.pub")"
		echo "@revoked web* $(cat "$E2E/ca.pub")"
	} >"$E2E/cas_of_hosts"
	host_agree "a revoked CA" web1.example "revoked" "REVOKED|revoked"
}

# What is shown, and of what.
part_shown()
{
	make_keys
	certify -n "alice,ops" -z 18446744073709551615 -V 20300101Z:20300102Z \
		-O force-command=/bin/true -O verify-required
	check "a certificate is shown" "$KEYUTIL" ca show "$E2E/user-cert.pub"
	cp "$E2E/out" "$E2E/shown"
	has "its key" "$E2E/shown" \
		"^Key  .*ssh-ed25519 $(pattern_of "$E2E/user.pub")"
	has "its CA" "$E2E/shown" \
		"^CA  .*ssh-ed25519 $(pattern_of "$E2E/ca.pub")"
	has "its signature" "$E2E/shown" '^Signed .* signature is right'
	has "its serial number" "$E2E/shown" '^Serial +18446744073709551615$'
	has "its principals" "$E2E/shown" '^For +alice, ops$'
	has "its times" "$E2E/shown" \
		'from 2030-01-01 00:00:00 UTC until 2030-01-02 00:00:00 UTC'
	has "its command" "$E2E/shown" '"/bin/true"'
	has "its form" "$E2E/shown" '^Form +nothing stands against it$'
	check "at its time" "$KEYUTIL" ca show --user alice \
		--at 20300101030000Z "$E2E/user-cert.pub"
	has "it is valid" "$E2E/out" 'still for( 21 h)?$'
	has "for 21 hours" "$E2E/out" ' 21 h$'
	check_status "a second later than its end it is not" 1 "$KEYUTIL" \
		ca show --user alice --at 20300102Z "$E2E/user-cert.pub"
	has "and that is said" "$E2E/out" 'expired at 2030-01-02 00:00:00'
	check "JSON has the number to its last digit" sh -c "
		'$KEYUTIL' ca show --json '$E2E/user-cert.pub' |
		jq -e '.[0].serial == \"18446744073709551615\" and
		    .[0].verdict == null and .[0].form == null'"

	certify -n "$(printf 'a\033[2J,b c')" -V +1h
	check "a hostile one is shown" "$KEYUTIL" ca show \
		"$E2E/user-cert.pub"
	has_not "without its control characters" "$E2E/out" "$(printf '\033')"
	has "but with what stands against it" "$E2E/out" '^Form .*control'

	# The last bytes are those of the signature.
	certify -n alice -V +1h
	awk '{ n = length($2); c = substr($2, n - 5, 1)
		$2 = substr($2, 1, n - 6) (c == "A" ? "B" : "A") \
		    substr($2, n - 4); print }' "$E2E/user-cert.pub" \
		>"$E2E/forged"
	check_status "ssh-keygen takes no forged one" 1 ssh-keygen -Lf \
		"$E2E/forged"
	check "ca show shows it" "$KEYUTIL" ca show "$E2E/forged"
	has "and says what it is" "$E2E/out" 'signature is WRONG'
	check_status "and who would refuse it" 1 "$KEYUTIL" ca show --user \
		alice "$E2E/forged"

	cat "$E2E/user-cert.pub" "$E2E/user-cert.pub" >"$E2E/two"
	check "two in standard input" sh -c "'$KEYUTIL' ca show --json - \
		<'$E2E/two' | jq -e 'length == 2 and .[1].line == 2'"
	cat "$E2E/user.pub" >>"$E2E/two"
	check "a key is no certificate" says 'line 3: a key, and no cert' 1 \
		"$KEYUTIL" ca show "$E2E/two"
	is "but the others are shown" "$(grep -c '^Signed' "$E2E/said")" 2
	check "nothing is no certificate" says 'there is no certificate' 1 \
		"$KEYUTIL" ca show /dev/null
	check "no file is wrong" says 'name the files' 2 "$KEYUTIL" ca show
	check "nor is a name an address" says 'is no address' 2 "$KEYUTIL" \
		ca show --from localhost "$E2E/two"
	check "nor any number a day" says 'no such day' 2 "$KEYUTIL" \
		ca show --at 20260230 "$E2E/two"

	printf '%s\n' "AllowUsers alice" "Include /etc/ssh/x" "Match all" \
		"PubkeyAuthentication no" >"$E2E/sshd-T"
	check_status "a file with Match is read up to there" 1 verdict
	check "... as is said" jq -e '[.[0].verdict.notes[] |
		select(test("Match begins|Include|AllowUsers"))] |
		length == 3' "$E2E/verdict"
}

test $# -eq 0 || { run_part "$1"; exit; }
for part in table agent settings revoked address hosts shown; do
	bare_part $part
done
finish
