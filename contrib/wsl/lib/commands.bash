# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# status, and what brings a token into WSL and gives it back.

WATCH_SECONDS=5		# between two looks at Linux
VERIFY_SECONDS=${HSM_WSL_SECONDS:-60}	# and two at Windows
POLICY_ID=20a0:4230	# the Nitrokey HSM, unless one is plugged in

state_word()	# BUSID
{
	if is_attached "$1"; then
		echo attached
	elif [[ ${is[$1 forced]} == true ]]; then
		echo "shared (forced)"
	elif is_bound "$1"; then
		echo shared
	else
		echo "not shared"
	fi
}

status_json()
{
	jq -n --arg v "$version" --argjson d "$devices" --argjson i "$inside" \
	    --argjson names "$(names_json)" '
	{usbipd: $v,
	 devices: [$d[] | select(.busid and $names[.id]) |
	  {busid, id, name: $names[.id].name, hsm: $names[.id].hsm, serial,
	   bound, forced, attached}],
	 readers: $i.readers, agent: $i.agent}'
}

names_json()
{
	local id

	{
		for id in "${!hsm_name[@]}"; do
			printf '%s\t%s\ttrue\n' "$id" "${hsm_name[$id]}"
		done
		for id in "${!wrong_name[@]}"; do
			printf '%s\t%s\tfalse\n' "$id" "${wrong_name[$id]}"
		done
	} | jq -R -n '[inputs | split("\t") |
	    {(.[0]): {name: .[1], hsm: (.[2] == "true")}}] | add'
}

cmd_status()
{
	local b id s shown=no

	read_state
	read_inside
	if [[ $json == yes ]]; then
		status_json
		return
	fi
	echo "usbipd $version on Windows"
	while read -r b id s; do
		[[ -n ${hsm_name[$id]-}${wrong_name[$id]-} ]] || continue
		shown=yes
		printf '  %-6s %s  %s%s  %s%s\n' "$b" "$id" \
		    "$(name_of "$id")" "$([[ $s == - ]] || echo " $s")" \
		    "$(state_word "$b")" \
		    "${wrong_name[$id]+, but this is no HSM}"
	done < <(plugged)
	[[ $shown == yes || -n $found_serials ]] ||
		echo "  no HSM is plugged in"
	echo "WSL"
	linux_has_token && echo "  the device is here" ||
		echo "  no device of an HSM is here"
	jq -r '.readers[]? | "  \(.reader): \(.state)" + (if .token then
	    ", \(.token.serial) (\(.token.label)), PIN \(.token.pin)" else ""
	    end)' <<<"$inside"
	[[ -z $err ]] || echo "  ${err#hsm-keyutil: }"
}

cmd_attach()
{
	local b

	choose_or_wait
	for b in "${chosen[@]}"; do
		attach_one "$b"
	done
	[[ $dry_run == no ]] || return 0
	check_token
}

cmd_detach()
{
	local b

	all=yes
	choose
	for b in "${chosen[@]}"; do
		detach_one "$b"
	done
}

cmd_bind()
{
	local b

	choose
	for b in "${chosen[@]}"; do
		bind_one "$b"
	done
}

cmd_unbind()
{
	local b

	choose
	for b in "${chosen[@]}"; do
		unbind_one "$b"
	done
}

# That of what is plugged in, so that another kind of HSM is let through, too.
policy_id()
{
	local b id s

	read -r b id s < <(tokens)
	echo "${id:-$POLICY_ID}"
}

policy_rule()
{
	windows "$STATE_SECONDS" "$usbipd" policy list
	grep -i -- "$(policy_id)" <<<"$out" | grep -w Allow |
	    grep -oE '[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}' |
	    head -n 1
}

cmd_policy()
{
	local rule

	read_state
	has_policy || die $EX_WINDOWS "usbipd $version has no policies, which \
came with 4.2; share the token once with: hsm-wsl bind"
	rule=$(policy_rule)
	case ${1-list} in
	list)
		[[ -n $rule ]] && echo "$(policy_id) may be shared: $rule" ||
			echo "no rule for $(policy_id)"
		return ;;
	add)
		[[ -z $rule ]] || { say "$(policy_id) may be shared"; return; }
		[[ $version != 5.2.0 ]] || fail_row policy-5.2.0
		as_administrator "tokens $(policy_id) shall be shared without \
an administrator from now on; this does not attach them" \
		    "$(usbipd_for_windows)" policy add --effect Allow \
		    --operation AutoBind --hardware-id "$(policy_id)" ;;
	remove)
		[[ -n $rule ]] || { say "there is no rule"; return; }
		as_administrator "the rule $rule goes" \
		    "$(usbipd_for_windows)" policy remove --guid "$rule" ;;
	*)	die $EX_USAGE "policy add, policy remove, or policy alone" ;;
	esac
	[[ $dry_run == no ]] || return 0
	if [[ -n $(policy_rule) ]]; then
		[[ $1 == add ]] || fail_row access-denied
		warn_row network
	else
		[[ $1 == remove ]] || fail_row access-denied
	fi
}

# --- watch ---

# Attach what can be, and see what came of it.
watch_chosen()
{
	local b fresh=no

	read_state
	find_chosen || return 0
	for b in "${chosen[@]}"; do
		is_attached "$b" || fresh=yes
		attach_one "$b"
	done
	[[ $fresh == no ]] || check_token
}

# A failure is told of when it is another than before.
watch_attach()
{
	local now

	now=$( (watch_chosen) 2>&1 )
	[[ $now == "$watch_said" || -z $now ]] || printf '%s\n' "$now" >&2
	watch_said=$now
}

watch_ghost()
{
	try_state && is_ghost && free_ports
}

# Linux is looked at often, which costs nothing.  Windows is asked when it has
# no token, after a sleep, in which the clock goes on alone, and now and then,
# as there may be another token.  Nobody is there to be asked.
cmd_watch()
{
	local asked=0 now before watch_said=''

	read_state
	find_words
	say "attaching the token whenever it is there"
	all=yes ask=no
	printf -v before '%(%s)T'
	while :; do
		printf -v now '%(%s)T'
		if ! linux_has_token; then
			watch_attach
		elif ((now - before > 3 * WATCH_SECONDS ||
		    now - asked >= VERIFY_SECONDS)); then
			asked=$now
			watch_ghost
			watch_attach
		fi
		before=$now
		sleep "${limit:-$WATCH_SECONDS}"
	done
}
