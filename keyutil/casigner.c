/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "ca/draft.h"
#include "keyutil/casigner_way.h"
#include "keyutil/keys.h"
#include "keyutil/out.h"
#include "ssh/hostsig.h"
#include "ssh/key.h"
#include "ssh/keytext.h"

int
casigner_take(struct casigner *s, struct span blob, const char *name,
    struct err *e)
{
	struct key k;
	int r;

	if ((r = key_parse(blob, &k, e)) != 0)
		return err_wrap(e, "the key \"%.100s\" cannot be a CA", name);
	s->fingerprint = keytext_fingerprint(blob);
	s->name = strdup(name);
	if (s->fingerprint == NULL || s->name == NULL ||
	    (s->ca = malloc(blob.n)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "key");
	memcpy(s->ca, blob.p, blob.n);
	s->ca_n = blob.n;
	return 0;
}

/* --- on a token --- */

static int
say_which(struct err *e)
{
	return err_set(e, ERR_USAGE, 0, "say with --ca which key signs; "
	    "\"hsm-keyutil list\" shows what there is");
}

/* The only key that could be meant when nothing says which. */
static int
only_key(const struct tokens *ts, const struct token_key **out,
    struct err *e)
{
	*out = NULL;
	for (size_t i = 0; i < ts->n; i++)
		for (size_t j = 0; j < ts->v[i].keys.n; j++) {
			const struct token_key *k = &ts->v[i].keys.v[j];

			if (k->blob == NULL)
				continue;
			if (*out != NULL && !keys_same(*out, k))
				return say_which(e);
			*out = k;
		}
	if (*out != NULL)
		return 0;
	tokens_warn_failed(ts);
	return say_which(e);
}

static int
find_on_token(struct casigner *s, const char *name, struct err *e)
{
	const struct token_key *k;
	struct span blob;
	bool there = false;
	int r;

	if ((r = tokens_open(&s->tokens, s->wish.token, e)) != 0 ||
	    (r = tokens_read_keys(&s->tokens, e)) != 0 ||
	    (r = name != NULL ? keys_find_public(&s->tokens, name, &k, e) :
	    only_key(&s->tokens, &k, e)) != 0)
		return r;
	blob = (struct span){ k->blob, k->blob_n };
	s->slot = keys_slot_with(&s->tokens, blob, &s->key);
	s->block = ca_blocks_find(s->wish.blocks, "", k->id, k->label);
	if ((r = casigner_agent_find(s, NULL, blob, &there, e)) != 0)
		return r;
	s->by_agent = there;
	return there ? 0 : casigner_take(s, blob, k->label[0] != '\0' ?
	    k->label : k->id, e);
}

/* --- which key --- */

static const char *
name_of(const struct casigner_wish *w)
{
	if (w->name == NULL && w->blocks->n_cas == 1)
		return w->blocks->cas[0].name;
	return w->name;
}

static void
find_block(struct casigner *s, const char *name)
{
	const struct ca_block *b = ca_blocks_find(s->wish.blocks,
	    s->fingerprint, "", s->by_agent ? s->name : "");

	if (b == NULL && name != NULL)
		b = ca_blocks_named(s->wish.blocks, name);
	if (b != NULL)
		s->block = b;
}

static int
check_papers(const struct casigner *s, struct err *e)
{
	if (s->block == NULL || s->block->policy.approvals == 0 ||
	    s->block->policy.observe || s->wish.papers != NULL)
		return 0;
	return err_set(e, ERR_DENIED, 0, "this CA signs what %zu others have "
	    "approved of (RequireApprovals): ask with \"hsm-keyutil ca "
	    "request\", and sign with \"ca sign --request FILE\"",
	    s->block->policy.approvals);
}

static int
find(struct casigner *s, struct err *e)
{
	const char *name = name_of(&s->wish);
	struct span none = { 0 };
	int r;

	if (name == NULL && s->wish.blocks->n_cas > 1)
		return say_which(e);
	if (s->wish.token == NULL && (r = agents_find(&s->agent, e)) != 0)
		return r;
	if ((r = casigner_agent_find(s, name, none, &s->by_agent, e)) != 0 ||
	    (!s->by_agent && (r = find_on_token(s, name, e)) != 0))
		return r;
	if (s->by_agent)
		tokens_close(&s->tokens);
	find_block(s, name);
	return s->wish.looks ? 0 : check_papers(s, e);
}

int
casigner_open(struct casigner **out, const struct casigner_wish *wish,
    struct err *e)
{
	struct casigner *s;
	ssize_t n;
	int r;

	*out = NULL;
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "CA");
	s->wish = *wish;
	n = readlink("/proc/self/exe", s->program, sizeof(s->program) - 1);
	s->program[n > 0 ? n : 0] = '\0';
	if ((r = find(s, e)) != 0) {
		casigner_close(s);
		return r;
	}
	*out = s;
	return 0;
}

void
casigner_close(struct casigner *s)
{
	if (s == NULL)
		return;
	tokens_close(&s->tokens);
	agents_free(&s->agent);
	free(s->name);
	free(s->fingerprint);
	free(s->ca);
	free(s);
}

struct span
casigner_ca(const struct casigner *s)
{
	return (struct span){ s->ca, s->ca_n };
}

bool
casigner_is_agent(const struct casigner *s)
{
	return s->by_agent;
}

const struct ca_block *
casigner_block(const struct casigner *s)
{
	return s->block;
}

/* --- what is the same both ways --- */

struct ca_request
casigner_who(const struct casigner *s)
{
	return (struct ca_request){ .uid = getuid(), .program = s->program };
}

int
casigner_judge(const struct casigner *s, struct span tbs, struct err *e)
{
	const struct ca_policy *p = s->block != NULL ? &s->block->policy :
	    NULL;
	const struct ca_request who = casigner_who(s);
	struct cert c;
	int r;

	if ((r = cert_parse_tbs(tbs, &c, e)) != 0 ||
	    (r = ca_form_check(&c, e)) != 0)
		return r;
	if (p != NULL && p->observe)
		return 0;
	return ca_policy_check(p, &c, &who, time(NULL), e);
}

int
casigner_assemble(struct span tbs, struct span sig, struct wire_w *cert,
    struct err *e)
{
	struct cert c;
	int r;

	if (!wire_write(cert, 2 * CA_DRAFT_MAX))
		return err_set(e, ERR_NOMEM, 0, "certificate");
	if ((r = ca_draft_assemble(tbs, sig, cert, e)) != 0 ||
	    (r = cert_parse(wire_bytes(cert), &c, e)) != 0 ||
	    (r = hostsig_verify_cert(&c, e)) != 0)
		wire_free(cert);
	return r == 0 ? 0 : err_wrap(e, "what came back is not the CA's "
	    "signature");
}

int
casigner_halted(struct err *e)
{
	return err_set(e, ERR_CANCELLED, 0, "interrupted");
}

int
casigner_serials(struct casigner *s, uint64_t n, uint64_t *first,
    struct err *e)
{
	return s->by_agent ? casigner_agent_serials(s, n, first, e) :
	    casigner_token_serials(s, n, first, e);
}

int
casigner_sign(struct casigner *s, const struct casigner_work *w,
    struct err *e)
{
	struct halt halt;
	int r;

	if (!s->by_agent)
		return casigner_token_sign(s, w, e);
	if ((r = halt_begin(&halt, e)) != 0)
		return r;
	r = casigner_agent_sign(s, w, &halt, e);
	halt_end(&halt);
	return r;
}
