/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/socket.h>
#include <sys/un.h>

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <winscard.h>

#include "tests/bench/hsm.h"

struct hsm {
	FILE		*in, *out;	/* of the control socket */
	SCARDCONTEXT	 ctx;
	SCARDHANDLE	 card;		/* 0: not connected */
};

static int
dial(struct hsm *h, const char *path, struct err *e)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd;

	if (path == NULL || strlen(path) >= sizeof(sa.sun_path))
		return err_set(e, ERR_USAGE, 0,
		    "VHSM_CTL: run this under with-vhsm");
	memcpy(sa.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return err_sys(e, "socket");
	if (connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) == -1) {
		(void)err_sys(e, "%s", path);
		close(fd);
		return ERR_SYS;
	}
	h->in = fdopen(fd, "r");
	h->out = fdopen(fcntl(fd, F_DUPFD_CLOEXEC, 0), "w");
	return h->in != NULL && h->out != NULL ? 0 : err_sys(e, "%s", path);
}

static int
pcsc_err(struct err *e, LONG rv, const char *what)
{
	return err_set(e, ERR_TOKEN, (int)rv, "%s: %s", what,
	    pcsc_stringify_error(rv));
}

static int
attach(struct hsm *h, struct err *e)
{
	char names[2048];
	DWORD n = sizeof(names), protocol;
	LONG rv;

	if (h->card != 0)
		return 0;
	rv = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &h->ctx);
	if (rv != SCARD_S_SUCCESS)
		return pcsc_err(e, rv, "PC/SC");
	rv = SCardListReaders(h->ctx, NULL, names, &n);
	if (rv != SCARD_S_SUCCESS)
		return pcsc_err(e, rv, "PC/SC readers");
	rv = SCardConnect(h->ctx, names, SCARD_SHARE_SHARED,
	    SCARD_PROTOCOL_T1, &h->card, &protocol);
	return rv == SCARD_S_SUCCESS ? 0 : pcsc_err(e, rv, names);
}

int
hsm_open(struct hsm **out, struct err *e)
{
	struct hsm *h;
	int r;

	if ((h = calloc(1, sizeof(*h))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "virtual HSM");
	if ((r = dial(h, getenv("VHSM_CTL"), e)) != 0 ||
	    (r = attach(h, e)) != 0) {
		hsm_close(h);
		return r;
	}
	*out = h;
	return 0;
}

void
hsm_let_go(struct hsm *h)
{
	if (h->card != 0)
		SCardDisconnect(h->card, SCARD_LEAVE_CARD);
	if (h->ctx != 0)
		SCardReleaseContext(h->ctx);
	h->card = 0;
	h->ctx = 0;
}

void
hsm_close(struct hsm *h)
{
	if (h == NULL)
		return;
	hsm_let_go(h);
	if (h->in != NULL)
		fclose(h->in);
	if (h->out != NULL)
		fclose(h->out);
	free(h);
}

int
hsm_tell(struct hsm *h, struct hsm_answer *a, struct err *e,
    const char *fmt, ...)
{
	char line[sizeof(a->last)];
	va_list ap;

	*a = (struct hsm_answer){ "", "" };
	va_start(ap, fmt);
	vfprintf(h->out, fmt, ap);
	va_end(ap);
	fputc('\n', h->out);
	if (fflush(h->out) != 0)
		return err_sys(e, "virtual HSM");
	while (fgets(line, sizeof(line), h->in) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strcmp(line, "ok") == 0)
			return 0;
		if (strncmp(line, "error ", 6) == 0)
			return err_set(e, ERR_TOKEN, 0, "virtual HSM: %s",
			    line + 6);
		memcpy(a->last, line, sizeof(line));
		if (a->first[0] == '\0')
			memcpy(a->first, line, sizeof(line));
	}
	return err_set(e, ERR_TOKEN_GONE, 0, "the virtual HSM hung up");
}

int
hsm_take_count(struct hsm *h, unsigned long *n, struct err *e)
{
	struct hsm_answer a;
	int r;

	if ((r = hsm_tell(h, &a, e, "count")) != 0)
		return r;
	*n = strtoul(a.first, NULL, 10);
	return hsm_tell(h, &a, e, "reset-count");
}

int
hsm_transmit(struct hsm *h, struct span cmd, struct err *e)
{
	SCARD_IO_REQUEST pci = { 0 };
	uint8_t rsp[2048];
	DWORD n = sizeof(rsp);
	unsigned int sw;
	LONG rv;
	int r;

	if ((r = attach(h, e)) != 0)
		return r;
	rv = SCardTransmit(h->card, SCARD_PCI_T1, cmd.p, cmd.n, &pci, rsp,
	    &n);
	if (rv != SCARD_S_SUCCESS)
		return pcsc_err(e, rv, "SCardTransmit");
	if (n < 2)
		return err_set(e, ERR_FORMAT, 0, "a card answer of %lu bytes",
		    (unsigned long)n);
	sw = (unsigned int)rsp[n - 2] << 8 | rsp[n - 1];
	if (sw != 0x9000 && (sw & 0xfff0) != 0x63c0)
		return err_set(e, ERR_TOKEN, (int)sw, "the card says %04x",
		    sw);
	return 0;
}

int
hsm_select(struct hsm *h, struct err *e)
{
	static const uint8_t cmd[] = { 0x00, 0xa4, 0x04, 0x00, 0x0b, 0xe8,
	    0x2b, 0x06, 0x01, 0x04, 0x01, 0x81, 0xc3, 0x1f, 0x02, 0x01, 0x00 };

	return hsm_transmit(h, (struct span){ cmd, sizeof(cmd) }, e);
}

int
hsm_reset(struct hsm *h, struct err *e)
{
	DWORD protocol;
	LONG rv;
	int r;

	if ((r = attach(h, e)) != 0)
		return r;
	rv = SCardReconnect(h->card, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1,
	    SCARD_RESET_CARD, &protocol);
	return rv == SCARD_S_SUCCESS ? 0 : pcsc_err(e, rv, "SCardReconnect");
}
