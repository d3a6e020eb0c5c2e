/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "ssh/keytext.h"
#include "token/cvc.h"
#include "token/schsm_info.h"
#include "token/schsm_pin.h"
#include "token/tlv.h"

#define INS_INITIALIZE	0x50
#define INS_DKEK	0x52
#define SEQUENCE_CHARS	5	/* of a CHR; the rest is the serial number */

int
schsm_serial(struct schsm_card *c, char *serial, size_t len, struct err *e)
{
	uint8_t file[SCHSM_FILE_MAX];
	size_t n = sizeof(file);
	struct cvc cvc;
	int r;

	if ((r = schsm_card_read(c, SCHSM_FID_DEVICE, file, &n, e)) != 0)
		return r;
	if ((r = cvc_parse((struct span){ file, n }, &cvc, e)) != 0)
		return err_wrap(e, "device certificate");
	if (cvc.holder.n <= SEQUENCE_CHARS)
		return err_set(e, ERR_FORMAT, 0,
		    "device certificate: holder of %zu bytes", cvc.holder.n);
	cvc.holder.n -= SEQUENCE_CHARS;
	keytext_clean(serial, len, cvc.holder);
	return 0;
}

/* PKCS#15 TokenInfo: version, serial?, manufacturer?, [0] label. */
static void
parse_label(struct span file, char *label, size_t len)
{
	struct tlv_r r;

	tlv_read(&r, file);
	tlv_read(&r, tlv_get(&r, 0x30));
	while (tlv_peek(&r) != 0 && tlv_peek(&r) != 0x80)
		tlv_skip(&r);
	keytext_clean(label, len, tlv_get_opt(&r, 0x80));
}

int
schsm_label(struct schsm_card *c, char *label, size_t len, struct err *e)
{
	uint8_t file[SCHSM_FILE_MAX];
	size_t n = sizeof(file);
	int r;

	label[0] = '\0';
	r = schsm_card_read(c, SCHSM_FID_TOKEN_INFO, file, &n, e);
	if (r == 0)
		parse_label((struct span){ file, n }, label, len);
	else if (r != ERR_NOTFOUND)
		return r;
	if (label[0] == '\0')
		snprintf(label, len, "SmartCard-HSM");
	return 0;
}

/* Ask with a command that has no data; *n is 0 when the card refuses. */
static int
ask(struct schsm_card *c, uint8_t ins, uint8_t rsp[256], size_t *n,
    struct err *e)
{
	const struct apdu a = { .cla = 0x80, .ins = ins, .le = 256 };
	uint16_t sw;
	int r;

	*n = 256;
	if ((r = schsm_card_send(c, &a, rsp, n, &sw, e)) == 0 && sw != SW_OK)
		*n = 0;
	return r;
}

/* Two byte counts and the key check value; refused where there is none. */
static int
read_dkek(struct schsm_card *c, struct token_info *i, struct err *e)
{
	uint8_t rsp[256];
	size_t n;
	int r;

	if ((r = ask(c, INS_DKEK, rsp, &n, e)) != 0 || n < 2)
		return r;
	i->dkek_shares = rsp[0];
	i->dkek_missing = rsp[1];
	for (size_t k = 0; rsp[1] == 0 && k < 8 && n >= 10; k++)
		snprintf(i->dkek_kcv + 2 * k, 3, "%02x", rsp[2 + k]);
	return 0;
}

/* INITIALIZE without data only asks: free memory, then the version. */
static int
read_memory(struct schsm_card *c, struct token_info *i, struct err *e)
{
	uint8_t rsp[256];
	size_t n;
	int r;

	if ((r = ask(c, INS_INITIALIZE, rsp, &n, e)) != 0 || n < 4)
		return r;
	i->memory_free = (long)((uint32_t)rsp[0] << 24 |
	    (uint32_t)rsp[1] << 16 | (uint32_t)rsp[2] << 8 | rsp[3]);
	if (i->firmware[0] == '\0' && n >= 6)
		snprintf(i->firmware, sizeof(i->firmware), "%u.%u",
		    rsp[n - 2], rsp[n - 1]);
	return 0;
}

void
schsm_info_start(const struct schsm_card *c, const char *serial,
    struct token_info *i)
{
	*i = (struct token_info){ .pin_tries = -1, .so_tries = -1,
	    .dkek_shares = -1, .dkek_missing = -1, .memory_free = -1,
	    .model = "SmartCard-HSM" };
	snprintf(i->serial, sizeof(i->serial), "%s", serial);
	snprintf(i->firmware, sizeof(i->firmware), "%s", c->firmware);
}

static int
read_pin(struct schsm_card *c, struct token_info *i, struct err *e)
{
	int r = schsm_pin_state(c, SCHSM_USER_PIN, &i->pin, &i->pin_tries, e);

	if (i->pin == TOKEN_PIN_BLOCKED)
		i->pin_tries = 0;
	return r;
}

static int
read_so(struct schsm_card *c, struct token_info *i, struct err *e)
{
	int r = schsm_pin_state(c, SCHSM_SO_PIN, &i->so, &i->so_tries, e);

	if (i->so == TOKEN_PIN_BLOCKED)
		i->so_tries = 0;
	return r;
}

static int
read_label(struct schsm_card *c, struct token_info *i, struct err *e)
{
	return schsm_label(c, i->label, sizeof(i->label), e);
}

int
schsm_info(struct schsm_card *c, unsigned int parts, struct token_info *i,
    struct err *e)
{
	static const struct {
		enum token_info_part part;
		int	 (*read)(struct schsm_card *c, struct token_info *i,
			    struct err *e);
	} all[] = {
		{ TOKEN_INFO_PIN, read_pin },
		{ TOKEN_INFO_SO, read_so },
		{ TOKEN_INFO_LABEL, read_label },
		{ TOKEN_INFO_DKEK, read_dkek },
		{ TOKEN_INFO_MEMORY, read_memory },
	};
	int r;

	for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++) {
		if ((parts & ~i->known & all[k].part) == 0)
			continue;
		if ((r = all[k].read(c, i, e)) != 0)
			return r;
		i->known |= all[k].part;
	}
	return 0;
}
