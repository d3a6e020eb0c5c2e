/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ssh/krl_part.h"
#include "ssh/krl_walk.h"

void
krl_walk_start(struct krl_walk *w, const struct krl_view *v)
{
	*w = (struct krl_walk){ 0 };
	wire_read(&w->sections, v->sections);
}

/* To a part, or a section without parts; false at the end. */
static bool
next_items(struct krl_walk *w)
{
	struct span data;

	if (!krl_part_next(&w->parts, &w->type, &data)) {
		if (!krl_part_next(&w->sections, &w->type, &data))
			return false;
		if (w->type == KRL_CERTIFICATES) {
			wire_read(&w->parts, data);
			w->ca = krl_part_get_ca(&w->parts);
			return true;
		}
		w->ca = (struct span){ 0 };
	}
	if (w->type == KRL_EXTENSION || w->type == KRL_PART_EXTENSION)
		return true;
	wire_read(&w->items, data);
	w->bit = 0;
	if (w->type == KRL_SERIAL_BITMAP &&
	    !krl_part_get_bitmap(data, &w->offset, &w->bitmap))
		w->items.left = 0;
	return true;
}

static bool
take_bytes(struct krl_walk *w, enum krl_by by, struct krl_entry *x)
{
	*x = (struct krl_entry){ .by = by, .ca = w->ca };
	if (by == KRL_BY_KEY_ID)
		return krl_part_get_text(&w->items, &x->bytes);
	x->bytes = wire_get_string(&w->items);
	return true;
}

static bool
take_serials(struct krl_walk *w, bool range, struct krl_entry *x)
{
	*x = (struct krl_entry){ .by = KRL_BY_SERIAL, .ca = w->ca };
	x->lo = x->hi = wire_get_u64(&w->items);
	if (range)
		x->hi = wire_get_u64(&w->items);
	return true;
}

/* The next run of bits; none is left: that part is done. */
static bool
take_run(struct krl_walk *w, struct krl_entry *x)
{
	const uint64_t end = 8 * (uint64_t)w->bitmap.n;
	uint64_t first;

	while (w->bit < end && !krl_part_has_bit(w->bitmap, w->bit))
		w->bit++;
	if (w->bit == end) {
		w->items.left = 0;
		return false;
	}
	first = w->bit;
	while (krl_part_has_bit(w->bitmap, w->bit))
		w->bit++;
	*x = (struct krl_entry){ .by = KRL_BY_SERIAL, .ca = w->ca,
	    .lo = w->offset + first, .hi = w->offset + w->bit - 1 };
	return true;
}

static bool
take_item(struct krl_walk *w, struct krl_entry *x)
{
	switch (w->type) {
	case KRL_SERIAL_LIST:
		return take_serials(w, false, x);
	case KRL_SERIAL_RANGE:
		return take_serials(w, true, x);
	case KRL_SERIAL_BITMAP:
		return take_run(w, x);
	case KRL_KEY_IDS:
		return take_bytes(w, KRL_BY_KEY_ID, x);
	case KRL_SHA1:
		return take_bytes(w, KRL_BY_SHA1, x);
	case KRL_SHA256:
		return take_bytes(w, KRL_BY_SHA256, x);
	default:
		return take_bytes(w, KRL_BY_KEY, x);
	}
}

bool
krl_walk_next(struct krl_walk *w, struct krl_entry *x)
{
	for (;;)
		if (w->items.left > 0) {
			if (take_item(w, x))
				return true;
		} else if (!next_items(w))
			return false;
}
