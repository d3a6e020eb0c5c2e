# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Which devices are meant: HSMs by their USB ids, and look-alikes by name.

chosen=()	# bus ids, by find_chosen()

declare -gA hsm_name=(
	[20a0:4230]='Nitrokey HSM'
	[04e6:5816]='SmartCard-HSM USB token'
	[04e6:5817]='SmartCard-HSM (SCT3522CC)'
	[04e6:581a]='SmartCard-HSM (uTrust 3522)'
	[04e6:5826]='SmartCard-HSM (Token Flex)'
	[2e8a:10fd]='Pico HSM'
)
declare -gA wrong_name=(
	[20a0:4107]='Crypto Stick'
	[20a0:4108]='Nitrokey Pro'
	[20a0:4109]='Nitrokey Storage'
	[20a0:4211]='Nitrokey Start'
	[20a0:42b2]='Nitrokey 3'
	[20a0:42f3]='Nitrokey Passkey'
)

name_of()	# VID:PID
{
	echo "${hsm_name[$1]-${wrong_name[$1]-USB device}}"
}

# All that are plugged in, as BUSID VID:PID SERIAL-or-dash.
plugged()
{
	local b

	for b in ${busids[@]+"${busids[@]}"}; do
		echo "$b ${is[$b id]} ${is[$b s]}"
	done
}

# The HSMs among them.
tokens()
{
	local b id s

	while read -r b id s; do
		[[ -n ${hsm_name[$id]-} ]] && echo "$b $id $s"
	done < <(plugged)
}

# The USB serial number of a stick begins with that of the HSM in it.
same_serial()	# USB TOKEN
{
	[[ -n $2 && ${1^^} == "${2^^}"* ]]
}

look_alikes()
{
	local b id s names=''

	while read -r b id s; do
		[[ -n ${wrong_name[$id]-} ]] || continue
		names+="${names:+, }${wrong_name[$id]} ($id) at $b"
	done < <(plugged)
	echo "$names"
}

nothing_there()
{
	local names

	[[ $devices != *'"hub":true'* ]] || fail_row hub
	names=$(look_alikes)
	[[ -z $names ]] || fail_row wrong-device "$names"
	fail_row no-device "${serial:+no $serial is among them}"
}

# The bus ids that WHICH means go into $chosen.  One that is named by its bus
# id may be any reader, as an HSM may be a card.
find_chosen()
{
	local b id s

	chosen=()
	while read -r b id s; do
		[[ -z $serial ]] || same_serial "$s" "$serial" || continue
		chosen+=("$b")
	done < <(if [[ -n $busid ]]; then
		plugged | awk -v b="$busid" '$1 == b'
	else
		tokens
	fi)
	# A stick that does not tell Windows its number is looked at inside.
	if ((${#chosen[@]} == 0)) && [[ -n $serial ]]; then
		while read -r b id s; do
			[[ $s != - ]] || chosen+=("$b")
		done < <(tokens)
	fi
	((${#chosen[@]} > 0))
}

choose()
{
	[[ -n $usbipd ]] || read_state
	find_chosen || nothing_there
	((${#chosen[@]} == 1)) || [[ $all == yes ]] ||
		fail_row many-devices "$(tokens | tr '\n' ';')"
}

see_chosen()
{
	read_state
	find_chosen
}

# With --wait: until it is plugged in.
choose_or_wait()
{
	read_state
	if [[ $wait == yes ]] && ! find_chosen; then
		say "waiting for a token to be plugged in"
		until_true "${limit:-86400}" see_chosen ||
			die $EX_TIME "no token came in $limit s"
	fi
	choose
}
