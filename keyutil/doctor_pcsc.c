/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "keyutil/doctor.h"
#include "token/holders.h"

#define HOLDERS_MAX	16

/* 0 when somebody listens at a socket, else why not. */
static int
knock(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd, r = 0;

	if (strlen(path) >= sizeof(sa.sun_path))
		return ENAMETOOLONG;
	memcpy(sa.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return errno;
	if (connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) != 0 &&
	    errno != EAGAIN)
		r = errno;
	close(fd);
	return r;
}

static void
no_socket(struct doctor *d)
{
	if (d->socket_named) {
		doctor_say(d, DOCTOR_FAIL, "PCSCLITE_CSOCK_NAME names %s, "
		    "which is not there", d->pcscd_socket);
		doctor_fix(d, "unset PCSCLITE_CSOCK_NAME");
	} else if (host_has(d->root, "/usr/sbin/pcscd")) {
		doctor_say(d, DOCTOR_FAIL, "pcscd does not run");
		doctor_fix(d, "%s", doctor_start_pcscd(d));
	} else if (d->host.kind == HOST_CONTAINER) {
		doctor_say(d, DOCTOR_FAIL, "neither pcscd nor the socket of "
		    "the host's pcscd is in this container");
		doctor_fix(d, "start the container with \"-v "
		    "/run/pcscd:/run/pcscd\"");
	} else {
		doctor_say(d, DOCTOR_FAIL, "pcscd is not installed");
		doctor_fix(d, "%s", host_install(d->root, HOST_PCSCD));
	}
}

/*
 * polkit lets in who sits at the machine, which somebody in WSL, a service
 * or an ssh login does not.
 */
static void
refused(struct doctor *d)
{
	const struct passwd *pw = getpwuid(getuid());

	if (!host_has(d->root, "/usr/share/polkit-1/actions/"
	    "org.debian.pcsc-lite.policy")) {
		doctor_say(d, DOCTOR_FAIL, "pcscd is there, and does not "
		    "serve: %s", d->cards->why.msg);
		doctor_fix(d, "%s", doctor_restart_pcscd(d));
		return;
	}
	doctor_say(d, DOCTOR_FAIL, "pcscd refuses this user: polkit lets in "
	    "only who is logged in at the machine itself");
	doctor_fix(d, "echo 'polkit.addRule(function(a, s) { if (/^org\\."
	    "debian\\.pcsc-lite\\./.test(a.id) && s.user == \"%s\") return "
	    "polkit.Result.YES; });' | sudo tee "
	    "/etc/polkit-1/rules.d/49-pcscd.rules",
	    pw != NULL ? pw->pw_name : "USER");
}

static void
not_reached(struct doctor *d)
{
	const int why = knock(d->pcscd_socket);

	if (why != 0 && agents_has_keys(&d->agent)) {
		doctor_say(d, DOCTOR_SKIP, "pcscd does not run, and the "
		    "agent has its keys without it, through a PKCS#11 "
		    "module");
		return;
	}
	switch (why) {
	case 0:
		refused(d);
		break;
	case ENOENT:
	case ENOTDIR:
		no_socket(d);
		break;
	case ECONNREFUSED:
		doctor_say(d, DOCTOR_FAIL, "pcscd has died: nobody listens at "
		    "%s", d->pcscd_socket);
		doctor_fix(d, "%s", doctor_restart_pcscd(d));
		break;
	case EACCES:
		doctor_say(d, DOCTOR_FAIL, "this user may not open %s",
		    d->pcscd_socket);
		doctor_fix(d, "sudo chmod a+rw %s",
		    doctor_quote(d->pcscd_socket).s);
		break;
	default:
		doctor_say(d, DOCTOR_FAIL, "pcscd is not reached at %s: %s",
		    d->pcscd_socket, strerror(why));
		doctor_fix(d, "%s", doctor_restart_pcscd(d));
		break;
	}
}

void
doctor_pcscd(struct doctor *d)
{
	if (d->cards->late)
		doctor_say(d, DOCTOR_SKIP, "see \"holders\"");
	else if (d->cards->rc == 0)
		doctor_say(d, DOCTOR_PASS, "pcscd answers at %s",
		    d->pcscd_socket);
	else
		not_reached(d);
}

static bool
has_driver(const struct doctor *d)
{
	static const char *const places[] = {
		"/usr/lib/pcsc/drivers/ifd-ccid.bundle",
		"/usr/lib64/pcsc/drivers/ifd-ccid.bundle",
		"/usr/lib64/readers/usb/ifd-ccid.bundle",
		"/usr/local/lib/pcsc/drivers/ifd-ccid.bundle",
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (host_has(d->root, places[i]))
			return true;
	return false;
}

/* pcscd has no reader. */
static void
no_reader(struct doctor *d)
{
	bool seen = false;

	for (size_t i = 0; i < d->n_usb; i++)
		seen = seen || d->usb[i].ours;
	if (d->host.kind == HOST_CONTAINER && !seen) {
		doctor_say(d, DOCTOR_FAIL, "pcscd has no reader: look where "
		    "it runs");
	} else if (!has_driver(d) && d->host.kind != HOST_CONTAINER) {
		doctor_say(d, DOCTOR_FAIL, "pcscd has no reader, and no "
		    "driver for USB tokens");
		doctor_fix(d, "%s", host_install(d->root, HOST_LIBCCID));
	} else if (seen) {
		doctor_say(d, DOCTOR_FAIL, "the token is on USB, but pcscd "
		    "has not noticed it");
		doctor_fix(d, "%s", doctor_restart_pcscd(d));
	} else {
		doctor_say(d, DOCTOR_FAIL, "pcscd has no reader; a token on "
		    "USB is its own");
		doctor_fix(d, "plug the token in");
	}
}

void
doctor_reader(struct doctor *d)
{
	const struct tokens *ts = &d->cards->tokens;

	if (d->cards->rc != 0 || d->cards->late)
		doctor_say(d, DOCTOR_SKIP, "pcscd does not tell");
	else if (d->cards->readers.n == 0)
		no_reader(d);
	for (size_t i = 0; i < ts->n; i++)
		doctor_say(d, DOCTOR_PASS, "%s", ts->v[i].reader);
}

static void
look_at_slot(struct doctor *d, const struct slot *s)
{
	/* Where there is a token, other cards and readers are no matter. */
	const bool other = doctor_has_token(d);

	switch (s->state) {
	case SLOT_TOKEN:
		doctor_say(d, DOCTOR_PASS, "token %s \"%s\" in %s",
		    s->info.serial, s->info.label, s->reader);
		break;
	case SLOT_EMPTY:
		doctor_say(d, other ? DOCTOR_SKIP : DOCTOR_FAIL,
		    "no card in %s", s->reader);
		if (!other)
			doctor_fix(d, "put the token into the reader");
		break;
	case SLOT_FOREIGN:
		doctor_say(d, other ? DOCTOR_SKIP : DOCTOR_FAIL,
		    "the card in %s is not a SmartCard-HSM", s->reader);
		if (!other)
			doctor_fix(d, "put a SmartCard-HSM into the reader");
		break;
	case SLOT_FAILED:
		doctor_say(d, DOCTOR_FAIL, "the card in %s: %s", s->reader,
		    s->err.msg);
		if (s->err.code != ERR_DENIED)
			doctor_fix(d, "pull the token out, put it back, and "
			    "run \"hsm-keyutil doctor\" again");
		break;
	}
}

void
doctor_card(struct doctor *d)
{
	const struct tokens *ts = &d->cards->tokens;

	for (size_t i = 0; i < ts->n; i++)
		look_at_slot(d, &ts->v[i]);
	if (ts->n == 0)
		doctor_say(d, DOCTOR_SKIP, "no reader to look into");
	if (d->cards->absent)
		doctor_say(d, DOCTOR_FAIL, "the token %s is in no reader, or "
		    "does not answer", doctor_quote(d->token).s);
}

/* Does somebody keep a card from us at this moment? */
static bool
is_held(const struct doctor *d)
{
	for (size_t i = 0; i < d->cards->tokens.n; i++)
		if (d->cards->tokens.v[i].state == SLOT_FAILED &&
		    d->cards->tokens.v[i].err.code == ERR_DENIED)
			return true;
	return d->cards->late;
}

/* Who may be in the way, and is not yet. */
static void
look_at_sharers(struct doctor *d, const struct pcsc_holder *v, size_t n)
{
	const char *advice;
	size_t strangers = 0;

	for (size_t i = 0; i < n; i++) {
		if ((advice = pcsc_holder_advice(v[i].name)) == NULL) {
			strangers++;
			continue;
		}
		doctor_say(d, DOCTOR_WARN, "%s (pid %ld) uses PC/SC, too, and "
		    "may take the card for itself", v[i].name, v[i].pid);
		doctor_fix(d, "%s", advice);
	}
	if (strangers > 0)
		doctor_say(d, DOCTOR_PASS, "%zu other program%s use%s PC/SC, "
		    "and let%s us in", strangers, strangers == 1 ? "" : "s",
		    strangers == 1 ? "s" : "", strangers == 1 ? "s" : "");
	else if (n == 0)
		doctor_say(d, DOCTOR_PASS, "nobody else is seen to use PC/SC");
}

void
doctor_holders(struct doctor *d)
{
	struct pcsc_holder v[HOLDERS_MAX];
	char proc[512], who[sizeof(d->v->fix)];

	if (d->cards->rc != 0 || (d->cards->tokens.n == 0 && !d->cards->late)) {
		doctor_say(d, DOCTOR_SKIP, "there is no card to hold");
		return;
	}
	snprintf(proc, sizeof(proc), "%s/proc", d->root);
	if (!is_held(d)) {
		look_at_sharers(d, v, pcsc_holders(proc, v, HOLDERS_MAX));
		return;
	}
	pcsc_holders_describe(proc, who, sizeof(who));
	doctor_say(d, DOCTOR_FAIL, d->cards->late ?
	    "the token does not answer: another program keeps it busy" :
	    "another program holds the card for itself alone");
	doctor_fix(d, "%s", who);
}
