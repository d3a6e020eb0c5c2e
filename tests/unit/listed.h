/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UNIT_LISTED_H
#define UNIT_LISTED_H

#include "base/span.h"

/*
 * The comments in a list of keys, which has to be well formed, as "ec rsa";
 * a certificate has its serial number after it, as in "ec#7".
 */
void	 listed(struct span answer, char *buf, size_t len);

#endif
