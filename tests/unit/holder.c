/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ssh/keytext.h"
#include "tests/unit/configured.h"
#include "tests/unit/data.h"
#include "tests/unit/holder.h"

static void
on_reply(void *arg, uint64_t id, struct span reply)
{
	struct fixture *f = arg;

	assert_int_equal(id, 1);
	assert_true(reply.n > 0 && reply.n <= sizeof(f->reply));
	memcpy(f->reply, reply.p, reply.n);
	f->reply_n = reply.n;
	f->replies++;
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
}

static void
on_cancel(void *arg, uint64_t request)
{
	((struct fixture *)arg)->cancelled = request;
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
}

static void
on_status(void *arg, struct wire_w *w)
{
	(void)arg;
	wire_put_u32(w, 0);
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
	assert_int_equal(ident_add(&f->ids, 1, "DENK0100000", "01", label,
	    "01", wire_bytes(&w), &e), 0);
	wire_free(&w);
	free(line);
	data_free(&text);
}

void
holder_setup(struct fixture *f, const char *text)
{
	struct core_conf conf = { .reply = on_reply, .reply_arg = f };
	struct confirming_conf cc = { .answer = core_confirmed };
	static const struct pin_asker asker = { .pinentry = "none" };
	struct err e;

	*f = (struct fixture){ .known = true, .me = { .peer = { .pid = 1,
	    .name = "test" } },
	    .log = { .level = LOG_LEVEL_QUIET, .name = "unit" } };
	assert_int_equal(loop_new(&f->loop, &e), 0);
	f->settings = configured(text);
	conf.loop = f->loop;
	conf.settings = f->settings;
	add_key(f, "ssh/u_ecdsa.pub", "ec");
	add_key(f, "ssh/u_rsa.pub", "rsa");
	conf.log = &f->log;
	conf.holder = (struct holder){ .arg = f, .idents = idents,
	    .sign = on_sign, .cancel = on_cancel, .look = look,
	    .expecting = expecting,
	    .unlock = on_unlock, .lock = on_lock,
	    .status = on_status };
	f->core = core_new(&conf);
	assert_non_null(f->core);
	cc.loop = f->loop;
	cc.log = &f->log;
	cc.asker = &asker;
	cc.arg = f->core;
	assert_int_equal(confirming_new(&f->confirming, &cc, &e), 0);
	core_set_others(f->core, &(const struct core_others){
	    .confirming = f->confirming });
}

void
holder_teardown(struct fixture *f)
{
	core_goodbye(f->core, &f->me, 1);
	core_free(f->core);
	confirming_free(f->confirming);
	settings_free(f->settings);
	loop_free(f->loop);
	ident_clear(&f->ids);
}

void
holder_ask(struct fixture *f, struct span msg)
{
	struct data d = data_copy(msg);

	f->replies = 0;
	core_request(f->core, &f->me, 1, data_span(&d));
	data_free(&d);
}

void
holder_ask_sign(struct fixture *f, size_t key, struct span data, uint32_t flags)
{
	struct ident *i = &f->ids.v[key];
	struct wire_w w;

	assert_true(wire_write(&w, AGENT_MAX_MSG));
	wire_put_u8(&w, MSG_SIGN_REQUEST);
	wire_put_string(&w, (struct span){ i->blob, i->blob_n });
	wire_put_string(&w, data);
	wire_put_u32(&w, flags);
	f->sign_request = 0;
	holder_ask(f, wire_bytes(&w));
	wire_free(&w);
}

void
holder_check_reply(const struct fixture *f, enum agent_msg type)
{
	assert_int_equal(f->replies, 1);
	assert_int_equal(f->reply[0], type);
}
