/* SPDX-License-Identifier: Apache-2.0 */
/* clean_text.h - text of unknown origin (what a program printed) made fit for a str value. */
#ifndef PLATOON_SUMO_CLEAN_TEXT_H
#define PLATOON_SUMO_CLEAN_TEXT_H

/* Replace, in place, every byte of `text` that is not part of well-formed UTF-8 by '?'. */
void clean_text(char *text);

#endif
