/* SPDX-License-Identifier: Apache-2.0 */
/* identity.h - what makes two tasks the same run: the content of everything that decides its
 * result. So a campaign that is run again does only what is missing, and a changed one only what
 * changed.
 *
 * An identity is the first 128 bits of a SHA-256 over the recipe (what runs the task, which version,
 * the hashes of its files) and the task, both plain data. The order of a dict's keys does not count;
 * 1, 1.0 and True are three things, as they are to a program that prints them. */
#ifndef PLATOON_CAMPAIGN_IDENTITY_H
#define PLATOON_CAMPAIGN_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include <platoon/value.h>

struct identity {
    uint64_t high, low;
};

enum { IDENTITY_TEXT = 33, IDENTITY_FILE_TEXT = 65 };

/* ENOMEM; ELIMIT below 64 levels. */
enum platoon_status identity_of(const platoon_value *recipe, const platoon_value *task,
                                struct identity *out);
/* 32 hexadecimal digits. Returns `out`. */
const char *identity_text(const struct identity *id, char out[IDENTITY_TEXT]);
bool identity_parse(const char *text, struct identity *out);

/* The SHA-256 of a file's bytes as 64 hexadecimal digits. EIO, ENOTFOUND name the path. Blocks on
 * the disk. */
enum platoon_status identity_of_file(const char *path, char out[IDENTITY_FILE_TEXT],
                                     struct platoon_err *err);

#endif
