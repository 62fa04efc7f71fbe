/* SPDX-License-Identifier: Apache-2.0 */
/* campaign_read.h - the parts of a campaign file, each read by a file of its own; only for those and
 * campaign_file.c. Every one may leave `c` half filled when it fails. */
#ifndef PLATOON_CLI_CAMPAIGN_READ_H
#define PLATOON_CLI_CAMPAIGN_READ_H

#include "cli/campaign_file.h"
#include "config/yaml.h"

enum platoon_status campaign_no_memory(struct platoon_err *err);
/* Put the place of `at` before what `err` says; returns `st`. */
enum platoon_status campaign_locate(const struct yaml_doc *doc, const struct yaml_node *at,
                                    enum platoon_status st, struct platoon_err *err);
/* A list of texts (copied into *out, a list value, yours), at least one. `what` says what it is:
 * "a command is a list: the program and its arguments". */
enum platoon_status campaign_read_words(const struct yaml_doc *doc, const struct yaml_node *node,
                                        const char *what, platoon_value **out,
                                        struct platoon_err *err);

/* campaign_runner.c: runner, root, prepare, inputs, limits, env, controllers,
 * worker, attempts. */
enum platoon_status campaign_read_runner(const struct yaml_doc *doc, struct campaign_file *c,
                                         struct platoon_err *err);
/* campaign_question.c: metrics, precision, max_failed; after arms and seeds. */
enum platoon_status campaign_read_question(const struct yaml_doc *doc, struct campaign_file *c,
                                           struct platoon_err *err);
/* campaign_table.c: the rows of `table`, a CSV file, as a list of dicts; and the conditions of
 * `where`. *out is a new value, yours; NULL when the key is absent. */
enum platoon_status campaign_read_table(const struct yaml_doc *doc, const struct campaign_file *c,
                                        platoon_value **out, struct platoon_err *err);
enum platoon_status campaign_read_where(const struct yaml_doc *doc, platoon_value **out,
                                        struct platoon_err *err);

#endif
