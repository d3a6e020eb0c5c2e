/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "token/open.h"
#include "token/schsm.h"

int
token_open(const struct pcsc_reader *reader, struct token **out,
    struct err *e)
{
	struct card_io io;
	int r;

	if ((r = pcsc_connect(reader->name, &io, e)) != 0 ||
	    (r = schsm_open(io, (struct span){ reader->atr, reader->atr_n },
	    out, e)) != 0)
		return err_wrap(e, "%s", reader->name);
	return 0;
}
