/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "agent/conn.h"
#include "agent/core.h"
#include "agent/keywords.h"
#include "tests/fuzz/law.h"

struct state {
	struct core	*core;
	struct loop	*loop;
	struct confirming *confirming;
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

static bool
cancel(void *arg, uint64_t request)
{
	(void)arg;
	(void)request;
	return true;
}

static bool
want(void *arg)
{
	(void)arg;
	return false;
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

/* There is nobody to ask, but every second answer is to have been yes. */
static void
on_answer(void *arg, uint64_t request, int r, const struct err *e)
{
	struct state *s = arg;

	if (request != s->asked || r != ERR_DENIED)
		__builtin_trap();
	core_confirmed(s->core, request, request % 2 == 0 ? 0 : r, e);
	loop_stop(s->loop);
}

/* What is asked of the ledger is so, unless its number is odd. */
static int
put_record(void *arg, const struct record *r, struct err *e)
{
	struct state *s = arg;
	struct record_answer a = { .kind = r->kind, .id = r->id,
	    .checkpoint = "checkpoint", .seq = 1 };

	(void)e;
	if (r->bytes.n % 2 != 0)
		a.r = err_set(&a.err, ERR_DENIED, 0, "no");
	core_recorded(s->core, &a);
	return 0;
}

static void
start(struct state *s, struct core_conf *conf)
{
	static const struct pin_asker nobody = { .pinentry = "none" };
	struct confirming_conf cc = { .log = conf->log, .asker = &nobody,
	    .answer = on_answer, .arg = s };
	struct err e;

	setenv("SSH_ASKPASS_REQUIRE", "force", 1);	/* no terminal */
	unsetenv("SSH_ASKPASS");
	unsetenv("DISPLAY");
	unsetenv("WAYLAND_DISPLAY");
	if (loop_new(&s->loop, &e) != 0)
		abort();
	conf->loop = cc.loop = s->loop;
	if ((s->core = core_new(conf)) == NULL ||
	    confirming_new(&s->confirming, &cc, &e) != 0)
		abort();
	core_set_others(s->core, &(const struct core_others){
	    .confirming = s->confirming,
	    .recording = { s, put_record } });
}

/*
 * A wrong password is answered late: that is not waited for.  A signature
 * that somebody has to consent to is answered after that.  Nothing else is
 * answered later.
 */
static void
wait_for(struct state *s, struct caller *me, struct span msg)
{
	struct err e;

	if (msg.n > 0 && msg.p[0] == MSG_UNLOCK) {
		core_goodbye(s->core, me, s->asked);
		s->answered = s->asked;
	} else if (msg.n == 0 || msg.p[0] != MSG_SIGN_REQUEST ||
	    loop_run(s->loop, &e) != 0 || s->answered != s->asked)
		__builtin_trap();
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
	struct core_conf conf = { .log = &quiet, .reply = on_reply,
	    .reply_arg = &s, .holder = { .arg = &s, .want = want,
	    .idents = idents,
	    .sign = sign, .cancel = cancel, .look = look,
	    .expecting = expecting,
	    .unlock = unlock, .lock = lock,
	    .status = status } };

	add_key(&s);
	conf.settings = settings = configure();
	start(&s, &conf);
	while (conn_in_feed(&conn, &in, &msg) == 1) {
		core_request(s.core, &me, ++s.asked, msg);
		if (s.answered != s.asked)
			wait_for(&s, &me, msg);
		conn_in_next(&conn);
	}
	conn_in_next(&conn);
	core_goodbye(s.core, &me, s.asked);
	core_free(s.core);
	confirming_free(s.confirming);
	settings_free(settings);
	loop_free(s.loop);
	ident_clear(&s.ids);
	return 0;
}
