/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "ssh/keytext.h"
#include "token/prkd.h"
#include "token/schsm.h"
#include "token/schsm_card.h"
#include "token/schsm_place.h"
#include "token/schsm_remove.h"

int
schsm_remove(struct token *t, const char *ref, struct err *e)
{
	static const uint8_t kinds[] = { SCHSM_KEY, SCHSM_CERTIFICATE,
	    SCHSM_DESCRIPTION };
	struct schsm_card *c = schsm_card_of(t);
	const uint8_t place = schsm_place_parse(ref);
	bool found = false;
	int r;

	for (size_t i = 0; place != 0 && i < sizeof(kinds); i++) {
		r = schsm_card_delete(c, schsm_fid(kinds[i], place), e);
		if (r != 0 && r != ERR_NOTFOUND)
			return r;
		found |= r == 0;
	}
	if (!found)
		return err_set(e, ERR_NOTFOUND, 0,
		    "there is nothing in the place %.8s", ref);
	return 0;
}

/* What tells a person which key it was.  A broken file is left over, too. */
static int
read_label(struct schsm_card *c, uint8_t place, struct token_leftover *l,
    struct err *e)
{
	uint8_t file[SCHSM_FILE_MAX];
	size_t n = sizeof(file);
	struct prkd p;
	int r;

	r = schsm_card_read_object(c,
	    schsm_fid(SCHSM_DESCRIPTION, place), file, &n, e);
	if (r == ERR_FORMAT || r == ERR_NOTFOUND || r == ERR_TOKEN)
		return 0;
	if (r == 0 && prkd_parse((struct span){ file, n }, &p, e) == 0)
		keytext_clean(l->label, sizeof(l->label), p.label);
	return r;
}

static int
add(struct schsm_card *c, const struct schsm_places *p, uint8_t place,
    struct token_leftovers *out, struct err *e)
{
	struct token_leftover *l = &out->v[out->n++];

	snprintf(l->ref, sizeof(l->ref), "%02x", place);
	snprintf(l->what, sizeof(l->what), "%s%s%s",
	    p->description[place] ? "description" : "",
	    p->description[place] && p->certificate[place] ? " and " : "",
	    p->certificate[place] ? "certificate" : "");
	return p->description[place] ? read_label(c, place, l, e) : 0;
}

static bool
is_leftover(const struct schsm_places *p, unsigned int place)
{
	return !p->key[place] &&
	    (p->description[place] || p->certificate[place]);
}

int
schsm_leftovers(struct token *t, struct token_leftovers *out, struct err *e)
{
	struct schsm_card *c = schsm_card_of(t);
	struct schsm_places p;
	size_t n = 0;
	int r;

	*out = (struct token_leftovers){ 0 };
	if ((r = schsm_places_read(c, &p, e)) != 0)
		return r;
	for (unsigned int i = 1; i < SCHSM_PLACES; i++)
		n += is_leftover(&p, i);
	if (n == 0)
		return 0;
	if ((out->v = calloc(n, sizeof(*out->v))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "what is left over");
	for (unsigned int i = 1; r == 0 && i < SCHSM_PLACES; i++)
		if (is_leftover(&p, i))
			r = add(c, &p, (uint8_t)i, out, e);
	if (r != 0)
		token_leftovers_free(out);
	return r;
}
