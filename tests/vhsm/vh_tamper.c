/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "tests/vhsm/vh_card.h"

static int
check_pin(const struct vhsm *v, struct err *e)
{
	if (v->st.user.n == 0)
		return err_set(e, ERR_TOKEN, SW_REFERENCE, "no PIN was ever "
		    "set");
	return 0;
}

int
vhsm_change_pin(struct vhsm *v, const char *pin, struct err *e)
{
	struct vh_session fresh = { .selected = true };
	struct vh_pin *p = &v->st.user;
	size_t n = strlen(pin);

	if (!vh_pin_is_user_size(n))
		return err_set(e, ERR_LIMIT, 0, "a PIN has 6 to 16 "
		    "characters");
	if (check_pin(v, e) != 0)
		return e->code;
	memset(p->value, 0, sizeof(p->value));
	memcpy(p->value, pin, n);
	p->n = (uint8_t)n;
	p->tries = p->max;
	v->st.transport = false;
	v->session = fresh;
	return vh_store_save(&v->st, e);
}

int
vhsm_set_tries(struct vhsm *v, uint8_t left, struct err *e)
{
	if (check_pin(v, e) != 0)
		return e->code;
	v->st.user.tries = left;
	return vh_store_save(&v->st, e);
}

uint8_t
vhsm_tries(const struct vhsm *v)
{
	return v->st.user.tries;
}

int
vhsm_set_so_tries(struct vhsm *v, uint8_t left, struct err *e)
{
	if (check_pin(v, e) != 0)
		return e->code;
	v->st.so.tries = left;
	return vh_store_save(&v->st, e);
}

uint8_t
vhsm_so_tries(const struct vhsm *v)
{
	return v->st.so.tries;
}

int
vhsm_set_transport(struct vhsm *v, bool on, struct err *e)
{
	if (check_pin(v, e) != 0)
		return e->code;
	v->st.transport = on;
	v->session.user &= !on;
	return vh_store_save(&v->st, e);
}

void
vhsm_set_pka(struct vhsm *v, uint16_t sw)
{
	v->pka_sw = sw;
	v->session.user &= sw == 0;
}

static struct vh_key *
find_key(const struct vhsm *v, uint8_t ref, struct err *e)
{
	struct vh_object *o = vh_store_find(&v->st, VH_FID_KEY | ref);

	if (ref != 0 && o != NULL && o->key != NULL)
		return o->key;
	err_set(e, ERR_NOTFOUND, 0, "no key %02X", ref);
	return NULL;
}

int
vhsm_limit_uses(struct vhsm *v, uint8_t ref, int64_t uses, struct err *e)
{
	struct vh_key *k = find_key(v, ref, e);

	if (k == NULL)
		return e->code;
	k->counted = uses >= 0;
	k->uses = k->counted ? (uint32_t)uses : 0;
	return vh_store_save(&v->st, e);
}

int
vhsm_limit_algs(struct vhsm *v, uint8_t ref, struct span algs,
    struct err *e)
{
	struct vh_key *k = find_key(v, ref, e);

	if (k == NULL)
		return e->code;
	if (algs.n > sizeof(k->algs))
		return err_set(e, ERR_LIMIT, 0, "at most %zu algorithms",
		    sizeof(k->algs));
	k->algs_n = (uint8_t)algs.n;
	if (algs.n != 0)
		memcpy(k->algs, algs.p, algs.n);
	return vh_store_save(&v->st, e);
}

struct vhsm_pins
vhsm_pins(const struct vhsm *v)
{
	return v->pins;
}

void
vhsm_set_pins(struct vhsm *v, struct vhsm_pins pins)
{
	v->pins = pins;
}
