/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_COMMANDS_H
#define KEYUTIL_COMMANDS_H

#include "keyutil/cmd.h"

/*
 * All commands of hsm-keyutil, in the order in which they are listed.  What
 * knows a command by its name goes by this table: the parser, the help, and
 * the completion in shells.
 */
extern const struct cmd *const commands[];	/* ends in NULL */

/*
 * The command that argv begins with, or NULL; *words are taken by its name.
 * The longest name counts: "backup verify" is not "backup".
 */
const struct cmd *commands_find(int argc, char *const *argv, int *words);

/* The letter of an option, the same one in every command; 0: it has none. */
char		 commands_letter(const char *option);

#endif
