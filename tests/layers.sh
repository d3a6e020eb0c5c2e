#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The rules of HACKING that a program can check, over the whole source.
cd "${srcdir:-.}" || exit 1
LC_ALL=C
export LC_ALL
n=0
bad=0

rule()	# SENTENCE WHAT-BREAKS-IT
{
	n=$((n + 1))
	if [ -z "$2" ]; then
		echo "ok $n - $1"
		return
	fi
	bad=$((bad + 1))
	echo "not ok $n - $1"
	echo "$2" | sed 's/^/# /'
}

c_files=$(find lib agent keyutil -name '*.[ch]' ! -name '.*' 2>/dev/null | sort)
test_c_files=$(find tests -name '*.[ch]' ! -name '.*' 2>/dev/null | sort)
case $c_files in
*agent/main.c*lib/base/err.h*) ;;
*)	echo "Bail out! srcdir does not name the source"
	exit 1 ;;
esac

# Source without comments, strings and characters, as "FILE:LINE:TEXT".
# shellcheck disable=SC2086	# names without blanks, here and below
bare=$(awk '
	FNR == 1 { inside = 0 }
	{
		text = $0
		gsub(/\\./, "", text)
		gsub(/"[^"]*"/, "\"\"", text)
		gsub(/'\''[^'\'']*'\''/, "0", text)
		out = ""
		while (text != "") {
			if (inside) {
				if ((i = index(text, "*/")) == 0)
					break
				text = substr(text, i + 2)
				inside = 0
			} else if ((i = index(text, "/*")) > 0) {
				out = out substr(text, 1, i - 1)
				text = substr(text, i + 2)
				inside = 1
			} else {
				out = out text
				break
			}
		}
		if (out ~ /[^ \t]/)
			print FILENAME ":" FNR ":" out
	}' $c_files)

# shellcheck disable=SC2086
found=$(awk '
	# The table in HACKING, "Layers".
	BEGIN {
		may["lib/base"] = " base "
		may["lib/ssh"] = " base ssh "
		may["lib/pin"] = " base pin "
		may["lib/token"] = " base ssh token "
		may["lib/dkek"] = " base ssh dkek "
		may["lib/ca"] = " base ssh ca "
		may["agent"] = " base ssh pin token ca agent "
		may["keyutil"] = " base ssh pin token dkek ca keyutil "
	}
	/^#[ \t]*include[ \t]*"/ {
		layer = FILENAME
		sub(/\/[^\/]*$/, "", layer)
		split($0, part, "\"")
		to = part[2]
		if (to !~ /\//)
			print FILENAME ":" FNR ": \"" to \
			    "\" should be named with its directory"
		else {
			sub(/\/.*/, "", to)
			if (index(may[layer], " " to " ") == 0)
				print FILENAME ":" FNR ": " layer \
				    " may not include " part[2]
		}
	}' $c_files)
rule "includes go one way through the layers" "$found"

# shellcheck disable=SC2086
found=$(awk '
	# Where a library may be used; the first match counts.
	function home(header) {
		if (header ~ /^(PCSC\/|winscard|wintypes|pcsclite|reader)/)
			return "^lib/token/pcsc[.]c$"
		if (header ~ /^p11-kit\//)
			return "^lib/token/p11[a-z]*[.][ch]$"
		if (header ~ /^(libssh|openssl)\//)
			return "^lib/(dkek|ssh)/[^/]*[.]c$"
		if (header ~ /^sqlite3/)
			return "^lib/ca/ledger[a-z_]*[.][ch]$"
		if (header ~ /^systemd\//)
			return "^agent/(bus|absence_[a-z]*|audit_journal)[.]c$"
		if (header ~ /^jansson/)
			return "^(keyutil/|agent/audit[.]c$)"
		if (header ~ /^(arpa|linux|net|netinet|sys)\//)
			return ""
		return header ~ /\// ? "^nowhere$" : ""
	}
	/^#[ \t]*include[ \t]*</ {
		header = $0
		sub(/^[^<]*</, "", header)
		sub(/>.*/, "", header)
		if (FILENAME !~ home(header))
			print FILENAME ":" FNR ": <" header \
			    "> belongs elsewhere"
	}' $c_files)
rule "each library is used only where it is at home" "$found"

calls='strcpy|strcat|sprintf|vsprintf|strncpy|strncat|atoi|atol|strtok|gets|'
calls=$calls'alloca|system|popen'
found=$(echo "$bare" | grep -E "[^A-Za-z0-9_>.]($calls)[ 	]*\\(")
rule "no call that copies blindly, guesses numbers or runs a shell" "$found"

# Written so that this line does not count as one itself.
tag='SPDX-License-Identifier'': GPL-3.0-or-later'
found=$(for f in $(find agent keyutil lib tests contrib man .ci -type f \
    ! -path 'tests/data/*' ! -path '*.corpus/*' ! -path '*/.deps/*' \
    ! -name '*.o' ! -name '*.a' ! -name '*.log' \
    ! -name '*.trs' ! -name .dirstamp 2>/dev/null | sort) \
    autogen.sh configure.ac Makefile.am; do
	[ -f "$f" ] || continue
	head -n 5 "$f" | grep -aq "$tag" || echo "$f"
done | while read -r f; do
	# What the compiler made is no source.
	head -c 4 "$f" | grep -aq '^.ELF' || echo "$f: no $tag"
done)
rule "every file says its licence in the first five lines" "$found"

# shellcheck disable=SC2086
found=$(awk '
	FNR == 1 { start = 0 }
	/^\{/ { start = FNR }
	/^\}/ {
		if (start && FNR - start + 1 > 80)
			print FILENAME ":" start ": a function of " \
			    FNR - start + 1 " lines"
		start = 0
	}' $c_files $test_c_files)
rule "no function is longer than 80 lines" "$found"

# shellcheck disable=SC2086
found=$(awk '
	FNR == 601 { print FILENAME ": more than 600 lines" }
	' $c_files $test_c_files)
rule "no file is longer than 600 lines" "$found"

# shellcheck disable=SC2086
found=$(awk '
	{
		line = $0
		width = 0
		while ((i = index(line, "\t")) > 0) {
			width = int((width + i - 1) / 8 + 1) * 8
			line = substr(line, i + 1)
		}
		# A byte that goes on with a UTF-8 character takes no column.
		gsub(/[\200-\277]/, "", line)
		width += length(line)
		if (width > 80)
			print FILENAME ":" FNR ": " width " columns"
	}' $c_files $test_c_files)
rule "no line of C is wider than 80 columns" "$found"

echo "1..$n"
[ "$bad" -eq 0 ]
