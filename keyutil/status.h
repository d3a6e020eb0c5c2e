/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_STATUS_H
#define KEYUTIL_STATUS_H

#include "keyutil/agents.h"
#include "keyutil/tokens.h"

/*
 * What `hsm-keyutil status` prints: the same facts in words for a person
 * (status_text.c) and as JSON for a program (status_json.c).
 */
void	 status_print_text(const struct tokens *ts, const struct agent *a);
int	 status_print_json(const struct tokens *ts, const struct agent *a,
	    struct err *e) MUST_CHECK;

#endif
