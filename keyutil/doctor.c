/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "keyutil/doctor.h"
#include "ssh/keytext.h"

#define PCSCD_SOCKET	"/run/pcscd/pcscd.comm"

/* In this order: what fails first explains much of what follows. */
static const struct {
	const char	*name;
	doctor_check_fn	*look;
} checks[] = {
	{ "system", doctor_system },
	{ "usb", doctor_usb },
	{ "pcscd", doctor_pcscd },
	{ "reader", doctor_reader },
	{ "card", doctor_card },
	{ "holders", doctor_holders },
	{ "firmware", doctor_firmware },
	{ "pin", doctor_pin },
	{ "so-pin", doctor_so_pin },
	{ "backup", doctor_backup },
	{ "keys", doctor_keys },
	{ "leftovers", doctor_leftovers },
	{ "agent", doctor_agent },
	{ "agent-socket", doctor_agent_socket },
	{ "agent-tokens", doctor_agent_tokens },
	{ "ssh", doctor_ssh },
	{ "identity-agent", doctor_identity_agent },
	{ "identities-only", doctor_identities_only },
	{ "pkcs11-provider", doctor_pkcs11_provider },
	{ "pubkey", doctor_pubkey },
	{ "algorithms", doctor_algorithms },
	{ "libssh2", doctor_libssh2 },
};

int
doctor_gather(struct doctor *d, const char *token, const char *host,
    struct err *e)
{
	const char *named = getenv("PCSCLITE_CSOCK_NAME");
	struct err why;

	*d = (struct doctor){ .root = "", .pcscd_socket = PCSCD_SOCKET,
	    .token = token };
	if (named != NULL) {
		d->pcscd_socket = named;
		d->socket_named = true;
	}
	host_look(d->root, &d->host);
	d->usb_listed = host_usb(d->root, d->usb, HOST_USB_MAX, &d->n_usb);
	d->ssh_rc = sshconf_ask(host, &d->ssh, &why);
	if ((d->cards = doctor_read_cards(token)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "doctor");
	return doctor_find_agent(d, e);
}

int
doctor_examine(struct doctor *d, struct err *e)
{
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		d->check = checks[i].name;
		checks[i].look(d);
	}
	return d->bad ? err_set(e, ERR_NOMEM, 0, "doctor") : 0;
}

void
doctor_free(struct doctor *d)
{
	doctor_cards_free(d->cards);
	agents_free(&d->agent);
	sshconf_free(&d->ssh);
	free(d->v);
	*d = (struct doctor){ 0 };
}

void
doctor_say(struct doctor *d, enum doctor_result r, const char *fmt, ...)
{
	char text[sizeof(d->v->text)];
	struct doctor_finding *f;
	va_list ap;

	f = d->bad ? NULL : reallocarray(d->v, d->n + 1, sizeof(*d->v));
	if (f == NULL) {
		d->bad = true;
		return;
	}
	d->v = f;
	f = &d->v[d->n++];
	*f = (struct doctor_finding){ .check = d->check, .result = r };
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	keytext_clean(f->text, sizeof(f->text), span_cstr(text));
}

/* Root has no need of sudo, and often none at hand. */
void
doctor_fix(struct doctor *d, const char *fmt, ...)
{
	static const char sudo[] = "sudo ";
	char text[sizeof(d->v->fix)];
	const char *s = text;
	va_list ap;

	if (d->bad || d->n == 0)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (geteuid() == 0 && strncmp(s, sudo, sizeof(sudo) - 1) == 0)
		s += sizeof(sudo) - 1;
	keytext_clean(d->v[d->n - 1].fix, sizeof(d->v->fix), span_cstr(s));
}

struct doctor_word
doctor_quote(const char *s)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789_./:@%+=-,";
	struct doctor_word w = { "" };
	size_t n = 0;

	if (s[0] != '\0' && s[strspn(s, plain)] == '\0') {
		snprintf(w.s, sizeof(w.s), "%s", s);
		return w;
	}
	w.s[n++] = '\'';
	for (; *s != '\0' && n < sizeof(w.s) - 6; s++) {
		if (*s == '\'') {
			memcpy(w.s + n, "'\\'", 3);
			n += 3;
		}
		w.s[n++] = *s;
	}
	w.s[n++] = '\'';
	w.s[n] = '\0';
	return w;
}

struct doctor_word
doctor_home(const char *name)
{
	const char *home = getenv("HOME");
	struct doctor_word w = { "" };

	if (home == NULL || home[0] != '/' || (size_t)snprintf(w.s,
	    sizeof(w.s), "%s/%s", home, name) >= sizeof(w.s))
		w.s[0] = '\0';
	return w;
}

bool
doctor_has_token(const struct doctor *d)
{
	for (size_t i = 0; i < d->cards->tokens.n; i++)
		if (d->cards->tokens.v[i].state == SLOT_TOKEN)
			return true;
	return false;
}

const char *
doctor_start_pcscd(const struct doctor *d)
{
	if (d->host.systemd)
		return "sudo systemctl enable --now pcscd.socket";
	if (host_has(d->root, "/etc/init.d/pcscd"))
		return "sudo service pcscd start";
	return "sudo pcscd";
}

const char *
doctor_restart_pcscd(const struct doctor *d)
{
	if (d->host.systemd)
		return "sudo systemctl restart pcscd.socket pcscd.service";
	if (host_has(d->root, "/etc/init.d/pcscd"))
		return "sudo service pcscd restart";
	return "sudo killall pcscd; sudo pcscd";
}
