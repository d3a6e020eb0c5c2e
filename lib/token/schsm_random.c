/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "token/schsm.h"
#include "token/schsm_card.h"
#include "token/schsm_random.h"

#define INS_CHALLENGE	0x84
#define AT_ONCE		1024
#define AT_ONCE_SHORT	256

static int
some(struct schsm_card *c, uint8_t *out, size_t *n, struct err *e)
{
	const size_t most = c->short_only ? AT_ONCE_SHORT : AT_ONCE;
	const size_t want = *n < most ? *n : most;
	const struct apdu a = { .ins = INS_CHALLENGE, .le = want };
	uint16_t sw;
	int r;

	*n = want;
	if ((r = schsm_card_send(c, &a, out, n, &sw, e)) != 0)
		return err_wrap(e, "GET CHALLENGE");
	if (schsm_sw_unselected(sw))
		return schsm_err_unselected(e, sw);
	if (sw != SW_OK || *n != want)
		return err_set(e, ERR_TOKEN, sw,
		    "GET CHALLENGE: the card says %04x, %zu bytes", sw, *n);
	return 0;
}

int
schsm_random(struct token *t, uint8_t *out, size_t n, struct err *e)
{
	size_t done = 0, got;
	int r;

	while (done < n) {
		got = n - done;
		if ((r = some(schsm_card_of(t), out + done, &got, e)) != 0) {
			explicit_bzero(out, n);
			return r;
		}
		done += got;
	}
	return 0;
}
