/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef VHSM_CTL_H
#define VHSM_CTL_H

#include <stdio.h>

#include "tests/vhsm/serve.h"

/*
 * The control socket's language.  One command a line; words part at blanks,
 * "double quotes" hold a word together.  The answer is any number of lines
 * of data and then one that is "ok" or begins with "error ".
 *
 *	pull			take the card out of the reader
 *	insert			put it in again
 *	reset			drop selection and login, as a power loss does
 *	delay MS [INS]		answer late: every command, or one INS (hex)
 *	fail N SW		the Nth command from now (1: the next) is not
 *				run and answers this status word (hex)
 *	fail N raw HEX		... is not run and answers these very bytes, at
 *				least one: vpcd waits for ever for none
 *	fail N drop		... is not run, the connection ends
 *	fail N drop-after	... is run, its answer is lost
 *	count [INS]		commands answered since the last reset-count
 *	reset-count		... which also empties the log
 *	log			headers of the last 256: CLA INS P1 P2, bytes
 *				sent -> bytes answered, status word.  No data.
 *	apdu HEX		run it in the card with all rights, uncounted
 *	init PIN SO [LABEL]	INITIALIZE; SO is 16 hex digits
 *	generate TYPE LABEL [ID]  make a key as OpenSC does; ID is hex;
 *				prints the key reference in hex
 *	delete-file FID		CCxx too: the key is gone
 *	quirk NAME on|off	eof-ok, enum-pad, no-ce-list; see vhsm.h
 *	serial, pid, ping
 *
 * A dropped connection comes back by itself, as a loose plug would.
 */
void	 ctl_run(struct server *s, char *line, FILE *out);

#endif
