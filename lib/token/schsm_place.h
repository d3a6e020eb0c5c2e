/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_SCHSM_PLACE_H
#define TOKEN_SCHSM_PLACE_H

#include "token/schsm_card.h"

/*
 * A place for a new key, 1 to 255: one without a key, though files may be
 * there that an interrupted command or OpenSC left.
 */
struct schsm_place {
	uint8_t	 ref;
	bool	 description, certificate;	/* left over there */
};

static inline uint16_t
schsm_fid(uint8_t kind, uint8_t ref)
{
	return (uint16_t)(kind << 8 | ref);
}

/*
 * Which file of a key each place has; 0 is the device's own.  One command;
 * some cards do not tell of certificates.
 */
#define SCHSM_PLACES	256

struct schsm_places {
	bool	 key[SCHSM_PLACES];
	bool	 description[SCHSM_PLACES];
	bool	 certificate[SCHSM_PLACES];
};

int	 schsm_places_read(struct schsm_card *c, struct schsm_places *p,
	    struct err *e) MUST_CHECK;

/* A place by the name it has in token_key; 0 when it is none of a key. */
uint8_t	 schsm_place_parse(const char *ref);

/* The first one.  ERR_LIMIT when each place has a key. */
int	 schsm_place_find(struct schsm_card *c, struct schsm_place *p,
	    struct err *e) MUST_CHECK;

/* Delete what was left over there; be logged in. */
int	 schsm_place_clear(struct schsm_card *c, struct schsm_place *p,
	    struct err *e) MUST_CHECK;

#endif
