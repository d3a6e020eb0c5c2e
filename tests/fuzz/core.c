/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "agent/conn.h"
#include "agent/core.h"
#include "agent/keywords.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

struct state {
	struct core	*core;
	struct idents	 ids;
	uint64_t	 asked, answered;
};

static void
on_reply(void *arg, uint64_t id, struct span reply)
{
	struct state *s = arg;

	if (reply.n == 0 || id != s->asked || ++s->answered != id)
		__builtin_trap();
}

static const struct idents *
idents(void *arg)
{
	return &((struct state *)arg)->ids;
}

static void
sign(void *arg, const struct holder_order *o)
{
	struct state *s = arg;

	if (!sig_alg_fits(o->alg, o->id->type))
		__builtin_trap();
	core_signed(s->core, o->request, 0, NULL, o->data);
}

static void
unlock(void *arg, uint64_t request, const char *name,
    const struct secret *pin, unsigned int lifetime)
{
	struct state *s = arg;
	struct err e;
	int r;

	(void)pin;
	(void)lifetime;
	if ((r = core_unlocking(s->core, request, "S", &e)) == 0 &&
	    name[0] == 'x')
		r = err_set(&e, ERR_DENIED, 0, "no");
	core_done(s->core, request, r, &e);
}

static void
lock(void *arg, uint64_t request, const char *name)
{
	(void)name;
	core_done(((struct state *)arg)->core, request, 0, NULL);
}

static void
cancel(void *arg, uint64_t request)
{
	(void)arg;
	(void)request;
}

static bool
look(void *arg)
{
	(void)arg;
	return false;
}

static bool
expecting(void *arg, bool gone, char *why, size_t len)
{
	(void)gone;
	(void)why;
	(void)len;
	(void)arg;
	return false;
}

static void
status(void *arg, struct wire_w *w)
{
	(void)arg;
	wire_put_u32(w, 0);
}

/* The key with 1024 bits of ones: small enough for the fuzzer to find. */
static void
add_key(struct state *s)
{
	uint8_t n[128];
	struct wire_w w;
	struct err e;

	memset(n, 0xff, sizeof(n));
	if (!wire_write(&w, KEY_BLOB_MAX) || key_put_rsa(&w,
	    (struct span){ (const uint8_t *)"\1\0\1", 3 },
	    (struct span){ n, sizeof(n) }, &e) != 0 ||
	    ident_add(&s->ids, 1, "S", "01", "key", "01", wire_bytes(&w),
	    &e) != 0)
		abort();
	wire_free(&w);
}

/* Anything is signed, so that nothing stays out of the fuzzer's reach. */
static struct settings *
configure(void)
{
	struct settings *settings;
	struct options o;
	struct err e;

	options_default(&o);
	if (keywords_parse(&o, span_cstr("Use any\n"), "fuzz", &e) != 0 ||
	    settings_new(&settings, &o, 0, NULL, &e) != 0)
		abort();
	return settings;
}

/* A wrong password is answered late, and nothing else. */
static void
give_up(struct state *s, struct caller *me, struct span msg)
{
	if (msg.n == 0 || msg.p[0] != MSG_UNLOCK)
		__builtin_trap();
	core_goodbye(s->core, me, s->asked);
	s->answered = s->asked;
}

/* A stream of frames: each gets one reply, in order, whatever it is. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const struct log quiet = { .name = "fuzz" };
	struct caller me = { .peer = { .pid = 1, .name = "fuzz" } };
	struct span in = { p, n }, msg;
	struct conn_in conn = { 0 };
	struct settings *settings;
	struct state s = { 0 };
	struct err e;
	struct core_conf conf = { .log = &quiet, .reply = on_reply,
	    .reply_arg = &s, .holder = { .arg = &s, .idents = idents,
	    .sign = sign, .cancel = cancel, .look = look,
	    .expecting = expecting,
	    .unlock = unlock, .lock = lock,
	    .status = status } };

	add_key(&s);
	conf.settings = settings = configure();
	if (loop_new(&conf.loop, &e) != 0 ||
	    (s.core = core_new(&conf)) == NULL)
		abort();
	while (conn_in_feed(&conn, &in, &msg) == 1) {
		core_request(s.core, &me, ++s.asked, msg);
		if (s.answered != s.asked)
			give_up(&s, &me, msg);
		conn_in_next(&conn);
	}
	conn_in_next(&conn);
	core_goodbye(s.core, &me, s.asked);
	core_free(s.core);
	settings_free(settings);
	loop_free(conf.loop);
	ident_clear(&s.ids);
	return 0;
}
