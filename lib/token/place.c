/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "token/place.h"

void
token_place_reader(struct token_place *out, const struct pcsc_reader *reader)
{
	*out = (struct token_place){ .reader = *reader };
	snprintf(out->name, sizeof(out->name), "%s", reader->name);
}

int
token_place_slot(struct token_place *out, const char *module,
    const struct p11_slot *slot, struct err *e)
{
	const char *slash = strrchr(module, '/');

	*out = (struct token_place){ .slot = *slot };
	snprintf(out->name, sizeof(out->name), "%.80s: %s", slash != NULL ?
	    slash + 1 : module, slot->name);
	if ((out->module = strdup(module)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "%s", out->name);
	return 0;
}

int
token_place_copy(struct token_place *to, const struct token_place *from,
    struct err *e)
{
	*to = *from;
	if (from->module != NULL &&
	    (to->module = strdup(from->module)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "%s", from->name);
	return 0;
}

void
token_place_clear(struct token_place *p)
{
	free(p->module);
	p->module = NULL;
}
