/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dkek/parttext.h"
#include "keyutil/password.h"
#include "pin/pin.h"
#include "pin/source.h"

#define TEXT_MAX	65536	/* of all shares of a password */
#define ATTEMPTS	3	/* to type one thing right */

/* --- from a file --- */

static int
open_file(const char *file, int *fd, struct err *e)
{
	char path[4096];
	const struct pin_source source = { .kind = PIN_SOURCE_FILE,
	    .value = path };

	if (strcmp(file, "-") == 0) {
		*fd = STDIN_FILENO;
		return 0;
	}
	if (strlen(file) >= sizeof(path))
		return err_set(e, ERR_LIMIT, 0, "the name of a file is too "
		    "long");
	snprintf(path, sizeof(path), "%s", file);
	return pin_source_open(&source, fd, e);
}

static void
close_file(int fd)
{
	if (fd != STDIN_FILENO)
		close(fd);
}

static int
from_file(const char *file, struct secret *out, struct err *e)
{
	int fd, r;

	if ((r = open_file(file, &fd, e)) != 0)
		return r;
	r = secret_read_line(out, fd, -1, e);
	if (r == 0 && secret_len(out) == 0)
		r = err_set(e, ERR_FORMAT, 0, "there is no password in "
		    "\"%.200s\"", file);
	close_file(fd);
	return r;
}

/* All of it, into a page of TEXT_MAX; *n is what came. */
static int
read_text(const char *file, uint8_t *text, size_t *n, struct err *e)
{
	size_t got;
	int fd, r;

	*n = 0;
	if ((r = open_file(file, &fd, e)) != 0)
		return r;
	do {
		if ((got = TEXT_MAX - *n) == 0) {
			r = err_set(e, ERR_LIMIT, 0, "more than %d bytes",
			    TEXT_MAX);
			break;
		}
		r = secret_read(text + *n, &got, fd, -1, -1, e);
		*n += r == 0 ? got : 0;
	} while (r == 0 && got > 0);
	close_file(fd);
	return r;
}

/* --- from people --- */

static int
ask(const char *path, const char *name, const char *error,
    struct secret *out, struct err *e)
{
	const struct pin_asker how = { 0 };
	char reason[128];
	const struct pin_prompt p = { .label = "", .serial = "",
	    .reason = reason, .error = error, .tries = -1, .name = name };
	int r;

	snprintf(reason, sizeof(reason), "DKEK share \"%.100s\"", path);
	if ((r = pin_ask(&how, &p, -1, out, e)) == ERR_DENIED)
		return err_set(e, r, 0, "there is nobody to ask for the %s: "
		    "give it in a file, with --password-file", name);
	return r;
}

static int
twice(const char *path, struct secret *out, struct err *e)
{
	struct secret *second = secret_new();
	int r;

	if (second == NULL)
		return err_set(e, ERR_NOMEM, 0, "password");
	if ((r = ask(path, "new password", NULL, out, e)) == 0 &&
	    (r = ask(path, "new password again", NULL, second, e)) == 0 &&
	    !secret_eq(out, second))
		r = err_set(e, ERR_CANCELLED, 0, "the two are not the same; "
		    "nothing was written");
	secret_free(second);
	return r;
}

int
password_ask(const char *path, const char *file, struct secret *out,
    struct err *e)
{
	secret_clear(out);
	return file != NULL ? from_file(file, out, e) :
	    ask(path, "password", NULL, out, e);
}

int
password_ask_new(const char *path, const char *file, struct secret *out,
    struct err *e)
{
	int r;

	secret_clear(out);
	r = file != NULL ? from_file(file, out, e) : twice(path, out, e);
	if (r == 0 && secret_len(out) < PASSWORD_NEW_MIN)
		r = err_set(e, ERR_USAGE, 0, "a password of fewer than %d "
		    "characters is guessed too soon", PASSWORD_NEW_MIN);
	return r;
}

/* --- from several people --- */

/* Their shares, in a page of secrets; n of them are complete. */
struct parts {
	struct shamir_part v[SHAMIR_PARTS_MAX];
	size_t		 n;
};

static int
take_prime(struct parts *p, struct span text, struct err *e)
{
	uint64_t prime;
	int r;

	if ((r = parttext_number(text, &prime, e)) != 0 ||
	    (r = shamir_check_prime(prime, e)) != 0)
		return r;
	for (size_t i = 0; i < SHAMIR_PARTS_MAX; i++)
		p->v[i].prime = prime;
	return 0;
}

static int
take_id(struct parts *p, struct span text, struct err *e)
{
	int r;

	if ((r = parttext_id(text, &p->v[p->n].id, e)) != 0)
		return r;
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].id == p->v[p->n].id)
			return err_set(e, ERR_FORMAT, 0,
			    "share %u was entered before", p->v[i].id);
	return 0;
}

static int
take_value(struct parts *p, struct span text, struct err *e)
{
	int r;

	if ((r = parttext_number(text, &p->v[p->n].value, e)) != 0 ||
	    (r = shamir_check(&p->v[p->n], e)) != 0)
		return r;
	p->n++;
	return 0;
}

typedef int	 taker(struct parts *p, struct span text, struct err *e);

/* Ask until it can be right, or too often. */
static int
ask_for(const char *path, const char *name, taker *take, struct parts *p,
    struct err *e)
{
	struct secret *typed = secret_new();
	char error[sizeof(e->msg)] = "";
	int r = ERR_FORMAT;

	if (typed == NULL)
		return err_set(e, ERR_NOMEM, 0, "password share");
	for (int i = 0; i < ATTEMPTS && r == ERR_FORMAT; i++) {
		if ((r = ask(path, name, error, typed, e)) != 0)
			break;
		r = take(p, (struct span){ secret_bytes(typed),
		    secret_len(typed) }, e);
		snprintf(error, sizeof(error), "%s", e->msg);
	}
	secret_free(typed);
	return r == ERR_FORMAT ? err_wrap(e, "%s", name) : r;
}

static int
ask_parts(const char *path, size_t threshold, struct parts *p, struct err *e)
{
	char name[80];
	int r;

	r = ask_for(path, "prime", take_prime, p, e);
	for (size_t i = 1; r == 0 && i <= threshold; i++) {
		snprintf(name, sizeof(name), "share ID (%zu of %zu)", i,
		    threshold);
		if ((r = ask_for(path, name, take_id, p, e)) != 0)
			break;
		snprintf(name, sizeof(name), "value of share %u (%zu of %zu)",
		    p->v[p->n].id, i, threshold);
		r = ask_for(path, name, take_value, p, e);
	}
	return r;
}

static int
read_parts(const char *file, size_t threshold, struct parts *p,
    struct err *e)
{
	uint8_t *text = secret_page_new(TEXT_MAX);
	size_t n;
	int r;

	if (text == NULL)
		return err_set(e, ERR_NOMEM, 0, "password shares");
	p->n = SHAMIR_PARTS_MAX;
	if ((r = read_text(file, text, &n, e)) == 0)
		r = parttext_parse((struct span){ text, n }, p->v, &p->n, e);
	if (r == 0 && p->n < threshold)
		r = err_set(e, ERR_FORMAT, 0, "it has %zu password shares, "
		    "not %zu", p->n, threshold);
	secret_page_free(text, TEXT_MAX);
	return r == 0 ? 0 : err_wrap(e, "\"%.200s\"", file);
}

int
password_join(const char *path, const char *file, size_t threshold,
    struct secret *out, struct err *e)
{
	struct parts *p = secret_page_new(sizeof(*p));
	int r;

	secret_clear(out);
	if (p == NULL)
		return err_set(e, ERR_NOMEM, 0, "password shares");
	r = file != NULL ? read_parts(file, threshold, p, e) :
	    ask_parts(path, threshold, p, e);
	if (r == 0)
		r = shamir_join(p->v, p->n, out, e);
	secret_page_free(p, sizeof(*p));
	return r;
}
