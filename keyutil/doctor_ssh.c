/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "keyutil/doctor.h"
#include "ssh/keytext.h"
#include "ssh/sig.h"

#define LINE_MAX_BYTES	16384

static bool
is_known(struct doctor *d)
{
	if (d->ssh_rc != 0)
		doctor_say(d, DOCTOR_SKIP, "ssh does not tell");
	return d->ssh_rc == 0;
}

/* The i-th key on the tokens that SSH can use; NULL: there are fewer. */
static const struct token_key *
key_at(const struct doctor *d, size_t i)
{
	const struct tokens *ts = &d->cards->tokens;

	for (size_t t = 0; t < ts->n; t++)
		for (size_t k = 0; k < ts->v[t].keys.n; k++)
			if (ts->v[t].keys.v[k].blob != NULL && i-- == 0)
				return &ts->v[t].keys.v[k];
	return NULL;
}

static struct span
blob_of(const struct token_key *k)
{
	return (struct span){ k->blob, k->blob_n };
}

/*
 * A setting above all others in the user's own configuration, where the
 * first that ssh finds is the one that counts.
 */
static void
fix_config(struct doctor *d, const char *before, const char *line)
{
	const struct doctor_word file = doctor_home(".ssh/config");
	struct stat st;

	if (file.s[0] != '\0' && stat(file.s, &st) == 0 && st.st_size > 0)
		doctor_fix(d, "%ssed -i '1i %s' ~/.ssh/config", before, line);
	else
		doctor_fix(d, "%smkdir -p -m 700 ~/.ssh && echo '%s' "
		    ">~/.ssh/config", before, line);
}

void
doctor_ssh(struct doctor *d)
{
	char sh[] = "sh", c[] = "-c", command[] = "exec ssh -V 2>&1";
	char *const argv[] = { sh, c, command, NULL };
	char text[256];
	int status, major, minor;

	if (!sshconf_run(argv, text, sizeof(text), &status) || status != 0) {
		doctor_say(d, DOCTOR_FAIL, "there is no ssh");
		doctor_fix(d, "%s", host_install(d->root, HOST_OPENSSH));
		return;
	}
	text[strcspn(text, ",\n")] = '\0';
	if (d->ssh_rc != 0) {
		doctor_say(d, DOCTOR_FAIL, "ssh cannot read its settings; it "
		    "says why");
		doctor_fix(d, "ssh -G localhost");
	} else if (sshconf_version(text, "OpenSSH_", &major, &minor) &&
	    (major < 7 || (major == 7 && minor < 2))) {
		doctor_say(d, DOCTOR_WARN, "%s is too old to sign with RSA "
		    "and SHA-2: only EC keys work", text);
		doctor_fix(d, "%s", host_install(d->root, HOST_OPENSSH));
	} else {
		doctor_say(d, DOCTOR_PASS, "%s", text);
	}
}

void
doctor_identity_agent(struct doctor *d)
{
	char line[400];

	if (!is_known(d))
		return;
	if (d->ssh_uses_us) {
		doctor_say(d, DOCTOR_PASS, d->ssh.agent != NULL ?
		    "IdentityAgent leads to hsm-ssh-agent" :
		    "ssh asks the agent at SSH_AUTH_SOCK");
		return;
	}
	if (d->ssh.agent == NULL ||
	    strcasecmp(d->ssh.agent, "SSH_AUTH_SOCK") == 0) {
		doctor_say(d, DOCTOR_SKIP, "ssh asks the agent at "
		    "SSH_AUTH_SOCK: see \"agent-socket\"");
		return;
	}
	doctor_say(d, DOCTOR_FAIL, "IdentityAgent is set to %s: ssh does not "
	    "ask hsm-ssh-agent", d->ssh.agent);
	if (d->agent.in_use || !d->agent.found)
		fix_config(d, "", "IdentityAgent SSH_AUTH_SOCK");
	else {
		snprintf(line, sizeof(line), "IdentityAgent %s",
		    d->agent.socket);
		fix_config(d, "", line);
	}
}

/* The public key in the first line of a file: is it on a token? */
static const struct token_key *
key_in_file(const struct doctor *d, const char *path)
{
	const struct token_key *found = NULL, *k;
	char *line = malloc(LINE_MAX_BYTES);
	struct wire_w blob = { 0 };
	FILE *f = fopen(path, "re");
	struct err e;

	if (f == NULL || line == NULL ||
	    !wire_write(&blob, LINE_MAX_BYTES) ||
	    fgets(line, LINE_MAX_BYTES, f) == NULL ||
	    keytext_parse(line, &blob, NULL, &e) != 0)
		goto out;
	for (size_t i = 0; found == NULL && (k = key_at(d, i)) != NULL; i++)
		if (span_eq(wire_bytes(&blob), blob_of(k)))
			found = k;
out:
	wire_free(&blob);
	if (f != NULL)
		fclose(f);
	free(line);
	return found;
}

/* As ssh does: the file itself may be a public key, or the one beside it. */
static const struct token_key *
key_of_identity(const struct doctor *d, const char *file)
{
	const struct token_key *k;
	struct doctor_word home;
	char path[1024];

	if (strncmp(file, "~/", 2) == 0 || strncmp(file, "%d/", 3) == 0) {
		home = doctor_home(file + (file[0] == '~' ? 2 : 3));
		file = home.s;
	}
	if ((k = key_in_file(d, file)) != NULL ||
	    (size_t)snprintf(path, sizeof(path), "%s.pub", file) >=
	    sizeof(path))
		return k;
	return key_in_file(d, path);
}

/* A name that is one word for a shell, for ssh and for a file. */
static const char *
file_name_of(const struct token_key *k)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789_.-";

	return k->label[0] != '\0' && strchr("-.", k->label[0]) == NULL &&
	    k->label[strspn(k->label, plain)] == '\0' &&
	    strlen(k->label) < 64 ? k->label : k->id;
}

static void
fix_identities(struct doctor *d)
{
	const struct token_key *k = key_at(d, 0);
	char before[300], line[100];

	if (k == NULL)
		return;
	snprintf(before, sizeof(before), "hsm-keyutil export %s "
	    ">~/.ssh/%s.pub && ", file_name_of(k), file_name_of(k));
	snprintf(line, sizeof(line), "IdentityFile ~/.ssh/%s.pub",
	    file_name_of(k));
	fix_config(d, before, line);
}

void
doctor_identities_only(struct doctor *d)
{
	const struct token_key *k = NULL;

	if (!is_known(d))
		return;
	if (!d->ssh.identities_only) {
		doctor_say(d, DOCTOR_PASS, "ssh offers all keys of the agent");
		return;
	}
	if (key_at(d, 0) == NULL) {
		doctor_say(d, DOCTOR_SKIP, "IdentitiesOnly is set, but no "
		    "keys are known to compare");
		return;
	}
	for (size_t i = 0; k == NULL && i < d->ssh.n_files; i++)
		k = key_of_identity(d, d->ssh.files[i]);
	if (k != NULL) {
		doctor_say(d, DOCTOR_PASS, "IdentitiesOnly is set, and an "
		    "IdentityFile names the key \"%s\"", k->label[0] != '\0' ?
		    k->label : k->id);
		return;
	}
	doctor_say(d, DOCTOR_FAIL, "IdentitiesOnly is set, and no IdentityFile "
	    "is the public key of one on a token: ssh does not offer them");
	fix_identities(d);
}

void
doctor_pkcs11_provider(struct doctor *d)
{
	if (!is_known(d))
		return;
	if (d->ssh.provider == NULL) {
		doctor_say(d, DOCTOR_PASS, "ssh has no PKCS#11 module of its "
		    "own");
		return;
	}
	doctor_say(d, DOCTOR_WARN, "PKCS11Provider is set to %s: ssh asks for "
	    "the PIN by itself, beside the agent", d->ssh.provider);
	fix_config(d, "", "PKCS11Provider none");
}

void
doctor_pubkey(struct doctor *d)
{
	if (!is_known(d))
		return;
	if (!d->ssh.no_pubkey) {
		doctor_say(d, DOCTOR_PASS, "ssh logs in with keys");
		return;
	}
	doctor_say(d, DOCTOR_FAIL, "PubkeyAuthentication is off: ssh uses no "
	    "keys at all");
	fix_config(d, "", "PubkeyAuthentication yes");
}

/* Is it one of a list with commas? */
static bool
lists(const char *list, const char *name)
{
	const size_t n = strlen(name);

	for (; *list != '\0'; list += strcspn(list, ","), list += *list == ',')
		if (strncmp(list, name, n) == 0 &&
		    (list[n] == ',' || list[n] == '\0'))
			return true;
	return false;
}

/* Each type of key on the tokens needs one of its algorithms. */
static const char *
missing_algorithm(const struct doctor *d, const struct token_key *k)
{
	const char *missing = NULL;
	struct key key;
	struct err e;

	if (key_parse(blob_of(k), &key, &e) != 0)
		return NULL;
	for (enum sig_alg a = SIG_ALG_LAST; a > SIG_RSA_SHA1; a--) {
		if (!sig_alg_fits(a, key.type))
			continue;
		if (lists(d->ssh.algorithms, sig_alg_name(a)))
			return NULL;
		missing = missing != NULL ? missing : sig_alg_name(a);
	}
	return missing;
}

/* Appends a name that is not there yet. */
static void
append_name(char *list, size_t size, const char *name)
{
	const size_t n = strlen(list);

	if (!lists(list, name))
		snprintf(list + n, size - n, "%s%s", n > 0 ? "," : "", name);
}

void
doctor_algorithms(struct doctor *d)
{
	char missing[160] = "", line[220];
	const struct token_key *k;
	const char *name;

	if (!is_known(d))
		return;
	for (size_t i = 0; d->ssh.algorithms != NULL &&
	    (k = key_at(d, i)) != NULL; i++)
		if ((name = missing_algorithm(d, k)) != NULL)
			append_name(missing, sizeof(missing), name);
	if (missing[0] == '\0') {
		doctor_say(d, DOCTOR_PASS, "ssh accepts what the keys sign "
		    "with");
		return;
	}
	doctor_say(d, DOCTOR_FAIL, "PubkeyAcceptedAlgorithms leaves out what "
	    "keys on a token sign with: %s", missing);
	snprintf(line, sizeof(line), "PubkeyAcceptedAlgorithms +%s", missing);
	fix_config(d, "", line);
}

static bool
has_rsa(const struct doctor *d)
{
	const struct token_key *k;

	for (size_t i = 0; (k = key_at(d, i)) != NULL; i++)
		if (strncmp(k->algo, "RSA", 3) == 0)
			return true;
	return false;
}

/* All versions have one file name: curl tells which it is. */
void
doctor_libssh2(struct doctor *d)
{
	char curl[] = "curl", version[] = "--version", text[1024];
	char *const argv[] = { curl, version, NULL };
	int status, major, minor;

	if (!sshconf_run(argv, text, sizeof(text), &status) ||
	    !sshconf_version(text, "libssh2/", &major, &minor)) {
		doctor_say(d, DOCTOR_SKIP, "curl does not tell of one");
		return;
	}
	if (major > 1 || minor >= 11) {
		doctor_say(d, DOCTOR_PASS, "libssh2 %d.%d", major, minor);
		return;
	}
	doctor_say(d, has_rsa(d) ? DOCTOR_WARN : DOCTOR_PASS,
	    "libssh2 %d.%d, in curl and some programs for Git, cannot use RSA "
	    "keys of an agent with today's servers%s", major, minor,
	    has_rsa(d) ? "" : "; there are none");
	if (has_rsa(d))
		doctor_fix(d, "hsm-keyutil generate p256 --label ssh-ec");
}
