/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>

#include "token/p11uri.h"

/*
 * PKCS#11 fills its fields up with blanks; p11-kit those not said with 0.
 * False: there is a NUL inside, and what it cuts off would be lost.
 */
static bool
take_field(char *out, size_t len, const unsigned char *field)
{
	size_t n = len - 1;

	while (n > 0 && (field[n - 1] == ' ' || field[n - 1] == '\0'))
		n--;
	memcpy(out, field, n);
	out[n] = '\0';
	return strlen(out) == n;
}

int
p11uri_parse(struct p11uri *u, const char *text, struct err *e)
{
	P11KitUri *uri;
	CK_TOKEN_INFO *info;
	int r = 0, x;

	*u = (struct p11uri){ .serial = "" };
	if ((uri = p11_kit_uri_new()) == NULL)
		return err_set(e, ERR_NOMEM, 0, "PKCS#11 URI");
	if ((x = p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri)) !=
	    P11_KIT_URI_OK) {
		r = err_set(e, ERR_FORMAT, 0, "PKCS#11 URI: %s",
		    p11_kit_uri_message(x));
	} else {
		info = p11_kit_uri_get_token_info(uri);
		if (!take_field(u->serial, sizeof(u->serial),
		    info->serialNumber) ||
		    !take_field(u->label, sizeof(u->label), info->label))
			r = err_set(e, ERR_FORMAT, 0, "the PKCS#11 URI has "
			    "a NUL in a name");
		else if (u->serial[0] == '\0' && u->label[0] == '\0')
			r = err_set(e, ERR_FORMAT, 0, "the PKCS#11 URI names "
			    "no token by \"serial\" or \"token\"");
	}
	p11_kit_uri_free(uri);
	return r;
}

/* Each attribute that is there has to be the key's, and one has to be. */
static bool
has_attributes(P11KitUri *uri, const char *label, const char *id)
{
	const CK_ATTRIBUTE *l = p11_kit_uri_get_attribute(uri, CKA_LABEL);
	const CK_ATTRIBUTE *i = p11_kit_uri_get_attribute(uri, CKA_ID);
	const unsigned char *p = i != NULL ? i->pValue : NULL;
	char byte[3];

	if (l != NULL && (l->ulValueLen != strlen(label) ||
	    memcmp(l->pValue, label, strlen(label)) != 0))
		return false;
	if (i != NULL && 2 * i->ulValueLen != strlen(id))
		return false;
	for (size_t k = 0; i != NULL && k < i->ulValueLen; k++) {
		snprintf(byte, sizeof(byte), "%02x", p[k]);
		if (strncasecmp(byte, id + 2 * k, 2) != 0)
			return false;
	}
	return (l != NULL && l->ulValueLen > 0) ||
	    (i != NULL && i->ulValueLen > 0);
}

bool
p11uri_names_key(const char *text, const char *serial,
    const char *token_label, const char *label, const char *id)
{
	P11KitUri *uri = p11_kit_uri_new();
	CK_TOKEN_INFO *info;
	struct p11uri u;
	bool named = false;

	/* p11-kit takes blanks anywhere, and what is "pkcs1 1:" is no URI. */
	if (uri != NULL && p11uri_is(text) &&
	    p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri) ==
	    P11_KIT_URI_OK && !p11_kit_uri_any_unrecognized(uri)) {
		info = p11_kit_uri_get_token_info(uri);
		named = take_field(u.serial, sizeof(u.serial),
		    info->serialNumber) &&
		    take_field(u.label, sizeof(u.label), info->label) &&
		    p11uri_matches(&u, serial, token_label) &&
		    has_attributes(uri, label, id);
	}
	p11_kit_uri_free(uri);
	return named;
}
