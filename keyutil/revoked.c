/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "keyutil/revoked.h"
#include "keyutil/trustfile.h"
#include "ssh/krl_view.h"

#define KEY_MAX	65536
#define MAGIC	"SSHKRL\n"		/* and a NUL */

/* The key of a certificate, or a key itself, as a blob. */
static struct span
plain_of(struct span listed, struct wire_w *w)
{
	struct cert c;
	struct err e;

	if (cert_parse(listed, &c, &e) != 0)
		return listed;
	cert_put_subject(&c, w);
	return wire_bytes(w);
}

static int
same_key(struct span listed, struct span key, bool *same, struct err *e)
{
	struct wire_w w;

	if (!wire_write(&w, KEY_MAX))
		return err_set(e, ERR_NOMEM, 0, "revoked key");
	*same = span_eq(plain_of(listed, &w), key);
	wire_free(&w);
	return 0;
}

/* A certificate in the list stands for the key in it, too. */
static int
look(const struct trustfile *t, const struct cert *c, char *how,
    struct err *e)
{
	bool key = false, ca = false;
	struct wire_w subject;
	int r = 0;

	if (!wire_write(&subject, KEY_MAX))
		return err_set(e, ERR_NOMEM, 0, "revoked key");
	cert_put_subject(c, &subject);
	for (size_t i = 0; r == 0 && !key && !ca && i < t->n; i++) {
		if ((r = same_key(t->v[i], wire_bytes(&subject), &key,
		    e)) == 0)
			r = same_key(t->v[i], c->ca, &ca, e);
		if (key || ca)
			snprintf(how, REVOKED_HOW, "its %s is in line %u",
			    key ? "key" : "CA", t->at[i].number);
	}
	wire_free(&subject);
	return r;
}

/* All of the file has to be keys, up to the one that is sought. */
static int
by_list(struct span text, const struct cert *c, char *how, struct err *e)
{
	struct trustfile t;
	int r;

	if ((r = trustfile_keys(text, &t, e)) != 0)
		return r;
	if ((r = look(&t, c, how, e)) == 0 && how[0] == '\0' &&
	    t.fault[0] != '\0')
		r = err_set(e, ERR_FORMAT, 0, "%s", t.fault);
	trustfile_free(&t);
	return r;
}

static int
by_krl(struct span list, const struct cert *c, char *how, struct err *e)
{
	struct krl_verdict verdict;
	struct krl_view v;
	int r;

	if ((r = krl_view_parse(&v, list, e)) != 0 ||
	    (r = krl_view_ask_cert(&v, c, &verdict, e)) != 0)
		return r;
	if (verdict.by != KRL_BY_NOTHING)
		snprintf(how, REVOKED_HOW, "%s", krl_view_words(&verdict));
	return 0;
}

int
revoked_by(struct span text, const struct cert *c, char how[REVOKED_HOW],
    struct err *e)
{
	how[0] = '\0';
	if (text.n >= sizeof(MAGIC) &&
	    memcmp(text.p, MAGIC, sizeof(MAGIC)) == 0)
		return by_krl(text, c, how, e);
	return by_list(text, c, how, e);
}

int
revoked_in(struct span known_hosts, const char *host, const struct cert *c,
    char how[REVOKED_HOW], struct err *e)
{
	struct trustfile t;
	int r;

	how[0] = '\0';
	if ((r = trustfile_hosts(known_hosts, "@revoked", host, &t, e)) != 0)
		return r;
	r = look(&t, c, how, e);
	trustfile_free(&t);
	return r;
}
