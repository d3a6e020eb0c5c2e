/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "token/schsm_card.h"
#include "token/tlv.h"

#define INS_SELECT	0xa4
#define INS_READ	0xb1
#define INS_UPDATE	0xd7
#define INS_DELETE	0xe4
#define INS_ENUMERATE	0x58
#define SHORT_WRITE	240
#define EXT_READ	4096

static const uint8_t aid[] = { 0xe8, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x81,
    0xc3, 0x1f, 0x02, 0x01 };

bool
schsm_sw_unselected(uint16_t sw)
{
	return sw == SW_INS_UNKNOWN || sw == SW_CLA_UNKNOWN;
}

int
schsm_err_unselected(struct err *e, uint16_t sw)
{
	return err_set(e, ERR_UNSUPPORTED, sw,
	    "the SmartCard-HSM applet is not selected");
}

int
schsm_card_send(struct schsm_card *c, const struct apdu *a, uint8_t *rsp,
    size_t *n, uint16_t *sw, struct err *e)
{
	return apdu_send(&c->io, a, rsp, n, sw, e);
}

/* Tag 85 of the FCI ends in major and minor; firmware 1.x has no more. */
static bool
parse_fci(struct span fci, char *firmware, size_t len)
{
	struct span version = { 0 };
	struct tlv_r r;
	uint16_t tag;

	tlv_read(&r, fci);
	tag = tlv_peek(&r);
	if (tag != 0x6f && tag != 0x62)
		return false;
	tlv_read(&r, tlv_get(&r, tag));
	while ((tag = tlv_peek(&r)) != 0) {
		if (tag == 0x85)
			version = tlv_get(&r, tag);
		else
			tlv_skip(&r);
	}
	if (version.n < 2)
		return false;
	snprintf(firmware, len, "%u.%u", version.p[version.n - 2],
	    version.p[version.n - 1]);
	return true;
}

int
schsm_card_select(struct schsm_card *c, struct err *e)
{
	const struct apdu a = { .ins = INS_SELECT, .p1 = 0x04,
	    .data = { aid, sizeof(aid) }, .le = 256 };
	uint8_t fci[256];
	size_t n = sizeof(fci);
	uint16_t sw;
	int r;

	if ((r = apdu_send(&c->io, &a, fci, &n, &sw, e)) != 0)
		return err_wrap(e, "SELECT");
	if (sw != SW_OK || !parse_fci((struct span){ fci, n }, c->firmware,
	    sizeof(c->firmware)))
		return err_set(e, ERR_UNSUPPORTED, sw,
		    "the card is not a SmartCard-HSM");
	return 0;
}

static int
read_at(struct schsm_card *c, uint16_t fid, size_t offset, uint8_t *buf,
    size_t *n, uint16_t *sw, struct err *e)
{
	const uint8_t where[] = { 0x54, 2, (uint8_t)(offset >> 8),
	    (uint8_t)offset };
	struct apdu a = { .ins = INS_READ, .p1 = (uint8_t)(fid >> 8),
	    .p2 = (uint8_t)fid, .data = { where, sizeof(where) } };
	size_t room = *n;
	int r = 0;

	if (!c->short_only) {
		a.extended = true;
		a.le = room < EXT_READ ? room : EXT_READ;
		r = apdu_send(&c->io, &a, buf, n, sw, e);
		if (r == 0 && schsm_sw_unselected(*sw))
			return 0;	/* which tells nothing about length */
		if (r == 0 && *sw != SW_WRONG_LENGTH)
			c->extended_works = true;
		if (c->extended_works)
			return r;
		/* The reader or the card gave up on extended length. */
		c->short_only = true;
	}
	a.extended = false;
	a.le = room < 256 ? room : 256;
	*n = room;
	return apdu_send(&c->io, &a, buf, n, sw, e);
}

/* Is the object that starts in buf all there? */
static bool
complete(const uint8_t *buf, size_t n)
{
	size_t size = tlv_size((struct span){ buf, n });

	return size != 0 && size <= n;
}

int
schsm_card_read(struct schsm_card *c, uint16_t fid, uint8_t *buf, size_t *n,
    struct err *e)
{
	size_t have = 0, got;
	uint16_t sw;
	int r;

	do {
		got = *n - have;
		if ((r = read_at(c, fid, have, buf + have, &got, &sw, e)) != 0)
			return err_wrap(e, "READ %04x", fid);
		if (sw == SW_NOT_FOUND)
			return err_set(e, ERR_NOTFOUND, sw,
			    "no file %04x on the token", fid);
		if (schsm_sw_unselected(sw))
			return schsm_err_unselected(e, sw);
		if (sw != SW_OK && sw != SW_END_OF_FILE)
			return err_set(e, ERR_TOKEN, sw,
			    "READ %04x: the card says %04x", fid, sw);
		have += got;
	} while (sw == SW_OK && got > 0 && have < *n && !complete(buf, have));
	*n = have;
	return 0;
}

int
schsm_card_read_object(struct schsm_card *c, uint16_t fid, uint8_t *buf,
    size_t *n, struct err *e)
{
	int r;

	if ((r = schsm_card_read(c, fid, buf, n, e)) != 0)
		return r;
	if (*n == 0 || !complete(buf, *n))
		return err_set(e, ERR_FORMAT, 0, "the file %04x is damaged",
		    fid);
	*n = tlv_size((struct span){ buf, *n });
	return 0;
}

int
schsm_card_enumerate(struct schsm_card *c, uint16_t *fids, size_t *n,
    struct err *e)
{
	const struct apdu a = { .cla = 0x80, .ins = INS_ENUMERATE,
	    .extended = !c->short_only, .le = c->short_only ? 256 : 65536 };
	uint8_t buf[2 * SCHSM_FIDS_MAX];
	size_t len = sizeof(buf), out = 0;
	uint16_t sw;
	int r;

	if ((r = apdu_send(&c->io, &a, buf, &len, &sw, e)) != 0)
		return err_wrap(e, "ENUMERATE OBJECTS");
	if (schsm_sw_unselected(sw))
		return schsm_err_unselected(e, sw);
	if ((sw != SW_OK && sw != SW_END_OF_FILE) || len % 2 != 0)
		return err_set(e, ERR_TOKEN, sw,
		    "ENUMERATE OBJECTS: the card says %04x, %zu bytes", sw,
		    len);
	for (size_t i = 0; i < len && out < *n; i += 2)
		fids[out++] = (uint16_t)(buf[i] << 8 | buf[i + 1]);
	*n = out;
	return 0;
}

/* What the card says of a command that changes its files. */
static int
changed(uint16_t sw, const char *what, uint16_t fid, struct err *e)
{
	if (sw == SW_OK)
		return 0;
	if (schsm_sw_unselected(sw))
		return schsm_err_unselected(e, sw);
	if (sw == SW_SECURITY_STATUS)
		return err_set(e, ERR_PIN_NEEDED, -1,
		    "%s %04x: nobody is logged in any more", what, fid);
	if (sw == SW_NOT_FOUND)
		return err_set(e, ERR_NOTFOUND, sw,
		    "no file %04x on the token", fid);
	if (sw == SW_NO_SPACE)
		return err_set(e, ERR_LIMIT, sw, "the token is full");
	return err_set(e, ERR_TOKEN, sw, "%s %04x: the card says %04x", what,
	    fid, sw);
}

/* UPDATE BINARY with odd INS: offset in 54, data in 53. */
static int
write_at(struct schsm_card *c, uint16_t fid, size_t offset, struct span data,
    struct err *e)
{
	uint8_t body[SCHSM_WRITE_MAX + 8] = { 0x54, 2,
	    (uint8_t)(offset >> 8), (uint8_t)offset, 0x53 };
	struct apdu a = { .ins = INS_UPDATE, .p1 = (uint8_t)(fid >> 8),
	    .p2 = (uint8_t)fid, .data = { body, 5 } };
	uint8_t none[1];
	size_t n = sizeof(none);
	uint16_t sw;
	int r;

	if (data.n > 255)
		body[a.data.n++] = 0x82;
	else if (data.n > 127)
		body[a.data.n++] = 0x81;
	if (data.n > 255)
		body[a.data.n++] = (uint8_t)(data.n >> 8);
	body[a.data.n++] = (uint8_t)data.n;
	memcpy(body + a.data.n, data.p, data.n);
	a.data.n += data.n;
	if ((r = apdu_send(&c->io, &a, none, &n, &sw, e)) != 0)
		return err_wrap(e, "WRITE %04x", fid);
	return changed(sw, "WRITE", fid, e);
}

size_t
schsm_card_write_once_max(const struct schsm_card *c)
{
	return c->short_only ? SHORT_WRITE : SCHSM_WRITE_MAX;
}

int
schsm_card_write(struct schsm_card *c, uint16_t fid, struct span data,
    struct err *e)
{
	const size_t most = schsm_card_write_once_max(c);
	size_t done = 0, n;
	int r;

	if (data.n > SCHSM_FILE_MAX)
		return err_set(e, ERR_LIMIT, 0, "%zu bytes are too many for a "
		    "file on the token", data.n);
	do {
		n = data.n - done < most ? data.n - done : most;
		r = write_at(c, fid, done, (struct span){ data.p + done, n },
		    e);
		done += n;
	} while (r == 0 && done < data.n);
	return r;
}

int
schsm_card_delete(struct schsm_card *c, uint16_t fid, struct err *e)
{
	const uint8_t name[] = { (uint8_t)(fid >> 8), (uint8_t)fid };
	const struct apdu a = { .ins = INS_DELETE, .p1 = 2,
	    .data = { name, sizeof(name) } };
	uint8_t none[1];
	size_t n = sizeof(none);
	uint16_t sw;
	int r;

	if ((r = apdu_send(&c->io, &a, none, &n, &sw, e)) != 0)
		return err_wrap(e, "DELETE %04x", fid);
	return changed(sw, "DELETE", fid, e);
}
