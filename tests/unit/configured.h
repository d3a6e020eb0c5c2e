/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UNIT_CONFIGURED_H
#define UNIT_CONFIGURED_H

#include "agent/settings.h"

/* What keywords_parse() says of this text, from the file "test". */
int		 configured_options(struct options *o, const char *text,
		    struct err *e) MUST_CHECK;

/* The settings that a configuration of this text makes; NULL: none. */
struct settings	*configured(const char *text);

#endif
