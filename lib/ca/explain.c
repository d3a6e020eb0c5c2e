/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/glob.h"
#include "ca/alglist.h"
#include "ca/explain.h"
#include "ca/explain_lines.h"
#include "ca/form.h"
#include "ca/when.h"
#include "ca/sources.h"
#include "ssh/hostsig.h"
#include "ssh/keytext.h"
#include "ssh/sksig.h"

#define SHOWN		65		/* bytes of a name, with its NUL */
#define SHOWN_NAMES	8		/* principals in one sentence */
#define RSA_BITS	1024

#define KEYS_USUAL	"ssh-ed25519*,ecdsa-sha2-*,sk-*,rsa-sha2-*"
#define CAS_USUAL	"ssh-ed25519,ecdsa-sha2-nistp256," \
	"ecdsa-sha2-nistp384,ecdsa-sha2-nistp521," \
	"sk-ssh-ed25519@openssh.com,sk-ecdsa-sha2-nistp256@openssh.com," \
	"rsa-sha2-512,rsa-sha2-256"

struct shown {
	char	 s[SHOWN];
};

static struct shown
shown(struct span name)
{
	struct shown t;

	keytext_clean(t.s, sizeof(t.s), name);
	return t;
}

/* --- algorithms --- */

struct span
explain_algorithm(const struct cert *c)
{
	struct wire_r r;

	wire_read(&r, c->signature);
	return wire_get_string(&r);
}

/* An RSA key signs a login in two ways that ssh knows by other names. */
static void
judge_key_algorithm(const struct cert *c, const struct explain_facts *f,
    struct explain *x)
{
	static const char *const rsa[] = { "rsa-sha2-512-cert-v01@openssh.com",
	    "rsa-sha2-256-cert-v01@openssh.com" };
	struct span name = c->type_name;
	bool ok = false;

	if (strcmp(c->plain_name, "ssh-rsa") == 0) {
		for (size_t i = 0; i < 2; i++)
			ok = ok || alglist_allows(f->key_algorithms, KEYS_USUAL,
			    span_cstr(rsa[i]));
		name = span_cstr("rsa-sha2-*-cert-v01@openssh.com");
	} else
		ok = alglist_allows(f->key_algorithms, KEYS_USUAL, name);
	if (ok)
		return;
	explain_refuse(x, EXPLAIN_KEY_ALGORITHM, "a certificate of this type "
	    "is not in PubkeyAcceptedAlgorithms: %s", shown(name).s);
	explain_mend(x, "add it there (\"PubkeyAcceptedAlgorithms +%s\"), or "
	    "certify a key of another type", shown(name).s);
}

static void
judge_ca_algorithm(const struct cert *c, const struct explain_facts *f,
    struct explain *x)
{
	const struct span name = explain_algorithm(c);

	if (alglist_allows(f->ca_algorithms, CAS_USUAL, name))
		return;
	explain_refuse(x, EXPLAIN_CA_ALGORITHM, "the CA signed it with %s, "
	    "which is not in CASignatureAlgorithms", shown(name).s);
	if (span_is(name, "ssh-rsa"))
		explain_mend(x, "that is SHA-1: have it signed anew with SHA-2 "
		    "(ssh-keygen -t rsa-sha2-512)");
	else
		explain_mend(x, "add it there (\"CASignatureAlgorithms +%s\"), "
		    "or have the certificate signed by another CA",
		    shown(name).s);
}

/* --- keys --- */

int
explain_signature(const struct cert *c, struct err *e)
{
	if (sksig_is_key(c->ca))
		return sksig_verify(c->ca, c->tbs, c->signature, e);
	return hostsig_verify_cert(c, e);
}

static void
judge_signature(const struct cert *c, struct explain *x)
{
	struct err e;
	const int r = explain_signature(c, &e);

	if (r == ERR_UNSUPPORTED)
		explain_note(x, "whether the CA made the signature was not "
		    "checked: %s", e.msg);
	if (r == 0 || r == ERR_UNSUPPORTED)
		return;
	explain_refuse(x, EXPLAIN_SIGNATURE, "it was not signed by the CA that "
	    "it names, or altered since: %s", e.msg);
	explain_mend(x, "get it from the CA again");
}

static void
judge_rsa_size(const struct cert *c, const struct explain_facts *f,
    struct explain *x)
{
	const unsigned int bits = ca_form_rsa_bits(c);
	const unsigned int least = f->rsa_bits > RSA_BITS ? f->rsa_bits :
	    RSA_BITS;

	if (bits == 0 || bits >= least)
		return;
	explain_refuse(x, EXPLAIN_RSA_SIZE, "its RSA key has %u bits, and "
	    "RequiredRSASize wants %u", bits, least);
	explain_mend(x, "certify a longer key, or one of another type");
}

static void
judge_revoked(const struct explain_facts *f, struct explain *x)
{
	const char *setting = f->as == CERT_USER ? "RevokedKeys" :
	    "revoked keys";

	if (!f->revoked.asked || f->revoked.path == NULL)
		return;
	if (f->revoked.fault != NULL) {
		explain_refuse(x, EXPLAIN_REVOKED, "the file of %s, %.150s, "
		    "cannot be used, and then no key is accepted: %.150s",
		    setting, f->revoked.path, f->revoked.fault);
		explain_mend(x, "mend that file; if it is on another machine, "
		    "name a copy of it (--revoked)");
	} else if (f->revoked_how != NULL) {
		explain_refuse(x, EXPLAIN_REVOKED, "it is revoked in %.150s: "
		    "%.150s", f->revoked.path, f->revoked_how);
		explain_mend(x, "certify another key; or take that entry out, "
		    "if it was a mistake");
	}
}

static bool
is_trusted(const struct cert *c, const struct explain_facts *f)
{
	for (size_t i = 0; i < f->n_cas; i++)
		if (span_eq(f->cas[i], c->ca))
			return true;
	return false;
}

static void
judge_user_ca(const struct explain_facts *f, const char *fp,
    struct explain *x)
{
	if (f->trusted.path == NULL) {
		explain_refuse(x, EXPLAIN_CA, "the server trusts no CA: "
		    "TrustedUserCAKeys is not set");
		explain_mend(x, "put the public key of the CA, %s, into a file "
		    "and name that in sshd_config with TrustedUserCAKeys", fp);
	} else if (f->trusted.fault != NULL) {
		explain_refuse(x, EXPLAIN_CA, "its CA, %s, is not among the "
		    "keys of TrustedUserCAKeys, %.100s, as far as that can be "
		    "read: %.100s", fp, f->trusted.path, f->trusted.fault);
		explain_mend(x, "mend that file; if it is on another machine, "
		    "name a copy of it (--ca)");
	} else {
		explain_refuse(x, EXPLAIN_CA, "its CA, %s, is not in "
		    "TrustedUserCAKeys, %.150s", fp, f->trusted.path);
		explain_mend(x, "add the public key of the CA to that file, or "
		    "have it certified by a CA that is in it");
	}
}

static void
judge_ca(const struct cert *c, const struct explain_facts *f,
    struct explain *x)
{
	char *fp;

	if (!f->trusted.asked) {
		explain_note(x, "whether the CA is trusted was not judged: "
		    "that takes %s", f->as == CERT_USER ?
		    "--ca FILE or --sshd FILE" : "--known-hosts FILE");
		return;
	}
	if (is_trusted(c, f))
		return;
	fp = keytext_fingerprint(c->ca);
	if (f->as == CERT_USER)
		judge_user_ca(f, fp != NULL ? fp : "", x);
	else {
		explain_refuse(x, EXPLAIN_CA, "no @cert-authority line in "
		    "%.150s names its CA, %s, for this host%s%.100s",
		    f->trusted.path, fp != NULL ? fp : "", f->trusted.fault !=
		    NULL ? "; " : "", f->trusted.fault != NULL ?
		    f->trusted.fault : "");
		explain_mend(x, "add one: @cert-authority %.100s, and the "
		    "public key of the CA", f->name != NULL ? f->name : "*");
	}
	free(fp);
}

/* --- names --- */

/* The first of them in one line, for a sentence. */
static void
names_of(const struct cert *c, char *buf, size_t len)
{
	struct span name;
	struct wire_r r;
	size_t used = 0, n = 0;

	buf[0] = '\0';
	wire_read(&r, c->principals);
	while (n < SHOWN_NAMES && cert_next_principal(&r, &name) &&
	    used < len) {
		used += (size_t)snprintf(buf + used, len - used, "%s%s",
		    n == 0 ? "" : ", ", shown(name).s);
		n++;
	}
	if (c->n_principals > n && used < len)
		snprintf(buf + used, len - used, " and %zu more",
		    c->n_principals - n);
}

static bool
is_principal(const struct cert *c, struct span want)
{
	struct span name;
	struct wire_r r;

	wire_read(&r, c->principals);
	while (cert_next_principal(&r, &name))
		if (span_eq(name, want))
			return true;
	return false;
}

/* A host may have patterns for its names. */
static bool
is_pattern(const struct cert *c, struct span want, struct explain *x)
{
	struct span name;
	struct wire_r r;

	wire_read(&r, c->principals);
	while (cert_next_principal(&r, &name)) {
		if (!glob_matches(want, name))
			continue;
		explain_note(x, "it is for this host by a pattern, %s, which "
		    "OpenSSH before 10.3 does not take", shown(name).s);
		return true;
	}
	return false;
}

/* Then the name of the user counts for nothing. */
static bool
is_mapped(const struct explain_facts *f)
{
	return f->as == CERT_USER &&
	    ((f->mapped.asked && f->mapped.path != NULL) || f->command);
}

static void
judge_mapped(const struct cert *c, const struct explain_facts *f,
    struct explain *x)
{
	char names[200];

	for (size_t i = 0; i < f->n_names; i++)
		if (is_principal(c, f->names[i]))
			return;
	if (f->command) {
		explain_note(x, "AuthorizedPrincipalsCommand decides for whom "
		    "a principal stands, and was not asked");
		return;
	}
	names_of(c, names, sizeof(names));
	explain_refuse(x, EXPLAIN_MAPPED, "none of its principals (%s) is in "
	    "AuthorizedPrincipalsFile, %.100s%s%.60s", names,
	    f->mapped.path, f->mapped.fault != NULL ? ": " : "",
	    f->mapped.fault != NULL ? f->mapped.fault : "");
	explain_mend(x, "add one of them to that file, in a line of its own, "
	    "or have a principal certified that is in it");
}

static void
judge_principals(const struct cert *c, const struct explain_facts *f,
    struct explain *x)
{
	const char *what = f->as == CERT_USER ? "user" : "host";
	char names[200];

	if (c->n_principals == 0) {
		explain_refuse(x, EXPLAIN_NOBODY, f->as == CERT_USER ? "it has "
		    "no principals: it is for nobody" : "it has no principals: "
		    "OpenSSH before 10.3 takes it for any host, and a newer "
		    "one for none");
		explain_mend(x, "have it certified for its %s (ssh-keygen -n "
		    "%.100s)", what, f->name != NULL ? f->name : "NAME");
		return;
	}
	if (is_mapped(f))
		return;
	if (f->name == NULL) {
		explain_note(x, "for which %s it is was not judged: that "
		    "takes --%s NAME", what, what);
		return;
	}
	if (is_principal(c, span_cstr(f->name)) || (f->as == CERT_HOST &&
	    is_pattern(c, span_cstr(f->name), x)))
		return;
	names_of(c, names, sizeof(names));
	explain_refuse(x, EXPLAIN_PRINCIPAL, "%s \"%.100s\" is none of its "
	    "principals (%s)", what, f->name, names);
	explain_mend(x, f->as == CERT_USER ? "log in as one of them; or have "
	    "\"%.60s\" certified, too; or have the server's "
	    "AuthorizedPrincipalsFile map one of them to this user" : "use one "
	    "of those names; or have \"%.60s\" certified, too", f->name);
}

/* --- type and time --- */

static void
judge_type(const struct cert *c, const struct explain_facts *f,
    struct explain *x)
{
	if (c->type == f->as)
		return;
	explain_refuse(x, EXPLAIN_TYPE, "it is a %s certificate, not one for a "
	    "%s", c->type == CERT_USER ? "user" : "host", f->as == CERT_USER ?
	    "user" : "host");
	explain_mend(x, "have the key certified anew, %s ssh-keygen -h",
	    f->as == CERT_USER ? "without" : "with");
}

static void
judge_times(const struct cert *c, const struct explain_facts *f,
    struct explain *x)
{
	if (f->at < c->valid_after) {
		explain_refuse(x, EXPLAIN_EARLY, "it is not valid before %s",
		    ca_when_date(c->valid_after).s);
		explain_mend(x, "wait until then; if that is past, set the "
		    "clock of the %s", f->as == CERT_USER ? "server" :
		    "client");
	} else if (f->at >= c->valid_before) {
		explain_refuse(x, EXPLAIN_EXPIRED, "it expired at %s",
		    ca_when_date(c->valid_before).s);
		explain_mend(x, "have the key certified anew; if that is to "
		    "come, set the clock of the %s", f->as == CERT_USER ?
		    "server" : "client");
	}
}

/* --- options --- */

static void
bad_option(struct explain *x, const char *what, struct span name,
    const char *fault)
{
	explain_refuse(x, EXPLAIN_OPTION, "its %s \"%s\" %s", what,
	    shown(name).s, fault);
	explain_mend(x, "have the key certified anew, without it or as it "
	    "should be");
}

/* sshd takes a value without a NUL in it. */
static bool
value_of(struct span data, struct span *value)
{
	return ca_form_value(data, value) && (value->n == 0 ||
	    memchr(value->p, 0, value->n) == NULL);
}

static void
judge_source(const struct explain_facts *f, struct span value,
    struct explain *x)
{
	struct err e;

	if (ca_sources_check(value, &e) != 0) {
		explain_refuse(x, EXPLAIN_OPTION, "its critical option "
		    "\"source-address\" is no list of addresses: %s", e.msg);
		explain_mend(x, "have the key certified anew, with a list as "
		    "10.0.0.0/8,2001:db8::/32");
	} else if (f->address == NULL) {
		explain_note(x, "whether the client's address is one of its "
		    "source-address was not judged: that takes --from "
		    "ADDRESS");
	} else if (!ca_sources_match(value, f->address)) {
		explain_refuse(x, EXPLAIN_ADDRESS, "it is for clients at %s%s, "
		    "and %.50s is not there", shown(value).s, value.n >= SHOWN ?
		    "..." : "", f->address);
		explain_mend(x, "come from there, or have the address added to "
		    "its source-address; behind NAT it is the outer address "
		    "that counts");
	}
}

/* How often one with a value was there before. */
struct valued {
	bool	 command, source;
};

static void
judge_critical(const struct cert *c, const struct explain_facts *f,
    struct valued *seen, struct span name, struct span data,
    struct explain *x)
{
	const bool command = span_is(name, "force-command");
	const bool source = span_is(name, "source-address");
	struct span value;

	if (span_is(name, "verify-required")) {
		if (data.n > 0)
			bad_option(x, "critical option", name,
			    "has a value, and takes none");
		else if (strncmp(c->plain_name, "sk-", 3) != 0)
			explain_note(x, "its option verify-required means "
			    "nothing: its key is no security key");
	} else if (!command && !source)
		bad_option(x, "critical option", name,
		    "is none that sshd knows");
	else if (!value_of(data, &value))
		bad_option(x, "critical option", name,
		    "has no well-formed value");
	else if (command ? seen->command : seen->source)
		bad_option(x, "critical option", name, "is there twice");
	else if (source)
		judge_source(f, value, x);
	seen->command = seen->command || command;
	seen->source = seen->source || source;
}

static void
judge_extension(struct span name, struct span data, struct explain *x)
{
	static const char *const flags[] = { "no-touch-required",
	    "permit-X11-forwarding", "permit-agent-forwarding",
	    "permit-port-forwarding", "permit-pty", "permit-user-rc" };

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		if (span_is(name, flags[i]) && data.n > 0)
			bad_option(x, "extension", name,
			    "has a value, and takes none");
}

static void
judge_options(const struct cert *c, const struct explain_facts *f,
    struct explain *x)
{
	struct valued seen = { 0 };
	struct span name, data;
	struct wire_r r;

	wire_read(&r, c->critical);
	while (cert_next_option(&r, &name, &data)) {
		if (f->as == CERT_HOST)
			bad_option(x, "critical option", name, "is in the "
			    "certificate of a host, which may have none");
		else
			judge_critical(c, f, &seen, name, data, x);
	}
	wire_read(&r, c->extensions);
	while (f->as == CERT_USER && cert_next_option(&r, &name, &data))
		judge_extension(name, data, x);
}

static void
explain_user(const struct cert *c, const struct explain_facts *f,
    struct explain *x)
{
	if (f->pubkey_off) {
		explain_refuse(x, EXPLAIN_PUBKEY_OFF, "the server takes no "
		    "keys at all: PubkeyAuthentication is \"no\"");
		explain_mend(x, "set PubkeyAuthentication to \"yes\" in "
		    "sshd_config");
	}
	judge_signature(c, x);
	judge_key_algorithm(c, f, x);
	judge_ca_algorithm(c, f, x);
	judge_rsa_size(c, f, x);
	judge_revoked(f, x);
	judge_ca(c, f, x);
	if (is_mapped(f))
		judge_mapped(c, f, x);
	judge_type(c, f, x);
	judge_times(c, f, x);
	judge_principals(c, f, x);
	judge_options(c, f, x);
}

static void
explain_host(const struct cert *c, const struct explain_facts *f,
    struct explain *x)
{
	judge_signature(c, x);
	judge_revoked(f, x);
	judge_ca(c, f, x);
	judge_type(c, f, x);
	judge_times(c, f, x);
	judge_principals(c, f, x);
	judge_options(c, f, x);
	judge_ca_algorithm(c, f, x);
}

void
explain(const struct cert *c, const struct explain_facts *f,
    struct explain *out)
{
	out->n = out->reasons = 0;
	if (f->as == CERT_USER)
		explain_user(c, f, out);
	else
		explain_host(c, f, out);
}
