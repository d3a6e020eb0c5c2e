/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "ssh/request.h"
#include "tests/fuzz/law.h"

static bool
is_inside(struct span s, struct span in)
{
	return s.n == 0 || (s.p >= in.p && s.n <= in.n &&
	    (size_t)(s.p - in.p) <= in.n - s.n);
}

/* Nothing is kept from a form that did not fit. */
static void
check_fields(const struct request *r, struct span in)
{
	const struct span all[] = { r->session_id, r->user, r->algorithm,
	    r->key, r->host_key, r->ns, r->hash, r->cert.tbs };
	const bool bare = r->kind == REQUEST_UNKNOWN ||
	    r->kind == REQUEST_HOST_KEX;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		must(is_inside(all[i], in));
		must(!bare || all[i].n == 0);
	}
	must((r->kind == REQUEST_CERT) == (r->cert.tbs.n > 0));
	must((r->kind == REQUEST_SSHSIG) == (r->ns.n > 0));
	must(r->size == in.n);
}

/* The same with a byte more is no longer what it was. */
static void
check_tail(const struct request *r, struct span in, struct span key)
{
	struct request more;
	struct wire_w w;

	if (r->kind == REQUEST_UNKNOWN)
		return;
	must(wire_write(&w, in.n + 1));
	wire_put_raw(&w, in);
	wire_put_u8(&w, 0);
	request_parse(wire_bytes(&w), key, &more);
	must(more.kind == REQUEST_UNKNOWN || more.kind == REQUEST_HOST_KEX);
	wire_free(&w);
}

/* Input: a string, the key that is asked for; the rest is the data. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct span key, data;
	struct request req;
	struct wire_r r;
	char text[400];

	wire_read(&r, (struct span){ p, n });
	key = wire_get_string(&r);
	if (r.bad)
		return 0;
	data = (struct span){ r.p, r.left };
	request_parse(data, key, &req);
	check_fields(&req, data);
	if (req.kind == REQUEST_CERT)
		must(span_eq(req.cert.ca, key));
	check_tail(&req, data, key);
	memset(text, 1, sizeof(text));
	request_describe(&req, text, sizeof(text));
	must(memchr(text, '\0', sizeof(text)) != NULL);
	for (const char *s = text; *s != '\0'; s++)
		must((unsigned char)*s >= 0x20 && *s != 0x7f);
	return 0;
}
