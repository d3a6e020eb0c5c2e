/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/file.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ca/ledger_file.h"
#include "ca/ledger_head.h"

#define MAGIC		"hsm-ssh-agent-ledger-head-1"
#define LOCK_STEP_MS	10
#define HEX		(2 * LEDGER_HASH + 1)	/* of a hash, with its NUL */

static void
put_hash(const uint8_t hash[LEDGER_HASH], char hex[HEX])
{
	for (size_t i = 0; i < LEDGER_HASH; i++)
		snprintf(hex + 2 * i, 3, "%02x", hash[i]);
}

size_t
ledger_head_put(const struct ledger_head *h, char text[LEDGER_HEAD_MAX])
{
	char hash[HEX], numbers[HEX];

	put_hash(h->hash, hash);
	put_hash(h->numbers, numbers);
	return (size_t)snprintf(text, LEDGER_HEAD_MAX, MAGIC " %020" PRIu64
	    " %s %020" PRIu64 " %020" PRIu64 " %020" PRIu64 " %s %020" PRIu64
	    "\n", h->seq, hash, h->serial, h->krl, h->grants, numbers,
	    h->base);
}

static bool
get_number(const char **p, const char *end, uint64_t *v)
{
	*v = 0;
	if (end - *p < 21 || **p != ' ')
		return false;
	for (int i = 1; i <= 20; i++) {
		const unsigned int digit = (unsigned int)(*p)[i] - '0';

		if (digit > 9 || *v > (UINT64_MAX - digit) / 10)
			return false;
		*v = *v * 10 + digit;
	}
	*p += 21;
	return true;
}

static bool
get_hash(const char **p, const char *end, uint8_t hash[LEDGER_HASH])
{
	static const char digits[] = "0123456789abcdef";
	const char *high, *low;

	if (end - *p < 2 * LEDGER_HASH + 1 || **p != ' ')
		return false;
	for (size_t i = 0; i < LEDGER_HASH; i++) {
		high = memchr(digits, (*p)[1 + 2 * i], 16);
		low = memchr(digits, (*p)[2 + 2 * i], 16);
		if (high == NULL || low == NULL)
			return false;
		hash[i] = (uint8_t)((high - digits) << 4 | (low - digits));
	}
	*p += 2 * LEDGER_HASH + 1;
	return true;
}

bool
ledger_head_parse(struct span text, struct ledger_head *h)
{
	const char *p = (const char *)text.p, *end = p + text.n;

	*h = (struct ledger_head){ 0 };
	if (text.n < sizeof(MAGIC) || memcmp(p, MAGIC, sizeof(MAGIC) - 1) != 0)
		return false;
	p += sizeof(MAGIC) - 1;
	if (get_number(&p, end, &h->seq) && get_hash(&p, end, h->hash) &&
	    get_number(&p, end, &h->serial) &&
	    get_number(&p, end, &h->krl) &&
	    get_number(&p, end, &h->grants) &&
	    get_hash(&p, end, h->numbers) &&
	    get_number(&p, end, &h->base) && end - p == 1 && *p == '\n')
		return true;
	*h = (struct ledger_head){ 0 };
	return false;
}

int
ledger_head_open(const char *path, bool make, int *fd, struct err *e)
{
	struct ledger_file f;
	int r;

	*fd = -1;
	if ((make && (r = ledger_file_make(path, e)) != 0) ||
	    (r = ledger_file_look(path, &f, e)) != 0)
		return r;
	*fd = open(path, (make ? O_RDWR : O_RDONLY) | O_CLOEXEC |
	    O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
	return *fd == -1 ? err_sys(e, "%s", path) : 0;
}

int
ledger_head_lock(int fd, int ms, struct err *e)
{
	int left = ms;

	while (flock(fd, LOCK_EX | LOCK_NB) == -1) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_sys(e, "locking the ledger");
		if (left <= 0)
			return err_set(e, ERR_AGAIN, 0, "another program has "
			    "been writing to the ledger for %d seconds",
			    ms / 1000);
		(void)poll(NULL, 0, LOCK_STEP_MS);
		left -= LOCK_STEP_MS;
	}
	return 0;
}

void
ledger_head_unlock(int fd)
{
	(void)flock(fd, LOCK_UN);
}

int
ledger_head_read(int fd, struct ledger_head *h, struct err *e)
{
	char text[LEDGER_HEAD_MAX];
	const ssize_t n = pread(fd, text, sizeof(text), 0);

	*h = (struct ledger_head){ 0 };
	if (n == -1)
		return err_sys(e, "the head of the ledger");
	if (n == 0)
		return err_set(e, ERR_NOTFOUND, 0, "the ledger has no head");
	if (ledger_head_parse((struct span){ (const uint8_t *)text,
	    (size_t)n }, h))
		return 0;
	return err_set(e, ERR_FORMAT, 0, "the head of the ledger is damaged");
}

/* What was longer was no head. */
int
ledger_head_write(int fd, const struct ledger_head *h, struct err *e)
{
	char text[LEDGER_HEAD_MAX];
	const size_t n = ledger_head_put(h, text);

	errno = ENOSPC;
	if (pwrite(fd, text, n, 0) != (ssize_t)n ||
	    ftruncate(fd, (off_t)n) == -1)
		return err_sys(e, "the head of the ledger");
	return 0;
}

int
ledger_head_make(int fd, const struct ledger_head *h, struct err *e)
{
	int r;

	if ((r = ledger_head_write(fd, h, e)) == 0 && fsync(fd) == -1)
		r = err_sys(e, "the head of the ledger");
	if (r != 0)
		(void)!ftruncate(fd, 0);
	return r;
}
