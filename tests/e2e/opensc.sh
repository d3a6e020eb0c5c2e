#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# OpenSC, unmodified, judges the virtual HSM: what it does with a real
# SmartCard-HSM it must be able to do with ours.  Prints TAP.

with_vhsm=${top_builddir:-.}/tests/harness/with-vhsm
here=$0

count=0
ok() {				# ok STATUS NAME
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count - $2"
	else
		echo "not ok $count - $2"
		sed 's/^/# /' "$VHSM_DIR/out"
	fi
}

# Run a command with its output kept for ok() to show.
try() {
	echo "\$ $*" >"$VHSM_DIR/out"
	"$@" >>"$VHSM_DIR/out" 2>&1
}
says() {			# says TEXT COMMAND...
	text=$1
	shift
	try "$@" && grep -q -e "$text" "$VHSM_DIR/out"
}
p11() {
	pkcs11-tool --login --pin "$VHSM_PIN" "$@"
}

# verify ID HASH MECHANISM: sign a hash on the token, verify it with openssl
verify() {
	d=$VHSM_DIR
	pkcs15-tool --read-public-key "$1" -o "$d/pub.pem" &&
	    openssl dgst "-$2" -binary "$d/data" >"$d/hash" &&
	    case $3 in
	    ECDSA)	p11 --sign -m ECDSA --id "$1" -i "$d/hash" -o "$d/sig" \
			    --signature-format openssl ;;
	    *)		p11 --sign -m "$3" --id "$1" -i "$d/data" \
			    -o "$d/sig" ;;
	    esac &&
	    openssl dgst "-$2" -verify "$d/pub.pem" -signature "$d/sig" \
		"$d/data"
}
verify_some() {			# OpenSC 0.23 fails 6 % of P-521 signatures
	verify "$@" || verify "$@" || verify "$@" || verify "$@"
}

certify() {			# certify ID FILE: the token's key, by a CA
	d=$VHSM_DIR
	pkcs15-tool --read-public-key "$1" -o "$d/pub.pem" &&
	    openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=judge \
		-keyout "$d/ca.key" -out "$d/ca.pem" &&
	    openssl req -new -key "$d/ca.key" -subj /CN=judged \
		-out "$d/csr" &&
	    openssl x509 -req -in "$d/csr" -CA "$d/ca.pem" \
		-CAkey "$d/ca.key" -CAcreateserial -days 2 \
		-force_pubkey "$d/pub.pem" -outform DER -out "$2"
}

initialise() {			# initialise LABEL [OPTION...]
	label=$1
	shift
	sc-hsm-tool --initialize --so-pin "$VHSM_SO_PIN" --pin "$VHSM_PIN" \
	    --label "$label" "$@"
}

objects() {
	says "never been initialized" sc-hsm-tool
	ok $? "a fresh token says that it is"
	try initialise judged
	ok $? "sc-hsm-tool initialises it"
	says "User PIN tries left  : 3" sc-hsm-tool
	ok $? "and then reads its status"
	says "judged" pkcs11-tool -L
	ok $? "the label is found"

	try p11 --keypairgen --key-type rsa:2048 --label rsa --id 10
	ok $? "an RSA-2048 key is made"
	try p11 --keypairgen --key-type EC:prime256v1 --label p256 --id 11
	ok $? "a P-256 key is made"
	try p11 --keypairgen --key-type EC:secp384r1 --label p384 --id 12
	ok $? "a P-384 key is made"
	try p11 --keypairgen --key-type EC:secp521r1 --label p521 --id 13
	ok $? "a P-521 key is made"
	says "EC_POINT 384 bits" p11 -O
	ok $? "and all are listed"

	echo "to be signed" >"$VHSM_DIR/data"
	try verify 10 sha256 SHA256-RSA-PKCS
	ok $? "the RSA key signs"
	try verify 11 sha256 ECDSA
	ok $? "the P-256 key signs"
	try verify 12 sha384 ECDSA
	ok $? "the P-384 key signs"
	try verify_some 13 sha512 ECDSA
	ok $? "the P-521 key signs"

	says "Private RSA Key \[rsa\]" pkcs15-tool --dump
	ok $? "pkcs15-tool sees a PKCS#15 card"
	says "ssh-rsa" pkcs15-tool --read-ssh-key 10
	ok $? "and an SSH key on it"
	says "ecdsa-sha2-nistp256" pkcs15-tool --read-ssh-key 11
	ok $? "and another"

	try certify 10 "$VHSM_DIR/cert" &&
	    try p11 --write-object "$VHSM_DIR/cert" --type cert --id 10 \
	    --label rsa
	ok $? "a certificate is written"
	says "CN=judged" p11 -O --type cert
	ok $? "and read back"
	says "No errors" p11 --test
	ok $? "pkcs11-tool has no complaint in its own tests"
	try p11 --delete-object --type privkey --id 12
	ok $? "a key is deleted"
	try p11 -O && ! grep -q "label: *p384" "$VHSM_DIR/out"
	ok $? "and gone"
}

killed() {
	try pkcs11-tool --login --pin 000000 -O
	says "User PIN tries left  : 2" sc-hsm-tool
	ok $? "a wrong PIN is counted"
	pid=$(vhsmctl pid)
	kill -9 "$pid"
	until says "Private EC Key \[ec\]" pkcs15-tool -k; do
		[ $((tries = ${tries:-0} + 1)) -lt 200 ] || break
	done
	[ "$tries" != 200 ]
	ok $? "a killed token comes back with its key"
	says "User PIN tries left  : 2" sc-hsm-tool
	ok $? "and remembers the wrong PIN"
	echo "to be signed" >"$VHSM_DIR/data"
	try verify 01 sha256 ECDSA
	ok $? "and signs"
}

backup() {
	share=$VHSM_DIR/share.pbe
	try initialise backup --dkek-shares 1
	ok $? "sc-hsm-tool initialises with a DKEK share"
	says "DKEK import pending" sc-hsm-tool
	ok $? "and misses it"
	try sc-hsm-tool --create-dkek-share "$share" --password secret
	ok $? "a share is made"
	says "DKEK key check value" sc-hsm-tool --import-dkek-share "$share" \
	    --password secret
	ok $? "and imported"
	try p11 --keypairgen --key-type EC:prime256v1 --label ec --id 20 &&
	    try p11 --keypairgen --key-type rsa:2048 --label rsa --id 21
	ok $? "two keys are made"
	for key in 1 2; do
		wrapped=$VHSM_DIR/key.$key
		try sc-hsm-tool --wrap-key "$wrapped" --key-reference $key \
		    --pin "$VHSM_PIN"
		ok $? "key $key is wrapped"
		vhsmctl delete-file CC0$key
		try sc-hsm-tool --unwrap-key "$wrapped" --key-reference $key \
		    --pin "$VHSM_PIN" --force
		ok $? "and unwrapped"
	done
	echo "to be signed" >"$VHSM_DIR/data"
	try verify 20 sha256 ECDSA && try verify 21 sha256 SHA256-RSA-PKCS
	ok $? "and both sign"
}

firmware() {			# as --firmware said
	says "never been initialized" sc-hsm-tool
	ok $? "a fresh token of firmware $1 says that it is"
	try initialise old &&
	    try p11 --keypairgen --key-type rsa:2048 --label rsa --id 30 &&
	    try p11 --keypairgen --key-type EC:prime256v1 --label ec --id 31
	ok $? "it is initialised, and keys are made"
	version=$1
	[ "$1" = pico ] && version=3.5
	says "Version *: $version" sc-hsm-tool
	ok $? "it tells its version"
	echo "to be signed" >"$VHSM_DIR/data"
	try verify 30 sha256 SHA256-RSA-PKCS && try verify 31 sha256 ECDSA
	ok $? "both keys sign"
	says "old" pkcs11-tool -L
	ok $? "the label is found"
	case $1 in
	[12].*)
		! try p11 --keypairgen --key-type EC:secp384r1 --label no \
		    --id 32
		ok $? "it has no P-384" ;;
	*)
		try p11 --keypairgen --key-type EC:secp384r1 --label yes --id 32
		ok $? "it has P-384" ;;
	esac
}

habits() {
	echo "to be signed" >"$VHSM_DIR/data"
	for quirk in 6cxx 61xx 61xx-long foreign-logout foreign-deselect \
	    other-applet; do
		vhsmctl quirk $quirk on
		try verify 01 sha256 ECDSA && try verify 02 sha256 SHA256-RSA-PKCS
		ok $? "keys sign with the habit $quirk"
		vhsmctl quirk $quirk off
	done
	says "Private EC Key" pkcs15-tool -k
	ok $? "and are listed"
}

states() {
	echo "to be signed" >"$VHSM_DIR/data"
	vhsmctl pka 6400
	says "Public key authentication active" sc-hsm-tool
	ok $? "public keys instead of the PIN are seen"
	vhsmctl pka off
	vhsmctl transport on
	says "Transport-PIN active" sc-hsm-tool
	ok $? "a PIN that must be changed is"
	try pkcs15-tool --change-pin --pin "$VHSM_PIN" \
	    --new-pin 123456 && says "tries left  : 3" sc-hsm-tool
	ok $? "and is changed"
	vhsmctl tries 0
	says "User PIN locked" sc-hsm-tool
	ok $? "a blocked PIN is seen"
	vhsmctl pin "$VHSM_PIN"
	vhsmctl uses 01 1
	try verify 01 sha256 ECDSA
	ok $? "the last use of a key"
	! try verify 01 sha256 ECDSA
	ok $? "is the last"
	vhsmctl uses 01 any
	vhsmctl algs 01 7172
	! try verify 01 sha256 ECDSA
	ok $? "an algorithm that is not allowed fails"
	vhsmctl algs 01 70
	try verify 01 sha256 ECDSA
	ok $? "and works when it is"
}

case ${1:-} in
objects | killed | backup | firmware | habits | states)
	count=$2
	"$1" "${3-}"
	exit 0 ;;
esac

for program in sc-hsm-tool pkcs11-tool pkcs15-tool openssl; do
	if ! command -v $program >/dev/null; then
		echo "1..0 # SKIP $program is not installed"
		exit 0
	fi
done
echo 1..74
"$with_vhsm" --fresh sh "$here" objects 0
"$with_vhsm" --key p256:ec sh "$here" killed 21
"$with_vhsm" --fresh sh "$here" backup 25
at=35
for firmware in 1.2 2.6 4.0 pico; do
	"$with_vhsm" --fresh --firmware $firmware sh "$here" firmware $at \
	    $firmware
	at=$((at + 6))
done
"$with_vhsm" --key p256:ec --key rsa2048:rsa sh "$here" habits $at
"$with_vhsm" --key p256:ec sh "$here" states $((at + 7))
