#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What bash, zsh and fish make of a TAB in the command line of hsm-keyutil.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2317
. "${srcdir:-.}/tests/e2e/lib.sh"

PATH=${KEYUTIL%/*}:$PATH
export PATH
tab=$(printf '\t')

# A label that would be two words, and one that would be a command.
spaced='my key'
# shellcheck disable=SC2016	# that is what it is about
nasty='x$(touch pwned)'

make_keys()
{
	vhsmctl generate p256 user 10 >/dev/null
	vhsmctl generate p256 "$spaced" 11 >/dev/null
	vhsmctl generate p256 "$nasty" 12 >/dev/null
	vhsmctl generate p256 ca:host 13 >/dev/null
	cd "$E2E" || return
	: >a-file
}

# Each shell has a function SHELL_offers LINE, which prints what it offers at
# the end of that line, one a line and without descriptions.  The others:
# offers SENTENCE LINE WORD...: these are all among what the shell offers.
offers()
{
	e2e_title="$shell: $1" e2e_line=$2
	shift 2
	"${shell}_offers" "$e2e_line" >"$E2E/offered" 2>"$E2E/complaints"
	for e2e_word in "$@"; do
		grep -qxF -e "$e2e_word" "$E2E/offered" && continue
		fail "$e2e_title"
		say "$e2e_word is not offered for: $e2e_line"
		show "$E2E/offered"
		show "$E2E/complaints"
		return
	done
	is "$e2e_title" "$(cat "$E2E/complaints")" ""
}

offers_not()
{
	has_not "$shell: $1" "$E2E/offered" "$2"
}

# typed SENTENCE LINE WANTED: the LINE, which has TABs in it, is typed at a
# terminal, and does what the line WANTED does without one.
typed()
{
	rm -f "$E2E/typed"
	"$HELPERS/pty-run" 'ready> ' "$2 >typed
exit" "${shell}_at_terminal" >"$E2E/terminal" 2>&1 </dev/null
	sh -c "$3" >"$E2E/wanted" 2>&1 </dev/null
	if test -s "$E2E/wanted" && cmp -s "$E2E/wanted" "$E2E/typed"; then
		pass "$shell: $1"
	else
		fail "$shell: $1"
		show "$E2E/terminal"
		show "$E2E/wanted"
	fi
}

# at_terminal COMMAND...: the program that `typed` starts.
at_terminal()
{
	mkdir -p "$E2E/bin"
	printf '#!/bin/sh\nexec %s\n' "$*" >"$E2E/bin/${shell}_at_terminal"
	chmod +x "$E2E/bin/${shell}_at_terminal"
	PATH=$E2E/bin:$PATH
}

check_offers()
{
	offers "a command is completed" 'hsm-keyutil exp' export
	offers "one that begins another is, too" 'hsm-keyutil ba' backup
	offers "as is the other" 'hsm-keyutil backup v' verify
	offers "keys may stand there as well" 'hsm-keyutil backup ' verify \
	    user
	offers "commands are listed" 'hsm-keyutil ' status list export help
	offers "help takes a command" 'hsm-keyutil help st' status
	offers "the second word of a command" 'hsm-keyutil pin ' change \
	    unblock so-change
	offers "so has its options" 'hsm-keyutil pin change --new' \
	    --new-pin-file
	offers "files are found" 'hsm-keyutil test --pin-file a-f' a-file
	offers "options are completed" 'hsm-keyutil export --f' --format
	offers "an option has its arguments" \
	    'hsm-keyutil export --format ss' sshfp
	offers "keys are read from the token" 'hsm-keyutil export ' user \
	    ca:host
	offers_not "an option is not offered where a key stands" '^--'
	offers "tokens are found" 'hsm-keyutil list --token ' DENK0100000
	offers "keys of the token that was named" \
	    'hsm-keyutil export --token DENK0100000 u' user
	offers "none of another" 'hsm-keyutil export --token NONE u'
	offers_not "they are not" user
	offers "nothing at all fits nonsense" 'hsm-keyutil nonsense '
	is "$shell: it is empty" "$(cat "$E2E/offered")" ""
}

check_typed()
{
	typed "what is typed with TABs is what it says" \
	    "hsm-keyutil exp$tab us$tab" "hsm-keyutil export user"
	typed "a label of two words is quoted" \
	    "hsm-keyutil export my$tab" "hsm-keyutil export 'my key'"
	typed "a label is data to the shell" \
	    "hsm-keyutil export x$tab" "hsm-keyutil export '$nasty'"
	typed "also between quotes" \
	    "hsm-keyutil export \"my$tab" "hsm-keyutil export 'my key'"
	typed "whatever is in it" \
	    "hsm-keyutil export 'x$tab" "hsm-keyutil export '$nasty'"
	check "$shell: nothing in it was run" test ! -e pwned
	typed "a label may have a colon" \
	    "hsm-keyutil export ca$tab" "hsm-keyutil export ca:host"
	typed "also when that was typed" \
	    "hsm-keyutil export ca:h$tab" "hsm-keyutil export ca:host"
	typed "a value may stand behind its =" \
	    "hsm-keyutil export --token=DENK$tab user" \
	    "hsm-keyutil export user"
}

# The words as bash parts them: at blanks, and at = and :.
bash_offers()
{
	bash -c '. "$1" || exit
	mapfile -t COMP_WORDS < <(sed "s/[=:]/\n&\n/g; s/  */\n/g" <<<"$2")
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	compopt() { :; }
	_hsm_keyutil
	printf "%s\n" "${COMPREPLY[@]}"' bash "$E2E/script" "$1" |
	    sed '/^$/d'
}

part_bash()
{
	shell=bash
	make_keys
	hsm-keyutil completion bash >"$E2E/script"
	check "bash: no fault is found with the script" \
	    shellcheck -s bash "$E2E/script"
	check_offers
	printf 'PS1="ready> "\nbind "set bell-style none"\n. %s\n' \
	    "$E2E/script" >"$E2E/bashrc"
	at_terminal "bash --noprofile --rcfile $E2E/bashrc -i"
	check_typed
	mkdir -p "$HOME/data/bash-completion/completions"
	cp "$E2E/script" "$HOME/data/bash-completion/completions/hsm-keyutil"
	cat >"$E2E/bashrc" <<-EOF
	XDG_DATA_HOME=$HOME/data
	. /usr/share/bash-completion/bash_completion
	bind 'set bell-style none'
	PS1='ready> '
	EOF
	typed "bash-completion finds it" \
	    "hsm-keyutil exp$tab us$tab" "hsm-keyutil export user"
}

zsh_offers()
{
	cat >"$E2E/offer.zsh" <<-'EOF'
	# In place of zsh's own, which shows what it is given.
	_describe() { print -rl -- "${(@P)2}" }
	_files() { print -rl -- *(N) }
	compdef() { :; }
	compset() { :; }
	. $1
	words=("${(@s: :)2}") CURRENT=${#words}
	_hsm-keyutil
	EOF
	zsh -f "$E2E/offer.zsh" "$E2E/script" "$1" |
	    sed 's/\\:/\n/g; s/:.*//; s/\n/:/g; /^$/d'
}

part_zsh()
{
	shell=zsh
	make_keys
	mkdir -p "$E2E/functions"
	hsm-keyutil completion zsh >"$E2E/script"
	cp "$E2E/script" "$E2E/functions/_hsm-keyutil"
	check "zsh: the script parses" zsh -n "$E2E/script"
	check_offers
	cat >"$E2E/home/.zshrc" <<-EOF
	fpath=($E2E/functions \$fpath)
	autoload -U compinit && compinit -u -D
	unsetopt beep
	PS1='ready> '
	EOF
	at_terminal "zsh -d -i"
	check_typed
	cat >"$E2E/home/.zshrc" <<-EOF
	autoload -U compinit && compinit -u -D
	. $E2E/script
	unsetopt beep
	PS1='ready> '
	EOF
	typed "the script may be read, too" \
	    "hsm-keyutil exp$tab us$tab" "hsm-keyutil export user"
}

fish_offers()
{
	# shellcheck disable=SC2016
	fish -c 'complete -C $argv[1]' "$1" | cut -f1
}

part_fish()
{
	shell=fish
	make_keys
	mkdir -p "$XDG_CONFIG_HOME/fish/completions"
	hsm-keyutil completion fish >"$E2E/script"
	cp "$E2E/script" "$XDG_CONFIG_HOME/fish/completions/hsm-keyutil.fish"
	check "fish: the script parses" fish -n "$E2E/script"
	check_offers
	offers "a value may stand behind its =" \
	    'hsm-keyutil export --token=DENK' --token=DENK0100000
}

# What the shells ask is answered whatever the token does.
part_trouble()
{
	need_helper hold-card || return
	mkfifo "$E2E/hold.in"
	"$HELPERS/hold-card" transaction <"$E2E/hold.in" >"$E2E/held" 2>&1 &
	exec 7>"$E2E/hold.in"
	wait_for 10 in_file "$E2E/held" '^held'
	timeout 30 hsm-keyutil completion --candidates -- export '' \
	    >"$E2E/out" 2>/dev/null
	is "a token in use is not waited for" "$?" 143
	exec 7>&-
	vhsmctl pcscd stop >/dev/null
	check "without pcscd there are no keys to offer" \
	    hsm-keyutil completion --candidates -- export ''
	is "and that is all" "$(grep -v '^hsm-keyutil: ' "$E2E/out")" words
	check "commands need no token" \
	    hsm-keyutil completion --candidates -- exp
	has "they are there" "$E2E/out" "^export$tab"
	check_status "a shell has to be named" 2 hsm-keyutil completion
	check_status "one that is known" 2 hsm-keyutil completion csh
	check "each format that is offered is one" every_format
}

every_format()
{
	vhsmctl pcscd start >/dev/null
	vhsmctl generate p256 user 10 >/dev/null
	hsm-keyutil completion --candidates -- export --format '' |
	    sed '1d; s/\t.*//' >"$E2E/formats"
	test -s "$E2E/formats" || return
	while read -r format; do
		case $format in
		known_hosts | sshfp) set -- --hosts h ;;
		allowed_signers) set -- --principals p ;;
		*) set -- ;;
		esac
		hsm-keyutil export --format "$format" "$@" user || return
	done <"$E2E/formats"
}

test $# -eq 0 || { run_part "$1"; exit; }
for program in bash zsh fish; do
	need $program $program
done
need shellcheck shellcheck
test -e /usr/share/bash-completion/bash_completion ||
	skip_all "bash-completion is missing (package bash-completion)"
part bash
part zsh
part fish
part trouble
finish
