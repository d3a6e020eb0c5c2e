#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The main job with SoftHSM alone and no pcscd: the tests of logins, clients,
# signatures and CA signing, as they are, with their keys in such a token.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2154,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

# shellcheck source=tests/e2e/soft-lib.sh
. "$srcdir/tests/e2e/soft-lib.sh"

need_module_program
need_soft

# job SCRIPT: its results, as ours.
job()
{
	(
		unset E2E_TOP E2E_KEEP
		E2E_SOFT=yes "$srcdir/tests/e2e/$1.sh" >"$E2E/job" 2>&1
	)
	job_rc=$?
	if grep -q '^1[.][.]0 # SKIP' "$E2E/job"; then
		skip "$1" "$(sed 's/^1[.][.]0 # SKIP //' "$E2E/job")"
		return
	fi
	while read -r verdict rest; do
		case $verdict in
		ok)	pass "$1: ${rest#* - }" ;;
		not)	fail "$1: ${rest#* - }" ;;
		esac
	done <"$E2E/job"
	is "$1 comes to its end" \
		"$(grep -c '^1[.][.][1-9]' "$E2E/job"), $job_rc" "1, 0"
	test $job_rc -eq 0 || show "$E2E/job"
}

part_login() { job login; }
part_clients() { job clients; }
part_sshsig() { job sshsig; }
part_ca() { job ca; }
part_cajudges() { job cajudges; }
part_renew() { job renew; }

test $# -eq 0 || { run_part "$1"; exit; }
for job in login clients sshsig ca cajudges renew; do
	bare_part $job
done
finish
