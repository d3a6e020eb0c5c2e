/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/secret.h"
#include "keyutil/cmd.h"
#include "keyutil/tokens.h"

#define BYTES_MAX	(64UL * 1024 * 1024)
#define AT_ONCE		1024		/* one transaction is short */

enum {
	OPT_HEX,
	OPT_TOKEN,
};

static const struct cmd_option options[] = {
	[OPT_HEX] = { "hex", NULL, "as hexadecimal digits, and a newline" },
	[OPT_TOKEN] = CMD_OPTION_TOKEN,
	{ 0 },
};

/* They may become a secret, so no copy of them stays behind. */
struct buffer {
	uint8_t	 bytes[AT_ONCE];
	char	 digits[2 * AT_ONCE];
};

static int
parse_count(const char *text, size_t *n, struct err *e)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (!isdigit((unsigned char)text[0]) || *end != '\0' || v == 0 ||
	    v > BYTES_MAX)
		return err_set(e, ERR_USAGE, 0,
		    "how many bytes, from 1 to %lu: %.32s", BYTES_MAX, text);
	*n = v;
	return 0;
}

static int
fetch(struct slot *s, uint8_t *out, size_t n, struct err *e)
{
	int r;

	if ((r = token_begin(s->token, e)) != 0)
		return r;
	r = token_random(s->token, out, n, e);
	token_end(s->token);
	return r == 0 ? 0 : err_wrap(e, "token %s", s->info.serial);
}

static int
put(const void *bytes, size_t n, struct err *e)
{
	const char *p = bytes;
	ssize_t done;

	while (n > 0) {
		if ((done = write(STDOUT_FILENO, p, n)) == -1)
			return err_sys(e, "standard output");
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

static int
put_hex(struct buffer *b, size_t n, struct err *e)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		b->digits[2 * i] = digits[b->bytes[i] >> 4];
		b->digits[2 * i + 1] = digits[b->bytes[i] & 15];
	}
	return put(b->digits, 2 * n, e);
}

static int
copy(struct slot *s, size_t n, bool hex, struct err *e)
{
	struct buffer *b = secret_page_new(sizeof(*b));
	size_t some;
	int r = 0;

	if (b == NULL)
		return err_set(e, ERR_NOMEM, 0, "random bytes");
	for (; r == 0 && n > 0; n -= some) {
		some = n < AT_ONCE ? n : AT_ONCE;
		if ((r = fetch(s, b->bytes, some, e)) == 0)
			r = hex ? put_hex(b, some, e) :
			    put(b->bytes, some, e);
	}
	if (r == 0 && hex)
		r = put("\n", 1, e);
	secret_page_free(b, sizeof(*b));
	return r;
}

static int
run(const struct cmd_args *a, struct err *e)
{
	struct tokens ts;
	struct slot *s;
	size_t n = 0;
	int r;

	if (a->n_operands != 1)
		return err_set(e, ERR_USAGE, 0, "say how many bytes");
	if ((r = parse_count(a->operand[0], &n, e)) != 0)
		return r;
	if ((r = tokens_open_one(&ts, a->value[OPT_TOKEN], &s, e)) == 0)
		r = copy(s, n, a->value[OPT_HEX] != NULL, e);
	tokens_close(&ts);
	return r;
}

const struct cmd cmd_random = {
	.name = "random",
	.operands = "BYTES",
	.summary = "print random bytes of the token's generator; needs no PIN",
	.options = options,
	.run = run,
};
