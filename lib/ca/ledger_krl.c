/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>

#include "ca/ledger_krl.h"
#include "ssh/krl.h"

struct making {
	struct ledger	*l;
	struct span	 ca;
	struct krl	*krl;
};

/* A list has room for any key ID but one with a NUL. */
static int
add_by_key_id(struct krl *krl, const struct cert *c, struct err *e)
{
	struct wire_w subject;
	int r;

	if (c->key_id.n == 0 || memchr(c->key_id.p, '\0', c->key_id.n) == NULL)
		return krl_add_key_id(krl, c->ca, c->key_id, e);
	if (!wire_write(&subject, LEDGER_ENTRY_MAX))
		return err_set(e, ERR_NOMEM, 0, "revocation list");
	cert_put_subject(c, &subject);
	r = krl_add_key(krl, wire_bytes(&subject), e);
	wire_free(&subject);
	return r;
}

static int
add_certificate(void *arg, const struct ledger_entry *en,
    const struct cert *c, struct err *e)
{
	struct making *m = arg;

	(void)en;
	if (c->serial != 0)
		return krl_add_serial(m->krl, c->ca, c->serial, c->serial, e);
	return add_by_key_id(m->krl, c, e);
}

static int
add_principal(struct making *m, const struct ledger_entry *en, struct err *e)
{
	const struct ledger_query q = { .ca = en->ca, .principal = en->what,
	    .until = en->seq };

	if (en->what.n == 0)
		return err_set(e, ERR_FORMAT, 0, "a principal without a name");
	return ledger_find(m->l, &q, add_certificate, m, e);
}

static int
add_what(struct making *m, const struct ledger_entry *en, struct err *e)
{
	uint64_t low, high;

	switch (en->how) {
	case LEDGER_SERIALS:
		if (!ledger_serials_of(en->what, &low, &high))
			break;
		return krl_add_serial(m->krl, en->ca, low, high, e);
	case LEDGER_KEY_ID:
		return krl_add_key_id(m->krl, en->ca, en->what, e);
	case LEDGER_KEY:
		return krl_add_key(m->krl, en->what, e);
	case LEDGER_PRINCIPAL:
		return add_principal(m, en, e);
	}
	return err_set(e, ERR_FORMAT, 0, "a revocation of nothing");
}

static int
add_revocation(void *arg, const struct ledger_entry *en,
    const struct cert *c, struct err *e)
{
	struct making *m = arg;
	int r;

	(void)c;
	if (m->ca.n > 0 && en->how != LEDGER_KEY && !span_eq(m->ca, en->ca))
		return 0;
	if ((r = add_what(m, en, e)) != 0)
		return err_wrap(e, "revocation in entry %" PRIu64, en->seq);
	return 0;
}

int
ledger_krl_make(struct ledger *l, struct span ca,
    const struct ledger_krl_head *head, struct ledger_krl *out,
    struct err *e)
{
	struct making m = { .l = l, .ca = ca };
	const struct span all = { 0 };
	int r;

	*out = (struct ledger_krl){ 0 };
	if (!wire_write(&out->bytes, KRL_MAX) || (m.krl = krl_new(
	    head->version, head->date, head->comment)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "revocation list");
	if ((r = ledger_revoked(l, all, add_revocation, &m, e)) == 0 &&
	    (r = krl_write(m.krl, &out->bytes, e)) == 0)
		r = krl_view_parse(&out->view, wire_bytes(&out->bytes), e);
	krl_free(m.krl);
	return r;
}

void
ledger_krl_free(struct ledger_krl *k)
{
	wire_free(&k->bytes);
	*k = (struct ledger_krl){ 0 };
}
