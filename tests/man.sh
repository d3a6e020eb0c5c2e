#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The man pages name what the programs know, all of it and nothing else, and
# mandoc finds no fault with them.
src=${srcdir:-.}
agent=${top_builddir:-.}/agent/hsm-ssh-agent
keyutil=${top_builddir:-.}/keyutil/hsm-keyutil
LC_ALL=C
export LC_ALL
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
n=0
bad=0

# The files $work/code and $work/man have the same lines, and some.
same()	# SENTENCE
{
	n=$((n + 1))
	sort -u "$work/code" -o "$work/code"
	sort -u "$work/man" -o "$work/man"
	if [ -s "$work/code" ] && cmp -s "$work/code" "$work/man"; then
		echo "ok $n - $1"
		return
	fi
	bad=$((bad + 1))
	echo "not ok $n - $1"
	[ -s "$work/code" ] || echo "# nothing was found in the program"
	comm -23 "$work/code" "$work/man" | sed 's/^/# not in the page: /'
	comm -13 "$work/code" "$work/man" | sed 's/^/# only in the page: /'
}

# ".It Fl -x Ar y" as "--x ARG"
documented()	# PAGE
{
	sed -n 's/^\.It Fl \([^ ]*\) Ar .*/-\1 ARG/p
	    s/^\.It Fl \([^ ]*\)$/-\1/p' "$src/man/$1"
}

# From options.c: the short options in their string, the long in their table.
agent_tables()
{
	sed -n 's/.*short_options\[\] = "+*\(.*\)";/\1/p' \
	    "$src/agent/options.c" |
	    sed 's/[a-zA-Z]/\n-&/g' | sed -n 's/^\(-.\):/\1 ARG/p; s/^-.$/&/p'
	sed -n '/long_options\[\] = {/,/^};/{
		s/.*{ "\([^"]*\)",.*required_argument.*/--\1 ARG/p
		s/.*{ "\([^"]*\)",.*no_argument.*/--\1/p
	}' "$src/agent/options.c"
}

# From the usage: "[-a socket]", "[-c | -s]", "[--token NAME]".
agent_usage()
{
	"$agent" --help | sed 's/^usage://' | tr '[]|\n' '\n' |
	    sed -n 's/^.* \(-[^ ]*\) *$/\1/
	    s/^ *\(-[^ ]*\) *$/\1/p
	    s/^ *\(-[^ ]*\) [a-zA-Z].*/\1 ARG/p'
}

documented hsm-ssh-agent.1 >"$work/man"
agent_tables >"$work/code"
same "hsm-ssh-agent.1 has the options of its tables"

documented hsm-ssh-agent.1 >"$work/man"
agent_usage >"$work/code"
same "hsm-ssh-agent.1 has the options of hsm-ssh-agent --help"

sed -n '/keywords\[\] = {/,/^};/s/.*{ "\([^"]*\)",.*/\1/p' \
    "$src/agent/keywords.c" "$src/lib/ca/block.c" "$src/lib/ca/profile.c" \
    >"$work/code"
sed -n 's/^\.It Cm \([^ ]*\).*/\1/p' "$src/man/hsm-ssh-agent.conf.5" \
    >"$work/man"
same "hsm-ssh-agent.conf.5 has the keywords of their tables"

# Commands stand one list deep, their options two: "COMMAND --x ARG".  The
# name of a command ends where a macro begins.
awk '
	function name(i,   words) {
		for (words = $i; $++i ~ /^[a-z]/; )
			words = words " " $i
		return words
	}
	/^\.Sh/ { here = $0 ~ /COMMANDS/; depth = 0 }
	/^\.Bl/ { depth++ }
	/^\.El/ { depth-- }
	!here { next }
	depth == 1 && /^\.It Cm / { print command = name(3) }
	depth == 1 && /^\.It Xo/ { getline; print command = name(2) }
	depth == 2 && /^\.It Fl / {
		sub(/Fl [a-z] , /, "")
		print command " -" $3 ($4 == "Ar" ? " ARG" : "")
	}' "$src/man/hsm-keyutil.1" >"$work/man"
"$keyutil" help | sed -n 's/^  \([a-z][a-z -]*[a-z]\)  .*/\1/p' |
    sed 's/ *$//' >"$work/commands"
while read -r c; do
	echo "$c"
	[ "$c" != help ] || continue
	# shellcheck disable=SC2086	# one word or two
	"$keyutil" help $c </dev/null |
	    sed -n "s/^  -[a-z], /  /
	    s/^  \\(--[a-z0-9-]*\\) [^ ].*/$c \\1 ARG/p; t
	    s/^  \\(--[a-z0-9-]*\\) .*/$c \\1/p"
done <"$work/commands" >"$work/code"
same "hsm-keyutil.1 has the commands and options of hsm-keyutil help"

# The options of its parser, and the commands of its usage.
grep -oE '^		-[-a-z |]*\)' "$src/contrib/wsl/hsm-wsl" |
    grep -oE -e '--[a-z-]+' >"$work/code"
sed -n '/^usage()/,/END$/s/^	  \([a-z][a-z-]*\) .*/\1/p' \
    "$src/contrib/wsl/hsm-wsl" >>"$work/code"
sed -n 's/^\.It Fl -\([a-z-]*\).*/--\1/p
    s/^\.It Cm \([a-z-]*\).*/\1/p' "$src/man/hsm-wsl.1" >"$work/man"
same "hsm-wsl.1 has the commands and options of hsm-wsl"

for page in "$src"/man/*.[1-8]; do
	n=$((n + 1))
	what="mandoc finds no fault with $(basename "$page")"
	if ! command -v mandoc >/dev/null; then
		echo "ok $n - $what # SKIP mandoc is missing (package mandoc)"
	elif mandoc -T lint -W warning "$page" >"$work/lint" 2>&1; then
		echo "ok $n - $what"
	else
		bad=$((bad + 1))
		echo "not ok $n - $what"
		sed 's/^/# /' "$work/lint"
	fi
done
echo "1..$n"
[ "$bad" -eq 0 ]
