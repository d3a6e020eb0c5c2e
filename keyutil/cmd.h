/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_CMD_H
#define KEYUTIL_CMD_H

#include <stddef.h>

#include "base/err.h"

/*
 * A command of hsm-keyutil: cmd_NAME.c describes and does it, the table in
 * commands.c lists it.  Its options are a table too, from which they are
 * parsed and the help is printed, so the two cannot differ.
 */
#define CMD_OPTIONS_MAX	24
#define CMD_MANY_MAX	256

struct cmd_option {
	const char	*name;	/* without the "--"; see commands_letter() */
	const char	*arg;		/* NULL: it takes none; "OPT...": it
					 * may be given more than once */
	const char	*help;
};

struct cmd_given {
	size_t		 option;	/* its place in the table */
	const char	*value;
};

struct cmd_args {
	/* By the option's place in its table; NULL: not given. */
	const char	*value[CMD_OPTIONS_MAX];
	char *const	*operand;
	size_t		 n_operands;

	/* All of those that may be given more than once, in their order. */
	struct cmd_given many[CMD_MANY_MAX];
	size_t		 n_many;
};

struct cmd {
	const char	*name;		/* one word or two: "pin change" */
	const char	*operands;	/* "[KEY...]"; NULL: it takes none */
	const char	*summary;	/* one line */
	const char	*about;		/* more, after the options; or NULL */
	const struct cmd_option *options;	/* ends in a NULL name */

	/* Output on stdout.  main() prints *e and makes the exit code. */
	int		(*run)(const struct cmd_args *a, struct err *e);
};

extern const struct cmd cmd_status;
extern const struct cmd cmd_list;
extern const struct cmd cmd_export;
extern const struct cmd cmd_init;
extern const struct cmd cmd_pin_change;
extern const struct cmd cmd_pin_unblock;
extern const struct cmd cmd_pin_so_change;
extern const struct cmd cmd_generate;
extern const struct cmd cmd_delete;
extern const struct cmd cmd_label;
extern const struct cmd cmd_import_certificate;
extern const struct cmd cmd_export_certificate;
extern const struct cmd cmd_random;
extern const struct cmd cmd_dkek_status;
extern const struct cmd cmd_dkek_create_share;
extern const struct cmd cmd_dkek_import_share;
extern const struct cmd cmd_backup;
extern const struct cmd cmd_backup_verify;
extern const struct cmd cmd_restore;
extern const struct cmd cmd_clone;
extern const struct cmd cmd_ca_init;
extern const struct cmd cmd_ca_trust;
extern const struct cmd cmd_ca_show;
extern const struct cmd cmd_ca_log;
extern const struct cmd cmd_ca_log_verify;
extern const struct cmd cmd_ca_log_resume;
extern const struct cmd cmd_ca_revoke;
extern const struct cmd cmd_ca_krl;
extern const struct cmd cmd_ca_request;
extern const struct cmd cmd_ca_approve;
extern const struct cmd cmd_ca_sign;
extern const struct cmd cmd_ca_renew;
extern const struct cmd cmd_lock;
extern const struct cmd cmd_unlock;
extern const struct cmd cmd_test;
extern const struct cmd cmd_speed;
extern const struct cmd cmd_doctor;
extern const struct cmd cmd_completion;

#define CMD_OPTION_TOKEN { "token", "NAME", \
	"only the token of this serial number, label, reader or PKCS#11 URI" }
#define CMD_OPTION_MODULE { "module", "MODULE", \
	"look in the slots of this PKCS#11 module, its path or p11-kit's " \
	"name for it, and not in the readers" }
#define CMD_OPTION_TOKEN_ITSELF { "token", "NAME", \
	"sign on this token, and not through an agent" }
#define CMD_OPTION_PIN_FILE { "pin-file", "FILE", \
	"take the PIN from the first line of FILE; -: of standard input" }
#define CMD_OPTION_SO_PIN_FILE { "so-pin-file", "FILE", \
	"take the SO-PIN, 16 hexadecimal digits, from the first line of " \
	"FILE; -: of standard input" }
#define CMD_OPTION_NEW_PIN_FILE { "new-pin-file", "FILE", \
	"the same for the new PIN" }
#define CMD_OPTION_NEW_SO_PIN_FILE { "new-so-pin-file", "FILE", \
	"the same for the new SO-PIN" }
#define CMD_OPTION_RANDOM_SO_PIN { "random-so-pin", NULL, \
	"set a new, random SO-PIN; it is printed once, on standard output" }
#define CMD_OPTION_CA { "ca", "KEY", \
	"the CA: the label, id or SHA256: fingerprint of its key, or its " \
	".pub file" }
#define CMD_OPTION_LEDGER { "ledger", "FILE", \
	"this ledger, not that of the user's agent" }
#define CMD_OPTION_PROFILE { "profile", "PROFILE", \
	"write what this Profile block of hsm-ssh-agent.conf(5) says" }
#define CMD_OPTION_FOR_HOSTS { "host", NULL, "for hosts, not for users" }
#define CMD_OPTION_PRINCIPALS { "principals", "LIST", \
	"whom it is for: names, separated by commas" }
#define CMD_OPTION_VALIDITY { "validity", "TIME", \
	"how long it is valid: 8h, 52w, or FROM:TO as after ssh-keygen -V" }
#define CMD_OPTION_CERT_OPTION { "option", "OPTION...", \
	"as after ssh-keygen -O; can be given many times" }
#define CMD_OPTION_SIGN_KEY { "sign-key", "KEY", "this key signs it: the " \
	"comment or fingerprint of one in an agent, the label, id or " \
	"fingerprint of one on a token, or a .pub file" }
#define CMD_OPTION_JSON { "json", NULL, "print JSON, for programs" }

#endif
