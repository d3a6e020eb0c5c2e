#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The tests of shell functions alone, which bats(1) runs.
command -v bats >/dev/null || {
	echo "1..0 # SKIP bats is missing (package bats)"
	exit 0
}
command -v jq >/dev/null || {
	echo "1..0 # SKIP jq is missing (package jq)"
	exit 0
}
exec bats --tap "${srcdir:-.}/tests/bats"
