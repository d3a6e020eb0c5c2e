/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_HOST_H
#define KEYUTIL_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What kind of Linux this is, and what it sees on USB, as far as /proc, /run
 * and /sys tell.  `root` goes before each path: "", or a directory of a test.
 */
enum host_kind {
	HOST_PLAIN,
	HOST_CONTAINER,
	HOST_WSL1,
	HOST_WSL2,
};

struct host {
	enum host_kind	 kind;
	bool		 systemd;	/* it runs */
};

void		 host_look(const char *root, struct host *h);

/* Is there anything of that name? */
bool		 host_has(const char *root, const char *path);

/* A device that looks like a token: one of ours, or a sibling of one. */
struct host_usb {
	uint16_t	 vendor, product;
	const char	*name;
	bool		 ours;
};

#define HOST_USB_MAX	16

/* False when there is no list of USB devices at all. */
bool		 host_usb(const char *root, struct host_usb *v, size_t max,
		    size_t *n);

/* The command that installs a package by the name it has here. */
enum host_package {
	HOST_PCSCD,
	HOST_LIBCCID,
	HOST_OPENSSH,
};

const char	*host_install(const char *root, enum host_package p);

#endif
