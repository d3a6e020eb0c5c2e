/* SPDX-License-Identifier: GPL-3.0-or-later */
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

int
token_open(const struct token_place *place, unsigned int timeout,
    struct token **out, struct err *e)
{
	int r;

	r = place->module == NULL ? open_card(&place->reader, out, e) :
	    modtoken_open(out, place->module, place->slot.id, timeout, e);
	return r == 0 ? 0 : err_wrap(e, "%s", place->name);
}
