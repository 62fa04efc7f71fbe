/* SPDX-License-Identifier: Apache-2.0 */
/* authkey.h - where the shared secret comes from. Never from a command line, where every user of
 * the machine could read it.
 *
 * In this order: --authkey-file FILE (its bytes less one trailing newline), PLATOON_AUTHKEY (wiped
 * from the environment when read), then for a server a key of its own making in its folder, for a
 * client the key of a server on the same machine, and at last a prompt on the terminal.
 *
 * A server that uses another key file than its default one leaves a pointer, FOLDER/keyfile, so
 * that clients on its machine find that file too. */
#ifndef PLATOON_CLI_AUTHKEY_H
#define PLATOON_CLI_AUTHKEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <platoon/status.h>

enum {
    AUTHKEY_MAX = 4096,   /* longest key we take, bytes */
    AUTHKEY_SHORT = 16,   /* shorter ones can be guessed */
    AUTHKEY_MADE_LEN = 43 /* 256 random bits in base64url */
};

struct authkey {
    uint8_t bytes[AUTHKEY_MAX];
    size_t len;
    char *path;         /* the file it came from, absolute; NULL if from elsewhere */
    const char *origin; /* for messages: "PLATOON_AUTHKEY", "the terminal"; NULL if from a file */
    bool was_made;      /* server: made just now */
};

/* Wipes the key and frees its texts. Zero-initialised is fine. */
void authkey_release(struct authkey *k);

/* For a server that will listen on `port` (0: not known yet).
 *
 *   file   --authkey-file, or NULL; "-" is standard input, with a prompt if that is a terminal
 *   data   --data DIR, or NULL
 *
 * ENOTFOUND, EIO, ELIMIT (longer than AUTHKEY_MAX), EINVAL (an empty key). A made key is on disk
 * when
 * this returns, unless port is 0: then authkey_server_listens() writes it. */
enum platoon_status authkey_for_server(const char *file, const char *data, uint16_t port,
                                       struct authkey *out, struct platoon_err *err);
/* The server listens on `port`: write a key that waited for that, and the pointer for clients of
 * this machine (or remove a stale one). */
enum platoon_status authkey_server_listens(struct authkey *k, uint16_t port,
                                           struct platoon_err *err);
/* The server has ended: remove what the next one on this port must not find. */
void authkey_server_ended(const struct authkey *k, uint16_t port);

/* For a client of the server at host:port. ENOTFOUND with a sentence that lists the ways when there
 * is none and no
 * terminal to ask. */
enum platoon_status authkey_for_client(const char *file, const char *host, uint16_t port,
                                       struct authkey *out, struct platoon_err *err);

/* Short or well known; `out_why` completes "the authkey is ..." . */
bool authkey_is_weak(const struct authkey *k, const char **out_why);
/* "/path/authkey" or "PLATOON_AUTHKEY" or "the terminal". */
const char *authkey_origin(const struct authkey *k);

#endif
