/* SPDX-License-Identifier: Apache-2.0 */
/* suggest.h - "did you mean": the nearest of some words, if one is near enough. */
#ifndef PLATOON_BASE_SUGGEST_H
#define PLATOON_BASE_SUGGEST_H

struct suggest {
    const char *wanted; /* borrowed */
    const char *best;   /* NULL until a word is near enough; borrowed */
    int best_distance;
};

void suggest_init(struct suggest *s, const char *wanted);
/* Offer one more candidate (borrowed until the answer has been used). */
void suggest_offer(struct suggest *s, const char *word);
/* Insertions, deletions, replacements and swaps of neighbours between two words of at most 63
 * bytes; longer
 * words count as far apart. */
int suggest_distance(const char *a, const char *b);

#endif
