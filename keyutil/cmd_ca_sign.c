/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ca/wish.h"
#include "keyutil/carequest.h"
#include "keyutil/casigner.h"
#include "keyutil/certfiles.h"
#include "keyutil/certsheet.h"
#include "keyutil/cmd.h"
#include "keyutil/readfile.h"
#include "ssh/keytext.h"

#define PINS_MAX	(16 * 1024 * 1024)	/* bytes of their file */

enum {
	OPT_CA,
	OPT_PROFILE,
	OPT_HOST,
	OPT_PRINCIPALS,
	OPT_VALIDITY,
	OPT_KEY_ID,
	OPT_OPTION,
	OPT_SERIAL,
	OPT_OUTPUT,
	OPT_CSV,
	OPT_KEYSCAN,
	OPT_PIN,
	OPT_PINS,
	OPT_AGAIN,
	OPT_TOKEN,
	OPT_PIN_FILE,
	OPT_REQUEST,
	OPT_APPROVAL,
};

static const struct cmd_option options[] = {
	[OPT_CA] = { "ca", "KEY", "the key that signs: its label, id or "
	    "fingerprint" },
	[OPT_PROFILE] = CMD_OPTION_PROFILE,
	[OPT_HOST] = CMD_OPTION_FOR_HOSTS,
	[OPT_PRINCIPALS] = CMD_OPTION_PRINCIPALS,
	[OPT_VALIDITY] = CMD_OPTION_VALIDITY,
	[OPT_KEY_ID] = { "key-id", "TEXT", "its key id, in which {user}, "
	    "{date}, {serial} and {comment} may stand" },
	[OPT_OPTION] = CMD_OPTION_CERT_OPTION,
	[OPT_SERIAL] = { "serial", "N", "its serial number; else the next" },
	[OPT_OUTPUT] = { "output", "FILE",
	    "write it to this file, not beside its key; with --keyscan: "
	    "into this directory" },
	[OPT_CSV] = { "csv", "FILE", "sign one for each row of this table" },
	[OPT_KEYSCAN] = { "keyscan", "FILE", "sign one for each host in what "
	    "ssh-keyscan printed" },
	[OPT_PIN] = { "pin", "HOST=SHA256:...", "the fingerprint of the right "
	    "key of a host of --keyscan; can be given many times" },
	[OPT_PINS] = { "pins", "FILE", "the same from lines HOST SHA256:..." },
	[OPT_AGAIN] = { "again", NULL, "also sign those that are there and "
	    "still valid" },
	[OPT_TOKEN] = CMD_OPTION_TOKEN_ITSELF,
	[OPT_PIN_FILE] = CMD_OPTION_PIN_FILE,
	[OPT_REQUEST] = { "request", "FILE", "sign what this request of \"ca "
	    "request\" asks for, with the approvals beside it" },
	[OPT_APPROVAL] = { "approval", "FILE...", "bring this approval of the "
	    "request, and not those beside it; can be given many times" },
	{ 0 },
};

/* All that a call goes by. */
struct call {
	const struct cmd_args *args;
	struct ca_blocks blocks;
	struct carequest request;	/* if one was named */
	char		*ca;		/* that it names */
	struct casigner	*signer;
	struct certwish	 wish;
	const char	*options[CMD_MANY_MAX];
	struct hostpins	 pins;
	struct certorders orders;
};

static int
find_profile(struct call *c, struct err *e)
{
	const char *name = c->args->value[OPT_PROFILE];

	if (name == NULL)
		return 0;
	c->wish.profile = ca_blocks_profile(&c->blocks, name);
	return c->wish.profile != NULL ? 0 : err_set(e, ERR_USAGE, 0,
	    "there is no Profile \"%.100s\" in %.150s", name,
	    c->blocks.file != NULL ? c->blocks.file :
	    "hsm-ssh-agent.conf(5), which is not there");
}

static int
open_signer(struct call *c, struct err *e)
{
	const struct cmd_args *a = c->args;
	const struct casigner_wish wish = { .blocks = &c->blocks,
	    .name = a->value[OPT_CA] != NULL ? a->value[OPT_CA] :
	    c->wish.profile != NULL ? c->wish.profile->ca : NULL,
	    .token = a->value[OPT_TOKEN],
	    .pin_file = a->value[OPT_PIN_FILE] };

	return casigner_open(&c->signer, &wish, e);
}

/* --- what others have signed --- */

static int
read_approvals(struct call *c, struct err *e)
{
	const struct cmd_args *a = c->args;
	bool named = false;
	int r = 0;

	for (size_t i = 0; r == 0 && i < a->n_many; i++)
		if (a->many[i].option == OPT_APPROVAL) {
			named = true;
			r = carequest_add(&c->request, a->many[i].value, e);
		}
	return r != 0 || named ? r : carequest_find(&c->request, e);
}

static int
open_for_request(struct call *c, struct err *e)
{
	struct casigner_wish wish = { .blocks = &c->blocks,
	    .token = c->args->value[OPT_TOKEN],
	    .pin_file = c->args->value[OPT_PIN_FILE],
	    .papers = &c->request.papers };

	if ((c->ca = keytext_fingerprint(c->request.request.cert.ca)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "CA");
	wish.name = c->ca;
	if (casigner_open(&c->signer, &wish, e) == 0)
		return 0;
	return err_wrap(e, "the CA that the request names");
}

static FILE *
told_on(const struct call *c)
{
	const char *output = c->args->value[OPT_OUTPUT];

	return output != NULL && strcmp(output, "-") == 0 ? stderr : stdout;
}

static int
check_approvals(const struct call *c, struct err *e)
{
	const struct ca_block *b = casigner_block(c->signer);
	size_t n;
	int r;

	if (b == NULL || b->policy.approvals == 0 || b->policy.observe)
		return 0;
	if ((r = carequest_check(&c->request, &b->policy, &n, e)) == 0)
		fprintf(told_on(c), "%zu of %zu approvals are there\n", n,
		    b->policy.approvals);
	return r;
}

static int
order_request(struct call *c, struct err *e)
{
	const char *serial = c->args->value[OPT_SERIAL];
	struct certorder *o;
	int r;

	if ((r = carequest_order(&c->request, c->args->value[OPT_OUTPUT],
	    &c->orders, e)) != 0 || serial == NULL)
		return r;
	o = &c->orders.v[0];
	o->numbered = true;
	return ca_wish_serial(serial, &o->draft.serial, e);
}

static int
sign_request(struct call *c, struct err *e)
{
	int r;

	if ((r = carequest_read(&c->request, c->args->value[OPT_REQUEST],
	    e)) != 0 || (r = carequest_check_time(&c->request, e)) != 0 ||
	    (r = read_approvals(c, e)) != 0)
		return r;
	carequest_tell(told_on(c), &c->request);
	if ((r = open_for_request(c, e)) != 0 ||
	    (r = check_approvals(c, e)) != 0 ||
	    (r = order_request(c, e)) != 0 ||
	    (r = certorders_look(&c->orders, casigner_ca(c->signer),
	    e)) != 0)
		return r;
	return certorders_sign(&c->orders, c->signer, e);
}

/* --- what this command says --- */

static void
take_words(struct call *c)
{
	const struct cmd_args *a = c->args;
	struct certwish *w = &c->wish;

	w->type = a->value[OPT_HOST] != NULL ? CERT_HOST :
	    w->profile != NULL ? w->profile->type : CERT_USER;
	w->block = casigner_block(c->signer);
	w->principals = a->value[OPT_PRINCIPALS];
	w->validity = a->value[OPT_VALIDITY];
	w->key_id = a->value[OPT_KEY_ID];
	w->serial = a->value[OPT_SERIAL];
	if (a->value[OPT_KEYSCAN] != NULL)
		w->type = CERT_HOST;
	for (size_t i = 0; i < a->n_many; i++)
		if (a->many[i].option == OPT_OPTION)
			c->options[w->n_options++] = a->many[i].value;
	w->options = c->options;
	w->now = time(NULL);
}

static int
read_pins(struct call *c, struct err *e)
{
	const struct cmd_args *a = c->args;
	const char *file = a->value[OPT_PINS];
	size_t n = PINS_MAX;
	uint8_t *text;
	int r = 0;

	for (size_t i = 0; r == 0 && i < a->n_many; i++)
		if (a->many[i].option == OPT_PIN)
			r = hostpins_add(&c->pins, a->many[i].value, e);
	if (r != 0 || file == NULL)
		return r;
	if ((text = malloc(n)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "fingerprints");
	if ((r = readfile(file, text, &n, e)) == 0 &&
	    (r = hostpins_parse(&c->pins, (struct span){ text, n }, e)) != 0)
		r = err_wrap(e, "\"%.200s\"", file);
	free(text);
	return r;
}

static int
read_orders(struct call *c, struct err *e)
{
	const struct cmd_args *a = c->args;
	int r;

	if (a->value[OPT_CSV] != NULL)
		return certsheet_read(a->value[OPT_CSV], &c->wish,
		    &c->orders, e);
	if (a->value[OPT_KEYSCAN] == NULL)
		return certfiles_read(a->operand, a->n_operands,
		    a->value[OPT_OUTPUT], &c->wish, &c->orders, e);
	if ((r = read_pins(c, e)) != 0)
		return r;
	return certsheet_scan(a->value[OPT_KEYSCAN], &c->pins,
	    a->value[OPT_OUTPUT], &c->wish, &c->orders, e);
}

static int
sign(struct call *c, struct err *e)
{
	int r;

	if ((r = find_profile(c, e)) != 0 || (r = open_signer(c, e)) != 0)
		return r;
	take_words(c);
	if ((r = read_orders(c, e)) != 0)
		return r;
	if (c->args->value[OPT_AGAIN] != NULL)
		c->orders.goes_on = false;
	if ((r = certorders_look(&c->orders, casigner_ca(c->signer), e)) != 0)
		return r;
	return certorders_sign(&c->orders, c->signer, e);
}

/* The first to read it would leave nothing to the others. */
static int
check_stdin(const struct cmd_args *a, struct err *e)
{
	const char *const file[] = { a->value[OPT_CSV],
	    a->value[OPT_KEYSCAN], a->value[OPT_PIN_FILE] };
	size_t n = 0;

	for (size_t i = 0; i < a->n_operands; i++)
		n += readfile_is_stdin(a->operand[i]);
	for (size_t i = 0; i < sizeof(file) / sizeof(file[0]); i++)
		n += file[i] != NULL && readfile_is_stdin(file[i]);
	return n < 2 ? 0 : err_set(e, ERR_USAGE, 0, "standard input is one "
	    "file; name files for the others");
}

/* What a request says can only be taken as it is. */
static int
check_request(const struct cmd_args *a, struct err *e)
{
	static const unsigned int said[] = { OPT_CA, OPT_PROFILE, OPT_HOST,
	    OPT_PRINCIPALS, OPT_VALIDITY, OPT_KEY_ID, OPT_OPTION, OPT_CSV,
	    OPT_KEYSCAN, OPT_PIN, OPT_PINS };

	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++)
		if (a->value[said[i]] != NULL)
			return err_set(e, ERR_USAGE, 0, "--%s does not go "
			    "with --request, in which all is said that the "
			    "certificate will say", options[said[i]].name);
	return a->n_operands == 0 ? 0 : err_set(e, ERR_USAGE, 0, "the key is "
	    "in the request; name no other");
}

/* Of what can be certified, one kind at a time. */
static int
check_args(const struct cmd_args *a, struct err *e)
{
	const bool csv = a->value[OPT_CSV] != NULL;
	const bool scan = a->value[OPT_KEYSCAN] != NULL;
	const bool pins = a->value[OPT_PIN] != NULL ||
	    a->value[OPT_PINS] != NULL;

	if (a->value[OPT_REQUEST] != NULL)
		return check_request(a, e);
	if (a->value[OPT_APPROVAL] != NULL)
		return err_set(e, ERR_USAGE, 0, "--approval goes with "
		    "--request");
	if ((a->n_operands > 0) + csv + scan != 1)
		return err_set(e, ERR_USAGE, 0, "name the .pub files of the "
		    "keys to certify, or one table with --csv, one --keyscan "
		    "or one --request");
	if (pins != scan)
		return err_set(e, ERR_USAGE, 0, "--keyscan goes with --pin or "
		    "--pins, and they with it: what came over the network is "
		    "anybody's");
	if ((csv || a->n_operands > 1) && a->value[OPT_OUTPUT] != NULL)
		return err_set(e, ERR_USAGE, 0, "--output is for one key; a "
		    "table can have a column for it");
	if (a->n_operands != 1 && a->value[OPT_SERIAL] != NULL)
		return err_set(e, ERR_USAGE, 0, "--serial is for one key");
	return check_stdin(a, e);
}

static int
run(const struct cmd_args *a, struct err *e)
{
	struct call *c;
	int r;

	if ((r = check_args(a, e)) != 0)
		return r;
	if ((c = calloc(1, sizeof(*c))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "certificates");
	c->args = a;
	if ((r = ca_blocks_load(NULL, &c->blocks, e)) == 0)
		r = a->value[OPT_REQUEST] != NULL ? sign_request(c, e) :
		    sign(c, e);
	certorders_free(&c->orders);
	hostpins_free(&c->pins);
	casigner_close(c->signer);
	carequest_free(&c->request);
	free(c->ca);
	ca_blocks_clear(&c->blocks);
	free(c);
	return r;
}

const struct cmd cmd_ca_sign = {
	.name = "ca sign",
	.operands = "[FILE...]",
	.summary = "sign certificates with a CA key",
	.about = "FILE is the .pub file of a key to certify, NAME.pub; the "
	    "certificate goes to NAME-cert.pub.  \"-\" is standard input, "
	    "and then the certificate goes to standard output.",
	.options = options,
	.run = run,
};
