/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/suggest.h"
#include "cli/talk.h"

void options_init(struct options *o, const struct cmd *cmd, int argc, char **argv)
{
    *o = (struct options){.cmd = cmd, .argc = argc, .argv = argv, .at = 1};
}

static int stop(struct options *o, int exit_code)
{
    o->exit_code = exit_code;
    return OPTION_EXIT;
}

int options_fail(struct options *o, const char *format, ...)
{
    char message[512];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args); /* cut to fit */
    va_end(args);
    talk_error("platoon %s: %s", o->cmd->name, message);
    talk_hint("platoon %s --help", o->cmd->name);
    return stop(o, CMD_USAGE);
}

static const struct cmd_option *find(const struct cmd *cmd, const char *name, size_t len)
{
    for (const struct cmd_option *spec = cmd->options; spec && spec->name; spec++)
        if (strlen(spec->name) == len && memcmp(spec->name, name, len) == 0)
            return spec;
    return NULL;
}

static int unknown(struct options *o, const char *name, size_t len)
{
    char word[64];
    struct suggest s;

    (void)snprintf(word, sizeof word, "%.*s", (int)(len < 63 ? len : 63), name); /* cut to fit */
    suggest_init(&s, word);
    for (const struct cmd_option *spec = o->cmd->options; spec && spec->name; spec++)
        suggest_offer(&s, spec->name);
    suggest_offer(&s, "help");
    if (s.best)
        return options_fail(o, "there is no option --%s; did you mean --%s?", word, s.best);
    return options_fail(o, "there is no option --%s", word);
}

static int long_option(struct options *o, const char *text)
{
    const char *equals = strchr(text, '=');
    size_t len = equals ? (size_t)(equals - text) : strlen(text);
    const struct cmd_option *spec = find(o->cmd, text, len);

    if (len == 4 && memcmp(text, "help", 4) == 0 && !equals) {
        cmd_print_help(o->cmd);
        return stop(o, CMD_OK);
    }
    if (!spec)
        return unknown(o, text, len);
    o->name = spec->name;
    o->value = NULL;
    if (!spec->value) {
        if (equals)
            return options_fail(o, "--%s takes no value", spec->name);
        return spec->id;
    }
    if (equals)
        o->value = equals + 1;
    else if (o->at < o->argc)
        o->value = o->argv[o->at++];
    else
        return options_fail(o, "--%s needs a value: --%s %s", spec->name, spec->name, spec->value);
    return spec->id;
}

int options_next(struct options *o)
{
    const char *arg;

    if (o->at >= o->argc)
        return OPTION_END;
    arg = o->argv[o->at++];
    if (!o->after_dashes && strcmp(arg, "--") == 0) {
        o->after_dashes = true;
        return options_next(o);
    }
    if (!o->after_dashes && arg[0] == '-' && arg[1] == '-')
        return long_option(o, arg + 2);
    if (!o->after_dashes && strcmp(arg, "-h") == 0)
        return long_option(o, "help");
    if (!o->after_dashes && strcmp(arg, "-o") == 0 && find(o->cmd, "output", strlen("output")))
        return long_option(o, "output");
    if (!o->after_dashes && arg[0] == '-' && arg[1])
        return options_fail(o, "there is no option %s; options are spelt out, as in --help", arg);
    o->name = NULL;
    o->value = arg;
    return OPTION_OPERAND;
}

bool options_integer(struct options *o, int64_t min, int64_t max, int64_t *out)
{
    const char *digits = o->value + (min < 0 && o->value[0] == '-');
    int64_t number;

    errno = 0;
    number = strtoll(o->value, NULL, 10);
    if (digits[0] == '\0' || digits[strspn(digits, "0123456789")] || errno == ERANGE ||
        number < min || number > max) {
        options_fail(o, "--%s wants a whole number from %" PRId64 " to %" PRId64 ", not '%s'",
                     o->name, min, max, o->value);
        return false;
    }
    *out = number;
    return true;
}

bool options_seconds(struct options *o, double max_s, double *out_s)
{
    char *end;
    double seconds;

    errno = 0;
    seconds = strtod(o->value, &end);
    /* strtod alone would also take "inf", "0x10" and leading blanks. */
    if (o->value[0] == '\0' || o->value[strspn(o->value, "0123456789.")] || *end ||
        errno == ERANGE || !isfinite(seconds) || seconds > max_s) {
        options_fail(o, "--%s wants seconds from 0 to %.15g, not '%s'", o->name, max_s, o->value);
        return false;
    }
    *out_s = seconds;
    return true;
}

bool options_bytes(struct options *o, uint64_t min, uint64_t max, uint64_t *out)
{
    static const char units[] = "KMG";
    size_t n_digits = strspn(o->value, "0123456789");
    const char *unit = o->value + n_digits;
    unsigned shift = 0;
    uint64_t number;

    errno = 0;
    number = strtoull(o->value, NULL, 10);
    if (*unit && strchr(units, *unit)) {
        shift = 10 * (unsigned)(strchr(units, *unit) - units + 1);
        unit++;
        if (strcmp(unit, "iB") == 0)
            unit += 2;
    }
    if (n_digits == 0 || *unit || errno == ERANGE || number > (UINT64_MAX >> shift) ||
        number << shift < min || number << shift > max) {
        options_fail(o,
                     "--%s wants a number of bytes from %" PRIu64 " to %" PRIu64
                     " (K, M and G are understood), not '%s'",
                     o->name, min, max, o->value);
        return false;
    }
    *out = number << shift;
    return true;
}
