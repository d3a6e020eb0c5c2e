/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_KEYWORDS_KEY_H
#define AGENT_KEYWORDS_KEY_H

#include "agent/options.h"
#include "base/conf.h"

/*
 * What begins a Key or a CA block, and the keywords of Key blocks, for the
 * table in keywords.c; but Use they may stand in a CA block, too.  Before the
 * first block they say what holds for the keys without one.
 */
int	 keywords_ca(struct options *o, const struct conf_line *l,
	    struct err *e);
int	 keywords_confirm(struct options *o, const struct conf_line *l,
	    struct err *e);
int	 keywords_forwarded_use(struct options *o, const struct conf_line *l,
	    struct err *e);
int	 keywords_key(struct options *o, const struct conf_line *l,
	    struct err *e);
int	 keywords_offer(struct options *o, const struct conf_line *l,
	    struct err *e);
int	 keywords_offer_to(struct options *o, const struct conf_line *l,
	    struct err *e);
int	 keywords_relayed_use(struct options *o, const struct conf_line *l,
	    struct err *e);
int	 keywords_use(struct options *o, const struct conf_line *l,
	    struct err *e);

#endif
