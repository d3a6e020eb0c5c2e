/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sign-on CLIENTS ROUNDS COMMENT...: that many clients of the agent sign,
 * each with one of these keys in turn, that often, or with ROUNDS 0 until
 * standard input ends.  Each signature is verified.  Prints what became of
 * it all; exit status 0 when all requests led to a signature.
 */
#include <err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/e2e/crowd.h"

#define KEYS_MAX	8
#define ANSWER_MS	60000
#define STEP_MS		20

static bool
is_told_to_end(void)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	char c;

	return poll(&p, 1, 0) > 0 && read(STDIN_FILENO, &c, 1) <= 0;
}

/* Whoever waits for nothing asks again; the last ones are awaited. */
static void
sign_on(struct crowd *c, const struct crowd_key *key, size_t keys,
    unsigned long rounds)
{
	unsigned long asked[CROWD_MAX] = { 0 };
	bool more = true;

	while (more) {
		more = rounds == 0 && !is_told_to_end();
		for (size_t i = 0; i < c->n; i++) {
			if (c->m[i].n_pending == 0 &&
			    (rounds == 0 || asked[i] < rounds)) {
				crowd_sign(c, i, &key[i % keys]);
				asked[i]++;
			}
			more |= asked[i] < rounds;
		}
		crowd_let_one(c, STEP_MS);
	}
	crowd_wait(c, ANSWER_MS);
}

int
main(int argc, char **argv)
{
	struct crowd_key key[KEYS_MAX];
	const struct crowd_tally *t;
	unsigned long n, rounds;
	struct crowd *c;
	size_t keys = 0;
	long begin;
	bool ok;

	if (argc < 4 || argc - 3 > KEYS_MAX)
		errx(2, "usage: sign-on CLIENTS ROUNDS COMMENT...");
	n = strtoul(argv[1], NULL, 10);
	rounds = strtoul(argv[2], NULL, 10);
	for (; keys < (size_t)argc - 3; keys++)
		if (!crowd_find(argv[3 + keys], &key[keys]))
			errx(1, "no key \"%s\" is listed", argv[3 + keys]);
	if ((c = calloc(1, sizeof(*c))) == NULL || !crowd_gather(c, n))
		errx(1, "the agent takes no clients");
	begin = crowd_now_ms();
	sign_on(c, key, keys, rounds);
	t = &c->tally;
	printf("signatures %u refused %u wrong %u lost %u slowest %ld ms %ld\n",
	    t->signatures, t->refused, t->wrong, t->lost, t->slowest_ms,
	    crowd_now_ms() - begin);
	ok = t->signatures == t->sent && t->sent > 0;
	crowd_dismiss(c);
	free(c);
	return ok ? 0 : 1;
}
