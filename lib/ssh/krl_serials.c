/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "ssh/krl_part.h"
#include "ssh/krl_serials.h"

/*
 * OpenSSH reads no mpint of more bits, not even one that its own ssh-keygen
 * put into a list.
 */
#define BITMAP_BITS	16384

/* Bytes: a type and a length; then what follows of each encoding. */
#define PART_COST	5
#define SERIAL_COST	8
#define RANGE_COST	(PART_COST + 2 * SERIAL_COST)
#define BITMAP_COST	(PART_COST + SERIAL_COST + 4 + 1)	/* and bits/8 */
#define LISTED_MAX	2		/* three serials are a shorter range */

/*
 * The shortest way to write the ranges before this one, and by what its last
 * part, over the ranges from `from` on, is written.  Then, forward along the
 * way that was chosen: the part that begins with this range.
 */
struct step {
	size_t		 cost, from;
	enum krl_part	 by;
	size_t		 until;
	enum krl_part	 part;
};

/*
 * Ranges that a bitmap could begin with, see plan(): a queue, of which the
 * first is the best.
 */
struct starts {
	size_t		*v;
	size_t		 head, tail;
};

int
krl_serials_add(struct krl_serials *s, struct krl_range r, struct err *e)
{
	const size_t room = s->room + s->room / 2 + 16;
	struct krl_range *v;

	if (s->n == s->room) {
		if ((v = reallocarray(s->v, room, sizeof(*v))) == NULL)
			return err_set(e, ERR_NOMEM, 0, "serial numbers");
		s->v = v;
		s->room = room;
	}
	s->v[s->n++] = r;
	return 0;
}

void
krl_serials_free(struct krl_serials *s)
{
	free(s->v);
	*s = (struct krl_serials){ 0 };
}

static int
compare(const void *a, const void *b)
{
	const struct krl_range *x = a, *y = b;

	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

/* Sorted, with a gap between one and the next. */
static void
merge(struct krl_serials *s)
{
	size_t n = 0;

	if (s->n == 0)
		return;
	qsort(s->v, s->n, sizeof(*s->v), compare);
	for (size_t i = 1; i < s->n; i++) {
		struct krl_range *last = &s->v[n];

		/* lo is 1 at least */
		if (s->v[i].lo - 1 > last->hi)
			s->v[++n] = s->v[i];
		else if (s->v[i].hi > last->hi)
			last->hi = s->v[i].hi;
	}
	s->n = n + 1;
}

/*
 * A bitmap of the ranges a to i takes cost[a] + BITMAP_COST + bits/8 bytes
 * with all before it, where bits = hi[i] + 1 - lo[a].  So of two that could
 * be its first the better for i is so for each i, until it is too far away.
 */
static void
add_start(struct starts *q, const struct krl_serials *s,
    const struct step *step, size_t i)
{
	while (q->tail > q->head) {
		const size_t last = q->v[q->tail - 1];
		const uint64_t gap = s->v[i].lo - s->v[last].lo;

		if (gap / 8 < step[i].cost - step[last].cost)
			break;
		q->tail--;
	}
	q->v[q->tail++] = i;
	while (q->tail > q->head &&
	    s->v[i].hi - s->v[q->v[q->head]].lo >= BITMAP_BITS)
		q->head++;
}

static void
consider(struct step *to, size_t cost, size_t from, enum krl_part by)
{
	if (cost < to->cost) {
		to->cost = cost;
		to->from = from;
		to->by = by;
	}
}

/* Fill step[0..n]; without the cost of the one part that lists are in. */
static size_t
plan(const struct krl_serials *s, struct step *step, size_t *starts,
    bool with_list)
{
	struct starts q = { starts, 0, 0 };

	step[0] = (struct step){ 0 };
	for (size_t i = 0; i < s->n; i++) {
		const uint64_t more = s->v[i].hi - s->v[i].lo;
		struct step *to = &step[i + 1];
		size_t a;

		*to = (struct step){ .cost = SIZE_MAX };
		consider(to, step[i].cost + RANGE_COST, i, KRL_SERIAL_RANGE);
		if (with_list && more < LISTED_MAX)
			consider(to, step[i].cost + SERIAL_COST *
			    ((size_t)more + 1), i, KRL_SERIAL_LIST);
		add_start(&q, s, step, i);
		if (q.head == q.tail)
			continue;
		a = q.v[q.head];
		consider(to, step[a].cost + BITMAP_COST +
		    ((size_t)(s->v[i].hi - s->v[a].lo) + 1) / 8, a,
		    KRL_SERIAL_BITMAP);
	}
	return step[s->n].cost;
}

/* Lay the chosen way out from the first range to the last. */
static void
choose(const struct krl_serials *s, struct step *step, size_t *starts)
{
	const size_t listed = plan(s, step, starts, true) + PART_COST;

	if (plan(s, step, starts, false) > listed)
		plan(s, step, starts, true);
	for (size_t i = s->n; i > 0; i = step[i].from) {
		step[step[i].from].until = i;
		step[step[i].from].part = step[i].by;
	}
}

static void
put_list(const struct krl_serials *s, const struct step *step,
    struct wire_w *out)
{
	struct wire_w w;

	if (!wire_write(&w, out->max))
		out->bad = true;
	for (size_t i = 0; i < s->n; i = step[i].until)
		if (step[i].part == KRL_SERIAL_LIST)
			for (uint64_t n = s->v[i].lo;; n++) {
				wire_put_u64(&w, n);
				if (n == s->v[i].hi)
					break;
			}
	out->bad |= w.bad;
	if (wire_bytes(&w).n > 0) {
		wire_put_u8(out, KRL_SERIAL_LIST);
		wire_put_string(out, wire_bytes(&w));
	}
	wire_free(&w);
}

static void
put_range(struct krl_range r, struct wire_w *out)
{
	wire_put_u8(out, KRL_SERIAL_RANGE);
	wire_put_u32(out, 2 * SERIAL_COST);
	wire_put_u64(out, r.lo);
	wire_put_u64(out, r.hi);
}

/* The highest bit is set, and so the mpint has a fixed length. */
static void
put_bitmap(const struct krl_range *v, size_t n, struct wire_w *out)
{
	const uint64_t offset = v[0].lo;
	const size_t bits = (size_t)(v[n - 1].hi - offset) + 1;
	const size_t bytes = (bits + 7) / 8;
	uint8_t map[BITMAP_BITS / 8] = { 0 };

	for (size_t i = 0; i < n; i++)
		for (uint64_t b = v[i].lo - offset; b <= v[i].hi - offset; b++)
			map[bytes - 1 - (size_t)b / 8] |=
			    (uint8_t)(1 << b % 8);
	wire_put_u8(out, KRL_SERIAL_BITMAP);
	wire_put_u32(out, (uint32_t)(SERIAL_COST + 4 + 1 + bits / 8));
	wire_put_u64(out, offset);
	wire_put_mpint(out, (struct span){ map, bytes });
}

static void
put_all(const struct krl_serials *s, const struct step *step,
    struct wire_w *out)
{
	put_list(s, step, out);
	for (size_t i = 0; i < s->n; i = step[i].until)
		if (step[i].part == KRL_SERIAL_RANGE)
			put_range(s->v[i], out);
		else if (step[i].part == KRL_SERIAL_BITMAP)
			put_bitmap(&s->v[i], step[i].until - i, out);
}

int
krl_serials_put(struct krl_serials *s, struct wire_w *out, struct err *e)
{
	struct step *step = NULL;
	size_t *starts = NULL;
	int r = 0;

	merge(s);
	if (s->n == 0)
		return 0;
	step = calloc(s->n + 1, sizeof(*step));
	starts = calloc(s->n, sizeof(*starts));
	if (step == NULL || starts == NULL)
		r = err_set(e, ERR_NOMEM, 0, "serial numbers");
	else {
		choose(s, step, starts);
		put_all(s, step, out);
	}
	free(starts);
	free(step);
	return r;
}
