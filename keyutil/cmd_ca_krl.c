/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "ca/ledger_krl.h"
#include "keyutil/caledger.h"
#include "keyutil/cmd.h"
#include "keyutil/filesig.h"
#include "keyutil/krlfile.h"
#include "keyutil/out.h"

enum {
	OPT_CA,
	OPT_COMMENT,
	OPT_OUTPUT,
	OPT_SIGN,
	OPT_SIGN_KEY,
	OPT_PIN_FILE,
	OPT_TOKEN,
	OPT_LEDGER,
};

static const struct cmd_option options[] = {
	[OPT_CA] = CMD_OPTION_CA,
	[OPT_COMMENT] = { "comment", "TEXT",
	    "what \"ssh-keygen -Ql\" shows of it" },
	[OPT_OUTPUT] = { "output", "FILE",
	    "write it here, in the place of an older one" },
	[OPT_SIGN] = { "sign", NULL,
	    "the key of the CA signs it, in FILE.sig" },
	[OPT_SIGN_KEY] = { "sign-key", "KEY",
	    "this key signs it: the label, id or fingerprint of one on a "
	    "token, or a .pub file" },
	[OPT_PIN_FILE] = CMD_OPTION_PIN_FILE,
	[OPT_TOKEN] = { "token", "NAME",
	    "sign on this token, not through the agent" },
	[OPT_LEDGER] = CMD_OPTION_LEDGER,
	{ 0 },
};

/* A list of one CA, or of all that the ledger knows. */
struct job {
	const struct cmd_args *a;
	struct ledger	*l;
	struct caledger_cas cas, signers;
	struct span	 ca;		/* empty: all */
	struct span	 signer;	/* empty: nobody signs */
	struct krlfile	 file;
	uint64_t	 version;
};

static int
choose_cas(struct job *j, struct err *e)
{
	const char *const *v = j->a->value;
	int r;

	if (v[OPT_CA] != NULL || (v[OPT_SIGN] != NULL &&
	    v[OPT_SIGN_KEY] == NULL))
		return caledger_one_ca(j->l, v[OPT_CA], &j->cas, &j->ca, e);
	if ((r = caledger_cas(j->l, NULL, &j->cas, e)) != 0)
		return r;
	if (j->cas.n == 0)
		return err_set(e, ERR_USAGE, 0, "the ledger knows no CA yet; "
		    "name its key with --ca");
	if (j->cas.n == 1)
		j->ca = wire_bytes(&j->cas.v[0]);
	return 0;
}

static int
choose_signer(struct job *j, struct err *e)
{
	const char *name = j->a->value[OPT_SIGN_KEY];

	if (name != NULL)
		return caledger_one_ca(j->l, name, &j->signers, &j->signer,
		    e);
	if (j->a->value[OPT_SIGN] != NULL)
		j->signer = j->ca;
	return 0;
}

/* Each of the CAs has had no list of this version, nor of a higher one. */
static int
take_version(struct job *j, struct err *e)
{
	uint64_t v;
	int r;

	for (size_t i = 0; i < j->cas.n; i++) {
		if ((r = ledger_krl_version(j->l, wire_bytes(&j->cas.v[i]),
		    &v, e)) != 0)
			return r;
		if (v > j->version)
			j->version = v;
	}
	return krlfile_check(&j->file, j->version, e);
}

static int
make(const struct job *j, struct ledger_krl *krl, struct err *e)
{
	const char *comment = j->a->value[OPT_COMMENT];
	const struct ledger_krl_head head = { .version = j->version,
	    .date = (uint64_t)time(NULL), .comment = comment };

	return ledger_krl_make(j->l, j->ca, &head, krl, e);
}

static int
sign(const struct job *j, const struct ledger_krl *krl, char **sig,
    struct err *e)
{
	const struct filesig_wish w = { .key = j->signer,
	    .ns = LEDGER_KRL_NS, .token = j->a->value[OPT_TOKEN],
	    .pin_file = j->a->value[OPT_PIN_FILE],
	    .reason = "to sign the revocation list" };

	*sig = NULL;
	if (j->signer.n == 0)
		return 0;
	return filesig_make(&w, wire_bytes(&krl->bytes), sig, e);
}

static void
tell(const struct job *j)
{
	printf("Version %" PRIu64 " is in %s\n", j->version, j->file.path);
	if (j->signer.n > 0)
		printf("Signed by %s for %s, in %s\n",
		    caledger_fingerprint(j->signer).s, LEDGER_KRL_NS,
		    j->file.sig_path);
}

static int
write_list(struct job *j, struct err *e)
{
	struct ledger_krl krl = { 0 };
	char *sig = NULL;
	int r;

	if ((r = krlfile_open(&j->file, j->a->value[OPT_OUTPUT], e)) == 0 &&
	    (r = take_version(j, e)) == 0 &&
	    (r = make(j, &krl, e)) == 0 &&
	    (r = sign(j, &krl, &sig, e)) == 0 &&
	    (r = krlfile_write(&j->file, wire_bytes(&krl.bytes), sig,
	    e)) == 0)
		tell(j);
	ledger_krl_free(&krl);
	free(sig);
	krlfile_close(&j->file);
	return r;
}

static int
run(const struct cmd_args *a, struct err *e)
{
	struct job j = { .a = a };
	int r;

	if (a->value[OPT_OUTPUT] == NULL)
		return err_set(e, ERR_USAGE, 0, "name the file with --output");
	if ((a->value[OPT_TOKEN] != NULL || a->value[OPT_PIN_FILE] != NULL) &&
	    a->value[OPT_SIGN] == NULL && a->value[OPT_SIGN_KEY] == NULL)
		return err_set(e, ERR_USAGE, 0, "--token and --pin-file are "
		    "of no use without --sign or --sign-key");
	if ((r = caledger_open(a->value[OPT_LEDGER], LEDGER_WRITE, &j.l,
	    e)) == 0 &&
	    (r = choose_cas(&j, e)) == 0 &&
	    (r = choose_signer(&j, e)) == 0)
		r = write_list(&j, e);
	caledger_cas_free(&j.cas);
	caledger_cas_free(&j.signers);
	ledger_close(j.l);
	return r;
}

const struct cmd cmd_ca_krl = {
	.name = "ca krl",
	.summary = "write the list of what is revoked, for servers",
	.about = "The file is for RevokedKeys of sshd_config(5), and for "
	    "\"ssh-keygen -Qf\".  It is there as a whole at any moment; each "
	    "has a higher version than those before.  With nothing revoked it "
	    "is an empty list, which sshd needs all the same.  Without --ca it "
	    "is for all CAs of the ledger.",
	.options = options,
	.run = run,
};
