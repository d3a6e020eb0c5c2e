/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/configured.h"
#include "tests/unit/serving.h"

static const struct idents *
idents(void *arg)
{
	return &((struct serving *)arg)->ids;
}

static void
sign(void *arg, const struct holder_order *o)
{
	struct serving *f = arg;

	if (!f->at_once) {
		f->waiting[f->n_waiting++] = o->request;
		return;
	}
	if (f->n_order < SERVING_ORDER)
		f->order[f->n_order++] = (char)o->data.p[0];
	if (f->on_sign != NULL)
		f->on_sign(f->on_sign_arg);
	core_signed(f->core, o->request, 0, NULL, span_cstr("sig"));
}

static void
named(void *arg, uint64_t request, const char *name,
    const struct secret *pin, unsigned int lifetime)
{
	(void)name;
	(void)pin;
	(void)lifetime;
	core_done(((struct serving *)arg)->core, request, 0, NULL);
}

static void
lock(void *arg, uint64_t request, const char *name)
{
	named(arg, request, name, NULL, 0);
}

static bool
cancel(void *arg, uint64_t request)
{
	struct serving *f = arg;
	const uint64_t one = 1;
	size_t n = 0;

	for (size_t i = 0; i < f->n_waiting; i++)
		if (f->waiting[i] != request)
			f->waiting[n++] = f->waiting[i];
	if (n + 1 == f->n_waiting &&
	    write(f->cancelled, &one, sizeof(one)) == sizeof(one))
		f->n_waiting = n;
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

static void
on_release(void *arg, short revents)
{
	struct serving *f = arg;
	uint64_t n;

	(void)revents;
	if (read(f->release, &n, sizeof(n)) != sizeof(n))
		return;
	while (f->n_waiting > 0)
		core_signed(f->core, f->waiting[--f->n_waiting], 0, NULL,
		    span_cstr("sig"));
}

static void
on_hold(void *arg, short revents)
{
	struct serving *f = arg;
	uint64_t n;

	(void)revents;
	if (read(f->hold, &n, sizeof(n)) == sizeof(n)) {
		serving_tell(f->held);
		(void)!read(f->go_on, &n, sizeof(n));
	}
}

void
serving_hold(struct serving *f)
{
	uint64_t n;

	serving_tell(f->hold);
	assert_int_equal(read(f->held, &n, sizeof(n)), sizeof(n));
}

void
serving_go_on(struct serving *f)
{
	serving_tell(f->go_on);
}

static void
on_stop(void *arg, short revents)
{
	(void)revents;
	loop_stop(((struct serving *)arg)->loop);
}

static void *
run(void *arg)
{
	struct serving *f = arg;
	struct err e;

	return loop_run(f->loop, &e) == 0 ? NULL : f;
}

static void
add_key(struct serving *f)
{
	uint8_t n[128];
	struct wire_w w;
	struct err e;

	memset(n, 0xff, sizeof(n));
	assert_true(wire_write(&w, KEY_BLOB_MAX));
	assert_int_equal(key_put_rsa(&w, span_cstr("\x03"),
	    (struct span){ n, sizeof(n) }, &e), 0);
	assert_int_equal(ident_add(&f->ids, 1, "S", "01", "key", "01",
	    wire_bytes(&w), &e), 0);
	wire_free(&w);
}

static void
watch(struct serving *f)
{
	f->release = eventfd(0, 0);
	f->stop = eventfd(0, 0);
	f->cancelled = eventfd(0, EFD_SEMAPHORE);
	f->hold = eventfd(0, 0);
	f->held = eventfd(0, 0);
	f->go_on = eventfd(0, 0);
	assert_non_null(loop_watch(f->loop, f->release, POLLIN, on_release,
	    f));
	assert_non_null(loop_watch(f->loop, f->stop, POLLIN, on_stop, f));
	assert_non_null(loop_watch(f->loop, f->hold, POLLIN, on_hold, f));
}

void
serving_setup(struct serving *f, const struct server_conf *sc)
{
	struct core_conf conf = { .reply = server_reply };
	struct server_conf mine = { 0 };
	struct err e;

	*f = (struct serving){ .log = { .name = "unit" } };
	add_key(f);
	assert_int_equal(listen_open(&f->listener, SERVING_SOCKET, false,
	    &e), 0);
	assert_int_equal(loop_new(&f->loop, &e), 0);
	if (sc != NULL)
		mine = *sc;
	mine.loop = f->loop;
	mine.listen_fd = f->listener.fd;
	mine.log = &f->log;
	assert_int_equal(server_new(&f->server, &mine, &e), 0);
	conf.log = &f->log;
	conf.loop = f->loop;
	conf.settings = f->settings = configured("Use any");
	conf.reply_arg = f->server;
	conf.holder = (struct holder){ .arg = f, .want = want,
	    .idents = idents,
	    .sign = sign, .cancel = cancel, .look = look,
	    .expecting = expecting,
	    .unlock = named, .lock = lock, .status = status };
	f->core = core_new(&conf);
	server_set_core(f->server, f->core);
	watch(f);
	assert_int_equal(pthread_create(&f->thread, NULL, run, f), 0);
}

void
serving_tell(int fd)
{
	const uint64_t one = 1;

	assert_int_equal(write(fd, &one, sizeof(one)), sizeof(one));
}

void
serving_teardown(struct serving *f)
{
	void *failed;

	serving_tell(f->stop);
	assert_int_equal(pthread_join(f->thread, &failed), 0);
	assert_null(failed);
	server_free(f->server);
	core_free(f->core);
	settings_free(f->settings);
	loop_free(f->loop);
	ident_clear(&f->ids);
	listen_close(&f->listener, true);
	close(f->release);
	close(f->stop);
	close(f->cancelled);
	close(f->hold);
	close(f->held);
	close(f->go_on);
}

int
serving_client(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX,
	    .sun_path = SERVING_SOCKET };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return fd;
}

/* The kernel says that whoever connected is the client. */
int
serving_stranger(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX,
	    .sun_path = SERVING_SOCKET };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	socklen_t n = sizeof(sa);
	pid_t pid = fork();

	if (pid == 0)
		_exit(connect(fd, (struct sockaddr *)&sa, sizeof(sa)) != 0);
	/* Not its status: that is valgrind's, where it runs. */
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(getpeername(fd, (struct sockaddr *)&sa, &n), 0);
	return fd;
}

void
serving_put(int fd, const void *p, size_t n)
{
	assert_int_equal(send(fd, p, n, MSG_NOSIGNAL), n);
}

uint8_t
serving_answer(int fd)
{
	static uint8_t body[AGENT_MAX_MSG];
	uint8_t head[4];
	size_t n;

	if (recv(fd, head, 4, MSG_WAITALL) != 4)
		return 0;
	n = (size_t)head[2] << 8 | head[3];
	assert_int_equal(recv(fd, body, n, MSG_WAITALL), n);
	return body[0];
}

void
serving_put_sign(struct serving *f, int fd, const char *data)
{
	struct ident *i = &f->ids.v[0];
	struct wire_w w, framed;

	assert_true(wire_write(&w, 4096) && wire_write(&framed, 4096));
	wire_put_u8(&w, MSG_SIGN_REQUEST);
	wire_put_string(&w, (struct span){ i->blob, i->blob_n });
	wire_put_cstring(&w, data);
	wire_put_u32(&w, SIGN_FLAG_RSA_SHA256);
	wire_put_string(&framed, wire_bytes(&w));
	serving_put(fd, wire_bytes(&framed).p, wire_bytes(&framed).n);
	wire_free(&w);
	wire_free(&framed);
}

