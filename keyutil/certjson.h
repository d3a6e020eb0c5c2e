/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_CERTJSON_H
#define KEYUTIL_CERTJSON_H

#include "keyutil/out.h"
#include "ssh/cert.h"

/*
 * Fields of a certificate as JSON, alike in every command that prints them.
 * NULL: no memory.
 */

/* A time that is no time, as the end of what is valid for ever, is null. */
json_t	*certjson_time(uint64_t when);

/* A string: most readers of JSON lose the last digits of a large number. */
json_t	*certjson_serial(uint64_t serial);
json_t	*certjson_fingerprint(struct span blob);
json_t	*certjson_principals(const struct cert *c);

/* c->critical or c->extensions: [{ "name": ..., "value": ... }]. */
json_t	*certjson_options(struct span options);

#endif
