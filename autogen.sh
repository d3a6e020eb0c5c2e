#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Make ./configure out of configure.ac; needed once, after a git clone.
cd "$(dirname "$0")" && exec autoreconf --install --warnings=all
