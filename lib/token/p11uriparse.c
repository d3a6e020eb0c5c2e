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

/* Where it says in which slot, or of which module, the token is. */
static bool
says_where(P11KitUri *uri)
{
	const CK_SLOT_INFO *slot = p11_kit_uri_get_slot_info(uri);
	const CK_INFO *library = p11_kit_uri_get_module_info(uri);

	return p11_kit_uri_get_slot_id(uri) != (CK_SLOT_ID)-1 ||
	    slot->slotDescription[0] != '\0' ||
	    slot->manufacturerID[0] != '\0' ||
	    library->libraryDescription[0] != '\0' ||
	    library->manufacturerID[0] != '\0' ||
	    library->libraryVersion.major != (CK_BYTE)-1;
}

static bool
take_token(P11KitUri *uri, struct p11uri *u)
{
	const CK_TOKEN_INFO *info = p11_kit_uri_get_token_info(uri);

	return take_field(u->serial, sizeof(u->serial), info->serialNumber) &&
	    take_field(u->label, sizeof(u->label), info->label) &&
	    take_field(u->model, sizeof(u->model), info->model) &&
	    take_field(u->maker, sizeof(u->maker), info->manufacturerID);
}

static int
take(P11KitUri *uri, const char *text, struct p11uri *u, struct err *e)
{
	/* p11-kit takes blanks anywhere, and what is "pkcs1 1:" is no URI. */
	const int r = p11uri_is(text) ? p11_kit_uri_parse(text,
	    P11_KIT_URI_FOR_ANY, uri) : P11_KIT_URI_BAD_SCHEME;

	if (r != P11_KIT_URI_OK)
		return err_set(e, ERR_FORMAT, 0, "PKCS#11 URI: %s",
		    p11_kit_uri_message(r));
	if (p11_kit_uri_any_unrecognized(uri))
		return err_set(e, ERR_FORMAT, 0, "the PKCS#11 URI has a part "
		    "that is not known; \"serial\" and \"token\" name a token");
	if (says_where(uri))
		return err_set(e, ERR_FORMAT, 0, "the PKCS#11 URI names a slot "
		    "or a library; name the token by \"serial\" or \"token\"");
	if (!take_token(uri, u))
		return err_set(e, ERR_FORMAT, 0, "the PKCS#11 URI has a NUL in "
		    "a name");
	return 0;
}

int
p11uri_parse(struct p11uri *u, const char *text, struct err *e)
{
	P11KitUri *uri;
	int r;

	*u = (struct p11uri){ .serial = "" };
	if ((uri = p11_kit_uri_new()) == NULL)
		return err_set(e, ERR_NOMEM, 0, "PKCS#11 URI");
	r = take(uri, text, u, e);
	if (r == 0 && u->serial[0] == '\0' && u->label[0] == '\0')
		r = err_set(e, ERR_FORMAT, 0, "the PKCS#11 URI names no token "
		    "by \"serial\" or \"token\"");
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
p11uri_names_key(const char *text, const struct p11uri_token *t,
    const char *label, const char *id)
{
	P11KitUri *uri = p11_kit_uri_new();
	struct p11uri u;
	struct err e;
	const bool named = uri != NULL && take(uri, text, &u, &e) == 0 &&
	    p11uri_matches(&u, t) && has_attributes(uri, label, id);

	p11_kit_uri_free(uri);
	return named;
}
