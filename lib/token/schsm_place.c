/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "token/schsm_place.h"

#define PLACES	256

int
schsm_place_find(struct schsm_card *c, struct schsm_place *p, struct err *e)
{
	struct { bool key, description, certificate; } at[PLACES] = { 0 };
	uint16_t fids[SCHSM_FIDS_MAX];
	size_t n = SCHSM_FIDS_MAX, ref = 1;
	int r;

	if ((r = schsm_card_enumerate(c, fids, &n, e)) != 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		switch (fids[i] >> 8) {
		case SCHSM_KEY:
			at[fids[i] & 0xff].key = true;
			break;
		case SCHSM_DESCRIPTION:
			at[fids[i] & 0xff].description = true;
			break;
		case SCHSM_CERTIFICATE:
			at[fids[i] & 0xff].certificate = true;
			break;
		}
	}
	while (ref < PLACES && at[ref].key)
		ref++;
	if (ref == PLACES)
		return err_set(e, ERR_LIMIT, 0, "the token is full: it has a "
		    "key in each of its %d places", PLACES - 1);
	*p = (struct schsm_place){ .ref = (uint8_t)ref,
	    .description = at[ref].description,
	    .certificate = at[ref].certificate };
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
