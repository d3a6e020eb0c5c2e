/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "tests/vhsm/vh_card.h"

static const uint8_t aid[] = { 0xd2, 0x76, 0x00, 0x01, 0x24, 0x01 };

bool
vh_other_is_aid(const struct vhsm *v, struct span s)
{
	return v->quirk[VHSM_QUIRK_OTHER_APPLET] && s.n == sizeof(aid) &&
	    memcmp(s.p, aid, sizeof(aid)) == 0;
}

uint16_t
vh_other_select(struct vhsm *v, const struct vh_apdu *a, struct vh_buf *out)
{
	struct vh_session other = { .other = true };
	struct span name = { aid, sizeof(aid) };
	struct vh_buf fci = { 0 };

	if (a->ne != 0) {
		vh_buf_put_tlv(&fci, 0x84, name);
		vh_buf_put_tlv(out, 0x6f, vh_buf_bytes(&fci));
		vh_buf_free(&fci);
	}
	v->session = other;
	return SW_OK;
}

/* A PIN of which we hold no copy is always wrong. */
static uint16_t
verify(struct vhsm *v, const struct vh_apdu *a)
{
	if (a->data.n != 0 && v->other_spent < 3)
		v->other_spent++;
	if (v->other_spent == 3)
		return SW_BLOCKED;
	return (uint16_t)(SW_TRIES | (3 - v->other_spent));
}

uint16_t
vh_other_run(struct vhsm *v, const struct vh_apdu *a, struct vh_buf *out)
{
	(void)out;
	if (a->cla != 0x00)
		return SW_CLA;
	if (v->quirk[VHSM_QUIRK_OTHER_PIN] && a->ins == 0x20 && a->p1 == 0 &&
	    a->p2 == 0x81)
		return verify(v, a);
	return SW_INS;
}
