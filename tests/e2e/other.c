/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <winscard.h>

#include "tests/e2e/other.h"

#define TRIES		500	/* to connect */
#define PAUSE_NS	10000000L

static const BYTE select_hsm[] = { 0x00, 0xa4, 0x04, 0x00, 0x0b, 0xe8, 0x2b,
    0x06, 0x01, 0x04, 0x01, 0x81, 0xc3, 0x1f, 0x02, 0x01, 0x00 };
static const BYTE select_openpgp[] = { 0x00, 0xa4, 0x04, 0x00, 0x06, 0xd2,
    0x76, 0x00, 0x01, 0x24, 0x01, 0x00 };
static const BYTE ask_pin[] = { 0x00, 0x20, 0x00, 0x81 };

struct seat {
	SCARDCONTEXT	 ctx;
	SCARDHANDLE	 card;
	DWORD		 protocol;
};

/* A card that was just put in, or a pcscd that comes back, needs a moment. */
static bool
sit_down(struct seat *s, const char *reader, DWORD mode)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };

	for (int i = 0; i < TRIES; i++) {
		if (SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL,
		    &s->ctx) == SCARD_S_SUCCESS) {
			if (SCardConnect(s->ctx, reader, mode,
			    SCARD_PROTOCOL_T1, &s->card,
			    &s->protocol) == SCARD_S_SUCCESS)
				return true;
			SCardReleaseContext(s->ctx);
		}
		nanosleep(&pause, NULL);
	}
	return false;
}

static bool
send_one(struct seat *s, const BYTE *cmd, size_t n)
{
	BYTE rsp[258];
	DWORD len = sizeof(rsp);
	LONG rv;

	if (SCardBeginTransaction(s->card) != SCARD_S_SUCCESS)
		return false;
	rv = SCardTransmit(s->card, SCARD_PCI_T1, cmd, (DWORD)n, NULL, rsp,
	    &len);
	SCardEndTransaction(s->card, SCARD_LEAVE_CARD);
	return rv == SCARD_S_SUCCESS;
}

static void
keep(int go, int told)
{
	char c = 'y';

	if (write(told, &c, 1) == 1)
		while (read(go, &c, 1) > 0)
			;
}

static bool
keep_transaction(struct seat *s, int go, int told)
{
	if (SCardBeginTransaction(s->card) != SCARD_S_SUCCESS)
		return false;
	keep(go, told);
	return SCardEndTransaction(s->card,
	    SCARD_LEAVE_CARD) == SCARD_S_SUCCESS;
}

/*
 * What a command came to does not count: the card may be made to answer
 * nonsense just then.
 */
static int
act_out(const char *reader, enum other_act act, int go, int told)
{
	DWORD leave = SCARD_LEAVE_CARD;
	struct seat s;
	bool ok = true;

	if (!sit_down(&s, reader, act == OTHER_EXCLUSIVE ?
	    SCARD_SHARE_EXCLUSIVE : SCARD_SHARE_SHARED))
		return 1;
	switch (act) {
	case OTHER_RESET:
		leave = SCARD_RESET_CARD;
		break;
	case OTHER_SELECT:
		send_one(&s, select_hsm, sizeof(select_hsm));
		break;
	case OTHER_APPLET:
		send_one(&s, select_openpgp, sizeof(select_openpgp));
		break;
	case OTHER_ASK:
		send_one(&s, ask_pin, sizeof(ask_pin));
		break;
	case OTHER_TRANSACTION:
		ok = keep_transaction(&s, go, told);
		break;
	case OTHER_EXCLUSIVE:
		keep(go, told);
		break;
	}
	SCardDisconnect(s.card, leave);
	SCardReleaseContext(s.ctx);
	return !ok;
}

void
other_start(struct other *o, const char *reader, enum other_act act)
{
	int go[2], told[2];

	if (pipe2(go, O_CLOEXEC) == -1 || pipe2(told, O_CLOEXEC) == -1 ||
	    (o->pid = fork()) == -1)
		err(2, "another program");
	if (o->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(go[1]);
		close(told[0]);
		_exit(act_out(reader, act, go[0], told[1]));
	}
	close(go[0]);
	close(told[1]);
	o->go = go[1];
	o->told = told[0];
}

bool
other_has(const struct other *o, int ms)
{
	struct pollfd p = { .fd = o->told, .events = POLLIN };

	return poll(&p, 1, ms) > 0 && (p.revents & POLLIN) != 0;
}

bool
other_end(struct other *o, int ms)
{
	struct pollfd p = { .events = POLLIN };
	int status = 0;
	bool ended;

	close(o->go);
	p.fd = (int)syscall(SYS_pidfd_open, o->pid, 0);
	ended = p.fd != -1 && poll(&p, 1, ms) > 0;
	if (!ended)
		kill(o->pid, SIGKILL);
	waitpid(o->pid, &status, 0);
	if (p.fd != -1)
		close(p.fd);
	close(o->told);
	return ended && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool
other_pcscd(const char *what)
{
	int status = 0;
	pid_t pid;

	if ((pid = fork()) == -1)
		err(2, "vhsmctl");
	if (pid == 0) {
		execlp("vhsmctl", "vhsmctl", "pcscd", what, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
