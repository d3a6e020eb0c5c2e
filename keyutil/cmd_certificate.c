/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "keyutil/cmd.h"
#include "keyutil/keys.h"
#include "keyutil/login.h"
#include "keyutil/newfile.h"
#include "ssh/x509.h"

#define FILE_BYTES_MAX	65536

enum {
	IMPORT_PIN_FILE,
	IMPORT_TOKEN,
};

static const struct cmd_option import_options[] = {
	[IMPORT_PIN_FILE] = CMD_OPTION_PIN_FILE,
	[IMPORT_TOKEN] = CMD_OPTION_TOKEN,
	{ 0 },
};

enum {
	EXPORT_OUTPUT,
	EXPORT_TOKEN,
};

static const struct cmd_option export_options[] = {
	[EXPORT_OUTPUT] = { "output", "FILE",
	    "write it to this new file, not to standard output" },
	[EXPORT_TOKEN] = CMD_OPTION_TOKEN,
	{ 0 },
};

struct certificate {
	uint8_t	 der[TOKEN_CERT_MAX];
	size_t	 n;
};

static struct span
bytes_of(const struct certificate *c)
{
	return (struct span){ c->der, c->n };
}

/* All of a file; *n is the room, then the bytes. */
static int
read_fd(int fd, uint8_t *buf, size_t *n, struct err *e)
{
	size_t used = 0;
	ssize_t got;

	while (used < *n && (got = read(fd, buf + used, *n - used)) != 0) {
		if (got == -1)
			return err_sys(e, "read");
		used += (size_t)got;
	}
	if (used == *n)
		return err_set(e, ERR_LIMIT, 0, "too long for a certificate");
	*n = used;
	return 0;
}

static int
load(const char *file, struct certificate *c, struct err *e)
{
	uint8_t buf[FILE_BYTES_MAX];
	size_t n = sizeof(buf);
	int fd, r;

	if ((fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY)) == -1)
		return err_sys(e, "%s", file);
	c->n = sizeof(c->der);
	if ((r = read_fd(fd, buf, &n, e)) == 0)
		r = x509_read((struct span){ buf, n }, c->der, &c->n, e);
	close(fd);
	return r == 0 ? 0 : err_wrap(e, "%s", file);
}

static int
put(struct slot *s, const struct token_key *k, const struct certificate *c,
    const char *pin_file, struct err *e)
{
	struct login l;
	int r;

	if ((r = login_begin(&l, s, pin_file, "to store a certificate",
	    e)) != 0)
		return r;
	if ((r = keys_confirm(s, k, e)) == 0)
		r = token_put_certificate(s->token, k->ref, bytes_of(c), e);
	login_end(&l);
	if (r != 0)
		return err_wrap(e, "token %s, key \"%.64s\"", s->info.serial,
		    k->label);
	printf("Token %s: key \"%s\" has this certificate now\n",
	    s->info.serial, k->label);
	return 0;
}

static int
run_import(const struct cmd_args *a, struct err *e)
{
	const struct token_key *k;
	struct certificate c;
	struct tokens ts;
	struct slot *s;
	int r;

	if (a->n_operands != 2)
		return err_set(e, ERR_USAGE, 0,
		    "name one key, and the file with its certificate");
	if ((r = load(a->operand[1], &c, e)) != 0)
		return r;
	if ((r = tokens_open_one(&ts, a->value[IMPORT_TOKEN], &s, e)) == 0 &&
	    (r = tokens_read_keys(&ts, e)) == 0 &&
	    (r = keys_find_one(s, a->operand[0], &k, e)) == 0)
		r = put(s, k, &c, a->value[IMPORT_PIN_FILE], e);
	tokens_close(&ts);
	return r;
}

static int
get(struct slot *s, const struct token_key *k, struct certificate *c,
    struct err *e)
{
	int r;

	c->n = sizeof(c->der);
	if ((r = token_begin(s->token, e)) != 0)
		return r;
	if ((r = keys_confirm(s, k, e)) == 0)
		r = token_get_certificate(s->token, k->ref, c->der, &c->n, e);
	token_end(s->token);
	return r == 0 ? 0 : err_wrap(e, "token %s, key \"%.64s\"",
	    s->info.serial, k->label);
}

static int
print(const struct certificate *c, const char *file, struct err *e)
{
	char *pem = x509_pem(bytes_of(c));
	int r = 0;

	if (pem == NULL)
		return err_set(e, ERR_FORMAT, 0,
		    "the certificate on the token is damaged");
	if (file != NULL)
		r = newfile_write(file, span_cstr(pem), e);
	else
		fputs(pem, stdout);
	free(pem);
	return r;
}

static int
run_export(const struct cmd_args *a, struct err *e)
{
	const struct token_key *k;
	struct certificate c;
	struct tokens ts;
	struct slot *s;
	int r;

	if (a->n_operands != 1)
		return err_set(e, ERR_USAGE, 0, "name one key");
	if ((r = tokens_open_one(&ts, a->value[EXPORT_TOKEN], &s, e)) == 0 &&
	    (r = tokens_read_keys(&ts, e)) == 0 &&
	    (r = keys_find_one(s, a->operand[0], &k, e)) == 0 &&
	    (r = get(s, k, &c, e)) == 0)
		r = print(&c, a->value[EXPORT_OUTPUT], e);
	tokens_close(&ts);
	return r;
}

const struct cmd cmd_import_certificate = {
	.name = "import-certificate",
	.operands = "KEY FILE",
	.summary = "store the X.509 certificate of a key on its token",
	.about = "FILE is PEM or DER, and the certificate that of this very "
	    "key.  SSH goes on using the key as before.",
	.options = import_options,
	.run = run_import,
};

const struct cmd cmd_export_certificate = {
	.name = "export-certificate",
	.operands = "KEY",
	.summary = "print the X.509 certificate of a key as PEM; needs no PIN",
	.options = export_options,
	.run = run_export,
};
