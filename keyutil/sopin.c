/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/random.h>

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "keyutil/out.h"
#include "keyutil/sopin.h"
#include "token/manage.h"

static bool
is(const struct secret *s, const char *text)
{
	return secret_len(s) == strlen(text) &&
	    memcmp(secret_bytes(s), text, strlen(text)) == 0;
}

bool
sopin_is_factory(const struct secret *so_pin)
{
	return is(so_pin, "57621880");		/* 3537363231383830 */
}

bool
sopin_is_factory_pin(const struct secret *pin)
{
	return is(pin, "648219");
}

static bool
put_hex(struct secret *line, const uint8_t *p, size_t n)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < n; i++)
		if (secret_add(line, &digits[p[i] >> 4], 1) != 0 ||
		    secret_add(line, &digits[p[i] & 0xf], 1) != 0)
			return false;
	return true;
}

/* Past stdio, whose buffer nobody wipes. */
static int
print(const struct secret *line, struct err *e)
{
	const char *p = secret_bytes(line);
	size_t left = secret_len(line);
	ssize_t n;
	int r;

	if ((r = out_flush(e)) != 0)
		return r;
	while (left > 0) {
		n = write(STDOUT_FILENO, p, left);
		if (n == -1 && errno != EINTR)
			return err_sys(e, "the SO-PIN cannot be printed, so "
			    "nothing was changed");
		if (n > 0) {
			p += n;
			left -= (size_t)n;
		}
	}
	return 0;
}

int
sopin_print_random(struct secret *out, struct err *e)
{
	uint8_t *bytes = secret_page_new(TOKEN_SO_PIN_BYTES);
	struct secret *line = secret_new();
	int r;

	secret_clear(out);
	if (bytes == NULL || line == NULL)
		r = err_set(e, ERR_NOMEM, 0, "SO-PIN");
	else if (getrandom(bytes, TOKEN_SO_PIN_BYTES, 0) !=
	    TOKEN_SO_PIN_BYTES)
		r = err_sys(e, "random numbers");
	else if (secret_add(out, bytes, TOKEN_SO_PIN_BYTES) != 0 ||
	    secret_add(line, "SO-PIN: ", 8) != 0 ||
	    !put_hex(line, bytes, TOKEN_SO_PIN_BYTES) ||
	    secret_add(line, "\n", 1) != 0)
		r = err_set(e, ERR_NOMEM, 0, "SO-PIN");
	else
		r = print(line, e);
	secret_page_free(bytes, TOKEN_SO_PIN_BYTES);
	secret_free(line);
	return r;
}
