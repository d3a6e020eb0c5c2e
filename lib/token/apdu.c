/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <string.h>

#include "base/secret.h"
#include "token/apdu.h"

#define INS_GET_RESPONSE	0xc0
#define SW1_MORE		0x61
#define SW1_WRONG_LE		0x6c
#define HEADER		4
#define CMD_MAX		(HEADER + 3 + APDU_MAX_DATA + 2)
#define RSP_MAX		4098

/* Room for an answer, and how much of it is there. */
struct answer {
	uint8_t	*p;
	size_t	 n, room;
};

static size_t
put_short(uint8_t *p, const struct apdu *a)
{
	size_t n = 0;

	if (a->data.n > 0) {
		p[n++] = (uint8_t)a->data.n;
		secret_move(p + n, a->data.p, a->data.n);
		n += a->data.n;
	}
	if (a->le > 0)
		p[n++] = (uint8_t)a->le;	/* 256 is coded as 0 */
	return n;
}

static size_t
put_extended(uint8_t *p, const struct apdu *a)
{
	size_t n = 0;

	p[n++] = 0;
	if (a->data.n > 0) {
		p[n++] = (uint8_t)(a->data.n >> 8);
		p[n++] = (uint8_t)a->data.n;
		secret_move(p + n, a->data.p, a->data.n);
		n += a->data.n;
	}
	if (a->le > 0) {
		p[n++] = (uint8_t)(a->le >> 8);	/* 65536 is coded as 0 */
		p[n++] = (uint8_t)a->le;
	}
	return n;
}

/* One command; what it answers is appended. */
static int
exchange(const struct card_io *io, const struct apdu *a, struct answer *to,
    uint16_t *sw, struct err *e)
{
	uint8_t cmd[CMD_MAX] = { a->cla, a->ins, a->p1, a->p2 };
	uint8_t buf[RSP_MAX];
	size_t n = HEADER, got = sizeof(buf);
	bool ext = a->extended || a->data.n > 255 || a->le > 256;
	int r;

	if (ext && (a->data.n > 0 || a->le > 0))
		n += put_extended(cmd + n, a);
	else
		n += put_short(cmd + n, a);

	r = io->transmit(io->ctx, (struct span){ cmd, n }, buf, &got, e);
	if (a->secret)
		explicit_bzero(cmd, sizeof(cmd));
	if (r != 0)
		return r;
	if (got < 2)
		return err_set(e, ERR_TOKEN_GONE, 0,
		    "the card answered %zu bytes, no status word", got);
	got -= 2;
	if (got > to->room - to->n)
		return err_set(e, ERR_FORMAT, 0,
		    "the card answered %zu bytes, %zu expected at most",
		    to->n + got, to->room);
	memcpy(to->p + to->n, buf, got);
	to->n += got;
	*sw = (uint16_t)(buf[got] << 8 | buf[got + 1]);
	return 0;
}

static size_t
announced(uint16_t sw)
{
	return (sw & 0xff) != 0 ? sw & 0xff : 256;
}

/*
 * With short commands a card, or a reader for it, may say that it has more
 * (61xx), or that the length was another (6Cxx): ISO 7816-4 sec. 5.6.  A
 * command that carries a PIN is never sent twice.
 */
int
apdu_send(const struct card_io *io, const struct apdu *a, uint8_t *rsp,
    size_t *rsp_len, uint16_t *sw, struct err *e)
{
	struct apdu more = { .ins = INS_GET_RESPONSE };
	struct answer to = { rsp, 0, *rsp_len };
	size_t before;
	int r;

	assert(a->data.n <= APDU_MAX_DATA);
	if ((r = exchange(io, a, &to, sw, e)) != 0)
		return r;
	if (*sw >> 8 == SW1_WRONG_LE && to.n == 0 && a->le > 0 &&
	    !a->secret) {
		more = *a;
		more.le = announced(*sw);
		more.extended = false;
		if ((r = exchange(io, &more, &to, sw, e)) != 0)
			return r;
		more = (struct apdu){ .ins = INS_GET_RESPONSE };
	}
	while (*sw >> 8 == SW1_MORE) {
		before = to.n;
		more.le = announced(*sw);
		if ((r = exchange(io, &more, &to, sw, e)) != 0)
			return r;
		if (to.n == before)
			break;		/* it would go on for ever */
	}
	*rsp_len = to.n;
	return 0;
}
