/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "token/modtoken.h"
#include "token/open.h"
#include "token/schsm.h"

static int
open_card(const struct pcsc_reader *reader, struct token **out,
    struct err *e)
{
	struct card_io io;
	int r;

	if ((r = pcsc_connect(reader->name, &io, e)) != 0)
		return r;
	return schsm_open(io, (struct span){ reader->atr, reader->atr_n },
	    out, e);
}

/* Slots are listed by one process, and opened by another, a little later. */
static int
open_slot(const struct token_place *place, unsigned int timeout,
    struct token **out, struct err *e)
{
	int r;

	if ((r = modtoken_open(out, place->module, place->slot.id, timeout,
	    e)) != 0 || strcmp((*out)->serial, place->slot.serial) == 0)
		return r;
	token_close(*out);
	*out = NULL;
	return err_set(e, ERR_TOKEN_GONE, 0, "another token is in the slot "
	    "now");
}

int
token_open(const struct token_place *place, unsigned int timeout,
    struct token **out, struct err *e)
{
	int r;

	r = place->module == NULL ? open_card(&place->reader, out, e) :
	    open_slot(place, timeout, out, e);
	return r == 0 ? 0 : err_wrap(e, "%s", place->name);
}
