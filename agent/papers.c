/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "agent/papers.h"

struct paper {
	int64_t		 since;
	struct span	 nonce;		/* of the draft; all lie in `bytes`, */
	struct approval_papers papers;	/* but for the nonce */
	struct span	 approvals[APPROVAL_MAX];
	struct approval_request request;
	uint8_t		 bytes[];
};

static void
paper_free(struct paper *p)
{
	if (p == NULL)
		return;
	approval_request_free(&p->request);
	free(p);
}

/* Take the body apart, which is the paper's own copy. */
static int
read_body(struct paper *p, struct span body, struct err *e)
{
	struct wire_r r;
	uint32_t n;

	wire_read(&r, body);
	p->papers.request = wire_get_string(&r);
	p->papers.signature = wire_get_string(&r);
	n = wire_get_u32(&r);
	if (n > APPROVAL_MAX)
		return err_set(e, ERR_LIMIT, 0, "%u approvals of one request, "
		    "more than %d", n, APPROVAL_MAX);
	for (uint32_t i = 0; i < n; i++)
		p->approvals[i] = wire_get_string(&r);
	p->papers.approvals = p->approvals;
	p->papers.n = n;
	if (!wire_end(&r))
		return err_set(e, ERR_FORMAT, 0, "approvals that are cut off, "
		    "or have something behind them");
	return approval_request_read(p->papers.request, &p->request, e);
}

/* Of the same request, else free or forgotten, else the oldest. */
static struct paper **
place_for(struct papers *ps, struct span nonce, int64_t now)
{
	struct paper **best = &ps->v[0];

	for (size_t i = 0; i < PAPERS_KEPT; i++) {
		struct paper *p = ps->v[i];

		if (p != NULL && span_eq(p->nonce, nonce))
			return &ps->v[i];
		if (*best == NULL)
			continue;
		if (p == NULL || now - p->since >= PAPERS_MS ||
		    p->since < (*best)->since)
			best = &ps->v[i];
	}
	return best;
}

int
papers_add(struct papers *ps, struct span body, int64_t now, struct err *e)
{
	struct paper *p, **place;
	int r;

	if ((p = calloc(1, sizeof(*p) + body.n)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "approvals");
	if (body.n > 0)
		memcpy(p->bytes, body.p, body.n);
	if ((r = read_body(p, (struct span){ p->bytes, body.n }, e)) != 0) {
		free(p);
		return r;
	}
	p->since = now;
	p->nonce = p->request.cert.nonce;
	place = place_for(ps, p->nonce, now);
	paper_free(*place);
	*place = p;
	return 0;
}

void
papers_clear(struct papers *ps)
{
	for (size_t i = 0; i < PAPERS_KEPT; i++) {
		paper_free(ps->v[i]);
		ps->v[i] = NULL;
	}
}

int
papers_check(const struct papers *ps, const struct approval_rule *rule,
    const struct cert *c, int64_t now, struct approval_names *who,
    struct err *e)
{
	for (size_t i = 0; i < PAPERS_KEPT; i++) {
		const struct paper *p = ps->v[i];

		if (p != NULL && now - p->since < PAPERS_MS &&
		    span_eq(p->nonce, c->nonce))
			return approval_check(rule, c, &p->papers, who, e);
	}
	return err_set(e, ERR_DENIED, 0, "this CA signs what %zu others have "
	    "approved of (RequireApprovals), and no client has brought that: "
	    "hsm-keyutil ca request, ca approve, ca sign --request",
	    rule->needed);
}
