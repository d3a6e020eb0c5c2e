/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <string.h>

#include "token/apdu.h"

#define HEADER		4
#define CMD_MAX		(HEADER + 3 + APDU_MAX_DATA + 2)
#define RSP_MAX		4098

static size_t
put_short(uint8_t *p, const struct apdu *a)
{
	size_t n = 0;

	if (a->data.n > 0) {
		p[n++] = (uint8_t)a->data.n;
		memcpy(p + n, a->data.p, a->data.n);
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
		memcpy(p + n, a->data.p, a->data.n);
		n += a->data.n;
	}
	if (a->le > 0) {
		p[n++] = (uint8_t)(a->le >> 8);	/* 65536 is coded as 0 */
		p[n++] = (uint8_t)a->le;
	}
	return n;
}

int
apdu_send(const struct card_io *io, const struct apdu *a, uint8_t *rsp,
    size_t *rsp_len, uint16_t *sw, struct err *e)
{
	uint8_t cmd[CMD_MAX] = { a->cla, a->ins, a->p1, a->p2 };
	uint8_t buf[RSP_MAX];
	size_t n = HEADER, got = sizeof(buf);
	bool ext = a->extended || a->data.n > 255 || a->le > 256;
	int r;

	assert(a->data.n <= APDU_MAX_DATA);
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
		return err_set(e, ERR_FORMAT, 0,
		    "the card answered %zu bytes, no status word", got);
	got -= 2;
	if (got > *rsp_len)
		return err_set(e, ERR_FORMAT, 0,
		    "the card answered %zu bytes, %zu expected at most", got,
		    *rsp_len);
	memcpy(rsp, buf, got);
	*rsp_len = got;
	*sw = (uint16_t)(buf[got] << 8 | buf[got + 1]);
	return 0;
}
