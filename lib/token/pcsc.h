/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_PCSC_H
#define TOKEN_PCSC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "token/apdu.h"

/*
 * PC/SC: which readers there are, what is in them, and a card_io for the
 * card in one.  Always shared mode, never a reset on the way out, so other
 * programs can use the card at the same time.
 *
 * One context serves one thread; only pcsc_cancel() may come from another.
 */
struct pcsc;

#define PCSC_READERS_MAX	16		/* pcsc-lite's own limit */
#define PCSC_NAME_MAX		128
#define PCSC_ATR_MAX		33

struct pcsc_reader {
	char		 name[PCSC_NAME_MAX];
	bool		 present;	/* holds a card */
	bool		 mute;		/* which does not answer */
	bool		 in_use;	/* somebody, or we, have it open */
	bool		 exclusive;	/* held by another program alone */
	uint32_t	 events;	/* changes with each insertion */
	uint8_t		 atr[PCSC_ATR_MAX];
	size_t		 atr_n;
};

struct pcsc_readers {
	struct pcsc_reader v[PCSC_READERS_MAX];
	size_t		 n;
};

/* ERR_NO_TOKEN, with what to do, when there is no PC/SC daemon. */
int	 pcsc_open(struct pcsc **out, struct err *e) MUST_CHECK;
void	 pcsc_close(struct pcsc *p);		/* NULL is fine */

/* The readers as they are now; none is no error. */
int	 pcsc_list(struct pcsc *p, struct pcsc_readers *rs, struct err *e)
	    MUST_CHECK;

/*
 * Block until something differs from *rs (as pcsc_list() filled it), with
 * no wake-ups meanwhile.  ERR_CANCELLED after pcsc_cancel().
 */
int	 pcsc_wait(struct pcsc *p, const struct pcsc_readers *rs,
	    struct err *e) MUST_CHECK;

/* End a pcsc_wait() of another thread, or the next one. */
void	 pcsc_cancel(struct pcsc *p);

/*
 * Connect to the card in a reader.  On success *io owns a context of its
 * own until io->close(); ERR_TOKEN_GONE when the card is gone, ERR_DENIED
 * when another program holds it exclusively.
 */
int	 pcsc_connect(const char *reader, struct card_io *io, struct err *e)
	    MUST_CHECK;

#endif
