#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# modules.sh BUILD OPENSC-MODULE SOFTHSM-MODULE: the same keys by our own
# driver and through PKCS#11, and by OpenSSH's agent through the same modules,
# in a table.  A turn of each after the other, the medians count.  Started by
# run.sh, under with-vhsm; status 1 when ours is slower with SoftHSM.
set -u
srcdir=$(cd "$(dirname "$0")/../.." && pwd)
build=$1 opensc=$(realpath "$2") softhsm=$(realpath "$3")
E2E=$VHSM_DIR/modules
PIN=$VHSM_PIN
say() { echo "bench: $*" >&2; }
# shellcheck source=tests/bench/agent-lib.sh
. "$srcdir/tests/bench/agent-lib.sh"
# shellcheck source=tests/e2e/soft-lib.sh
. "$srcdir/tests/e2e/soft-lib.sh"

TURNS=5
COLUMNS='native our_opensc our_softhsm their_opensc their_softhsm'
PCSC=$PCSCLITE_CSOCK_NAME

# An agent that does not know the card, while its modules do.
prepare_agents()
{
	mkdir "$E2E/without-pcsc"
	cp "$build/agent/hsm-ssh-agent" "$E2E/without-pcsc"
	cat >"$E2E/without-pcsc/hsm-ssh-agent-module" <<-END
	#!/bin/sh
	PCSCLITE_CSOCK_NAME=$PCSC
	export PCSCLITE_CSOCK_NAME
	exec "$build/agent/hsm-ssh-agent-module" "\$@"
	END
	chmod +x "$E2E/without-pcsc/hsm-ssh-agent-module"
	chmod 600 "$E2E/pin"
	echo "PinFile $E2E/pin" >"$E2E/native"
	{
		cat "$E2E/native"
		echo "Module $opensc"
	} >"$E2E/our_opensc"
	{
		cat "$E2E/native"
		echo "Module $softhsm"
	} >"$E2E/our_softhsm"
}

prepare_softhsm()
{
	soft_conf
	soft_token soft
	soft_key soft EC:prime256v1 ec 01
	soft_key soft rsa:2048 rsa 02
}

launch()	# COMMAND...
{
	"$@" >/dev/null 2>"$E2E/agent.log" &
	# shellcheck disable=SC2034	# for end() of agent-lib.sh
	agent_pid=$!
}

# ssh-agent knows a module from ssh-add on.
launch_theirs()	# SOCKET MODULE
{
	launch ssh-agent -D -P "$2" -a "$1"
	SSH_AUTH_SOCK=$1
	export SSH_AUTH_SOCK
	left=1000
	while test ! -S "$1" && test $left -gt 0; do
		left=$((left - 1))
		sleep 0.005
	done
	ssh-add -s "$2" 2>"$E2E/ssh-add.log" || cat "$E2E/ssh-add.log" >&2
}

# A line of meter's to the file of the column.
turn()	# COLUMN
{
	sock=$E2E/$1.sock
	rm -f "$sock"
	begin=$(date +%s%N)
	case $1 in
	native)
		launch "$build/agent/hsm-ssh-agent" -D -a "$sock" \
			--config "$E2E/native" ;;
	our_*)
		PCSCLITE_CSOCK_NAME=$E2E/none
		launch "$E2E/without-pcsc/hsm-ssh-agent" -D -a "$sock" \
			--config "$E2E/$1"
		PCSCLITE_CSOCK_NAME=$PCSC ;;
	their_opensc)
		launch_theirs "$sock" "$opensc" ;;
	their_softhsm)
		launch_theirs "$sock" "$softhsm" ;;
	esac
	"$build/tests/bench/meter" "$sock" "$begin" ec rsa >>"$E2E/$1.out"
	meter_rc=$?
	test $meter_rc -eq 0 || tail -n 3 "$E2E/agent.log" >&2
	end
	return $meter_rc
}

# The median of a field in the lines of a column.
median()	# COLUMN FIELD
{
	cut -d' ' -f"$2" "$E2E/$1.out" | sort -n |
		sed -n "$(((TURNS + 1) / 2))p"
}

row()	# SENTENCE FIELD
{
	printf '  %-30s' "$1"
	for c in $COLUMNS; do
		printf ' %9s' "$(median "$c" "$2")"
	done
	echo
}

not_slower()	# FIELD
{
	test "$(median our_softhsm "$1")" -ge "$(median their_softhsm "$1")"
}

prepare
prepare_agents
prepare_softhsm
i=0
while test $i -lt $TURNS; do
	i=$((i + 1))
	for c in $COLUMNS; do
		turn "$c" || exit 2
	done
done
printf '\nThe same job through PKCS#11 modules, median of %d turns\n' $TURNS
printf '  %-30s %9s %9s %9s %9s %9s\n' '' ours ours ours ssh-agent ssh-agent \
	'' native OpenSC SoftHSM OpenSC SoftHSM
row "from start to the list, ms" 1
row "from start to a signature, ms" 2
row "one client, ECDSA, ms" 3
row "4 clients, ECDSA a second" 4
row "4 clients, RSA-2048 a second" 5
if not_slower 4 && not_slower 5; then
	echo "  with 4 clients ours is not slower than ssh-agent on SoftHSM"
else
	echo "  MISSED: with 4 clients ours is slower than ssh-agent on SoftHSM"
	exit 1
fi
