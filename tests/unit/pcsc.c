/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <winscard.h>

#include "token/pcsc.h"

/*
 * With a real pcscd: the program starts itself again under with-vhsm.  The
 * other program on the card is this one, with a context of its own.
 */
#define PATIENCE_SECONDS	60
#define RESETS		8
#define BURST		20	/* transactions without a pause */

static void
shell(const char *command)
{
	assert_int_equal(system(command), 0);
}

static struct pcsc_reader
reader(struct pcsc *p)
{
	struct pcsc_readers rs;
	struct err e;

	assert_int_equal(pcsc_list(p, &rs, &e), 0);
	assert_true(rs.n >= 1);
	return rs.v[0];
}

/* Wait for a fact; the alarm is the bound. */
static void
until_present(struct pcsc *p, bool present)
{
	struct pcsc_readers rs;
	struct err e;

	for (;;) {
		assert_int_equal(pcsc_list(p, &rs, &e), 0);
		if (rs.v[0].present == present)
			return;
		assert_int_equal(pcsc_wait(p, &rs, &e), 0);
	}
}

static SCARDHANDLE
other_connects(SCARDCONTEXT ctx, const char *name, DWORD mode)
{
	DWORD protocol;
	SCARDHANDLE h;

	assert_int_equal(SCardConnect(ctx, name, mode, SCARD_PROTOCOL_T1, &h,
	    &protocol), SCARD_S_SUCCESS);
	return h;
}

static void
other_resets(SCARDCONTEXT ctx, const char *name)
{
	SCARDHANDLE h = other_connects(ctx, name, SCARD_SHARE_SHARED);

	assert_int_equal(SCardDisconnect(h, SCARD_RESET_CARD),
	    SCARD_S_SUCCESS);
}

static void
test_a_reset_is_told_from_another_card(void **state)
{
	enum card_since since;
	struct pcsc_reader r;
	struct card_io io;
	SCARDCONTEXT ctx;
	struct pcsc *p;
	struct err e;

	(void)state;
	assert_int_equal(SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL,
	    &ctx), SCARD_S_SUCCESS);
	assert_int_equal(pcsc_open(&p, &e), 0);
	r = reader(p);
	assert_int_equal(pcsc_connect(r.name, &io, &e), 0);
	assert_int_equal(io.begin(io.ctx, &since, &e), 0);
	io.end(io.ctx);
	assert_int_equal(since, CARD_KEPT);

	other_resets(ctx, r.name);
	assert_int_equal(io.begin(io.ctx, &since, &e), 0);
	io.end(io.ctx);
	assert_int_equal(since, CARD_RESET);
	assert_int_equal(io.begin(io.ctx, &since, &e), 0);
	io.end(io.ctx);
	assert_int_equal(since, CARD_KEPT);

	/* Pulled, put back and reset: the handle says no more than "reset". */
	shell("vhsmctl pull");
	until_present(p, false);
	shell("vhsmctl insert");
	until_present(p, true);
	other_resets(ctx, r.name);
	assert_int_equal(io.begin(io.ctx, &since, &e), 0);
	io.end(io.ctx);
	assert_int_equal(since, CARD_UNSURE);
	io.close(io.ctx);
	pcsc_close(p);
	SCardReleaseContext(ctx);
}

struct resetter {
	const char	*name;
	atomic_int	 done;
	bool		 failed;	/* no checks of cmocka in threads */
};

static void *
reset_often(void *arg)
{
	struct resetter *me = arg;
	DWORD protocol;
	SCARDHANDLE h;
	SCARDCONTEXT ctx;
	LONG r;

	r = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &ctx);
	if (r == SCARD_S_SUCCESS)
		r = SCardConnect(ctx, me->name, SCARD_SHARE_SHARED,
		    SCARD_PROTOCOL_T1, &h, &protocol);
	while (me->done < RESETS && r == SCARD_S_SUCCESS) {
		do	/* not while the card is taken */
			r = SCardReconnect(h, SCARD_SHARE_SHARED,
			    SCARD_PROTOCOL_T1, SCARD_RESET_CARD, &protocol);
		while (r == SCARD_E_SHARING_VIOLATION);
		me->done++;
	}
	SCardReleaseContext(ctx);
	me->failed = r != SCARD_S_SUCCESS;
	me->done = RESETS;
	return NULL;
}

static int
once(struct card_io *io, struct err *e)
{
	static const uint8_t challenge[] = { 0, 0x84, 0, 0, 8 };
	enum card_since since;
	uint8_t rsp[16];
	size_t n = sizeof(rsp);
	int r;

	if ((r = io->begin(io->ctx, &since, e)) != 0)
		return r;
	r = io->transmit(io->ctx, (struct span){ challenge,
	    sizeof(challenge) }, rsp, &n, e);
	io->end(io->ctx);
	return r;
}

static void
test_however_often_it_is_reset_the_card_comes_back(void **state)
{
	pthread_t other;
	struct card_io io;
	struct pcsc *p;
	struct pcsc_reader rd;
	struct err e;
	struct resetter it = { 0 };
	int r, seen = 0;

	(void)state;
	assert_int_equal(pcsc_open(&p, &e), 0);
	rd = reader(p);
	assert_int_equal(pcsc_connect(rd.name, &io, &e), 0);
	it.name = rd.name;
	assert_int_equal(pthread_create(&other, NULL, reset_often, &it), 0);
	for (int i = 1; it.done < RESETS; i++) {
		r = once(&io, &e);
		/* pcscd may lose a handle amid all this; that is said. */
		if (r == ERR_TOKEN_GONE) {
			io.close(io.ctx);
			r = pcsc_connect(rd.name, &io, &e);
		}
		assert_true(r == 0 || r == ERR_AGAIN);
		/* pcscd is not fair: let the other have its turn. */
		while (i % BURST == 0 && it.done == seen)
			sched_yield();
		seen = it.done;
	}
	assert_int_equal(pthread_join(other, NULL), 0);
	assert_false(it.failed);
	/* One reset may be left to be found out. */
	r = once(&io, &e);
	assert_true(r == 0 || r == ERR_AGAIN);
	assert_int_equal(once(&io, &e), 0);
	io.close(io.ctx);
	pcsc_close(p);
}

static void
test_who_is_alone_with_the_card_knows_it(void **state)
{
	struct card_io one, two;
	struct pcsc_reader r;
	struct pcsc *p;
	struct err e;

	(void)state;
	assert_int_equal(pcsc_open(&p, &e), 0);
	r = reader(p);
	assert_false(r.in_use);
	assert_int_equal(pcsc_connect(r.name, &one, &e), 0);
	assert_true(one.alone);
	assert_true(reader(p).in_use);
	assert_int_equal(pcsc_connect(r.name, &two, &e), 0);
	assert_false(two.alone);
	one.close(one.ctx);
	two.close(two.ctx);
	assert_int_equal(pcsc_connect(r.name, &one, &e), 0);
	assert_true(one.alone);
	one.close(one.ctx);
	pcsc_close(p);
}

static void
test_the_end_of_exclusive_use_ends_the_wait(void **state)
{
	struct pcsc_readers rs;
	struct card_io io;
	SCARDCONTEXT ctx;
	struct pcsc *p;
	SCARDHANDLE h;
	struct err e;

	(void)state;
	assert_int_equal(SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL,
	    &ctx), SCARD_S_SUCCESS);
	assert_int_equal(pcsc_open(&p, &e), 0);
	h = other_connects(ctx, reader(p).name, SCARD_SHARE_EXCLUSIVE);
	assert_int_equal(pcsc_list(p, &rs, &e), 0);
	assert_true(rs.v[0].exclusive);
	assert_int_equal(pcsc_connect(rs.v[0].name, &io, &e), ERR_DENIED);
	assert_int_equal(SCardDisconnect(h, SCARD_LEAVE_CARD),
	    SCARD_S_SUCCESS);
	assert_int_equal(pcsc_wait(p, &rs, &e), 0);
	assert_false(reader(p).exclusive);
	pcsc_close(p);
	SCardReleaseContext(ctx);
}

int
main(int argc, char **argv)
{
	char with[] = "tests/harness/with-vhsm", *again[] = { with, argv[0],
	    NULL };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_reset_is_told_from_another_card),
		cmocka_unit_test(
		    test_however_often_it_is_reset_the_card_comes_back),
		cmocka_unit_test(test_who_is_alone_with_the_card_knows_it),
		cmocka_unit_test(test_the_end_of_exclusive_use_ends_the_wait),
	};

	(void)argc;
	if (getenv("VHSM_CTL") == NULL) {
		execv(again[0], again);
		perror(again[0]);
		return 1;
	}
	alarm(PATIENCE_SECONDS);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
