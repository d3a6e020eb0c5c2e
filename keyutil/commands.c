/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "keyutil/commands.h"

const struct cmd *const commands[] = {
	&cmd_status,
	&cmd_list,
	&cmd_export,
	&cmd_init,
	&cmd_pin_change,
	&cmd_pin_unblock,
	&cmd_pin_so_change,
	&cmd_generate,
	&cmd_delete,
	&cmd_label,
	&cmd_import_certificate,
	&cmd_export_certificate,
	&cmd_random,
	&cmd_dkek_status,
	&cmd_dkek_create_share,
	&cmd_dkek_import_share,
	&cmd_backup,
	&cmd_backup_verify,
	&cmd_restore,
	&cmd_clone,
	&cmd_ca_init,
	&cmd_ca_trust,
	&cmd_ca_show,
	&cmd_ca_log,
	&cmd_ca_log_verify,
	&cmd_ca_log_resume,
	&cmd_ca_revoke,
	&cmd_ca_krl,
	&cmd_ca_request,
	&cmd_ca_approve,
	&cmd_ca_sign,
	&cmd_ca_renew,
	&cmd_lock,
	&cmd_unlock,
	&cmd_test,
	&cmd_speed,
	&cmd_doctor,
	&cmd_completion,
	NULL,
};

static const struct {
	const char	*name;
	char		 letter;
} letters[] = {
	{ "output",	'o' },
	{ "principals",	'n' },
	{ "token",	't' },
};

char
commands_letter(const char *option)
{
	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
		if (strcmp(letters[i].name, option) == 0)
			return letters[i].letter;
	return '\0';
}

/* How many words from argv on are the command's name; 0: not all of it. */
static int
words_of(const struct cmd *c, int argc, char *const *argv)
{
	const char *rest = c->name;
	size_t n;

	for (int i = 0; i < argc; i++) {
		n = strlen(argv[i]);
		if (strncmp(rest, argv[i], n) != 0)
			return 0;
		if (rest[n] == '\0')
			return i + 1;
		if (rest[n] != ' ')
			return 0;
		rest += n + 1;
	}
	return 0;
}

const struct cmd *
commands_find(int argc, char *const *argv, int *words)
{
	const struct cmd *found = NULL;
	int n;

	*words = 0;
	for (size_t i = 0; commands[i] != NULL; i++) {
		if ((n = words_of(commands[i], argc, argv)) > *words) {
			found = commands[i];
			*words = n;
		}
	}
	return found;
}
