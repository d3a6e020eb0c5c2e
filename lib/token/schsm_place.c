/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "token/schsm_place.h"

uint8_t
schsm_place_parse(const char *ref)
{
	if (strlen(ref) != 2 || strspn(ref, "0123456789abcdef") != 2)
		return 0;
	return (uint8_t)strtoul(ref, NULL, 16);
}

int
schsm_places_read(struct schsm_card *c, struct schsm_places *p,
    struct err *e)
{
	uint16_t fids[SCHSM_FIDS_MAX];
	size_t n = SCHSM_FIDS_MAX;
	int r;

	*p = (struct schsm_places){ 0 };
	if ((r = schsm_card_enumerate(c, fids, &n, e)) != 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		switch (fids[i] >> 8) {
		case SCHSM_KEY:
			p->key[fids[i] & 0xff] = true;
			break;
		case SCHSM_DESCRIPTION:
			p->description[fids[i] & 0xff] = true;
			break;
		case SCHSM_CERTIFICATE:
			p->certificate[fids[i] & 0xff] = true;
			break;
		}
	}
	return 0;
}

int
schsm_place_find(struct schsm_card *c, struct schsm_place *p, struct err *e)
{
	struct schsm_places at;
	size_t ref = 1;
	int r;

	if ((r = schsm_places_read(c, &at, e)) != 0)
		return r;
	while (ref < SCHSM_PLACES && at.key[ref])
		ref++;
	if (ref == SCHSM_PLACES)
		return err_set(e, ERR_LIMIT, 0, "the token is full: it has a "
		    "key in each of its %d places", SCHSM_PLACES - 1);
	*p = (struct schsm_place){ .ref = (uint8_t)ref,
	    .description = at.description[ref],
	    .certificate = at.certificate[ref] };
	return 0;
}

static int
clear(struct schsm_card *c, uint8_t kind, uint8_t ref, bool *there,
    struct err *e)
{
	int r = 0;

	if (*there)
		r = schsm_card_delete(c, schsm_fid(kind, ref), e);
	if (r == ERR_NOTFOUND)
		r = 0;
	*there = *there && r != 0;
	return r;
}

int
schsm_place_clear(struct schsm_card *c, struct schsm_place *p,
    struct err *e)
{
	int r;

	if ((r = clear(c, SCHSM_CERTIFICATE, p->ref, &p->certificate,
	    e)) != 0)
		return r;
	return clear(c, SCHSM_DESCRIPTION, p->ref, &p->description, e);
}
