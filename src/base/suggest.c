/* SPDX-License-Identifier: Apache-2.0 */
#include "base/suggest.h"

#include <stddef.h>
#include <string.h>

enum { MAX_WORD = 63, FAR = 1000 };

static int min(int a, int b)
{
    return a < b ? a : b;
}

int suggest_distance(const char *a, const char *b)
{
    int rows[3][MAX_WORD + 1]; /* the row before last, the last, the current one */
    int *older = rows[0], *last = rows[1], *row = rows[2];
    size_t n_a = strlen(a), n_b = strlen(b);

    if (n_a > MAX_WORD || n_b > MAX_WORD)
        return FAR;
    for (size_t j = 0; j <= n_b; j++)
        last[j] = (int)j;
    for (size_t i = 1; i <= n_a; i++) {
        row[0] = (int)i;
        for (size_t j = 1; j <= n_b; j++) {
            row[j] = last[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = min(row[j], min(last[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = min(row[j], older[j - 2] + 1);
        }
        int *spare = older;
        older = last;
        last = row;
        row = spare;
    }
    return last[n_b];
}

void suggest_init(struct suggest *s, const char *wanted)
{
    s->wanted = wanted;
    s->best = NULL;
    s->best_distance = FAR;
}

void suggest_offer(struct suggest *s, const char *word)
{
    size_t n = strlen(s->wanted);
    int distance = suggest_distance(s->wanted, word);

    /* A beginning that was meant ("--queu", "--auth") counts as near, however much is missing. */
    if (n >= 3 && strncmp(s->wanted, word, n) == 0)
        distance = min(distance, 2);
    if (distance < s->best_distance && distance <= 1 + (int)n / 3) {
        s->best = word;
        s->best_distance = distance;
    }
}
