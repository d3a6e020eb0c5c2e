#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What "make bench" runs: the benchmark in a private pcscd with a virtual
# HSM, beside ssh-agent with OpenSC where those are installed, and then
# modules.sh, survive.sh, accept.sh and keys.sh.  Options, all for bench:
# --json, which leaves out these, --latency MS, --busy MS.  README here says
# more.
set -eu
build=${top_builddir:-.}

for f in tests/bench/bench tests/harness/with-vhsm agent/hsm-ssh-agent; do
	if [ ! -x "$build/$f" ]; then
		echo "bench: $build/$f is not built; run \"make bench\"" >&2
		exit 2
	fi
done

# This machine's own architecture first, should there be another too.
find_module() {
	for dir in "/usr/lib/$(uname -m)"-* /usr/lib/*-* /usr/lib64 \
	    /usr/lib /usr/local/lib; do
		for f in "$dir/$1" "$dir/pkcs11/$1" "$dir/softhsm/$1"; do
			if [ -f "$f" ]; then
				realpath "$f"
				return
			fi
		done
	done
}

module=${OPENSC_PKCS11:-$(find_module opensc-pkcs11.so)}
softhsm=$(find_module libsofthsm2.so)
if [ -n "$module" ] && command -v ssh-agent >/dev/null &&
    command -v ssh-add >/dev/null; then
	against=$(ssh -V 2>&1 | sed 's/[ ,].*//')
	opensc=$(opensc-tool --info 2>/dev/null | sed -n '1s/ *\[.*//p') || :
	set -- --module "$module" \
	    --against "$against with ${opensc:-OpenSC}" "$@"
else
	echo "bench: no ssh-agent or no opensc-pkcs11.so here, so there is" \
	    "nothing to compare with" >&2
	module='' against=nothing
	set -- --against "nothing" "$@"
fi
status=0
"$build/tests/harness/with-vhsm" "$build/tests/bench/bench" \
    --agent "$build/agent/hsm-ssh-agent" "$@" || status=$?
case " $* " in
*' --json '*)
	exit $status ;;
esac
if [ $status -le 1 ] && command -v sshd >/dev/null; then
	CASIGN_N=1000 CASIGN_PERCENT=110 top_builddir=$build \
	    srcdir=$(dirname "$0")/../.. \
	    "$(dirname "$0")/../e2e/casign-many.sh" || status=1
fi
if [ $status -gt 1 ] || ! command -v opensc-tool >/dev/null ||
    ! command -v pkcs11-tool >/dev/null; then
	exit $status
fi
if [ -n "$module" ] && [ -n "$softhsm" ] &&
    [ -x "$build/agent/hsm-ssh-agent-module" ]; then
	"$build/tests/harness/with-vhsm" --key p256:ec:01 \
	    --key rsa2048:rsa:02 "$(dirname "$0")/modules.sh" \
	    "$(realpath "$build")" "$module" "$softhsm" || status=1
else
	echo "bench: SoftHSM, OpenSC or our own PKCS#11 is missing, so" \
	    "modules are not compared" >&2
fi
"$build/tests/harness/with-vhsm" --key p256:ec:01 \
    "$(dirname "$0")/survive.sh" "$(realpath "$build")/agent/hsm-ssh-agent" \
    "$module" "$against${opensc:+ with $opensc}" || status=1
"$build/tests/harness/with-vhsm" --key p256:ec:01 --key rsa2048:rsa:02 \
    --key p256:bulk:03 "$(dirname "$0")/accept.sh" \
    "$(realpath "$build")/agent/hsm-ssh-agent" \
    "$module" "$against${opensc:+ with $opensc}" || status=1
if [ -n "$module" ] && command -v sc-hsm-tool >/dev/null; then
	OPENSC_MODULE=$module "$build/tests/harness/with-vhsm" \
	    "$(dirname "$0")/keys.sh" \
	    "$(realpath "$build")/keyutil/hsm-keyutil" || status=1
fi
exit $status
