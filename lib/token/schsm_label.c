/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "token/manage.h"
#include "token/schsm_label.h"

int
schsm_label_write(struct schsm_card *c, const char *label, struct err *e)
{
	/* Version 0, and a flag: it has a random number generator. */
	static const uint8_t version[] = { 0x02, 0x01, 0x00 };
	static const uint8_t flags[] = { 0x03, 0x02, 0x05, 0x20 };
	uint8_t info[2 + sizeof(version) + 2 + TOKEN_LABEL_MAX +
	    sizeof(flags)];
	const size_t len = strlen(label);
	size_t n = 0;

	if (len > TOKEN_LABEL_MAX)
		return err_set(e, ERR_LIMIT, 0, "a token's label has %d bytes "
		    "at most", TOKEN_LABEL_MAX);
	info[n++] = 0x30;
	info[n++] = (uint8_t)(sizeof(version) + 2 + len + sizeof(flags));
	memcpy(info + n, version, sizeof(version));
	n += sizeof(version);
	info[n++] = 0x80;
	info[n++] = (uint8_t)len;
	memcpy(info + n, label, len);
	n += len;
	memcpy(info + n, flags, sizeof(flags));
	n += sizeof(flags);
	return schsm_card_write(c, SCHSM_FID_TOKEN_INFO,
	    (struct span){ info, n }, e);
}
