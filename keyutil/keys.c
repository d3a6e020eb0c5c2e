/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "keyutil/keys.h"
#include "keyutil/out.h"
#include "ssh/keytext.h"

bool
keys_same(const struct token_key *a, const struct token_key *b)
{
	return a->blob != NULL && b->blob != NULL &&
	    span_eq((struct span){ a->blob, a->blob_n },
	    (struct span){ b->blob, b->blob_n });
}

bool
keys_has_fingerprint(struct span blob, const char *name)
{
	char *fp;
	bool same;

	if (!keytext_is_fingerprint(name))
		return false;
	fp = keytext_fingerprint(blob);
	same = fp != NULL && strcmp(fp, name) == 0;
	free(fp);
	return same;
}

bool
keys_match(const struct token_key *k, const char *name)
{
	if (name[0] == '\0')
		return false;
	return strcmp(k->label, name) == 0 || strcasecmp(k->id, name) == 0 ||
	    (k->blob != NULL && keys_has_fingerprint((struct span){ k->blob,
	    k->blob_n }, name));
}

static bool
is_named(const struct slot *s, const struct token_key *k, const char *name)
{
	const struct p11uri_token t = slot_in_uri(s);

	if (p11uri_is(name))
		return p11uri_names_key(name, &t, k->label, k->id);
	return keys_match(k, name);
}

/* Enough of a key to tell it from another of the same name. */
static void
warn_candidate(const struct slot *s, const struct token_key *k)
{
	char *fp = NULL;

	if (k->blob != NULL)
		fp = keytext_fingerprint((struct span){ k->blob, k->blob_n });
	out_warn("  %s, id %s, label \"%s\", on token %s",
	    fp != NULL ? fp : k->algo, k->id, k->label, s->info.serial);
	free(fp);
}

static void
warn_candidates(const struct tokens *ts, const char *name)
{
	for (size_t i = 0; i < ts->n; i++)
		for (size_t j = 0; j < ts->v[i].keys.n; j++)
			if (is_named(&ts->v[i], &ts->v[i].keys.v[j],
			    name))
				warn_candidate(&ts->v[i],
				    &ts->v[i].keys.v[j]);
}

int
keys_find(const struct tokens *ts, const char *name,
    const struct token_key **out, struct err *e)
{
	bool ambiguous = false;

	*out = NULL;
	for (size_t i = 0; i < ts->n; i++) {
		for (size_t j = 0; j < ts->v[i].keys.n; j++) {
			const struct token_key *k = &ts->v[i].keys.v[j];

			if (!is_named(&ts->v[i], k, name))
				continue;
			if (*out == NULL)
				*out = k;
			else if (!keys_same(*out, k))
				ambiguous = true;
		}
	}
	if (*out == NULL)
		return err_set(e, ERR_NOTFOUND, 0,
		    "no key \"%.100s\"; \"hsm-keyutil list --all\" shows "
		    "what there is", name);
	if (!ambiguous)
		return 0;
	out_warn("\"%s\" is the name of several keys:", name);
	warn_candidates(ts, name);
	return err_set(e, ERR_NOTFOUND, 0,
	    "name the key by its fingerprint, or its token with --token");
}

int
keys_find_public(const struct tokens *ts, const char *name,
    const struct token_key **out, struct err *e)
{
	int r;

	if ((r = keys_find(ts, name, out, e)) != 0) {
		tokens_warn_failed(ts);
		return r;
	}
	if ((*out)->blob == NULL)
		return err_set(e, ERR_UNSUPPORTED, 0, "key \"%.100s\": %s",
		    name, (*out)->unusable);
	return 0;
}

struct slot *
keys_slot_with(struct tokens *ts, struct span blob,
    const struct token_key **out)
{
	for (size_t i = 0; i < ts->n; i++) {
		for (size_t j = 0; j < ts->v[i].keys.n; j++) {
			const struct token_key *k = &ts->v[i].keys.v[j];

			if (k->blob == NULL || !span_eq(blob, (struct span){
			    k->blob, k->blob_n }))
				continue;
			*out = k;
			return &ts->v[i];
		}
	}
	return NULL;
}

int
keys_best_alg(struct span blob, enum sig_alg *out, struct err *e)
{
	struct key k;
	int r;

	if ((r = key_parse(blob, &k, e)) == 0)
		*out = sig_alg_for(k.type);
	return r;
}

bool
keys_is_place(const char *name, const char *ref)
{
	return strncasecmp(name, "place:", 6) == 0 &&
	    strcasecmp(name + 6, ref) == 0;
}

int
keys_find_one(const struct slot *s, const char *name,
    const struct token_key **out, struct err *e)
{
	size_t n = 0;

	*out = NULL;
	for (size_t i = 0; i < s->keys.n; i++) {
		const struct token_key *k = &s->keys.v[i];

		if (!is_named(s, k, name) && !keys_is_place(name, k->ref))
			continue;
		*out = k;
		n++;
	}
	if (n == 0)
		return err_set(e, ERR_NOTFOUND, 0, "no key \"%.100s\" on "
		    "token %s; \"hsm-keyutil list --all\" shows what there "
		    "is", name, s->info.serial);
	if (n == 1)
		return 0;
	*out = NULL;
	out_warn("\"%s\" is the name of several keys:", name);
	for (size_t i = 0; i < s->keys.n; i++)
		if (is_named(s, &s->keys.v[i], name))
			out_warn("  place:%s, id %s, label \"%s\", %s",
			    s->keys.v[i].ref, s->keys.v[i].id,
			    s->keys.v[i].label, s->keys.v[i].algo);
	return err_set(e, ERR_DENIED, 0, "name the key by its place");
}

static bool
is_unchanged(const struct token_key *a, const struct token_key *b)
{
	return strcmp(a->ref, b->ref) == 0 && strcmp(a->id, b->id) == 0 &&
	    strcmp(a->label, b->label) == 0 && a->blob_n == b->blob_n &&
	    (a->blob_n == 0 || keys_same(a, b));
}

int
keys_confirm(struct slot *s, const struct token_key *k, struct err *e)
{
	struct token_keys now;
	bool there = false;
	int r;

	if ((r = token_list(s->token, &s->keys, &now, e)) != 0)
		return r;
	for (size_t i = 0; i < now.n; i++)
		there |= is_unchanged(&now.v[i], k);
	token_keys_free(&now);
	if (there)
		return 0;
	return err_set(e, ERR_STALE, 0, "another program has changed the keys "
	    "meanwhile; nothing was done: run the command again");
}
