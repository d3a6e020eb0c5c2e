/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "token/schsm_dkek.h"

#define INS_DKEK	0x52
#define SHARE_BYTES	32
#define SW_CONDITIONS	0x6985

/* Without data it only tells: shares in all, shares that are missing. */
static int
exchange(struct schsm_card *c, struct span share, uint8_t rsp[256],
    size_t *n, uint16_t *sw, struct err *e)
{
	const struct apdu a = { .cla = 0x80, .ins = INS_DKEK, .data = share,
	    .le = 256, .secret = share.n > 0 };
	int r;

	*n = 256;
	if ((r = schsm_card_send(c, &a, rsp, n, sw, e)) != 0)
		return err_wrap(e, "IMPORT DKEK SHARE");
	return 0;
}

static int
not_wanted(struct err *e, uint16_t sw)
{
	return err_set(e, ERR_DENIED, sw, "the token has all its DKEK shares, "
	    "and takes no other");
}

static int
check_wanted(struct schsm_card *c, struct err *e)
{
	uint8_t rsp[256];
	uint16_t sw;
	size_t n;
	int r;

	if ((r = exchange(c, (struct span){ 0 }, rsp, &n, &sw, e)) != 0)
		return r;
	if (sw != SW_OK || n < 2)
		return err_set(e, ERR_DENIED, sw, "the token was set up "
		    "without a DKEK, and takes no share of one");
	return rsp[1] == 0 ? not_wanted(e, sw) : 0;
}

int
schsm_dkek_import(struct schsm_card *c, const struct secret *share,
    struct err *e)
{
	const struct span s = { secret_bytes(share), secret_len(share) };
	uint8_t rsp[256];
	uint16_t sw;
	size_t n;
	int r;

	if (s.n != SHARE_BYTES)
		return err_set(e, ERR_FORMAT, 0, "a DKEK share of %zu bytes "
		    "and not %d", s.n, SHARE_BYTES);
	if ((r = check_wanted(c, e)) != 0 ||
	    (r = exchange(c, s, rsp, &n, &sw, e)) != 0)
		return r;
	if (sw == SW_CONDITIONS)
		return not_wanted(e, sw);
	if (sw != SW_OK)
		return err_set(e, ERR_TOKEN, sw, "IMPORT DKEK SHARE: the card "
		    "says %04x", sw);
	return 0;
}
