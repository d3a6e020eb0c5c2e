/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "keyutil/out.h"
#include "keyutil/trust.h"
#include "keyutil/trustlines.h"

#define USER_CA		"/etc/ssh/user_ca.pub"
#define REVOKED		"/etc/ssh/revoked_keys"
#define HOST_CERT	"/etc/ssh/ssh_host_ed25519_key-cert.pub"
#define HOST_AGENT	"/run/hsm-ssh-agent-host/agent.sock"
#define EXAMPLE		"*.example.org"

typedef char *lines_fn(const struct trust *t);

static char *
user_ca_lines(const struct trust *t)
{
	return strdup(t->key);
}

/* Empty files are for mistakes; this one is meant. */
static char *
revoked_lines(const struct trust *t)
{
	(void)t;
	return strdup("# nothing is revoked");
}

static char *
sshd_user_lines(const struct trust *t)
{
	(void)t;
	return strdup("TrustedUserCAKeys " USER_CA "\nRevokedKeys " REVOKED);
}

static char *
authorized_keys_lines(const struct trust *t)
{
	return trustlines_authorized_keys(t->key, t->principals);
}

static char *
allowed_signers_lines(const struct trust *t)
{
	return trustlines_allowed_signers(t->key,
	    t->signers != NULL ? t->signers : "*",
	    t->namespaces != NULL ? t->namespaces : "git", true);
}

static char *
sshd_host_lines(const struct trust *t)
{
	(void)t;
	return strdup("HostCertificate " HOST_CERT
	    "\n#HostKeyAgent " HOST_AGENT);
}

static char *
known_hosts_lines(const struct trust *t)
{
	return trustlines_known_hosts(t->key,
	    t->domain != NULL ? t->domain : EXAMPLE, true);
}

static const struct place {
	const char	*name;
	enum cert_type	 type;
	const char	*file, *about;
	lines_fn	*lines;
} places[] = {
	{ "user_ca", CERT_USER, USER_CA, "On each server: the key of the CA, "
	    "for sshd, which reads it at each login.", user_ca_lines },
	{ "revoked", CERT_USER, REVOKED, "On each server: the keys and "
	    "certificates that sshd refuses, as lines or as a KRL. It reads "
	    "this at each login, and refuses everybody where it cannot: let "
	    "it be there before sshd_config names it, and replace it as a "
	    "whole, with mv on the same file system. The key of the CA as a "
	    "line in it refuses all that the CA has signed.", revoked_lines },
	{ "sshd", CERT_USER, "/etc/ssh/sshd_config", "On each server, or as "
	    "a file in /etc/ssh/sshd_config.d: who has a certificate of this "
	    "CA logs in as the users that it names. Then: sshd -t && "
	    "systemctl reload ssh (or sshd).", sshd_user_lines },
	{ "authorized_keys", CERT_USER, "~/.ssh/authorized_keys", "Instead, "
	    "for one account: certificates with one of the principals log "
	    "in, or with the account's name where none are listed. Nothing "
	    "is to be reloaded.", authorized_keys_lines },
	{ "allowed_signers", CERT_USER, "~/.ssh/allowed_signers", "For git "
	    "(gpg.ssh.allowedSignersFile) and ssh-keygen -Y verify: "
	    "signatures by keys with a certificate of this CA that names the "
	    "signer. Nothing is to be reloaded.", allowed_signers_lines },
	{ "sshd", CERT_HOST, "/etc/ssh/sshd_config", "On each server, once "
	    "there is a certificate for its key: sshd shows it to clients. "
	    "HostKeyAgent is for a host key that is in a token; HostKey then "
	    "names its .pub file. Then: sshd -t && systemctl reload ssh (or "
	    "sshd).", sshd_host_lines },
	{ "known_hosts", CERT_HOST, "/etc/ssh/ssh_known_hosts", "On each "
	    "client, or in ~/.ssh/known_hosts: hosts of these names are known "
	    "by their certificates. Nothing is to be reloaded.",
	    known_hosts_lines },
};

#define N_PLACES	(sizeof(places) / sizeof(places[0]))

static bool
is_for(const struct place *p, unsigned int types)
{
	return (types & 1U << p->type) != 0;
}

bool
trust_has_place(unsigned int types, const char *name)
{
	for (size_t i = 0; i < N_PLACES; i++)
		if (is_for(&places[i], types) &&
		    strcmp(places[i].name, name) == 0)
			return true;
	return false;
}

/* Each line with a "#", so that it may stand in the file, too. */
static void
print_comment(FILE *f, const char *text)
{
	size_t column = 0, n;

	for (; *text != '\0'; text += n + (text[n] == ' ')) {
		n = strcspn(text, " ");
		if (column == 0 || column + 1 + n >= OUT_COLUMNS) {
			fputs(column == 0 ? "#" : "\n#", f);
			column = 1;
		}
		fprintf(f, " %.*s", (int)n, text);
		column += 1 + n;
	}
	putc('\n', f);
}

static int
print_place(FILE *f, const struct trust *t, const struct place *p,
    bool comments, struct err *e)
{
	char *lines = p->lines(t);

	if (lines == NULL)
		return err_set(e, ERR_NOMEM, 0, "lines for %s", p->file);
	if (comments) {
		fprintf(f, "# %s\n", p->file);
		print_comment(f, p->about);
	}
	if (comments && p->lines == known_hosts_lines && t->domain == NULL)
		print_comment(f, "Put your own domain in the place of "
		    EXAMPLE ", or name it with --domain.");
	fprintf(f, "%s\n", lines);
	free(lines);
	return 0;
}

int
trust_print(FILE *f, const struct trust *t, const char *place, struct err *e)
{
	bool first = true;
	int r = 0;

	for (size_t i = 0; i < N_PLACES && r == 0; i++) {
		if (!is_for(&places[i], t->types) || (place != NULL &&
		    strcmp(place, places[i].name) != 0))
			continue;
		if (place == NULL && !first)
			putc('\n', f);
		r = print_place(f, t, &places[i], place == NULL, e);
		first = false;
	}
	return r;
}

static json_t *
place_json(const struct trust *t, const struct place *p)
{
	char *lines = p->lines(t), *rest = lines, *line;
	json_t *list = json_array();
	bool bad = lines == NULL || list == NULL;

	while (!bad && (line = strsep(&rest, "\n")) != NULL)
		bad = json_array_append_new(list, json_string(line)) != 0;
	free(lines);
	if (bad) {
		json_decref(list);
		return NULL;
	}
	return json_pack("{s:s, s:s, s:s, s:o, s:s}", "place", p->name,
	    "certificates", p->type == CERT_USER ? "user" : "host",
	    "file", p->file, "lines", list, "about", p->about);
}

json_t *
trust_json(const struct trust *t)
{
	json_t *all = json_array();

	for (size_t i = 0; i < N_PLACES && all != NULL; i++)
		if (is_for(&places[i], t->types) && json_array_append_new(all,
		    place_json(t, &places[i])) != 0) {
			json_decref(all);
			all = NULL;
		}
	return all;
}
