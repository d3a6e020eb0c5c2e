/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "keyutil/pubfile.h"
#include "keyutil/readfile.h"
#include "ssh/cert.h"
#include "ssh/key.h"
#include "ssh/keytext.h"

#define FILE_MAX	(96 * 1024)
#define BLOB_MAX	(16 * 1024)
#define COMMENT_MAX	256

/*
 * Those that key_parse() does not know, by the bytes of the fields behind
 * their type; 0: any number.
 */
static const struct form {
	const char	*type;
	size_t		 n, field[3];
} forms[] = {
	{ "sk-ssh-ed25519@openssh.com", 2, { 32, 0 } },
	{ "sk-ecdsa-sha2-nistp256@openssh.com", 3, { 8, 65, 0 } },
};

static bool
has_form(const struct form *f, struct span blob)
{
	struct wire_r r;
	bool ok;

	wire_read(&r, blob);
	ok = span_is(wire_get_string(&r), f->type);
	for (size_t i = 0; i < f->n; i++) {
		const struct span field = wire_get_string(&r);

		ok &= f->field[i] == 0 || f->field[i] == field.n;
	}
	return ok && wire_end(&r);
}

static int
check_blob(struct span blob, struct err *e)
{
	struct key k;
	int r;

	if (cert_is_meant(blob))
		return err_set(e, ERR_FORMAT, 0, "a certificate, where a key "
		    "should be");
	if ((r = key_parse(blob, &k, e)) != ERR_UNSUPPORTED)
		return r;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (has_form(&forms[i], blob))
			return 0;
	return err_set(e, ERR_FORMAT, 0, "no key of a type that OpenSSH has");
}

/* As it goes into a line: clean, not very long, and without blanks around. */
static void
clean_comment(char *out, size_t len, struct span in)
{
	size_t n;

	keytext_clean(out, len, in);
	for (n = strlen(out); n > 0 && out[n - 1] == ' '; n--)
		;
	out[n] = '\0';
}

/* `text` is one line without its end. */
static int
parse_line(const char *text, char **line, struct err *e)
{
	struct wire_w blob = { 0 };
	struct span comment;
	char clean[512];
	int r;

	if (!wire_write(&blob, BLOB_MAX))
		return err_set(e, ERR_NOMEM, 0, "key");
	if ((r = keytext_parse(text, &blob, &comment, e)) == 0 &&
	    (r = check_blob(wire_bytes(&blob), e)) == 0) {
		clean_comment(clean, sizeof(clean), comment);
		*line = keytext_openssh(wire_bytes(&blob), clean);
		if (*line == NULL)
			r = err_set(e, ERR_NOMEM, 0, "key");
	}
	wire_free(&blob);
	return r;
}

/*
 * The line of the text that is neither empty nor a comment, without its end;
 * the text is written to.
 */
static int
find_line(char *text, char **found, struct err *e)
{
	char *line;

	*found = NULL;
	while ((line = strsep(&text, "\n")) != NULL) {
		line[strcspn(line, "\r")] = '\0';
		line += strspn(line, " \t");
		if (*line == '\0' || *line == '#')
			continue;
		if (strncmp(line, "-----BEGIN", strlen("-----BEGIN")) == 0)
			return err_set(e, ERR_FORMAT, 0, "no public key: that "
			    "of NAME is in NAME.pub");
		if (*found != NULL)
			return err_set(e, ERR_FORMAT, 0, "more than one key");
		*found = line;
	}
	return *found != NULL ? 0 : err_set(e, ERR_FORMAT, 0, "no key");
}

int
pubfile_parse(struct span text, char **line, struct err *e)
{
	char *copy, *found;
	int r;

	*line = NULL;
	if (text.n > 0 && memchr(text.p, '\0', text.n) != NULL)
		return err_set(e, ERR_FORMAT, 0, "no text");
	if ((copy = calloc(1, text.n + 1)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "key");
	if (text.n > 0)
		memcpy(copy, text.p, text.n);
	if ((r = find_line(copy, &found, e)) == 0)
		r = parse_line(found, line, e);
	free(copy);
	return r;
}

/* Of a file that is text; free(3) it. */
static int
load(const char *path, int (*read)(const char *, uint8_t *, size_t *,
    struct err *), char **text, struct err *e)
{
	size_t n = FILE_MAX;
	int r;

	if ((*text = calloc(1, FILE_MAX + 1)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "key");
	if ((r = read(path, (uint8_t *)*text, &n, e)) == 0 &&
	    strlen(*text) != n)
		r = err_set(e, ERR_FORMAT, 0, "\"%.200s\": no text",
		    readfile_name(path));
	if (r != 0) {
		free(*text);
		*text = NULL;
	}
	return r;
}

int
pubfile_read(const char *path, char **line, struct err *e)
{
	char *text, *found;
	int r;

	*line = NULL;
	if ((r = load(path, readfile_or_stdin, &text, e)) != 0)
		return r;
	if ((r = find_line(text, &found, e)) != 0 ||
	    (r = parse_line(found, line, e)) != 0)
		r = err_wrap(e, "\"%.200s\"", readfile_name(path));
	free(text);
	return r;
}

bool
pubfile_is_named(const char *name)
{
	const size_t n = strlen(name);

	return strncmp(name, "SHA256:", 7) != 0 &&
	    (strchr(name, '/') != NULL ||
	    (n > 4 && strcmp(name + n - 4, ".pub") == 0));
}

static int
take_comment(struct span text, char **comment, struct err *e)
{
	char clean[COMMENT_MAX];

	if (comment == NULL)
		return 0;
	keytext_clean(clean, sizeof(clean), text);
	*comment = strdup(clean);
	return *comment != NULL ? 0 : err_set(e, ERR_NOMEM, 0, "key");
}

int
pubfile_blob(const char *path, struct wire_w *blob, char **comment,
    struct err *e)
{
	struct span rest;
	char *text, *found;
	int r;

	if ((r = load(path, readfile, &text, e)) != 0)
		return r;
	if ((r = find_line(text, &found, e)) != 0 ||
	    (r = keytext_parse(found, blob, &rest, e)) != 0 ||
	    (r = take_comment(rest, comment, e)) != 0)
		r = err_wrap(e, "\"%.200s\"", path);
	free(text);
	return r;
}
