/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "agent/keywords_key.h"
#include "ca/line.h"
#include "ssh/keytext.h"

/* The Key or CA block a line stands in, or what holds for all keys. */
static struct key_options *
block(struct options *o)
{
	if (o->section == SECTION_CA)
		return &o->ca_keys[o->ca.n_cas - 1];
	return o->section != SECTION_KEY ? &o->all_keys :
	    &o->keys[o->n_keys - 1];
}

/*
 * ERR_USAGE when there is a CA block of this name and a Key block of the
 * same name with another Use than ca.
 */
static int
fits_ca(const struct options *o, const char *name, struct err *e)
{
	const bool is_ca = ca_blocks_named(&o->ca, name) != NULL;

	for (size_t i = 0; is_ca && i < o->n_keys; i++) {
		const struct key_options *k = &o->keys[i];

		if (strcmp(k->name, name) == 0 && k->use_said &&
		    k->use.set != uses_certify.set)
			return err_set(e, ERR_USAGE, 0, "a key with a CA "
			    "block certifies and does nothing else, but the "
			    "Key block of \"%s\" says another Use", name);
	}
	return 0;
}

int
keywords_ca(struct options *o, const struct conf_line *l, struct err *e)
{
	struct key_options *k;
	int r;

	k = reallocarray(o->ca_keys, o->ca.n_cas + 1, sizeof(*k));
	if (k == NULL)
		return err_set(e, ERR_NOMEM, 0, "configuration");
	o->ca_keys = k;
	k[o->ca.n_cas] = (struct key_options){ .confirm = -1, .offer = -1 };
	if ((r = ca_blocks_begin(&o->ca, l, e)) != 0)
		return r;
	o->section = SECTION_CA;
	return fits_ca(o, l->word[1], e);
}

int
keywords_key(struct options *o, const struct conf_line *l, struct err *e)
{
	struct key_options *k;
	int r;

	if ((r = ca_line_key(l, e)) != 0)
		return r;
	for (size_t i = 0; i < o->n_keys; i++)
		if (strcmp(o->keys[i].name, l->word[1]) == 0)
			return err_set(e, ERR_USAGE, 0, "Key %s has a block "
			    "before", l->word[1]);
	k = reallocarray(o->keys, o->n_keys + 1, sizeof(*k));
	if (k == NULL)
		return err_set(e, ERR_NOMEM, 0, "configuration");
	o->keys = k;
	k += o->n_keys++;
	*k = (struct key_options){ .confirm = -1, .offer = -1 };
	if ((k->name = strdup(l->word[1])) == NULL)
		return err_set(e, ERR_NOMEM, 0, "configuration");
	o->section = SECTION_KEY;
	return 0;
}

static int
one_bool(const struct conf_line *l, int *out, struct err *e)
{
	bool v;
	int r;

	if ((r = conf_bool(l, &v, e)) == 0)
		*out = v;
	return r;
}

int
keywords_confirm(struct options *o, const struct conf_line *l, struct err *e)
{
	return one_bool(l, &block(o)->confirm, e);
}

int
keywords_offer(struct options *o, const struct conf_line *l, struct err *e)
{
	return one_bool(l, &block(o)->offer, e);
}

int
keywords_offer_to(struct options *o, const struct conf_line *l,
    struct err *e)
{
	struct key_options *k = block(o);
	char **hosts;

	if (l->n < 2)
		return err_set(e, ERR_USAGE, 0,
		    "OfferTo takes fingerprints of host keys (SHA256:...)");
	for (size_t i = 1; i < l->n; i++) {
		if (!keytext_is_fingerprint(l->word[i]))
			return err_set(e, ERR_USAGE, 0, "OfferTo: \"%s\" is "
			    "no whole fingerprint (SHA256:...) of a host key; "
			    "\"ssh-keygen -lF HOST\" shows it", l->word[i]);
		hosts = reallocarray(k->hosts, k->n_hosts + 1,
		    sizeof(*hosts));
		if (hosts == NULL)
			return err_set(e, ERR_NOMEM, 0, "configuration");
		k->hosts = hosts;
		if ((hosts[k->n_hosts] = strdup(l->word[i])) == NULL)
			return err_set(e, ERR_NOMEM, 0, "configuration");
		k->n_hosts++;
	}
	return 0;
}

static int
take_uses(const struct conf_line *l, struct uses *u, bool *said,
    struct err *e)
{
	int r;

	if (*said)
		return err_set(e, ERR_USAGE, 0, "%s was said here before",
		    l->word[0]);
	if ((r = uses_parse(u, l->word + 1, l->n - 1, e)) != 0)
		return err_wrap(e, "%s", l->word[0]);
	*said = true;
	return 0;
}

int
keywords_use(struct options *o, const struct conf_line *l, struct err *e)
{
	struct key_options *k = block(o);
	int r;

	if ((r = take_uses(l, &k->use, &k->use_said, e)) != 0)
		return r;
	return k->name != NULL ? fits_ca(o, k->name, e) : 0;
}

int
keywords_relayed_use(struct options *o, const struct conf_line *l,
    struct err *e)
{
	struct key_options *k = block(o);

	return take_uses(l, &k->relayed, &k->relayed_said, e);
}

/*
 * A test may be anything that looks random, and who asks sits elsewhere: it
 * is for those who may have anything signed.
 */
int
keywords_forwarded_use(struct options *o, const struct conf_line *l,
    struct err *e)
{
	struct key_options *k = block(o);
	int r;

	if ((r = take_uses(l, &k->forwarded, &k->forwarded_said, e)) != 0)
		return r;
	if ((k->forwarded.set & USE_UNKNOWN) == 0)
		k->forwarded.set &= ~(unsigned int)USE_TEST;
	return 0;
}
