/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UNIT_CARD_H
#define UNIT_CARD_H

#include "tests/vhsm/vhsm.h"
#include "token/apdu.h"

/*
 * The card at the end of card_io, for unit tests: a virtual SmartCard-HSM
 * in memory, initialised with VHSM_PIN, that counts its commands and can be
 * made to fail.
 */
#define CARD_PAD_CODE	0x42330006

struct card {
	struct vhsm	*vhsm;
	unsigned int	 count;		/* commands since the last look */
	unsigned int	 verify_count;	/* of them, VERIFY with a PIN */
	bool		 reset;		/* what the next begin says, */
	bool		 unsure;	/* and that it may be another card */
	unsigned int	 reset_amid;	/* not 0: at the Nth command from now */
	bool		 alone;		/* no other program has it open */
	const char	*reader;	/* its name; NULL: not known */
	bool		 busy;		/* in another program's transaction */
	bool		 gone;		/* transmit fails */
	bool		 in_transaction;
	unsigned int	 closed;
	unsigned int	 fail_at;	/* not 0: the Nth command from now */
	uint16_t	 fail_sw;	/* is not run and answers this, */
	unsigned int	 fail_more;	/* and so many after it */
	struct span	 fail_data;	/* which come before fail_sw */
	unsigned int	 lose_at;	/* not 0: the Nth is run, and its answer
					   lost with the token */
	uint16_t	 sign_sw;	/* not 0: SIGN answers this */
	uint8_t		 spoil;		/* flips this bit of each signature */
	struct span	 features;	/* of the reader; empty: none */
	const char	*typed;		/* at its PIN pad; NULL: pad_sw */
	uint16_t	 pad_sw;
	uint8_t		 pad_block[64];	/* what the pad was told */
	size_t		 pad_block_n;
};

void		 card_open(struct card *c, const struct vhsm_options *o);
void		 card_close(struct card *c);
struct card_io	 card_io(struct card *c);
struct span	 card_atr(const struct card *c);

/* Keys in order; each is "type" or "type:label". */
void		 card_keys(struct card *c, const char *const *keys, size_t n);

/* A command past the checks of PIN and selection; fails unless 9000. */
void		 card_do(struct card *c, const char *hex);

/* Another program on the same card verifies the PIN, or logs out. */
void		 card_login(struct card *c);
void		 card_logout(struct card *c);

unsigned int	 card_take_count(struct card *c);

#endif
