/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "keyutil/commands.h"
#include "keyutil/complete.h"

/* What the help calls an argument tells what may stand there. */
static const struct {
	const char		*name;
	enum complete_kind	 kind;
	const char		*words;
} kinds[] = {
	{ "KEY", COMPLETE_KEYS, NULL },
	{ "TOKEN", COMPLETE_TOKENS, NULL },
	{ "SERIAL", COMPLETE_TOKENS, NULL },
	{ "NAME", COMPLETE_TOKENS, NULL },
	{ "FILE", COMPLETE_FILES, NULL },
	{ "MODULE", COMPLETE_FILES, NULL },
	{ "DIR", COMPLETE_DIRS, NULL },
	{ "FORMAT", COMPLETE_WORDS, "openssh|cert-authority|known_hosts|"
	    "allowed_signers|pem|rfc4716|sshfp|fingerprint" },
	{ "PLACE", COMPLETE_WORDS, "user_ca|revoked|sshd|authorized_keys|"
	    "allowed_signers|known_hosts" },
	{ "TYPE", COMPLETE_WORDS,
	    "p256|p384|p521|ed25519|rsa2048|rsa3072|rsa4096" },
};

static void
add(struct complete *out, const char *prefix, const char *text, size_t len,
    const char *help)
{
	struct complete_word w = { .help = help };

	if (len > sizeof(w.text) || (size_t)snprintf(w.text, sizeof(w.text),
	    "%s%.*s", prefix, (int)len, text) >= sizeof(w.text))
		return;
	for (size_t i = 0; i < out->n; i++)
		if (strcmp(out->v[i].text, w.text) == 0)
			return;
	if (out->n < COMPLETE_MAX)
		out->v[out->n++] = w;
}

/* "bash|zsh|fish" */
static void
add_list(struct complete *out, const char *s, size_t n)
{
	for (size_t len; n > 0; s += len, n -= len) {
		for (len = 0; len < n && s[len] != '|'; len++)
			;
		add(out, "", s, len, "");
		len += len < n;
	}
}

/* An argument by its name in the help, "KEY" or "bash|zsh|fish". */
static void
complete_named(struct complete *out, const char *name, size_t n)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strlen(kinds[i].name) != n ||
		    strncmp(kinds[i].name, name, n) != 0)
			continue;
		out->kind = kinds[i].kind;
		if (kinds[i].words != NULL)
			add_list(out, kinds[i].words, strlen(kinds[i].words));
		return;
	}
	if (memchr(name, '|', n) != NULL)
		add_list(out, name, n);
}

/* What is typed to mean it (--yes) is not for a shell to fill in. */
static void
complete_argument(struct complete *out, const struct cmd_option *o)
{
	const char *dots = strstr(o->arg, "...");

	if (strcmp(o->name, "yes") != 0)
		complete_named(out, o->arg, dots != NULL ?
		    (size_t)(dots - o->arg) : strlen(o->arg));
}

/* The i-th of "KEY [FILE...]", its brackets and dots left out. */
static bool
operand_name(const char *operands, size_t i, const char **name, size_t *n)
{
	const char *s = operands != NULL ? operands : "";

	for (;; i--) {
		s += strspn(s, " [");
		*n = strcspn(s, " ].");
		if (*n == 0)
			return false;
		*name = s;
		s += *n;
		if (i == 0 || strncmp(s, "...", 3) == 0)
			return true;
		s += strspn(s, "]");
	}
}

static void
add_options(struct complete *out, const struct cmd *c, char *const *words,
    size_t n)
{
	bool given;

	for (const struct cmd_option *o = c->options; o->name != NULL; o++) {
		given = false;
		for (size_t i = 0; i < n; i++)
			given = given || (strncmp(words[i], "--", 2) == 0 &&
			    strcmp(words[i] + 2, o->name) == 0);
		if (!given)
			add(out, "--", o->name, strlen(o->name), o->help);
	}
	add(out, "", "--help", 6, "explain the command");
}

/* The option that a word is: "--token", "--token=x", "-t", "-tx". */
static const struct cmd_option *
option_of(const struct cmd *c, const char *word, const char **value)
{
	size_t n;

	*value = NULL;
	for (const struct cmd_option *o = c->options; o->name != NULL; o++) {
		n = strlen(o->name);
		if (strncmp(word, "--", 2) == 0 &&
		    strncmp(word + 2, o->name, n) == 0 &&
		    (word[n + 2] == '\0' || word[n + 2] == '=')) {
			if (word[n + 2] == '=')
				*value = word + n + 3;
			return o;
		}
		if (word[0] == '-' && word[1] != '\0' &&
		    word[1] == commands_letter(o->name)) {
			if (word[2] != '\0')
				*value = word + 2;
			return o;
		}
	}
	return NULL;
}

/* The words after those of the command's name; the last is being typed. */
static void
complete_after(struct complete *out, const struct cmd *c, char *const *words,
    size_t n)
{
	const struct cmd_option *o, *open = NULL;
	const char *now = words[n - 1], *value, *name;
	bool only_operands = false;
	size_t operands = 0, len;

	for (size_t i = 0; i + 1 < n; i++) {
		if (open != NULL) {
			value = words[i];
			o = open;
			open = NULL;
		} else if (only_operands || words[i][0] != '-') {
			operands++;
			continue;
		} else if (strcmp(words[i], "--") == 0) {
			only_operands = true;
			continue;
		} else if ((o = option_of(c, words[i], &value)) != NULL &&
		    o->arg != NULL && value == NULL) {
			open = o;
		}
		if (o != NULL && value != NULL && strcmp(o->name, "token") == 0)
			out->token = value;
	}
	if (open != NULL)
		complete_argument(out, open);
	else if (!only_operands && (o = option_of(c, now, &value)) != NULL &&
	    value != NULL && o->arg != NULL)
		complete_argument(out, o);
	else if (!only_operands && now[0] == '-')
		add_options(out, c, words, n - 1);
	else if (operand_name(c->operands, operands, &name, &len))
		complete_named(out, name, len);
	else if (c->operands == NULL && !only_operands)
		add_options(out, c, words, n - 1);
}

/* The next word of each command whose name goes on after these. */
static void
add_commands(struct complete *out, char *const *words, size_t n)
{
	const char *rest;
	size_t len;

	for (size_t i = 0; commands[i] != NULL; i++) {
		rest = commands[i]->name;
		for (size_t k = 0; k < n && rest != NULL; k++) {
			len = strlen(words[k]);
			if (strncmp(rest, words[k], len) == 0 &&
			    rest[len] == ' ')
				rest += len + 1;
			else
				rest = NULL;
		}
		if (rest == NULL)
			continue;
		len = strcspn(rest, " ");
		add(out, "", rest, len, rest[len] == '\0' ?
		    commands[i]->summary : "one of several commands");
	}
}

void
complete(char *const *words, size_t n, struct complete *out)
{
	const struct cmd *c;
	int used;

	*out = (struct complete){ .kind = COMPLETE_WORDS };
	if (n == 0)
		return;
	if (n > 1 && strcmp(words[0], "help") == 0) {
		add_commands(out, words + 1, n - 2);
		return;
	}
	c = commands_find((int)n - 1, words, &used);
	if (c == NULL || (size_t)used == n - 1)
		add_commands(out, words, n - 1);
	if (c != NULL)
		complete_after(out, c, words + used, n - (size_t)used);
	if (n == 1) {
		add(out, "", "help", 4, "explain a command");
		if (words[0][0] == '-')
			add(out, "", "--version", 9, "print the version");
	}
}
