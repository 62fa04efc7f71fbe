/* SPDX-License-Identifier: Apache-2.0 */
/* options.h - reading a subcommand's arguments by its table of options.
 *
 *     struct options o;
 *     options_init(&o, &cmd_serve, argc, argv);
 *     for (int id; (id = options_next(&o)) != OPTION_END;) {
 *         switch (id) {
 *         case OPTION_EXIT:    return o.exit_code;    // --help was answered, or a usage error was
 *         reported
 *         case OPTION_OPERAND: ... o.value ...; break;
 *         case MY_LISTEN:      ... o.value ...; break;
 *         }
 *     }
 *
 * Options and operands may be mixed; after `--` all are operands (o.after_dashes), and argv + o.at
 * is what is
 * left of them. Every usage error says what is wrong, suggests, and ends in exit code 2. */
#ifndef PLATOON_CLI_OPTIONS_H
#define PLATOON_CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/cmd.h"

enum { OPTION_END = 0, OPTION_OPERAND = -1, OPTION_EXIT = -2 };

struct options {
    const struct cmd *cmd;
    int argc;
    char **argv;
    int at;            /* next argument */
    const char *value; /* of the option or operand just answered; borrowed from argv */
    const char *name;  /* of the option just answered, without dashes */
    bool after_dashes; /* `--` was seen */
    int exit_code;     /* for OPTION_EXIT */
};

void options_init(struct options *o, const struct cmd *cmd, int argc, char **argv);
int options_next(struct options *o);

/* Report a usage error of this command ("error: platoon serve: ..." and where to find help);
 * returns
 * OPTION_EXIT with exit_code set to CMD_USAGE. */
int options_fail(struct options *o, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The value of the option just answered, as a number in [min, max]; digits only (a minus sign where
 * min is
 * negative). false: reported, return o->exit_code. */
bool options_integer(struct options *o, int64_t min, int64_t max, int64_t *out);
/* The same in seconds, fractions allowed, 0 .. max_s. */
bool options_seconds(struct options *o, double max_s, double *out_s);
/* Bytes: digits with an optional K, M, G (powers of 1024; "64M", "64MiB"). */
bool options_bytes(struct options *o, uint64_t min, uint64_t max, uint64_t *out);

#endif
