/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keyutil/certfiles.h"
#include "keyutil/pubfile.h"
#include "keyutil/readfile.h"

char *
certfiles_name(const char *file)
{
	size_t n = strlen(file);
	char *name;

	if (n > 4 && strcmp(file + n - 4, ".pub") == 0)
		n -= 4;
	if (n > INT32_MAX || asprintf(&name, "%.*s-cert.pub", (int)n,
	    file) == -1)
		return NULL;
	return name;
}

int
certfiles_key(const char *file, struct certorder *o, struct err *e)
{
	char *line;
	int r;

	if ((r = pubfile_read(file, &line, e)) != 0)
		return r;
	r = certorder_set_subject(o, line, e);
	free(line);
	return r;
}

static int
add(const char *file, const char *output, const struct certwish *w,
    struct certorders *l, struct err *e)
{
	const bool to_stdout = strcmp(output != NULL ? output : file,
	    "-") == 0;
	struct certorder o = { 0 };
	int r;

	o.from = strdup(readfile_name(file));
	if (!to_stdout)
		o.file = output != NULL ? strdup(output) :
		    certfiles_name(file);
	if (o.from == NULL || (o.file == NULL && !to_stdout))
		r = err_set(e, ERR_NOMEM, 0, "certificates");
	else if ((r = certfiles_key(file, &o, e)) == 0 &&
	    (r = certwish_fill(w, &o, e)) == 0)
		r = certorders_add(l, &o, e);
	certorder_clear(&o);
	return r;
}

int
certfiles_read(char *const *file, size_t n, const char *output,
    const struct certwish *w, struct certorders *l, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = add(file[i], output, w, l, e);
	l->goes_on = n > 1;
	return r;
}
