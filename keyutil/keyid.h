/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_KEYID_H
#define KEYUTIL_KEYID_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/err.h"
#include "base/span.h"
#include "ca/form.h"

/*
 * Key ids from templates: {user} is the first principal, {date} the day in
 * UTC, {serial} the serial number and {comment} the comment of the key.  All
 * else stands for itself.
 */
#define KEYID_DEFAULT	"{user}@{date}.{serial}"

struct keyid_words {
	const char	*user, *comment;
	uint64_t	 serial;
	time_t		 now;
};

/* ERR_LIMIT: longer than a key id can be. */
int	 keyid_make(const char *template, const struct keyid_words *w,
	    char out[CA_NAME_MAX + 1], struct err *e) MUST_CHECK;

/* Could it have been made so, on any day? */
bool	 keyid_matches(const char *template, const struct keyid_words *w,
	    struct span id);

#endif
