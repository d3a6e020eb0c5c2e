/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "keyutil/ask.h"
#include "pin/pin.h"
#include "pin/source.h"
#include "pin/tty.h"
#include "ssh/keytext.h"

#define PIN_MIN		6
#define PIN_MAX		16

static int
from_file(const char *file, struct secret *out, struct err *e)
{
	char path[4096];
	const struct pin_source source = { .kind = PIN_SOURCE_FILE,
	    .value = path };

	secret_clear(out);
	if (strcmp(file, "-") == 0)
		return secret_read_line(out, STDIN_FILENO, -1, e);
	if (strlen(file) >= sizeof(path))
		return err_set(e, ERR_LIMIT, 0, "the name of a file is too "
		    "long");
	snprintf(path, sizeof(path), "%s", file);
	return pin_source_read(&source, -1, out, e);
}

int
ask_stdin_once(const char *const *file, size_t n, struct err *e)
{
	size_t dashes = 0;

	for (size_t i = 0; i < n; i++)
		dashes += file[i] != NULL && strcmp(file[i], "-") == 0;
	return dashes < 2 ? 0 : err_set(e, ERR_USAGE, 0, "standard input "
	    "holds one secret; name a file for the others");
}

static int
from_person(const struct slot *s, const char *name, const char *reason,
    int tries, struct secret *out, struct err *e)
{
	const struct pin_asker how = { 0 };
	const struct pin_prompt p = { .name = name, .label = s->info.label,
	    .serial = s->info.serial, .reason = reason, .tries = tries };

	if (!pin_can_ask(&how))
		return err_set(e, ERR_DENIED, 0, "nobody to ask for the %s: "
		    "there is no terminal, no SSH_ASKPASS and no pinentry "
		    "that could show itself; name a file that it is in",
		    name != NULL ? name : "PIN");
	return pin_ask(&how, &p, -1, out, e);
}

/* What nobody can look up is typed twice. */
static int
twice(const struct slot *s, const char *name, const char *again,
    struct secret *out, struct err *e)
{
	struct secret *second = secret_new();
	int r;

	if (second == NULL)
		return err_set(e, ERR_NOMEM, 0, "PIN");
	if ((r = from_person(s, name, NULL, -1, out, e)) == 0)
		r = from_person(s, again, NULL, -1, second, e);
	if (r == 0 && !secret_eq(out, second))
		r = err_set(e, ERR_CANCELLED, 0, "the two are not the same; "
		    "nothing was changed");
	secret_free(second);
	return r;
}

int
ask_check_pin(const struct secret *pin, struct err *e)
{
	const unsigned char *p = secret_bytes(pin);
	const size_t n = secret_len(pin);

	if (n < PIN_MIN || n > PIN_MAX)
		return err_set(e, ERR_USAGE, 0, "a PIN has %d to %d "
		    "characters; nothing was sent to the token", PIN_MIN,
		    PIN_MAX);
	for (size_t i = 0; i < n; i++)
		if (p[i] < 0x20 || p[i] > 0x7e)
			return err_set(e, ERR_USAGE, 0, "a PIN is made of "
			    "letters, digits and signs of ASCII; nothing was "
			    "sent to the token");
	return 0;
}

static int
hex_digit(unsigned char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *p = c != '\0' ? strchr(digits, c | 0x20) : NULL;

	return p != NULL && (c | 0x20) == *p ? (int)(p - digits) : -1;
}

int
ask_parse_so_pin(const struct secret *text, struct secret *out,
    struct err *e)
{
	const unsigned char *p = secret_bytes(text);
	unsigned char byte;
	int hi, lo;

	secret_clear(out);
	for (size_t i = 0; i < ASK_SO_PIN_BYTES; i++) {
		if (secret_len(text) != 2 * ASK_SO_PIN_BYTES ||
		    (hi = hex_digit(p[2 * i])) < 0 ||
		    (lo = hex_digit(p[2 * i + 1])) < 0) {
			secret_clear(out);
			return err_set(e, ERR_USAGE, 0, "a SO-PIN is %d "
			    "hexadecimal digits; nothing was sent to the "
			    "token", 2 * ASK_SO_PIN_BYTES);
		}
		byte = (unsigned char)(hi << 4 | lo);
		if (secret_add(out, &byte, 1) != 0)
			return err_set(e, ERR_NOMEM, 0, "SO-PIN");
	}
	explicit_bzero(&byte, sizeof(byte));
	return 0;
}

int
ask_pin(const struct slot *s, const char *file, const char *reason,
    struct secret *out, struct err *e)
{
	int r;

	r = file != NULL ? from_file(file, out, e) :
	    from_person(s, NULL, reason, slot_tries(s), out, e);
	if (r != 0 || !s->in_module)
		return r != 0 ? r : ask_check_pin(out, e);
	/* What such a token takes for a PIN only it knows. */
	return secret_len(out) > 0 ? 0 : err_set(e, ERR_USAGE, 0,
	    "the PIN is empty; nothing was sent to the token");
}

int
ask_new_pin(const struct slot *s, const char *file, struct secret *out,
    struct err *e)
{
	int r;

	r = file != NULL ? from_file(file, out, e) :
	    twice(s, "new PIN", "new PIN again", out, e);
	return r != 0 ? r : ask_check_pin(out, e);
}

static int
so_pin(const struct slot *s, const char *file, const char *reason, bool new,
    struct secret *out, struct err *e)
{
	struct secret *text = secret_new();
	int r;

	if (text == NULL)
		return err_set(e, ERR_NOMEM, 0, "SO-PIN");
	if (file != NULL)
		r = from_file(file, text, e);
	else if (new)
		r = twice(s, "new SO-PIN (16 hexadecimal digits)",
		    "new SO-PIN again", text, e);
	else
		r = from_person(s, "SO-PIN (16 hexadecimal digits)", reason,
		    s->info.so_tries, text, e);
	if (r == 0)
		r = ask_parse_so_pin(text, out, e);
	secret_free(text);
	return r;
}

int
ask_so_pin(const struct slot *s, const char *file, const char *reason,
    struct secret *out, struct err *e)
{
	return so_pin(s, file, reason, false, out, e);
}

int
ask_new_so_pin(const struct slot *s, const char *file, struct secret *out,
    struct err *e)
{
	return so_pin(s, file, NULL, true, out, e);
}

int
ask_to_type(const char *word, bool yes_takes_it, struct err *e)
{
	struct secret *typed;
	char prompt[128];
	bool same;
	int r;

	if (!pin_tty_usable())
		return err_set(e, ERR_DENIED, 0, "there is no terminal to ask "
		    "at; give \"--yes%s%s\" if that is what you want",
		    yes_takes_it ? " " : "", yes_takes_it ? word : "");
	if ((typed = secret_new()) == NULL)
		return err_set(e, ERR_NOMEM, 0, "answer");
	snprintf(prompt, sizeof(prompt), "Type %s to go on: ", word);
	r = pin_tty(prompt, -1, typed, e);
	same = secret_len(typed) == strlen(word) &&
	    memcmp(secret_bytes(typed), word, strlen(word)) == 0;
	secret_free(typed);
	if (r == 0 && !same)
		r = err_set(e, ERR_CANCELLED, 0, "nothing was changed");
	return r;
}

int
ask_line(const char *prompt, char *out, size_t len, struct err *e)
{
	struct secret *typed = secret_new();
	struct span s;
	int r;

	out[0] = '\0';
	if (typed == NULL)
		return err_set(e, ERR_NOMEM, 0, "answer");
	r = pin_tty_shown(prompt, -1, typed, e);
	s = (struct span){ secret_bytes(typed), secret_len(typed) };
	if (r == ERR_LIMIT || (r == 0 && s.n >= len))
		r = err_set(e, ERR_LIMIT, 0, "the answer is too long");
	else if (r == 0 && !keytext_is_clean(s))
		r = err_set(e, ERR_FORMAT, 0, "the answer has characters "
		    "that cannot be seen");
	if (r == 0)
		snprintf(out, len, "%.*s", (int)s.n, (const char *)s.p);
	secret_free(typed);
	return r;
}
