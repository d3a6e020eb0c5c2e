/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keyutil/newfile.h"
#include "keyutil/readfile.h"
#include "keyutil/wrapfile.h"
#include "token/tlv.h"

#define TAG_OCTETS	0x04
#define TAG_SEQUENCE	0x30
#define TAG_REQUEST	0x67
#define TAG_CVC		0x7f21

void
wrapfile_put(struct wire_w *out, const struct token_wrapped *w)
{
	struct wire_w in;

	(void)wire_write(&in, WRAPFILE_MAX);
	tlv_put(&in, TAG_OCTETS, (struct span){ w->blob, w->blob_n });
	wire_put_raw(&in, (struct span){ w->description, w->description_n });
	wire_put_raw(&in, (struct span){ w->certificate, w->certificate_n });
	out->bad |= in.bad;
	tlv_put(out, TAG_SEQUENCE, wire_bytes(&in));
	wire_free(&in);
}

/* The next element with its header; empty when there is none. */
static bool
take_element(struct span *in, uint8_t *to, size_t room, size_t *n)
{
	*n = tlv_size(*in);
	if (*n > in->n || *n > room || (*n == 0 && in->n > 0))
		return false;
	if (*n > 0)
		memcpy(to, in->p, *n);
	in->p += *n;
	in->n -= *n;
	return true;
}

/* A key without description has its certificate in that one's place. */
static bool
is_certificate(struct span s)
{
	return s.n > 0 && (s.p[0] == TAG_REQUEST || s.p[0] == TAG_CVC >> 8);
}

static bool
take_files(struct span in, struct token_wrapped *w)
{
	return (is_certificate(in) || take_element(&in, w->description,
	    sizeof(w->description), &w->description_n)) &&
	    take_element(&in, w->certificate, sizeof(w->certificate),
	    &w->certificate_n) && in.n == 0;
}

int
wrapfile_parse(struct span in, struct token_wrapped *w, struct err *e)
{
	struct span blob, rest;
	struct tlv_r r;

	*w = (struct token_wrapped){ 0 };
	tlv_read(&r, in);
	rest = tlv_get(&r, TAG_SEQUENCE);
	if (!tlv_end(&r))
		return err_set(e, ERR_FORMAT, 0, "not a wrapped key, or not "
		    "all of one");
	tlv_read(&r, rest);
	blob = tlv_get(&r, TAG_OCTETS);
	rest = (struct span){ r.p, r.left };
	if (r.bad || blob.n == 0 || blob.n > sizeof(w->blob))
		return err_set(e, ERR_FORMAT, 0, "not a wrapped key");
	memcpy(w->blob, blob.p, blob.n);
	w->blob_n = blob.n;
	if (!take_files(rest, w))
		return err_set(e, ERR_FORMAT, 0, "the description or the "
		    "certificate of the wrapped key is damaged");
	return 0;
}

int
wrapfile_read(const char *path, struct token_wrapped *w, struct err *e)
{
	uint8_t buf[WRAPFILE_MAX];
	size_t n = sizeof(buf);
	int r;

	if ((r = readfile(path, buf, &n, e)) != 0)
		return r;
	if ((r = wrapfile_parse((struct span){ buf, n }, w, e)) != 0)
		return err_wrap(e, "\"%.200s\"", path);
	return 0;
}

int
wrapfile_write(const char *path, const struct token_wrapped *w,
    struct err *e)
{
	struct wire_w out;
	int r;

	(void)wire_write(&out, WRAPFILE_MAX);
	wrapfile_put(&out, w);
	r = out.bad ? err_set(e, ERR_NOMEM, 0, "wrapped key") :
	    newfile_write(path, wire_bytes(&out), e);
	wire_free(&out);
	return r;
}
