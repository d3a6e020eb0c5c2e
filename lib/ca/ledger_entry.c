/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "ca/ledger_entry.h"
#include "ssh/sig.h"

#define MAGIC	"hsm-ssh-agent ledger 1"

static void
put_text(struct wire_w *w, struct span s)
{
	if (s.n > LEDGER_TEXT_MAX)
		s.n = LEDGER_TEXT_MAX;
	wire_put_string(w, s);
}

void
ledger_entry_put(const struct ledger_entry *en, struct wire_w *out)
{
	wire_put_cstring(out, MAGIC);
	wire_put_u64(out, en->seq);
	wire_put_raw(out, (struct span){ en->prev, LEDGER_HASH });
	wire_put_u64(out, en->time);
	wire_put_u8(out, (uint8_t)en->kind);
	wire_put_u8(out, (uint8_t)en->how);
	wire_put_u32(out, en->who.uid);
	wire_put_u32(out, en->who.pid);
	put_text(out, en->who.program);
	put_text(out, en->who.where);
	wire_put_string(out, en->ca);
	wire_put_string(out, en->what);
	put_text(out, en->note);
}

static bool
kind_is_known(uint8_t kind, uint8_t how)
{
	if (kind == LEDGER_REVOCATION)
		return how >= LEDGER_SERIALS && how <= LEDGER_PRINCIPAL;
	return kind >= LEDGER_CERTIFICATE && kind <= LEDGER_RESUMPTION &&
	    how == 0;
}

int
ledger_entry_parse(struct span bytes, struct ledger_entry *en, struct err *e)
{
	struct span magic, prev;
	uint8_t kind, how;
	struct wire_r r;

	*en = (struct ledger_entry){ 0 };
	wire_read(&r, bytes);
	magic = wire_get_string(&r);
	en->seq = wire_get_u64(&r);
	prev = wire_get_raw(&r, LEDGER_HASH);
	en->time = wire_get_u64(&r);
	kind = wire_get_u8(&r);
	how = wire_get_u8(&r);
	en->who.uid = wire_get_u32(&r);
	en->who.pid = wire_get_u32(&r);
	en->who.program = wire_get_string(&r);
	en->who.where = wire_get_string(&r);
	en->ca = wire_get_string(&r);
	en->what = wire_get_string(&r);
	en->note = wire_get_string(&r);
	if (!wire_end(&r) || !span_is(magic, MAGIC) ||
	    !kind_is_known(kind, how) || en->note.n > LEDGER_TEXT_MAX ||
	    en->who.program.n > LEDGER_TEXT_MAX ||
	    en->who.where.n > LEDGER_TEXT_MAX)
		return err_set(e, ERR_FORMAT, 0,
		    "this is no entry of a ledger");
	memcpy(en->prev, prev.p, LEDGER_HASH);
	en->kind = (enum ledger_kind)kind;
	en->how = (enum ledger_revoked)how;
	return 0;
}

int
ledger_hash(struct span bytes, uint8_t out[LEDGER_HASH], struct err *e)
{
	struct sig_digest md;
	int r;

	if ((r = sig_hash(SIG_RSA_SHA256, bytes, &md, e)) == 0)
		memcpy(out, md.bytes, LEDGER_HASH);
	return r;
}

bool
ledger_serials_of(struct span what, uint64_t *low, uint64_t *high)
{
	struct wire_r r;

	wire_read(&r, what);
	*low = wire_get_u64(&r);
	*high = wire_get_u64(&r);
	return wire_end(&r) && *low > 0 && *low <= *high;
}
