#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Programs that keep a token for themselves for a while, as people have them
# beside an agent: GnuPG in shared mode, a PKCS#11 session that stays open,
# NSS as in Firefox, and our own tool.  They work while the agent's clients
# sign, and the agent goes on afterwards.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

need opensc-tool opensc
need pkcs11-tool opensc
need openssl openssl

module()
{
	for f in /usr/lib/*-linux-gnu*/opensc-pkcs11.so \
	    /usr/lib64/opensc-pkcs11.so /usr/lib/opensc-pkcs11.so; do
		test ! -e "$f" || { echo "$f"; return; }
	done
}

# The agent, and clients of it that sign until clients_end.
clients_start()
{
	need_helper sign-on || return
	agent_start || return
	save_keys
	check "the first signature" "$HELPERS/sign-on" 1 1 ec
	mkfifo "$E2E/end"
	"$HELPERS/sign-on" 3 0 ec rsa <"$E2E/end" >"$E2E/clients" 2>&1 &
	clients=$!
	exec 7>"$E2E/end"
}

clients_end()
{
	exec 7>&-
	check "$1: the agent's clients had all their signatures" \
		wait "$clients"
	say "$(cat "$E2E/clients")"
	check "$1: afterwards the agent goes on" "$HELPERS/sign-on" 2 2 ec rsa
	is "$1: with one prompt in all" "$(prompts)" 1
	is "$1: no PIN was wrong" "$(vhsmctl pins | cut -d' ' -f2)" 0
	agent_stop
}

# --- GnuPG ---

# A pinentry that knows the PIN and little else.
make_pinentry()
{
	cat >"$E2E/pinentry" <<EOS
#!/bin/sh
echo "OK ready"
while read -r command rest; do
	case \$command in
	GETPIN)	echo "\$command" >>"$E2E/pinentry.log"
		printf 'D %s\nOK\n' "\$(cat "$E2E/pin")" ;;
	BYE)	echo OK; exit ;;
	*)	echo OK ;;
	esac
done
EOS
	chmod +x "$E2E/pinentry"
	: >"$E2E/pinentry.log"
}

# An X.509 certificate of the RSA key, on the token, by OpenSC.
make_certificate()
{
	ssh-keygen -e -m PKCS8 -f "$E2E/rsa.pub" >"$E2E/rsa.pem" &&
	printf '%s\n' '[ca]' 'basicConstraints=critical,CA:TRUE' \
		'keyUsage=keyCertSign,cRLSign' \
		'[ee]' 'keyUsage=digitalSignature,nonRepudiation' \
		>"$E2E/x.conf" &&
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$E2E/x.key" \
		-out "$E2E/x.crt" -subj '/CN=Some CA' \
		-addext 'keyUsage=keyCertSign,cRLSign' &&
	openssl req -new -key "$E2E/x.key" -subj /CN=Somebody \
		-out "$E2E/x.csr" &&
	openssl x509 -req -in "$E2E/x.csr" -CA "$E2E/x.crt" \
		-CAkey "$E2E/x.key" -CAcreateserial -days 9 \
		-force_pubkey "$E2E/rsa.pem" -extfile "$E2E/x.conf" \
		-extensions ee -outform DER -out "$E2E/x.der" &&
	pkcs11-tool --login --pin "$PIN" --write-object "$E2E/x.der" \
		--type cert --id 01 --label rsa
}

make_gnupg_home()
{
	GNUPGHOME=$E2E/gnupg
	export GNUPGHOME
	mkdir -m 700 "$GNUPGHOME"
	printf '%s\n' pcsc-shared disable-ccid \
		>"$GNUPGHOME/scdaemon.conf"
	echo "pinentry-program $E2E/pinentry" >"$GNUPGHOME/gpg-agent.conf"
	echo disable-crl-checks >"$GNUPGHOME/gpgsm.conf"
	ca=$(openssl x509 -in "$E2E/x.crt" -noout -fingerprint -sha1 |
		cut -d= -f2 | tr -d :)
	echo "$ca S relax" >"$GNUPGHOME/trustlist.txt"
	gpgsm --import "$E2E/x.crt"
}

gpg_signs()
{
	timeout 60 gpgsm --batch --yes --sign -u Somebody \
		-o "$E2E/signed" "$srcdir/COPYING" &&
		gpgsm --verify "$E2E/signed"
}

part_gnupg()
{
	agent_start || return
	save_keys
	agent_stop
	check "OpenSC writes a certificate to the token" make_certificate
	: >"$E2E/prompts"
	make_pinentry
	check "GnuPG is set up, in shared mode" make_gnupg_home
	clients_start || return
	check "GnuPG finds the token" timeout 60 gpg-connect-agent \
		'scd serialno' 'scd learn --force' /bye
	has "as a SmartCard-HSM" "$E2E/out" 'APPTYPE sc-hsm'
	check "gpgsm learns its certificate" timeout 60 gpgsm --learn-card
	for i in 1 2 3; do
		check "gpgsm signs with it ($i)" gpg_signs
	done
	clients_end gnupg
	check "scdaemon, still there, signs on" gpg_signs
	gpgconf --kill all
}

# --- PKCS#11 ---

held_session()
{
	/usr/bin/python3 - "$(module)" "$PIN" <<'EOS'
import sys
import PyKCS11 as p

lib = p.PyKCS11Lib()
lib.load(sys.argv[1])
slot = lib.getSlotList(tokenPresent=True)[0]
session = lib.openSession(slot, p.CKF_SERIAL_SESSION)
session.login(sys.argv[2])
private = session.findObjects([(p.CKA_CLASS, p.CKO_PRIVATE_KEY),
                               (p.CKA_ID, (1,))])[0]
public = session.findObjects([(p.CKA_CLASS, p.CKO_PUBLIC_KEY),
                              (p.CKA_ID, (1,))])[0]
mechanism = p.Mechanism(p.CKM_SHA256_RSA_PKCS, None)
print("in", flush=True)
n = 0
while True:
    data = b"message %d" % n
    signature = session.sign(private, data, mechanism)
    if not session.verify(public, data, signature, mechanism):
        sys.exit("a wrong signature")
    n += 1
    if n == 100:
        break
session.logout()
print("signed", n)
EOS
}

part_held()
{
	if ! /usr/bin/python3 -c 'import PyKCS11' 2>/dev/null; then
		skip "a PKCS#11 session stays open" \
			"python3-pykcs11 is missing"
		return
	fi
	clients_start || return
	check "an open PKCS#11 session signs 100 times" held_session
	has "to its end" "$E2E/out" '^signed 100$'
	clients_end held
}

# --- NSS, as Firefox and Chromium use a token ---

part_nss()
{
	if ! has_program certutil || ! has_program modutil; then
		skip "NSS works" "libnss3-tools is missing"
		return
	fi
	mkdir "$E2E/nss"
	certutil -N -d "sql:$E2E/nss" --empty-password
	clients_start || return
	check "NSS loads OpenSC's module" timeout 60 modutil -force \
		-dbdir "sql:$E2E/nss" -add opensc -libfile "$(module)"
	printf '%s\n' "$PIN" >"$E2E/nss.pin"
	for i in 1 2 3; do
		check "NSS lists the token's keys ($i)" timeout 60 certutil \
			-K -d "sql:$E2E/nss" -h 'vhsm (UserPIN)' \
			-f "$E2E/nss.pin"
		has "both of them ($i)" "$E2E/out" ' ec$'
	done
	clients_end nss
}

# --- one that switches the power off when it goes ---

# The daemon gives it back for those who come only while nobody is there.
part_power()
{
	agent_start || return
	save_keys
	check "the agent signs" ssh-add -T "$E2E/ec.pub"
	check "another program switches the power off" \
		vhsmuser send 00B0000000 unpower
	check "the agent signs again" ssh-add -T "$E2E/ec.pub"
	check "OpenSC can connect, too" opensc-tool -n -r 0
	is "the PIN was asked for once" "$(prompts)" 1
	agent_stop
}

# --- ours ---

part_keyutil()
{
	clients_start || return
	for i in 1 2 3 4 5; do
		check "hsm-keyutil status ($i)" "$KEYUTIL" status
		check "hsm-keyutil list ($i)" "$KEYUTIL" list
		has "the keys ($i)" "$E2E/out" 'ec'
		check "hsm-keyutil export ($i)" "$KEYUTIL" export ec
		is "what the agent lists ($i)" \
			"$(cut -d' ' -f1,2 "$E2E/out")" \
			"$(cut -d' ' -f1,2 "$E2E/ec.pub")"
	done
	clients_end keyutil
}

test $# -eq 0 || { run_part "$1"; exit; }
top_start
if has_program gpgsm && test -x /usr/lib/gnupg/scdaemon; then
	part gnupg --key rsa2048:rsa:01 --key p256:ec:02
else
	skip "GnuPG shares the token" "gpgsm or scdaemon is missing"
fi
for p in held nss power keyutil; do
	part $p --key rsa2048:rsa:01 --key p256:ec:02
done
finish
