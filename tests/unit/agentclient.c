/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ssh/agentclient.h"
#include "ssh/agentmsg.h"

/*
 * A fake agent in a child: takes one message of `expect` bytes, sends the
 * bytes it was given, one at a time, and then closes or, when `hang` is
 * set, stays until the client has gone.
 */
struct fake {
	char	 dir[64];
	char	 path[108];
	pid_t	 pid;
	int	 listener;
};

struct script {
	struct span	 answer;
	bool		 hang;
};

static void
serve(int listener, const struct script *s)
{
	uint8_t got[64];
	int fd = accept(listener, NULL, NULL);

	if (fd == -1 || recv(fd, got, 4 + 1, MSG_WAITALL) != 5)
		_exit(1);
	for (size_t i = 0; i < s->answer.n; i++)
		if (send(fd, s->answer.p + i, 1, MSG_NOSIGNAL) != 1)
			break;
	if (s->hang)
		(void)!read(fd, got, sizeof(got));
	_exit(memcmp(got, "\0\0\0\1\v", 5) != 0);
}

static void
fake_listen(struct fake *f)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	snprintf(f->dir, sizeof(f->dir), "/tmp/agentclient.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/s", f->dir);
	memcpy(sa.sun_path, f->path, strlen(f->path) + 1);
	f->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(f->listener, (const struct sockaddr *)&sa,
	    sizeof(sa)), 0);
	assert_int_equal(listen(f->listener, 1), 0);
}

static void
fake_start(struct fake *f, struct script s)
{
	fake_listen(f);
	f->pid = fork();
	if (f->pid == 0)
		serve(f->listener, &s);
	assert_int_not_equal(f->pid, -1);
}

static void
fake_remove(struct fake *f)
{
	close(f->listener);
	unlink(f->path);
	rmdir(f->dir);
}

static void
fake_stop(struct fake *f)
{
	int status;

	waitpid(f->pid, &status, 0);
	assert_int_equal(status, 0);
	fake_remove(f);
}

static int
ask(const char *path, int timeout_ms, struct wire_w *answer, struct err *e)
{
	static const uint8_t list[] = { MSG_REQUEST_IDENTITIES };

	assert_true(wire_write(answer, AGENT_MAX_MSG));
	return agentclient_ask(path, (struct span){ list, 1 }, timeout_ms,
	    answer, e);
}

/* Ask an agent that answers so; the code that came of it. */
static int
ask_fake(struct script s, int timeout_ms)
{
	struct wire_w answer;
	struct fake f;
	struct err e;
	int r;

	fake_start(&f, s);
	r = ask(f.path, timeout_ms, &answer, &e);
	wire_free(&answer);
	fake_stop(&f);
	return r;
}

static void
test_answer_in_pieces_is_put_together(void **state)
{
	static const uint8_t bytes[] = { 0, 0, 0, 5, 12, 0, 0, 0, 0 };
	struct wire_w answer;
	struct fake f;
	struct err e;

	(void)state;
	fake_start(&f, (struct script){ { bytes, sizeof(bytes) }, true });
	assert_int_equal(ask(f.path, 5000, &answer, &e), 0);
	assert_true(span_eq(wire_bytes(&answer),
	    (struct span){ bytes + 4, 5 }));
	wire_free(&answer);
	fake_stop(&f);
}

static void
test_answer_cut_anywhere_is_refused(void **state)
{
	static const uint8_t bytes[] = { 0, 0, 0, 5, 12, 0, 0, 0, 0 };

	(void)state;
	for (size_t n = 0; n < sizeof(bytes); n++)
		assert_int_equal(ask_fake((struct script){ { bytes, n },
		    false }, 5000), ERR_FORMAT);
}

static void
test_empty_and_oversized_answers_are_refused(void **state)
{
	static const uint8_t empty[] = { 0, 0, 0, 0 };
	static const uint8_t huge[] = { 0, 4, 0, 1 };

	(void)state;
	assert_int_equal(ask_fake((struct script){ { empty, 4 }, true },
	    5000), ERR_FORMAT);
	assert_int_equal(ask_fake((struct script){ { huge, 4 }, true },
	    5000), ERR_FORMAT);
}

static void
test_silent_agent_ends_in_time(void **state)
{
	static const uint8_t half[] = { 0, 0, 0, 5, 12 };

	(void)state;
	assert_int_equal(ask_fake((struct script){ { half, 0 }, true }, 50),
	    ERR_CANCELLED);
	assert_int_equal(ask_fake((struct script){ { half, 5 }, true }, 50),
	    ERR_CANCELLED);
}

static void
test_agent_that_takes_no_connection_does_not_hang_us(void **state)
{
	struct wire_w answer;
	struct fake f;
	struct err e;
	int r = 0;

	(void)state;
	fake_listen(&f);
	for (int i = 0; i < 4 && r != ERR_FORMAT; i++) {
		r = ask(f.path, 20, &answer, &e);
		wire_free(&answer);
		assert_int_equal(r, ERR_CANCELLED);
	}
	fake_remove(&f);
}

static void
test_nobody_there_is_told_apart(void **state)
{
	char longest[200];
	struct wire_w answer;
	struct fake f;
	struct err e;

	(void)state;
	assert_int_equal(ask("/nonexistent/socket", 50, &answer, &e),
	    ERR_NOTFOUND);
	wire_free(&answer);
	fake_listen(&f);
	close(f.listener);	/* its file stays, as after a crash */
	assert_int_equal(ask(f.path, 50, &answer, &e), ERR_NOTFOUND);
	wire_free(&answer);
	fake_remove(&f);
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(ask(longest, 50, &answer, &e), ERR_LIMIT);
	wire_free(&answer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer_in_pieces_is_put_together),
		cmocka_unit_test(test_answer_cut_anywhere_is_refused),
		cmocka_unit_test(test_empty_and_oversized_answers_are_refused),
		cmocka_unit_test(test_silent_agent_ends_in_time),
		cmocka_unit_test(
		    test_agent_that_takes_no_connection_does_not_hang_us),
		cmocka_unit_test(test_nobody_there_is_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
