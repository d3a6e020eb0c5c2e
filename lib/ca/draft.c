/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "ca/draft.h"
#include "ssh/keytext.h"

#define SHOWN		65	/* bytes of a name in a sentence, with NUL */
#define SIGNATURE_MAX	2200	/* RSA-16384 and its lengths */

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_NOMEM, 0, "no memory for a certificate");
}

/* A text of our own, which cannot have a NUL in it. */
static int
copy_text(struct span s, const char *what, char **out, struct err *e)
{
	char *copy, shown[SHOWN];

	if (s.n > 0 && memchr(s.p, '\0', s.n) != NULL) {
		keytext_clean(shown, sizeof(shown), s);
		return err_set(e, ERR_FORMAT, 0, "the %s \"%s\" has a NUL in "
		    "it", what, shown);
	}
	if ((copy = calloc(1, s.n + 1)) == NULL)
		return no_memory(e);
	if (s.n > 0)
		memcpy(copy, s.p, s.n);
	*out = copy;
	return 0;
}

/* --- options --- */

static void
option_clear(struct ca_draft_option *one)
{
	free(one->name);
	free(one->value);
	*one = (struct ca_draft_option){ 0 };
}

static void
options_clear(struct ca_draft_options *o)
{
	for (size_t i = 0; i < o->n; i++)
		option_clear(&o->v[i]);
	free(o->v);
	*o = (struct ca_draft_options){ 0 };
}

/* Where it is, or where it would be. */
static size_t
place_of(const struct ca_draft_options *o, const char *name)
{
	size_t i = 0;

	while (i < o->n && strcmp(o->v[i].name, name) < 0)
		i++;
	return i;
}

const struct ca_draft_option *
ca_draft_find_option(const struct ca_draft_options *o, const char *name)
{
	const size_t i = place_of(o, name);

	return i < o->n && strcmp(o->v[i].name, name) == 0 ? &o->v[i] : NULL;
}

static int
option_make(struct ca_draft_option *one, struct span name,
    const struct span *value, struct err *e)
{
	int r;

	if ((r = copy_text(name, "option", &one->name, e)) != 0 ||
	    value == NULL)
		return r;
	if ((one->value = malloc(value->n + 1)) == NULL)
		return no_memory(e);
	if (value->n > 0)
		memcpy(one->value, value->p, value->n);
	one->n = value->n;
	return 0;
}

static bool
is_same(const struct ca_draft_option *a, const struct ca_draft_option *b)
{
	return (a->value == NULL) == (b->value == NULL) &&
	    span_eq((struct span){ a->value, a->n },
	    (struct span){ b->value, b->n });
}

/* *one is taken over when it succeeds. */
static int
insert(struct ca_draft_options *o, struct ca_draft_option *one, struct err *e)
{
	const size_t at = place_of(o, one->name);
	struct ca_draft_option *v;

	if (o->n == CA_DRAFT_OPTIONS)
		return err_set(e, ERR_LIMIT, 0, "more than %d options of one "
		    "kind", CA_DRAFT_OPTIONS);
	if ((v = reallocarray(o->v, o->n + 1, sizeof(*v))) == NULL)
		return no_memory(e);
	o->v = v;
	memmove(v + at + 1, v + at, (o->n - at) * sizeof(*v));
	v[at] = *one;
	o->n++;
	*one = (struct ca_draft_option){ 0 };
	return 0;
}

int
ca_draft_add_option(struct ca_draft_options *o, struct span name,
    const struct span *value, struct err *e)
{
	const struct ca_draft_option *there;
	struct ca_draft_option one = { 0 };
	char shown[SHOWN];
	int r;

	if ((r = option_make(&one, name, value, e)) != 0)
		goto out;
	if ((there = ca_draft_find_option(o, one.name)) == NULL)
		r = insert(o, &one, e);
	else if (!is_same(there, &one)) {
		keytext_clean(shown, sizeof(shown), name);
		r = err_set(e, ERR_USAGE, 0, "the option \"%s\" is there "
		    "twice, with different values", shown);
	}
out:
	option_clear(&one);
	return r;
}

void
ca_draft_remove_option(struct ca_draft_options *o, const char *name)
{
	const size_t at = place_of(o, name);

	if (ca_draft_find_option(o, name) == NULL)
		return;
	option_clear(&o->v[at]);
	o->n--;
	memmove(o->v + at, o->v + at + 1, (o->n - at) * sizeof(*o->v));
}

/* A value is a string inside the string that an option's data is. */
static void
put_options(const struct ca_draft_options *o, struct wire_w *w)
{
	for (size_t i = 0; i < o->n; i++) {
		const struct ca_draft_option *one = &o->v[i];

		wire_put_cstring(w, one->name);
		if (one->value == NULL) {
			wire_put_u32(w, 0);
			continue;
		}
		wire_put_u32(w, (uint32_t)one->n + 4);
		wire_put_string(w, (struct span){ one->value, one->n });
	}
}

/* --- the draft --- */

void
ca_draft_clear(struct ca_draft *d)
{
	free(d->key_id);
	ca_list_clear(&d->principals);
	options_clear(&d->critical);
	options_clear(&d->extensions);
	*d = (struct ca_draft){ 0 };
}

static int
set_key_id(struct ca_draft *d, struct span s, struct err *e)
{
	char *copy;
	int r;

	if ((r = copy_text(s, "key id", &copy, e)) != 0)
		return r;
	free(d->key_id);
	d->key_id = copy;
	return 0;
}

int
ca_draft_set_key_id(struct ca_draft *d, const char *text, struct err *e)
{
	return set_key_id(d, span_cstr(text), e);
}

int
ca_draft_add_principal(struct ca_draft *d, struct span name, struct err *e)
{
	char *copy;
	int r;

	if (d->principals.n == CERT_MAX_PRINCIPALS)
		return err_set(e, ERR_LIMIT, 0,
		    "more than %d principals, which OpenSSH refuses",
		    CERT_MAX_PRINCIPALS);
	if ((r = copy_text(name, "principal", &copy, e)) != 0)
		return r;
	r = ca_list_add(&d->principals, copy, e);
	free(copy);
	return r;
}

int
ca_draft_nonce(struct ca_draft *d, struct err *e)
{
	int r;

	if ((r = cert_make_nonce(d->nonce, e)) == 0)
		d->n_nonce = CERT_NONCE;
	return r;
}

/* --- bytes --- */

/* The fields that are lists, packed, while a body is written. */
struct packed {
	struct wire_w	 principals, critical, extensions, tbs;
};

static void
pack(struct packed *p, const struct ca_draft *d, struct cert *c)
{
	for (size_t i = 0; i < d->principals.n; i++)
		wire_put_cstring(&p->principals, d->principals.v[i]);
	put_options(&d->critical, &p->critical);
	put_options(&d->extensions, &p->extensions);
	p->tbs.bad = p->principals.bad || p->critical.bad ||
	    p->extensions.bad;
	c->nonce = (struct span){ d->nonce, d->n_nonce };
	c->serial = d->serial;
	c->type = d->type;
	c->key_id = span_cstr(d->key_id != NULL ? d->key_id : "");
	c->principals = wire_bytes(&p->principals);
	c->valid_after = d->valid_after;
	c->valid_before = d->valid_before;
	c->critical = wire_bytes(&p->critical);
	c->extensions = wire_bytes(&p->extensions);
	cert_put_tbs(c, &p->tbs);
}

/* What is written is read once more: nothing malformed leaves this file. */
static int
append(const struct wire_w *w, int (*parse)(struct span, struct cert *,
    struct err *), struct wire_w *out, struct err *e)
{
	struct cert c;
	int r;

	if (w->bad)
		return err_set(e, ERR_LIMIT, 0, "a certificate of more than "
		    "%d bytes: fewer principals or options would fit",
		    CA_DRAFT_MAX);
	if ((r = parse(wire_bytes(w), &c, e)) != 0)
		return r;
	wire_put_raw(out, wire_bytes(w));
	return out->bad ? no_memory(e) : 0;
}

int
ca_draft_put_tbs(const struct ca_draft *d, struct span subject,
    struct span ca, struct wire_w *out, struct err *e)
{
	struct packed p = { 0 };
	struct cert c = { .ca = ca };
	int r;

	if ((r = cert_set_subject(&c, subject, e)) != 0)
		return r;
	if (!wire_write(&p.principals, CA_DRAFT_MAX) ||
	    !wire_write(&p.critical, CA_DRAFT_MAX) ||
	    !wire_write(&p.extensions, CA_DRAFT_MAX) ||
	    !wire_write(&p.tbs, CA_DRAFT_MAX))
		r = no_memory(e);
	else {
		pack(&p, d, &c);
		r = append(&p.tbs, cert_parse_tbs, out, e);
	}
	wire_free(&p.principals);
	wire_free(&p.critical);
	wire_free(&p.extensions);
	wire_free(&p.tbs);
	return r;
}

int
ca_draft_assemble(struct span tbs, struct span signature,
    struct wire_w *out, struct err *e)
{
	struct wire_w w;
	int r;

	if (!wire_write(&w, CA_DRAFT_MAX + SIGNATURE_MAX))
		return no_memory(e);
	wire_put_raw(&w, tbs);
	wire_put_string(&w, signature);
	r = append(&w, cert_parse, out, e);
	wire_free(&w);
	return r;
}

/* --- and back --- */

static int
read_options(struct span packed, struct ca_draft_options *o, struct err *e)
{
	struct span name, data, value;
	char shown[SHOWN];
	struct wire_r r;
	int x = 0;

	wire_read(&r, packed);
	while (x == 0 && cert_next_option(&r, &name, &data)) {
		if (data.n == 0)
			x = ca_draft_add_option(o, name, NULL, e);
		else if (ca_form_value(data, &value))
			x = ca_draft_add_option(o, name, &value, e);
		else {
			keytext_clean(shown, sizeof(shown), name);
			x = err_set(e, ERR_FORMAT, 0, "the option \"%s\" has "
			    "no well-formed value", shown);
		}
	}
	/* What a person says twice is a mistake, here it is a bad file. */
	if (x == ERR_USAGE)
		x = (int)(e->code = ERR_FORMAT);
	return x;
}

static int
read_principals(struct span packed, struct ca_draft *d, struct err *e)
{
	struct span name;
	struct wire_r r;
	int x = 0;

	wire_read(&r, packed);
	while (x == 0 && cert_next_principal(&r, &name))
		x = ca_draft_add_principal(d, name, e);
	return x;
}

int
ca_draft_from_cert(const struct cert *c, struct ca_draft *d, struct err *e)
{
	int r;

	*d = (struct ca_draft){ .type = c->type, .serial = c->serial,
	    .valid_after = c->valid_after, .valid_before = c->valid_before };
	if (c->nonce.n > sizeof(d->nonce))
		return err_set(e, ERR_LIMIT, 0, "a nonce of more than %zu "
		    "bytes", sizeof(d->nonce));
	if (c->nonce.n > 0)
		memcpy(d->nonce, c->nonce.p, c->nonce.n);
	d->n_nonce = c->nonce.n;
	if ((r = set_key_id(d, c->key_id, e)) != 0 ||
	    (r = read_principals(c->principals, d, e)) != 0 ||
	    (r = read_options(c->critical, &d->critical, e)) != 0)
		return r;
	return read_options(c->extensions, &d->extensions, e);
}
