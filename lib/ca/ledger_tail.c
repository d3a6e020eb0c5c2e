/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "ca/ledger_tail.h"

#define HEADER		100		/* bytes */
#define PAGE_SIZE_AT	16
#define PAGE_MIN	512
#define PAGE_MAX	65536
#define INNER		5		/* kinds of pages, what is on them */
#define LEAF		13
#define RIGHTMOST_AT	8
#define CELLS_AT	3
#define POINTERS_AT	8
#define DEPTH_MAX	40

struct reading {
	ledger_tail_fn	*fn;
	void		*arg;
	size_t		 size;		/* of a page */
	uint8_t		 page[PAGE_MAX];
};

static size_t
get16(const uint8_t *p)
{
	return (size_t)p[0] << 8 | p[1];
}

static enum ledger_tail_got
read_page(struct reading *a, uint64_t number)
{
	if (number == 0 || number > UINT32_MAX)
		return LEDGER_TAIL_ERROR;
	return a->fn(a->arg, a->page, a->size, (number - 1) * a->size);
}

static enum ledger_tail_got
read_header(struct reading *a)
{
	const enum ledger_tail_got got = a->fn(a->arg, a->page, HEADER, 0);

	if (got != LEDGER_TAIL_ALL)
		return got;
	a->size = get16(a->page + PAGE_SIZE_AT);
	if (a->size == 1)
		a->size = PAGE_MAX;
	return a->size >= PAGE_MIN && (a->size & (a->size - 1)) == 0 ?
	    LEDGER_TAIL_ALL : LEDGER_TAIL_ERROR;
}

static bool
get_varint(const struct reading *a, size_t *at, uint64_t *v)
{
	uint8_t byte;

	*v = 0;
	for (int i = 0; i < 9; i++) {
		if (*at >= a->size)
			return false;
		byte = a->page[(*at)++];
		if (i == 8) {
			*v = *v << 8 | byte;
			return true;
		}
		*v = *v << 7 | (byte & 0x7f);
		if (byte < 0x80)
			return true;
	}
	return false;
}

static bool
last_on_leaf(const struct reading *a, uint64_t *key)
{
	const size_t cells = get16(a->page + CELLS_AT);
	size_t at = POINTERS_AT + 2 * cells - 2;
	uint64_t bytes;

	*key = 0;
	if (cells == 0)
		return true;
	if (at + 2 > a->size)
		return false;
	at = get16(a->page + at);
	return get_varint(a, &at, &bytes) && get_varint(a, &at, key);
}

static bool
find(struct reading *a, uint64_t root, uint64_t *key)
{
	enum ledger_tail_got got;
	uint64_t page;

	*key = 0;
	if ((got = read_header(a)) == LEDGER_TAIL_ALL)
		got = read_page(a, root);
	if (got != LEDGER_TAIL_ALL)
		return got == LEDGER_TAIL_SHORT;
	for (int depth = 0; depth < DEPTH_MAX; depth++) {
		if (a->page[0] == LEAF)
			return last_on_leaf(a, key);
		if (a->page[0] != INNER)
			return false;
		page = (uint64_t)get16(a->page + RIGHTMOST_AT) << 16 |
		    get16(a->page + RIGHTMOST_AT + 2);
		if (read_page(a, page) != LEDGER_TAIL_ALL)
			return false;
	}
	return false;
}

bool
ledger_tail_find(ledger_tail_fn *fn, void *arg, uint64_t root, uint64_t *key)
{
	struct reading *a = calloc(1, sizeof(*a));
	bool found;

	*key = 0;
	if (a == NULL)
		return false;
	a->fn = fn;
	a->arg = arg;
	found = find(a, root, key);
	free(a);
	return found;
}
