/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "keyutil/host.h"

#define PATH_BYTES	1024
#define USB_DEVICES	"/sys/bus/usb/devices"

/* From libccid's list and Nitrokey's udev rules. */
static const struct host_usb known_usb[] = {
	{ 0x20a0, 0x4230, "Nitrokey HSM", true },
	{ 0x04e6, 0x5816, "SmartCard-HSM USB token", true },
	{ 0x04e6, 0x5817, "Identiv SCT3522CC token", true },
	{ 0x04e6, 0x581a, "Identiv uTrust 3522 token", true },
	{ 0x04e6, 0x5826, "Identiv Token Flex", true },
	{ 0x2e8a, 0x10fd, "Pico HSM", true },
	{ 0x20a0, 0x4107, "Crypto Stick", false },
	{ 0x20a0, 0x4108, "Nitrokey Pro", false },
	{ 0x20a0, 0x4109, "Nitrokey Storage", false },
	{ 0x20a0, 0x4211, "Nitrokey Start", false },
	{ 0x20a0, 0x42b2, "Nitrokey 3", false },
	{ 0x20a0, 0x42f3, "Nitrokey Passkey", false },
};

static const struct {
	const char	*tool;
	const char	*install[HOST_OPENSSH + 1];
} managers[] = {
	{ "/usr/bin/apt-get", { "sudo apt-get install pcscd",
	    "sudo apt-get install libccid",
	    "sudo apt-get install openssh-client" } },
	{ "/usr/bin/dnf", { "sudo dnf install pcsc-lite",
	    "sudo dnf install pcsc-lite-ccid",
	    "sudo dnf install openssh-clients" } },
	{ "/usr/bin/pacman", { "sudo pacman -S pcsclite",
	    "sudo pacman -S ccid", "sudo pacman -S openssh" } },
	{ "/usr/bin/zypper", { "sudo zypper install pcsc-lite",
	    "sudo zypper install pcsc-ccid",
	    "sudo zypper install openssh-clients" } },
	{ "/sbin/apk", { "sudo apk add pcsc-lite", "sudo apk add ccid",
	    "sudo apk add openssh-client" } },
};

static bool
path_of(char path[static PATH_BYTES], const char *root, const char *name)
{
	const int n = snprintf(path, PATH_BYTES, "%s%s", root, name);

	return n >= 0 && n < PATH_BYTES;
}

bool
host_has(const char *root, const char *name)
{
	char path[PATH_BYTES];

	return path_of(path, root, name) && access(path, F_OK) == 0;
}

/* The first line of a file, "" if there is none. */
static void
read_line(const char *root, const char *name, char *line, int len)
{
	char path[PATH_BYTES];
	FILE *f;

	line[0] = '\0';
	if (!path_of(path, root, name) || (f = fopen(path, "re")) == NULL)
		return;
	if (fgets(line, len, f) == NULL)
		line[0] = '\0';
	fclose(f);
	line[strcspn(line, "\n")] = '\0';
}

static bool
is_container(const char *root)
{
	static const char *const marks[] = { "/.dockerenv",
	    "/run/.containerenv", "/run/systemd/container" };

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (host_has(root, marks[i]))
			return true;
	return false;
}

void
host_look(const char *root, struct host *h)
{
	char release[128];

	read_line(root, "/proc/sys/kernel/osrelease", release,
	    sizeof(release));
	*h = (struct host){ .systemd = host_has(root, "/run/systemd/system") };
	/* A container may run in WSL, and then it is one. */
	if (is_container(root))
		h->kind = HOST_CONTAINER;
	else if (strcasestr(release, "microsoft") == NULL)
		h->kind = HOST_PLAIN;
	else	/* 4.4.0-19041-Microsoft, 5.15.90.1-microsoft-standard-WSL2 */
		h->kind = strstr(release, "-Microsoft") != NULL &&
		    strcasestr(release, "WSL2") == NULL ? HOST_WSL1 :
		    HOST_WSL2;
}

static bool
read_id(const char *root, const char *device, const char *file, uint16_t *id)
{
	char name[PATH_BYTES], line[16], *end;
	unsigned long n;

	if (snprintf(name, sizeof(name), USB_DEVICES "/%s/%s", device,
	    file) >= PATH_BYTES)
		return false;
	read_line(root, name, line, sizeof(line));
	n = strtoul(line, &end, 16);
	*id = (uint16_t)n;
	return end == line + 4 && *end == '\0' && n <= UINT16_MAX;
}

static const struct host_usb *
find_known(uint16_t vendor, uint16_t product)
{
	for (size_t i = 0; i < sizeof(known_usb) / sizeof(known_usb[0]); i++)
		if (known_usb[i].vendor == vendor &&
		    known_usb[i].product == product)
			return &known_usb[i];
	return NULL;
}

bool
host_usb(const char *root, struct host_usb *v, size_t max, size_t *n)
{
	const struct host_usb *known;
	uint16_t vendor, product;
	char path[PATH_BYTES];
	struct dirent *d;
	DIR *dir;

	*n = 0;
	if (!path_of(path, root, USB_DEVICES) ||
	    (dir = opendir(path)) == NULL)
		return false;
	while (*n < max && (d = readdir(dir)) != NULL) {
		if (!read_id(root, d->d_name, "idVendor", &vendor) ||
		    !read_id(root, d->d_name, "idProduct", &product))
			continue;
		if ((known = find_known(vendor, product)) != NULL)
			v[(*n)++] = *known;
	}
	closedir(dir);
	return true;
}

const char *
host_install(const char *root, enum host_package p)
{
	static const char *const by_hand[] = {
		[HOST_PCSCD] = "install pcsc-lite, which has pcscd",
		[HOST_LIBCCID] = "install the CCID driver for pcscd",
		[HOST_OPENSSH] = "install the client of OpenSSH",
	};

	for (size_t i = 0; i < sizeof(managers) / sizeof(managers[0]); i++)
		if (host_has(root, managers[i].tool))
			return managers[i].install[p];
	return by_hand[p];
}
