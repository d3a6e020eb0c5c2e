/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_HOLDERS_H
#define TOKEN_HOLDERS_H

#include <stddef.h>

/*
 * Who else uses PC/SC.  PC/SC itself does not tell; but who uses it has its
 * library mapped, and Linux shows that for the processes of one's own user,
 * and for all of them to root.  Somebody found here need not be the one who
 * holds the card.
 *
 * `proc` is "/proc", or what a test has made instead.
 */
struct pcsc_holder {
	long	 pid;
	char	 name[16];	/* as its program says; printable */
};

/*
 * The first `max` of them, without us, pcscd, and those of ours, who share.
 * Takes half a second at the most.
 */
size_t	 pcsc_holders(const char *proc, struct pcsc_holder *v, size_t max);

/* How such a program is made to let go, in words; NULL: not known. */
const char *pcsc_holder_advice(const char *name);

/*
 * The rest of the sentence "another program holds the card: ", who it may
 * be and what to do, without a full stop.  Always says something.
 */
void	 pcsc_holders_describe(const char *proc, char *text, size_t len);

#endif
