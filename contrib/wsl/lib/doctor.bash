# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# doctor: looks from Windows to the token, stops where nothing behind can work,
# and ends as the first fault would end any command.

results=()		# STATE, ROW, CAUSE and ADVICE, between tabs
doctor_rc=0
card=no			# the HSM is one, in some reader

# found STATE ROW [DETAIL]: "ok" is a sentence instead of a row.
found()
{
	local cause=$2 advice='' id=''

	if [[ $1 != ok ]]; then
		id=$2
		cause=${row_cause[$2]}${3:+: $3}
		advice=${row_advice[$2]}
		((doctor_rc != 0)) || [[ $1 != fail ]] ||
			doctor_rc=$((row_class[$2] > 0 ? row_class[$2] : 1))
	fi
	results+=("$1"$'\t'"$id"$'\t'"${cause//$'\t'/ }"$'\t'"$advice")
	[[ $json == no ]] || return 0
	printf '%-5s %s\n' "$1" "$cause"
	[[ -z $advice ]] || printf '      %s\n' "$advice"
}

print_json()
{
	printf '%s\n' "${results[@]}" | jq -R -n '[inputs | split("\t") |
	    {state: .[0], id: .[1], what: .[2], advice: .[3]} |
	    with_entries(select(.value != ""))]'
}

# attempt COMMAND...: in a shell of its own, as it may end that; what ends it
# is found.  Else what it has learnt is known here, too.
attempt()
{
	rm -f "$work/row"
	# shellcheck disable=SC2090	# names alone
	if ("$@" && declare -p version usbipd devices busids is chosen inside \
	    readers found_serials troubles >"$work/learnt") 2>/dev/null; then
		# shellcheck source=/dev/null
		. <(sed 's/^declare --/declare -g/; s/^declare -\([aA]\)/declare -g\1/' \
		    "$work/learnt")
		return
	fi
	[[ -e $work/row ]] || echo windows-program >"$work/row"
	found fail "$(<"$work/row")" "$(cat "$work/detail" 2>/dev/null)"
	return 1
}

check_windows()
{
	attempt read_state || return
	found ok "usbipd $version answers"
	[[ $version != 5.2.0 ]] || found warn policy-5.2.0
	[[ :${WSLENV-}: != *:SSH_AUTH_SOCK[:/]* ]] || found warn wslenv
}

# An HSM that is a card, in a reader that was given to WSL by its bus id.
check_card()
{
	! find_chosen && ! linux_has_token || return
	(read_inside && [[ -n $found_serials ]]) >/dev/null 2>&1 || return
	found ok "a reader is in WSL, with a card in it"
	card=yes
}

check_device()
{
	local b

	attempt choose_some || return
	for b in "${chosen[@]}"; do
		found ok "$(name_of "${is[$b id]}") at $b, $(state_word "$b")"
		! is_bound "$b" || found warn network
	done
}

# Several are no fault to a doctor.
choose_some()
{
	all=yes
	choose
}

# By a policy, to attach it shares it.
binds_by_itself()
{
	has_policy && [[ -n $(policy_rule) ]]
}

# Why it was not attached the last time, if that was tried.
check_attached()
{
	local said b=${chosen[0]}

	if is_ghost; then
		if [[ $fix == yes ]] && free_ports; then
			found ok "let go of a device that Windows had back"
		else
			found fail ghost
			return 1
		fi
	fi
	if [[ $fix == yes ]] && ! is_attached "$b" && is_bound "$b"; then
		attempt attach_one "$b" || return
		try_state
	fi
	if is_attached "$b"; then
		found ok "it is attached"
		return
	fi
	if ! is_bound "$b" && ! binds_by_itself; then
		found fail not-shared
	elif [[ -s $last_error ]]; then
		said=$(<"$last_error")
		found fail "$(row_of "$said" attach-failed)" \
		    "$(detail_of "$said")"
	else
		found fail not-attached
	fi
	return 1
}

check_inside()
{
	local first id

	if ! linux_has_token && [[ -z $busid && $card == no ]]; then
		found fail not-arrived
		return 1
	fi
	attempt read_inside || return
	if [[ $fix == yes && $readers -eq 0 ]]; then
		restart_pcscd && until_true "$ARRIVE_SECONDS" has_token
	fi
	first=${troubles%%$'\n'*}
	id=$(row_of "$troubles" '')
	if [[ -n $id && ${row_class[$id]} -gt 0 ]]; then
		found fail "$id" "$first"
		return 1
	fi
	[[ -z $id ]] || found warn "$id" "$first"
	if ((readers == 0)); then
		found fail no-reader
		return 1
	fi
	found ok "pcscd has a reader"
}

check_serial()
{
	if [[ -z $found_serials ]]; then
		found fail no-token "${troubles%%$'\n'*}"
	elif ! is_wanted; then
		found fail other-token "wanted $serial, found $found_serials"
	else
		found ok "token $found_serials"
	fi
}

cmd_doctor()
{
	check_windows && { check_card || { check_device && check_attached; }; } &&
		check_inside && check_serial
	[[ $json == no ]] || print_json
	exit $doctor_rc
}
