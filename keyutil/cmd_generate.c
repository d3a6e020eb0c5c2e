/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "keyutil/cmd.h"
#include "keyutil/hex.h"
#include "keyutil/newkey.h"
#include "keyutil/out.h"
#include "ssh/keytext.h"

enum {
	OPT_LABEL,
	OPT_ID,
	OPT_USES,
	OPT_ALGORITHMS,
	OPT_PIN_FILE,
	OPT_TOKEN,
	OPT_MODULE,
};

static const struct cmd_option options[] = {
	[OPT_LABEL] = { "label", "TEXT", "the name of the key" },
	[OPT_ID] = { "id", "HEX",
	    "its id for PKCS#11; without it, the number of its place" },
	[OPT_USES] = { "uses", "N",
	    "let it be used N times, and never again" },
	[OPT_ALGORITHMS] = { "algorithms", "LIST",
	    "allow only these: sign, decrypt, derive, backup, or numbers of "
	    "the SmartCard-HSM such as 20" },
	[OPT_PIN_FILE] = CMD_OPTION_PIN_FILE,
	[OPT_TOKEN] = CMD_OPTION_TOKEN,
	[OPT_MODULE] = CMD_OPTION_MODULE,
	{ 0 },
};

/* An order, and the bytes its spans are in. */
struct wish {
	struct token_key_spec	 spec;
	const struct keytype	*type;
	uint8_t			 id[TOKEN_ID_MAX];
	uint8_t			 algs[TOKEN_ALGS_MAX];
};

/*
 * What a SmartCard-HSM calls them (facts/smartcard-hsm 5.2), for RSA and for
 * EC keys; 0: such keys do no such thing.  SSH needs "sign".
 */
static const struct {
	const char	*name;
	uint8_t		 rsa, ec;
} algorithms[] = {
	{ "sign", 0x20, 0x70 },
	{ "decrypt", 0x21, 0 },
	{ "derive", 0, 0x80 },
	{ "backup", 0x92, 0x92 },
};

static int
parse_id(struct wish *w, const char *text, struct err *e)
{
	size_t n = sizeof(w->id);

	if (!hex_parse(span_cstr(text), w->id, &n))
		return err_set(e, ERR_USAGE, 0, "an id is 1 to %d bytes, each "
		    "written as two hexadecimal digits", TOKEN_ID_MAX);
	w->spec.id = (struct span){ w->id, n };
	return 0;
}

static int
parse_uses(struct wish *w, const char *text, struct err *e)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (!isdigit((unsigned char)text[0]) || *end != '\0' || n == 0 ||
	    n >= UINT32_MAX)
		return err_set(e, ERR_USAGE, 0,
		    "--uses takes a number from 1 on: %.32s", text);
	w->spec.uses = (uint32_t)n;
	return 0;
}

static bool
parse_algorithm(const struct keytype *type, struct span name, uint8_t *out)
{
	size_t n = 1;

	for (size_t i = 0; i < sizeof(algorithms) / sizeof(*algorithms); i++)
		if (span_is(name, algorithms[i].name)) {
			*out = type->group != NULL ? algorithms[i].ec :
			    algorithms[i].rsa;
			return *out != 0;
		}
	return name.n == 2 && hex_parse(name, out, &n);
}

static int
parse_algorithms(struct wish *w, const char *list, struct err *e)
{
	size_t used = 0, n;

	for (const char *p = list;; p += n + 1) {
		n = strcspn(p, ",");
		if (used == sizeof(w->algs) || !parse_algorithm(w->type,
		    (struct span){ (const uint8_t *)p, n }, &w->algs[used]))
			return err_set(e, ERR_USAGE, 0, "--algorithms: %s "
			    "\"%.*s\" for a key of the type %s",
			    used == sizeof(w->algs) ? "no room for" :
			    "there is no", (int)(n < 32 ? n : 32), p,
			    w->type->name);
		used++;
		if (p[n] == '\0')
			break;
	}
	w->spec.algs = (struct span){ w->algs, used };
	return 0;
}

static int
parse_wish(const struct cmd_args *a, struct wish *w, struct err *e)
{
	int r;

	*w = (struct wish){ 0 };
	if (a->n_operands != 1)
		return err_set(e, ERR_USAGE, 0, "name one type of key");
	if (a->value[OPT_LABEL] == NULL)
		return err_set(e, ERR_USAGE, 0, "give the key a name with "
		    "--label");
	if ((r = newkey_type(a->operand[0], &w->type, e)) != 0)
		return r;
	w->spec.type = w->type->name;
	w->spec.label = a->value[OPT_LABEL];
	r = token_check_label(w->spec.label, TOKEN_KEY_LABEL_MAX, e);
	if (r == 0 && a->value[OPT_ID] != NULL)
		r = parse_id(w, a->value[OPT_ID], e);
	if (r == 0 && a->value[OPT_USES] != NULL)
		r = parse_uses(w, a->value[OPT_USES], e);
	if (r == 0 && a->value[OPT_ALGORITHMS] != NULL)
		r = parse_algorithms(w, a->value[OPT_ALGORITHMS], e);
	return r;
}

static void
warn_limits(const struct wish *w)
{
	uint8_t sign = w->type->group != NULL ? 0x70 : 0x20;
	bool signs = w->spec.algs.n == 0;

	for (size_t i = 0; i < w->spec.algs.n; i++)
		signs |= w->algs[i] == sign;
	if (!w->type->ssh && w->type->group != NULL)
		out_warn("SSH has no keys on the curve %s: this key is for "
		    "other uses", w->type->algo);
	else if (!w->type->ssh)
		out_warn("%s keys are too short to be safe, and many SSH "
		    "servers refuse them", w->type->algo);
	if (!signs)
		out_warn("without \"sign\" among its algorithms, SSH cannot "
		    "use the key");
}

static int
print(const struct token_key *k, struct err *e)
{
	char *line;

	if (k->blob == NULL) {
		printf("%s, id %s\n", k->algo, k->id);
		return 0;
	}
	line = keytext_openssh((struct span){ k->blob, k->blob_n }, k->label);
	if (line == NULL)
		return err_set(e, ERR_NOMEM, 0, "key %s", k->id);
	puts(line);
	free(line);
	return 0;
}

static int
make(struct slot *s, const struct wish *w, const char *pin_file,
    struct err *e)
{
	struct token_key made;
	int r;

	if ((r = newkey_check_name(s, &w->spec, e)) != 0)
		return r;
	warn_limits(w);
	if ((r = newkey_make(s, &w->spec, pin_file, &made, e)) == 0)
		r = print(&made, e);
	free(made.blob);
	return r;
}

static int
run(const struct cmd_args *a, struct err *e)
{
	struct tokens ts;
	struct slot *s;
	struct wish w;
	int r;

	if ((r = parse_wish(a, &w, e)) != 0)
		return r;
	if ((r = tokens_open_one_in(&ts, a->value[OPT_MODULE],
	    a->value[OPT_TOKEN], &s, e)) == 0 &&
	    (r = tokens_read_keys(&ts, e)) == 0)
		r = make(s, &w, a->value[OPT_PIN_FILE], e);
	tokens_close(&ts);
	return r;
}

const struct cmd cmd_generate = {
	.name = "generate",
	.operands = "TYPE",
	.summary = "make a key pair on a token, and print its public key",
	.about = "TYPE is rsa2048, rsa3072, rsa4096, p256, p384 or p521, or "
	    "ed25519 where the token of a PKCS#11 module has such keys.  "
	    "Others, such as brainpoolP256r1, are for other uses than SSH.  "
	    "RSA-4096 takes minutes.",
	.options = options,
	.run = run,
};
