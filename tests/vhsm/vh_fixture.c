/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>

#include "tests/vhsm/vh_card.h"
#include "tests/vhsm/vh_gen.h"

/* Run a command with all rights; anything but 9000 is an error. */
static int
run(struct vhsm *v, struct vh_buf *cmd, const char *what, struct err *e)
{
	uint8_t rsp[1024];
	size_t n;
	int sw;

	if (cmd->bad) {
		vh_buf_free(cmd);
		return err_set(e, ERR_NOMEM, 0, "out of memory");
	}
	n = vhsm_apdu_privileged(v, vh_buf_bytes(cmd), rsp, sizeof(rsp));
	vh_buf_free(cmd);
	sw = rsp[n - 2] << 8 | rsp[n - 1];
	if (sw != SW_OK)
		return err_set(e, ERR_TOKEN, sw, "%s: status word %04X",
		    what, (unsigned)sw);
	return 0;
}

static void
put_header(struct vh_buf *cmd, uint32_t header, struct vh_buf *data)
{
	struct span d = vh_buf_bytes(data);

	vh_buf_put_u32(cmd, header);
	if (d.n > 255) {
		vh_buf_put_u8(cmd, 0);
		vh_buf_put_u16(cmd, (unsigned)d.n);
	} else {
		vh_buf_put_u8(cmd, (unsigned)d.n);
	}
	vh_buf_put(cmd, d);
	cmd->bad |= data->bad;
	vh_buf_free(data);
}

static int
write_file(struct vhsm *v, uint16_t fid, struct span content, struct err *e)
{
	static const uint8_t zero[2];
	struct span off = { zero, 2 };
	struct vh_buf data = { 0 }, cmd = { 0 };

	vh_buf_put_tlv(&data, 0x54, off);
	vh_buf_put_tlv(&data, 0x53, content);
	put_header(&cmd, 0x00d70000u | fid, &data);
	return run(v, &cmd, "write file", e);
}

/* PKCS#15 TokenInfo: version, label, flag "has a random generator". */
static int
write_label(struct vhsm *v, const char *label, struct err *e)
{
	static const uint8_t version[1], flags[2] = { 0x05, 0x20 };
	struct span version_s = { version, 1 }, flags_s = { flags, 2 };
	struct vh_buf in = { 0 }, info = { 0 };
	int r;

	vh_buf_put_tlv(&in, 0x02, version_s);
	vh_buf_put_tlv(&in, 0x80, span_cstr(label));
	vh_buf_put_tlv(&in, 0x03, flags_s);
	vh_buf_put_tlv(&info, 0x30, vh_buf_bytes(&in));
	r = write_file(v, VH_FID_LABEL, vh_buf_bytes(&info), e);
	vh_buf_free(&in);
	vh_buf_free(&info);
	return r;
}

int
vhsm_initialise(struct vhsm *v, const char *pin, const char *so_pin_hex,
    const char *label, struct err *e)
{
	static const uint8_t options[2] = { 0, VH_OPTION_RRC };
	static const uint8_t tries[1] = { 3 };
	struct span options_s = { options, 2 }, tries_s = { tries, 1 };
	struct vh_buf data = { 0 }, cmd = { 0 };
	struct span so = { 0 };
	unsigned char *bin;
	long n = 0;
	int r;

	if ((bin = OPENSSL_hexstr2buf(so_pin_hex, &n)) == NULL || n != 8) {
		OPENSSL_free(bin);
		return err_set(e, ERR_FORMAT, 0, "SO-PIN: want 16 hex digits");
	}
	so.p = bin;
	so.n = (size_t)n;
	vh_buf_put_tlv(&data, 0x80, options_s);
	vh_buf_put_tlv(&data, 0x81, span_cstr(pin));
	vh_buf_put_tlv(&data, 0x82, so);
	vh_buf_put_tlv(&data, 0x91, tries_s);
	put_header(&cmd, 0x80500000u, &data);
	r = run(v, &cmd, "initialise", e);
	OPENSSL_free(bin);
	return r != 0 ? r : write_label(v, label, e);
}

struct prkd {
	unsigned	 tag;		/* of the whole: RSA, EC or AES */
	struct span	 usage;		/* BIT STRING content */
	const char	*label;
	struct span	 id;
	uint8_t		 ref;
	unsigned	 bits;
};

static void
put_integer(struct vh_buf *b, unsigned v)
{
	uint8_t be[3] = { 0, (uint8_t)(v >> 8), (uint8_t)v };
	struct span s = { be, 3 };

	while (s.n > 1 && s.p[0] == 0 && (s.p[1] & 0x80) == 0) {
		s.p++;
		s.n--;
	}
	vh_buf_put_tlv(b, 0x02, s);
}

static void
put_closed(struct vh_buf *out, unsigned tag, struct vh_buf *in)
{
	vh_buf_put_tlv(out, tag, vh_buf_bytes(in));
	out->bad |= in->bad;
	vh_buf_free(in);
}

static void
put_attributes(struct vh_buf *b, const struct prkd *k)
{
	static const uint8_t flags[] = { 0x06, 0xc0 }, auth[] = { 0x01 };
	struct span flags_s = { flags, 2 }, auth_s = { auth, 1 };
	struct vh_buf in = { 0 };

	if (k->label[0] != '\0')
		vh_buf_put_tlv(&in, 0x0c, span_cstr(k->label));
	vh_buf_put_tlv(&in, 0x03, flags_s);
	vh_buf_put_tlv(&in, 0x04, auth_s);
	put_closed(b, 0x30, &in);
	vh_buf_put_tlv(&in, 0x04, k->id);
	vh_buf_put_tlv(&in, 0x03, k->usage);
	put_integer(&in, k->ref);
	put_closed(b, 0x30, &in);
}

static int
write_prkd(struct vhsm *v, const struct prkd *k, struct err *e)
{
	struct vh_buf b = { 0 }, in = { 0 }, path = { 0 }, all = { 0 };
	struct span none = { NULL, 0 };
	int r;

	put_attributes(&b, k);
	if (k->tag == 0xa8) {
		put_integer(&in, k->bits);
		put_closed(&path, 0x30, &in);
		put_closed(&b, 0xa0, &path);
	}
	vh_buf_put_tlv(&path, 0x04, none);
	put_closed(&in, 0x30, &path);
	if (k->tag != 0xa8)
		put_integer(&in, k->bits);
	put_closed(&path, 0x30, &in);
	put_closed(&b, 0xa1, &path);
	put_closed(&all, k->tag, &b);
	r = write_file(v, (uint16_t)(VH_FID_PRKD | k->ref),
	    vh_buf_bytes(&all), e);
	vh_buf_free(&all);
	return r;
}

/* What TYPE means; curve NULL and e empty: AES. */
static bool
parse_type(const char *type, struct vh_gen *g)
{
	static const uint8_t f4[] = { 1, 0, 1 };
	char *end;

	if ((g->curve = vh_curve_by_name(type)) != NULL) {
		g->bits = g->curve->bits;
		return true;
	}
	if (strncasecmp(type, "rsa", 3) == 0 && type[3] != '\0') {
		g->e.p = f4;
		g->e.n = sizeof(f4);
		g->bits = (unsigned)strtoul(type + 3, &end, 10);
		return *end == '\0';
	}
	if (strncasecmp(type, "aes", 3) != 0)
		return false;
	g->bits = (unsigned)strtoul(type + 3, &end, 10);
	return *end == '\0' && (g->bits == 128 || g->bits == 192 ||
	    g->bits == 256);
}

static uint8_t
free_reference(const struct vhsm *v)
{
	for (unsigned i = 1; i < 256; i++)
		if (vh_store_find(&v->st, (uint16_t)(VH_FID_KEY | i)) == NULL)
			return (uint8_t)i;
	return 0;
}

static uint16_t
generate(struct vhsm *v, struct vh_gen *g, uint8_t ref)
{
	static const struct vh_key aes = {
		.algs = { 0x10, 0x11, 0x18, 0x99 }, .algs_n = 4
	};
	char chr[17], outer[17];
	struct vh_buf out = { 0 };
	uint16_t sw;

	if (g->curve == NULL && g->e.n == 0)
		return vh_gen_make_aes(v, ref, g->bits / 8, &aes);
	snprintf(chr, sizeof(chr), "%s00001", v->st.serial);
	snprintf(outer, sizeof(outer), "%s00000", v->st.serial);
	g->car = span_cstr("UTCA00001");
	g->chr = span_cstr(chr);
	g->outer_car = span_cstr(outer);
	sw = vh_gen_make_pair(v, ref, g, &out);
	vh_buf_free(&out);
	return sw;
}

static void
describe(struct prkd *k, const struct vh_gen *g)
{
	static const uint8_t rsa[] = { 0x04, 0x70 }, aes[] = { 0x06, 0xc0 };
	static const uint8_t ec[] = { 0x07, 0x30, 0x80 };

	k->bits = g->bits;
	k->tag = g->curve != NULL ? 0xa0 : g->e.n != 0 ? 0x30 : 0xa8;
	k->usage.p = g->curve != NULL ? ec : g->e.n != 0 ? rsa : aes;
	k->usage.n = g->curve != NULL ? sizeof(ec) : sizeof(rsa);
}

int
vhsm_make_key(struct vhsm *v, const char *type, const char *label,
    struct span id, uint8_t *ref, struct err *e)
{
	struct vh_gen g = { 0 };
	struct prkd k = { .label = label, .id = id };
	uint16_t sw;

	if (!parse_type(type, &g))
		return err_set(e, ERR_UNSUPPORTED, 0, "%s: no such key type",
		    type);
	if ((k.ref = free_reference(v)) == 0)
		return err_set(e, ERR_LIMIT, 0, "255 keys are all it can hold");
	if ((sw = vh_gen_allowed(v, k.ref)) != SW_OK ||
	    (sw = generate(v, &g, k.ref)) != SW_OK)
		return err_set(e, ERR_TOKEN, sw, "make %s key: status word "
		    "%04X", type, (unsigned)sw);
	if (k.id.n == 0) {
		k.id.p = &k.ref;
		k.id.n = 1;
	}
	describe(&k, &g);
	*ref = k.ref;
	return write_prkd(v, &k, e);
}
