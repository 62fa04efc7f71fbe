/* SPDX-License-Identifier: Apache-2.0 */
/* globals_policy.c - see globals_policy.h.
 *
 * The list holds exact pairs, no patterns: what unpickling calls with arguments of the sender's
 * choice must be harmless whatever the arguments. So no dotted names, nothing from os, builtins
 * only exceptions and value types, and of numpy only what arrays and scalars are rebuilt with. */
#include "server/globals_policy.h"

#include <stdio.h>
#include <string.h>

#include "pickle/scan.h"

struct row {
    const char *module;
    const char *names; /* space before and after each */
};

#define EXCEPTIONS                                                                                 \
    " ArithmeticError AssertionError AttributeError BaseException BlockingIOError "                \
    "BrokenPipeError "                                                                             \
    "BufferError ChildProcessError ConnectionAbortedError ConnectionError ConnectionRefusedError " \
    "ConnectionResetError EOFError EnvironmentError Exception FileExistsError FileNotFoundError "  \
    "FloatingPointError GeneratorExit IOError ImportError IndentationError IndexError "            \
    "InterruptedError IsADirectoryError KeyError KeyboardInterrupt LookupError MemoryError "       \
    "ModuleNotFoundError NameError NotADirectoryError NotImplementedError OSError OverflowError "  \
    "PermissionError ProcessLookupError RecursionError ReferenceError RuntimeError "               \
    "StandardError StopAsyncIteration StopIteration SyntaxError SystemError SystemExit TabError "  \
    "TimeoutError TypeError UnboundLocalError UnicodeDecodeError UnicodeEncodeError UnicodeError " \
    "UnicodeTranslateError ValueError ZeroDivisionError "

/* Of both layouts: numpy 2 renamed numpy.core to numpy._core. */
#define NUMPY_MULTIARRAY " _reconstruct scalar "
#define NUMPY_NUMERIC    " _frombuffer "

static const struct row rows[] = {
    {"builtins", EXCEPTIONS "complex range slice "},
    {"__builtin__", " complex xrange slice "},
    {"exceptions", EXCEPTIONS},
    {"collections", " OrderedDict deque Counter "},
    {"datetime", " date datetime time timedelta timezone "},
    {"decimal", " Decimal "},
    {"_pydecimal", " Decimal "},
    {"fractions", " Fraction "},
    {"uuid", " UUID "},
    {"numpy", " dtype ndarray "},
    {"numpy.core.multiarray", NUMPY_MULTIARRAY},
    {"numpy._core.multiarray", NUMPY_MULTIARRAY},
    {"numpy.core.numeric", NUMPY_NUMERIC},
    {"numpy._core.numeric", NUMPY_NUMERIC},
};

const char *globals_policy_name(enum platoon_globals policy)
{
    return policy == PLATOON_GLOBALS_ANY ? "any" : policy == PLATOON_GLOBALS_LIST ? "list" : "none";
}

bool globals_is_listed(const char *module, const char *name)
{
    char word[80];

    if (!*name || strchr(name, ' ') ||
        snprintf(word, sizeof word, " %s ", name) >= (int)sizeof word)
        return false;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].module, module) == 0)
            return strstr(rows[i].names, word) != NULL;
    return false;
}

bool globals_may_pass(enum platoon_globals policy, const struct scan *scan, char *refused,
                      size_t size)
{
    size_t len;
    bool overflow;
    const char *at, *end;

    if (policy == PLATOON_GLOBALS_ANY)
        return true;
    at = scan_globals(scan, &len, &overflow);
    for (end = at + len; at < end; at += strlen(at) + 1) {
        const char *newline = strchr(at, '\n');
        char module[128];
        int module_len = newline ? (int)(newline - at) : 0;

        snprintf(module, sizeof module, "%.*s", module_len, at);
        if (policy == PLATOON_GLOBALS_LIST && newline && module_len < (int)sizeof module &&
            globals_is_listed(module, newline + 1))
            continue;
        snprintf(refused, size, "%.*s.%s", module_len, at, newline ? newline + 1 : "");
        return false;
    }
    if (len == 0 || overflow) {
        snprintf(refused, size, "%s", overflow ? "very many globals" : "a global");
        return false;
    }
    return true;
}
