/* SPDX-License-Identifier: Apache-2.0 */
/* tracitool.c - calls of <platoon/traci.h> by name, for tests: tracitool PORT ANSWER_TIMEOUT_S.
 *
 * Each line on stdin is a call, each line on stdout what became of it: "ok" and what it gave, or the
 * status's number and the message. Values that come with a step follow it, "value DOMAIN VARIABLE ID
 * NUMBER TEXT" each.
 *
 *     ids DOMAIN | number DOMAIN VARIABLE ID | text DOMAIN VARIABLE ID
 *     subscribe DOMAIN VARIABLE ID | set ID STATE | step | finish
 *
 * ID is "-" for the simulation's. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <platoon/traci.h>

static enum platoon_status on_value(const struct platoon_traci_value *value, void *arg,
                                    struct platoon_err *err)
{
    (void)arg, (void)err;
    printf("value %d %u %s %g %s\n", (int)value->domain, value->variable,
           *value->id ? value->id : "-", value->number, value->text ? value->text : "-");
    return PLATOON_OK;
}

static enum platoon_status print_ids(platoon_traci *t, enum platoon_traci_domain domain,
                                     struct platoon_err *err)
{
    char **ids;
    enum platoon_status st = platoon_traci_ids(t, domain, &ids, err);

    if (st != PLATOON_OK)
        return st;
    printf("ok");
    for (char **id = ids; *id; id++)
        printf(" %s", *id);
    printf("\n");
    free(ids);
    return st;
}

/* One call. Prints what it gave if it is more than "ok". */
static enum platoon_status call(platoon_traci *t, const char *line, bool *out_printed,
                                struct platoon_err *err)
{
    char name[16] = "", id[100] = "", state[100] = "";
    unsigned domain = 0, variable = 0;
    enum platoon_status st = PLATOON_EINVAL;
    uint8_t variables[1];
    double number;
    char *text;

    (void)sscanf(line, "%15s", name);
    if (strcmp(name, "set") == 0) {
        (void)sscanf(line, "%*s %99s %99s", id, state);
        return platoon_traci_set_signal(t, id, state, err);
    }
    (void)sscanf(line, "%*s %u %u %99s", &domain, &variable, id);
    if (strcmp(id, "-") == 0)
        *id = '\0';
    if (strcmp(name, "step") == 0)
        return platoon_traci_step(t, err);
    if (strcmp(name, "finish") == 0)
        return platoon_traci_finish(t, err);
    if (strcmp(name, "subscribe") == 0) {
        variables[0] = (uint8_t)variable;
        return platoon_traci_subscribe(t, domain, id, variables, 1, err);
    }
    *out_printed = true;
    if (strcmp(name, "ids") == 0)
        st = print_ids(t, domain, err);
    if (strcmp(name, "number") == 0 &&
        (st = platoon_traci_number(t, domain, variable, id, &number, err)) == PLATOON_OK)
        printf("ok %g\n", number);
    if (strcmp(name, "text") == 0 &&
        (st = platoon_traci_text(t, domain, variable, id, &text, err)) == PLATOON_OK) {
        printf("ok %s\n", text);
        free(text);
    }
    return st;
}

int main(int argc, char **argv)
{
    struct platoon_traci_options options = {
        .port = (uint16_t)(argc > 1 ? atoi(argv[1]) : 0),
        .answer_timeout_s = argc > 2 ? atof(argv[2]) : 0,
    };
    struct platoon_err err = {.message = ""};
    enum platoon_status st;
    platoon_traci *t;
    char line[256];

    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if ((st = platoon_traci_connect(&options, &t, &err)) != PLATOON_OK) {
        printf("%d %s\n", (int)st, err.message);
        return 1;
    }
    printf("ok %s\n", platoon_traci_version(t));
    platoon_traci_on_value(t, on_value, NULL);
    while (fgets(line, sizeof line, stdin)) {
        bool printed = false;

        st = call(t, line, &printed, &err);
        if (st != PLATOON_OK)
            printf("%d %s\n", (int)st, err.message);
        else if (!printed)
            printf("ok\n");
    }
    platoon_traci_free(t);
    return 0;
}
