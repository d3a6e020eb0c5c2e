/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/socket.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fuzz/law.h"
#include "tests/vhsm/ctl.h"
#include "tests/vhsm/reader.h"

/*
 * The virtual HSM, from both sides.  A record is a length byte and that many
 * bytes: of a command, as it comes from the reader, or, with the top bit of
 * the length set, of a line at the control socket.
 */
static void
run_line(struct server *s, struct span line)
{
	char *copy = strndup((const char *)line.p, line.n), *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	if (copy != NULL && out != NULL)
		ctl_run(s, copy, out);
	if (out != NULL)
		fclose(out);
	free(text);
	free(copy);
}

/* Each on a connection of its own, so that a pull has nobody to wait for. */
static void
run_command(struct server *s, struct span cmd)
{
	uint8_t len[2] = { 0, (uint8_t)cmd.n };
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1)
		return;
	s->link.fd = pair[1];
	s->link.n = 0;
	if (send(pair[0], len, sizeof(len), 0) == 2 &&
	    (cmd.n == 0 || send(pair[0], cmd.p, cmd.n, 0) > 0)) {
		shutdown(pair[0], SHUT_WR);
		reader_read(s);
		if (s->late.on)
			reader_answer_late(s);
	}
	close(pair[0]);
	vpcd_close(&s->link);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const char ready[] = "init " VHSM_PIN " " VHSM_SO_PIN;
	struct span in = { p, n }, head, rest;
	struct server *s = calloc(1, sizeof(*s));
	struct err e;

	if (s == NULL)
		return 0;
	s->listener = -1;
	s->reconnect = true;
	if (serve_start(s, NULL, &e) == 0) {
		run_line(s, span_cstr(ready));
		run_line(s, span_cstr("generate p256 key"));
		while (vh_span_take(&in, 1, &head) &&
		    vh_span_take(&in, head.p[0] & 0x7f, &rest)) {
			if ((head.p[0] & 0x80) != 0)
				run_line(s, rest);
			else
				run_command(s, rest);
		}
	}
	serve_stop(s);
	free(s);
	return 0;
}
