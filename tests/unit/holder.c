/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/stat.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "ssh/keytext.h"
#include "tests/unit/configured.h"
#include "tests/unit/constrained.h"
#include "tests/unit/data.h"
#include "tests/unit/holder.h"
#include "tests/unit/listed.h"

#define WAIT_MS	10000	/* until a reply is overdue */

static void
on_reply(void *arg, uint64_t id, struct span reply)
{
	struct fixture *f = arg;

	assert_true(id == HOLDER_ME || id == HOLDER_OTHER);
	assert_true(reply.n > 0 && reply.n <= sizeof(f->reply));
	memcpy(f->reply, reply.p, reply.n);
	f->reply_n = reply.n;
	if (id == HOLDER_ME)
		f->replies++;
	else
		f->replies_other++;
	if (id == f->awaited)
		loop_stop(f->loop);
}

/* Of the person, if there is one. */
static void
on_answer(void *arg, uint64_t request, int r, const struct err *e)
{
	struct fixture *f = arg;

	f->answers++;
	core_confirmed(f->core, request, f->consents ? 0 : r, e);
}

static const struct idents *
idents(void *arg)
{
	struct fixture *f = arg;

	return f->known ? &f->ids : NULL;
}

static void
on_sign(void *arg, const struct holder_order *o)
{
	struct fixture *f = arg;

	snprintf(f->name, sizeof(f->name), "%s", o->what);
	f->sign_request = o->request;
	f->alg = o->alg;
	if (f->order_awaited)
		loop_stop(f->loop);
}

static bool
on_cancel(void *arg, uint64_t request)
{
	((struct fixture *)arg)->cancelled = request;
	return false;
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
	const struct fixture *f = arg;

	return f->looking;
}

static bool
expecting(void *arg, bool gone, char *why, size_t len)
{
	const struct fixture *f = arg;

	(void)gone;
	snprintf(why, len, "%s", f->why != NULL ? f->why : "");
	return f->expecting;
}

static void
on_unlock(void *arg, uint64_t request, const char *name,
    const struct secret *pin, unsigned int lifetime)
{
	struct fixture *f = arg;

	f->lifetime = lifetime;
	f->unlock_request = request;
	f->had_pin = pin != NULL;
	snprintf(f->name, sizeof(f->name), "%s", name);
}

static void
on_lock(void *arg, uint64_t request, const char *name)
{
	struct fixture *f = arg;

	f->lock_request = request;
	snprintf(f->name, sizeof(f->name), "%s", name != NULL ? name : "*");
	if (f->order_awaited)
		loop_stop(f->loop);
}

static void
on_status(void *arg, struct wire_w *w)
{
	(void)arg;
	wire_put_u32(w, 0);
}

static void
answer_record(struct fixture *f, enum record_kind kind, uint64_t id)
{
	struct record_answer a = { .kind = kind, .id = id, .serial = 7,
	    .seq = 9 };

	if (f->full && kind == RECORD_CERTIFICATE)
		a.r = err_set(&a.err, ERR_SYS, 0, "no room for it");
	else if (f->denies && kind == RECORD_CHECK)
		a.r = err_set(&a.err, ERR_DENIED, 0, "used before");
	else if (kind == RECORD_CERTIFICATE && f->checkpoint != NULL)
		snprintf(a.checkpoint, sizeof(a.checkpoint), "%s",
		    f->checkpoint);
	core_recorded(f->core, &a);
}

static int
on_record(void *arg, const struct record *r, struct err *e)
{
	struct fixture *f = arg;

	(void)e;
	f->asked[r->kind]++;
	f->rule = r->rule;
	snprintf(f->note, sizeof(f->note), "%.*s", (int)r->note.n,
	    r->note.n > 0 ? (const char *)r->note.p : "");
	if (r->kind == RECORD_CERTIFICATE) {
		data_free(&f->certificate);
		f->certificate = data_copy(r->bytes);
	}
	if (f->waits && r->kind == RECORD_CERTIFICATE)
		f->to_record = r->id;
	else
		answer_record(f, r->kind, r->id);
	return 0;
}

void
holder_recorded(struct fixture *f)
{
	assert_int_not_equal(f->to_record, 0);
	answer_record(f, RECORD_CERTIFICATE, f->to_record);
	f->to_record = 0;
}

struct recording
holder_recording(struct fixture *f)
{
	return (struct recording){ f, on_record };
}

static void
add_key(struct fixture *f, const char *file, const char *label)
{
	struct data text = data_file(file);
	struct wire_w w;
	struct err e;
	char *line;

	line = strndup((const char *)text.p, text.n);
	assert_non_null(line);
	line[strcspn(line, "\n")] = '\0';
	assert_true(wire_write(&w, KEY_BLOB_MAX));
	assert_int_equal(keytext_parse(line, &w, NULL, &e), 0);
	assert_int_equal(ident_add(&f->ids, 1, HOLDER_SERIAL, "01", label,
	    "01", wire_bytes(&w), &e), 0);
	wire_free(&w);
	free(line);
	data_free(&text);
}

void
holder_setup(struct fixture *f, const char *text)
{
	struct core_conf conf = { .reply = on_reply, .reply_arg = f };
	struct confirming_conf cc = { .answer = on_answer, .arg = f };
	static const struct pin_asker asker = { .pinentry = "none" };
	struct err e;

	/* No terminal, even if there is one. */
	setenv("SSH_ASKPASS_REQUIRE", "force", 1);
	unsetenv("SSH_ASKPASS");
	unsetenv("DISPLAY");
	unsetenv("WAYLAND_DISPLAY");
	*f = (struct fixture){ .known = true,
	    .me = { .peer = { .pid = 1, .name = "test" } },
	    .other = { .peer = { .pid = 2, .name = "other" } },
	    .log = { .level = LOG_LEVEL_QUIET, .name = "unit" } };
	assert_int_equal(loop_new(&f->loop, &e), 0);
	f->settings = configured(text);
	conf.loop = f->loop;
	conf.settings = f->settings;
	add_key(f, "ssh/u_ecdsa.pub", "ec");
	add_key(f, "ssh/u_rsa.pub", "rsa");
	conf.log = &f->log;
	conf.holder = (struct holder){ .arg = f, .want = want,
	    .idents = idents,
	    .sign = on_sign, .cancel = on_cancel, .look = look,
	    .expecting = expecting,
	    .unlock = on_unlock, .lock = on_lock,
	    .status = on_status };
	f->core = core_new(&conf);
	assert_non_null(f->core);
	cc.loop = f->loop;
	cc.log = &f->log;
	cc.asker = &asker;
	assert_int_equal(confirming_new(&f->confirming, &cc, &e), 0);
	core_set_others(f->core, &(const struct core_others){
	    .confirming = f->confirming,
	    .recording = holder_recording(f) });
}

/* A question that was taken away ends in a thread that nobody waits for. */
static void
wait_alone(void)
{
	const struct timespec moment = { .tv_nsec = 10 * 1000 * 1000 };
	struct stat st;

	/* "." and "..", and a link from each thread. */
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(stat("/proc/self/task", &st), 0);
		if (st.st_nlink <= 3)
			return;
		(void)nanosleep(&moment, NULL);
	}
	fail_msg("a thread does not end");
}

void
holder_teardown(struct fixture *f)
{
	core_goodbye(f->core, &f->me, HOLDER_ME);
	core_goodbye(f->core, &f->other, HOLDER_OTHER);
	core_free(f->core);
	confirming_free(f->confirming);
	wait_alone();
	settings_free(f->settings);
	loop_free(f->loop);
	ident_clear(&f->ids);
	data_free(&f->certificate);
}

int
holder_set_up_any(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	holder_setup(f, "Use any");
	*state = f;
	return 0;
}

int
holder_tear_down_any(void **state)
{
	holder_teardown(*state);
	free(*state);
	return 0;
}

void
holder_ask_as(struct fixture *f, enum holder_client who, struct span msg)
{
	struct data d = data_copy(msg);

	*(who == HOLDER_ME ? &f->replies : &f->replies_other) = 0;
	core_request(f->core, who == HOLDER_ME ? &f->me : &f->other, who,
	    data_span(&d));
	data_free(&d);
}

void
holder_ask(struct fixture *f, struct span msg)
{
	holder_ask_as(f, HOLDER_ME, msg);
}

static uint8_t
reply_to(const struct fixture *f, enum holder_client who)
{
	const unsigned int n = who == HOLDER_ME ? f->replies :
	    f->replies_other;

	assert_true(n <= 1);
	return n == 1 ? f->reply[0] : 0;
}

uint8_t
holder_put(struct fixture *f, enum holder_client who, struct wire_w *w)
{
	assert_false(w->bad);
	holder_ask_as(f, who, wire_bytes(w));
	wire_free(w);
	return reply_to(f, who);
}

static void
on_timeout(void *arg)
{
	(void)arg;
	fail_msg("no reply in time");
}

static void
run(struct fixture *f)
{
	struct timer *t = loop_timer(f->loop, WAIT_MS, on_timeout, NULL);
	struct err e;

	assert_non_null(t);
	assert_int_equal(loop_run(f->loop, &e), 0);
	timer_free(t);
}

uint8_t
holder_wait(struct fixture *f, enum holder_client who)
{
	assert_int_equal(reply_to(f, who), 0);
	f->awaited = who;
	run(f);
	f->awaited = 0;
	return reply_to(f, who);
}

static void
wait_order(struct fixture *f, const uint64_t *request)
{
	f->awaited = HOLDER_ME;
	f->order_awaited = true;
	run(f);
	f->order_awaited = false;
	f->awaited = 0;
	assert_int_equal(f->replies, 0);
	assert_int_not_equal(*request, 0);
}

void
holder_wait_order(struct fixture *f)
{
	wait_order(f, &f->sign_request);
}

void
holder_wait_lock(struct fixture *f)
{
	wait_order(f, &f->lock_request);
}

bool
holder_told(struct fixture *f, const char *text)
{
	holder_ask_as(f, HOLDER_OTHER, (struct span){ (const uint8_t *)
	    "\x1b\0\0\0\x14" "status@hsm-ssh-agent", 25 });
	assert_int_equal(f->replies_other, 1);
	return memmem(f->reply, f->reply_n, text, strlen(text)) != NULL;
}

const char *
holder_list(struct fixture *f, enum holder_client who)
{
	holder_ask_as(f, who, span_cstr("\x0b"));
	assert_int_equal(reply_to(f, who), MSG_IDENTITIES_ANSWER);
	listed((struct span){ f->reply, f->reply_n }, f->shown,
	    sizeof(f->shown));
	return f->shown;
}

void
holder_put_sign(struct wire_w *w, struct span blob, struct span data,
    uint32_t flags)
{
	assert_true(wire_write(w, AGENT_MAX_MSG));
	wire_put_u8(w, MSG_SIGN_REQUEST);
	wire_put_string(w, blob);
	wire_put_string(w, data);
	wire_put_u32(w, flags);
}

void
holder_ask_sign(struct fixture *f, size_t key, struct span data, uint32_t flags)
{
	struct ident *i = &f->ids.v[key];
	struct wire_w w;

	holder_put_sign(&w, (struct span){ i->blob, i->blob_n }, data, flags);
	f->sign_request = 0;
	(void)holder_put(f, HOLDER_ME, &w);
}

void
holder_check_reply(const struct fixture *f, enum agent_msg type)
{
	assert_int_equal(f->replies, 1);
	assert_int_equal(f->reply[0], type);
}

struct span
holder_blob_of(const struct fixture *f, size_t key)
{
	return (struct span){ f->ids.v[key].blob, f->ids.v[key].blob_n };
}

void
holder_signed(struct fixture *f, enum agent_msg type)
{
	core_signed(f->core, HOLDER_ME, 0, NULL, span_cstr("signature"));
	holder_check_reply(f, type);
}

void
holder_put_add(struct wire_w *w, enum agent_msg type)
{
	assert_true(wire_write(w, AGENT_MAX_MSG));
	wire_put_u8(w, (uint8_t)type);
	wire_put_cstring(w, HOLDER_SERIAL);
	wire_put_cstring(w, HOLDER_PIN);
}

struct data
holder_cert_of(const struct fixture *f, size_t key)
{
	const struct ident *i = &f->ids.v[key];
	struct hostkey ca;
	struct data d;

	hostkey_make(&ca, HOSTKEY_ED25519);
	d = hostkey_certify_user((struct span){ i->blob, i->blob_n }, &ca, 1);
	hostkey_free(&ca);
	return d;
}

/* An add that is with the holder; the token there is its only one. */
void
holder_begin_add(struct fixture *f, enum holder_client who, struct wire_w *w)
{
	struct err e;

	f->unlock_request = 0;
	assert_int_equal(holder_put(f, who, w), 0);
	assert_int_equal(f->unlock_request, who);
	assert_int_equal(core_unlocking(f->core, who, HOLDER_SERIAL, &e), 0);
}

void
holder_add(struct fixture *f, enum holder_client who, struct wire_w *w)
{
	holder_begin_add(f, who, w);
	core_done(f->core, who, 0, NULL);
	assert_int_equal(f->reply[0], MSG_SUCCESS);
}

/* Successfully, with this certificate only. */
void
holder_add_certs_only(struct fixture *f, enum holder_client who, size_t key)
{
	struct data cert = holder_cert_of(f, key);
	struct wire_w w;

	holder_put_add(&w, MSG_ADD_SMARTCARD_KEY_CONSTRAINED);
	constrained_certs(&w, true, &cert, 1);
	holder_add(f, who, &w);
	data_free(&cert);
}

void
holder_add_plainly(struct fixture *f, enum holder_client who)
{
	struct wire_w w;

	holder_put_add(&w, MSG_ADD_SMARTCARD_KEY);
	holder_add(f, who, &w);
}

uint8_t
holder_remove(struct fixture *f, enum holder_client who, struct span blob)
{
	struct wire_w w;

	assert_true(wire_write(&w, AGENT_MAX_MSG));
	wire_put_u8(&w, MSG_REMOVE_IDENTITY);
	wire_put_string(&w, blob);
	return holder_put(f, who, &w);
}

uint8_t
holder_bind(struct fixture *f, enum holder_client who,
    const struct holder_bind *b)
{
	const struct hostkey *signer = b->signer != NULL ? b->signer : b->key;
	struct data d = hostkey_bind(b->blob.n > 0 ? b->blob :
	    data_span(&b->key->blob), signer, b->session, b->forwarding);
	struct wire_w w;

	assert_true(wire_write(&w, AGENT_MAX_MSG));
	wire_put_u8(&w, MSG_EXTENSION);
	wire_put_cstring(&w, AGENT_EXT_SESSION_BIND);
	wire_put_raw(&w, data_span(&d));
	data_free(&d);
	return holder_put(f, who, &w);
}
