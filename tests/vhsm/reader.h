/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef VHSM_READER_H
#define VHSM_READER_H

#include "tests/vhsm/serve.h"

/*
 * The reader's end of a server: commands come in from vpcd, meet the faults
 * that are planned for them, and their answers go out.
 */
void	 reader_pull(struct server *s);
void	 reader_insert(struct server *s);

/* Card n, which is open, takes the place of the one that is in. */
void	 reader_exchange(struct server *s, unsigned n);

/* Connect if a card is in and not connected; how long until then, or -1. */
int64_t	 reader_keep_connected(struct server *s);

/* The connection has something to read. */
void	 reader_read(struct server *s);

/* The answer that waits is due. */
void	 reader_answer_late(struct server *s);

#endif
