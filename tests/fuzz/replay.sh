#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Every file of each corpus through its target; an empty corpus is a failure.
n=0
for dir in "${srcdir:-.}"/tests/fuzz/*.corpus; do
	n=$((n + 1))
	name=$(basename "$dir" .corpus)
	set -- "$dir"/*
	if test -e "$1" && "./tests/fuzz/$name" "$@"; then
		echo "ok $n - $name: $# inputs"
	else
		echo "not ok $n - $name"
	fi
done
echo "1..$n"
