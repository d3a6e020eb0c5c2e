/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What stands for the PKCS#11 driver where configure was to leave it out. */
#include <stdlib.h>

#include "token/p11.h"
#include "token/p11uri.h"

void
p11_slots_free(struct p11_slots *s)
{
	free(s->v);
	*s = (struct p11_slots){ 0 };
}

int
p11uri_parse(struct p11uri *u, const char *text, struct err *e)
{
	(void)text;
	*u = (struct p11uri){ .serial = "" };
	return err_set(e, ERR_UNSUPPORTED, 0, "PKCS#11 URIs were left out of "
	    "this build (--without-pkcs11); a serial number or label does");
}

bool
p11uri_names_key(const char *text, const struct p11uri_token *t,
    const char *label, const char *id)
{
	(void)text;
	(void)t;
	(void)label;
	(void)id;
	return false;
}
