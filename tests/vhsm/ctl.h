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
 * The reader and the card in it:
 *	pull			take the card out of the reader
 *	insert			put it in again
 *	swap N			card N (0 to 3; 0 is the first) in its place,
 *				as pull and insert.  Each has its own state
 *				file, serial number, PINs and keys; a new one
 *				is not initialised
 *	swap N quiet		now, but pcscd notices nothing
 *	swap N reset		when the reader next resets it or turns its
 *				power off or on: pcscd sees nothing but that
 *	reader			"empty"; "full"; "seen" when pcscd has asked
 *				for the ATR of the card since it came
 *	card N COMMAND...	COMMAND for card N, in the reader or not
 *	reset			drop selection and login, as a power loss
 *				does; pcscd notices nothing (if it shall, use
 *				"vhsmuser reset")
 *
 * Faults.  N counts commands from now on, 1 is the next; with INS (two hex
 * digits) only those with this INS count, and with "+" after it only those
 * with data: 20+ is a VERIFY with a PIN, 20 also asks how many tries are left.
 *	delay MS [INS]		answer late: every command, or this INS
 *	delay MS at N [INS]	the Nth, once
 *	fail N [INS] SW		the Nth is not run and answers this status
 *				word (hex)
 *	fail N [INS] raw HEX	... and answers these very bytes, at least
 *				one
 *	fail N [INS] empty	... and is answered by nothing: pcscd reports
 *				success, and no bytes
 *	fail N [INS] drop	... is not run, the connection ends: pcscd
 *				reports SCARD_E_NOT_TRANSACTED
 *	fail N [INS] drop-after	... is run, its answer is lost like that
 *	at N [INS] before COMMAND...	do COMMAND when the Nth has come, and
 *				then run it, if the card is still in
 *	at N [INS] during COMMAND...	run the Nth, do COMMAND, then answer,
 *				if the card is still in
 *	at N [INS] after COMMAND...	do COMMAND when its answer has gone
 *				out, or has been lost
 *	planned			how many of these are still to come; an error
 *				if a COMMAND has failed since it was last asked
 *	forget			what is planned, "delay" without "at" excepted
 * A dropped connection comes back by itself, as a loose plug would.
 *
 * What went by, with whatever card was in:
 *	count [INS]		commands answered since the last reset-count
 *	reset-count		... which also empties the log
 *	log			headers of the last 256: CLA INS P1 P2, bytes
 *				sent -> bytes answered, status word, or "lost".
 *				No data
 *
 * The card, and what other programs do to it.  None of these is counted,
 * delayed or in the log:
 *	apdu HEX		run it in the card with all rights, and leave
 *				the session as it was
 *	send HEX		run it in the session as it is, as another
 *				program's command is
 *	logout			... SELECT of the applet: nobody is logged in
 *	other-applet		... SELECT of another, which the card has from
 *				now on: D27600012401.  Then commands answer
 *				6D00, or 6E00 if their class is not 00
 *	pin NEW			change the user PIN; nobody is logged in
 *	tries [N]		user PIN tries left; make it N
 *	so-tries [N]		the same of the SO-PIN
 *	transport on|off	the PIN must be changed before it is good
 *	pka SW|off		public keys instead of the PIN, whose status
 *				then is SW (hex; what real cards say is not
 *				known, OpenSC understands 6400)
 *	pins			three numbers: user PINs that came with a
 *				command since reset-count; of these, how many
 *				cost a try; how many came when another applet
 *				was selected, or to a foreign card
 *	init PIN SO [LABEL]	INITIALIZE; SO is 16 hex digits
 *	generate TYPE LABEL [ID]  make a key as OpenSC does; ID is hex;
 *				prints the key reference in hex
 *	uses REF N|any		that key (hex) may be used N times more
 *	algs REF HEX|any	that key does only these algorithms, P2 bytes
 *	delete-file FID		CCxx too: the key is gone
 *	firmware X.Y|pico	what it answers as; files and keys stay.  Known:
 *				1.x, 2.x, 3.x, 4.x; see vhsm.h
 *	atr HEX|own		another ATR, from the next insertion on
 *	quirk NAME on|off	see vhsm.h:
 *		short			no extended APDUs
 *		6cxx, 61xx, 61xx-long	answers to be asked for twice
 *		eof-ok, enum-pad, no-ce-list
 *		other-applet		it has a second applet, D27600012401
 *		other-pin		... with a PIN 81 of its own
 *		foreign-logout		a SELECT that fails ends the login
 *		foreign-deselect	... and the selection
 *		key-first		no C4xx and CExx without CCxx
 *	serial
 * A vhsm that was killed comes back with card 0 in the reader and no faults;
 * its cards have lost their quirks, pka, atr and firmware too.
 *
 *	pid, ping
 *
 * vhsmctl knows words of its own: "pcscd ..." goes to with-vhsm, which see.
 */
void	 ctl_run(struct server *s, char *line, FILE *out);

/* A planned line: what it prints is lost, but "planned" tells of an error. */
void	 ctl_run_planned(struct server *s, char *line);

#endif
