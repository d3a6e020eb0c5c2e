#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Certificates are those of ssh-keygen: of each type of key, by each type of
# CA, from the same words, byte for byte.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need ssh-keygen openssh-client

CAS='ca-rsa2048 ca-rsa4096 ca-p256 ca-p384 ca-p521'
KEYS='rsa2048 rsa3072 rsa4096 p256 p384 p521 ed25519'
SK='sk_ecdsa sk_ed25519'

# make_key NAME: of the type that the name ends with.
make_key()
{
	case $1 in
	*rsa*)	set -- "$1" rsa -b "${1##*rsa}" ;;
	*p???)	set -- "$1" ecdsa -b "${1##*p}" ;;
	*)	set -- "$1" ed25519 ;;
	esac
	make_name=$1
	shift
	ssh-keygen -q -t "$@" -N '' -C "$make_name@example.org" \
		-f "$E2E_TOP/keys/$make_name"
}

# The same keys for all parts.  There is no device: a security key's numbers
# are another key's.
make_keys()
{
	if ! test -d "$E2E_TOP/keys"; then
		mkdir "$E2E_TOP/keys"
		for k in $CAS $KEYS; do
			make_key "$k" &
		done
		wait
		for k in $SK; do
			cp "$srcdir/tests/data/ssh/$k.pub" "$E2E_TOP/keys"
		done
	fi
	cp -p "$E2E_TOP/keys"/* "$E2E"
	FILES=''
	for k in $KEYS $SK; do
		FILES="$FILES $E2E/$k.pub"
	done
	is "there are all keys" "$(find "$E2E" -name '*.pub' | wc -l |
		tr -d ' ')" 14
}

# same CA WORD...: what ssh-keygen signs for these words, we make again.
same()
{
	same_ca=$E2E/$1
	shift
	for k in $KEYS $SK; do
		rm -f "$E2E/$k-cert.pub"
	done
	same_from=$(date +%s)
	# shellcheck disable=SC2086	# names without blanks
	ssh-keygen -q -s "$same_ca" "$@" $FILES || return
	# shellcheck disable=SC2086
	"$HELPERS/cert-again" "$same_from" "$(date +%s)" "$same_ca.pub" \
		"$@" $FILES
}

# each WORD...: by each CA.
each()
{
	each_what=$(echo "$*" | tr -dc ' -~' | cut -c 1-100)
	for ca in $CAS; do
		check "$ca: $each_what" same "$ca" "$@"
		is "... of each key" "$(tail -n 1 "$E2E/out")" \
			"9 certificates"
	done
}

# What ssh-keygen reads of a security key's certificate.
reads_sk()
{
	for k in $SK; do
		ssh-keygen -Lf "$E2E/$k-cert.pub" || return
	done
}

part_user()
{
	make_keys
	each -I alice
	each -I 'alice at work' -n alice -V +8h
	each -I alice -n alice,ops,alice -V -5m:+52w -z 18446744073709551615
	check "ssh-keygen reads those of security keys" reads_sk
	is "... as they are" "$(grep -Ec \
		'Type: sk-.*-cert-v01|Public key: (ED25519|ECDSA)-SK-CERT' \
		"$E2E/out")" 4
	each -I x -n a -z 1 -V 20950101:209501020800 -O clear
	each -I x -n a -V 20950101Z:20950101080000Z -O clear \
		-O permit-pty -O no-pty -O permit-agent-forwarding
	each -I x -n a -V 0x6b010a07:0xfb011943 -O no-x11-forwarding \
		-O no-user-rc -O NO-PORT-FORWARDING
	each -I x -n a -V always:+1w2d3h4m5s -O no-touch-required \
		-O verify-required
	each -I x -n a -V -1d:forever -O verify-required \
		-O no-verify-required -O no-touch-required -O touch-required
	each -I x -n a -V +1h -O verify-required -O clear \
		-O force-command='/bin/sh -c "exit 3"' \
		-O source-address=10.0.0.0/8,::1,192.0.2.7
	each -I x -n a -V +90 -O critical:zz@example.com=v=w \
		-O critical:a@example.com -O critical:empty@example.com= \
		-O extension:login@github.com=alice -O extension:Zz \
		-O extension:permit-ptyx= -O extension:permit-pt
	each -I '' -n "$(seq -f 'user%g' -s , 256)" -V +1h
	each -I "$(printf 'key\tid \303\244')" -n "$(printf 'a b,\303\266')" \
		-V +1h
}

part_host()
{
	make_keys
	each -h -I web
	each -h -I web1 -n web1.example.org,192.0.2.1,::1 -V -1m:+52w -z 7
	each -h -I web1 -n '*.example.org' -V 20950101:20960101 \
		-O extension:a-flag@example.com -O extension:b@example.com=1
	each -h -I web1 -n web1 -V +1d -O permit-pty \
		-O force-command=/bin/true
}

# In a place east of Greenwich, in winter; ssh-keygen is wrong in summer.
part_place()
{
	make_keys
	TZ=CET-1CEST,M3.5.0,M10.5.0/3
	export TZ
	each -I x -n a -V 20950101:209501312359
	each -I x -n a -V 20950101Z:20950131235959
}

# The helper finds a byte that is another.
part_judge()
{
	make_keys
	check "what is the same" same ca-p256 -I x -n a -V +1h
	for words in '-I y -n a -V +1h' '-I x -n b -V +1h' \
	    '-I x -n a -V +2h' '-I x -n a -V +1h -z 1' \
	    '-I x -n a -V +1h -O no-pty' '-h -I x -n a -V +1h'; do
		# shellcheck disable=SC2086	# words
		check_status "is not $words" 1 "$HELPERS/cert-again" \
			"$same_from" "$(date +%s)" "$E2E/ca-p256.pub" \
			$words "$E2E/ed25519.pub"
		has "... and it says where" "$E2E/out" 'differs at'
	done
	check_status "nor that of another CA" 1 "$HELPERS/cert-again" \
		"$same_from" "$(date +%s)" "$E2E/ca-p384.pub" -I x -n a \
		-V +1h "$E2E/ed25519.pub"
	check_status "an option that is wrong is no certificate" 1 \
		"$HELPERS/cert-again" 0 0 "$E2E/ca-p256.pub" -I x -n a \
		-O permit "$E2E/ed25519.pub"
	has "... and it says which" "$E2E/out" '"permit" is no option'
}

# neither WORD...: these words make no certificate, there or here.
neither()
{
	neither_what=$(echo "$*" | tr -dc ' -~' | cut -c 1-100)
	check_status "ssh-keygen refuses $neither_what" 255 ssh-keygen -q \
		-s "$E2E/ca-p256" "$@" "$E2E/ed25519.pub"
	check_status "... and so do we" 1 "$HELPERS/cert-again" \
		"$same_from" "$same_from" "$E2E/ca-p256.pub" "$@" \
		"$E2E/ed25519.pub"
	has_not "... before we write any" "$E2E/out" 'differs|certificates'
}

part_refused()
{
	make_keys
	check "there is a certificate" same ca-p256 -I x
	for v in 20261126 +8x + -5m : +1h: :+1h 20270101:20260101 +2h:+1h \
		always:always forever:always 2026112606:+8h 20261301:+8h \
		0xg:+8h -99999999999:+8h; do
		neither -I x -n a -V "$v"
	done
	for o in permit permit-pty=yes force-command force-command= \
		source-address= source-address=10.0.0.1/8 \
		source-address=example.org "source-address=::1,"; do
		neither -I x -n a -O "$o"
	done
	neither -I x -n a -O force-command=a -O force-command=b
	neither -I x -n a,,b
	neither -I x -n a,
	neither -I x -n "$(seq -f 'user%g' -s , 257)"
	neither -I x -n a -z 0x10
	neither -I x -n a -z 18446744073709551616
	neither -I x -n a -z ''
}

test $# -eq 0 || { run_part "$1"; exit; }
for p in user host place judge refused; do
	bare_part $p
done
finish
