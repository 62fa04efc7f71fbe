/* SPDX-License-Identifier: Apache-2.0 */
/* server.h - a Platoon server inside the calling program (libplatoon-server).
 *
 * platoon_server_start() runs the server's loop in one thread of its own and returns when it
 * listens; everything else about it goes over the network, with the calls of manager.h. */
#ifndef PLATOON_SERVER_H
#define PLATOON_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <platoon/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct platoon_server platoon_server;

/* What may pass through that names a global (DESIGN section 6). */
enum platoon_globals { PLATOON_GLOBALS_ANY, PLATOON_GLOBALS_LIST, PLATOON_GLOBALS_NONE };

/* What an answered put, completion or submit survives. */
enum platoon_durability {
    PLATOON_DURABLE_PROCESS, /* the server's end, by kill -9 too */
    PLATOON_DURABLE_POWER    /* the machine's, by loss of power too: answers wait for the medium */
};

/* Called for every log line, on the server's thread: level 3 error, 4 warning, 6 info, 7 debug. */
typedef void (*platoon_log_fn)(int level, const char *line, void *arg);

/* Zero-initialise, then set what differs. Everything is borrowed for the call of start. */
struct platoon_server_options {
    const char *host;    /* NULL: 127.0.0.1; "" or "0.0.0.0": all IPv4 addresses */
    uint16_t port;       /* 0: any free one; platoon_server_port() tells */
    const void *authkey; /* required unless authkey_len is 0, which means the empty key */
    size_t authkey_len;
    const char *const *queues; /* n_queues specifications TASK[:MAXSIZE][=RESULT[:MAXSIZE]] */
    size_t n_queues;
    bool no_default_queues; /* without it get_task_queue=get_result_queue is there */
    enum platoon_globals globals;
    bool auth_sha256_only;    /* refuse peers that can only do HMAC-MD5 (Python < 3.12) */
    uint32_t worker_lease_ms; /* lease time of the `platoon` typeid; 0: 60,000 */
    const char *data_folder;  /* where tasks and results are kept; NULL: in memory only */
    enum platoon_durability durability;
    bool fresh;                /* forget what an earlier server left in data_folder */
    uint64_t max_memory_bytes; /* values of waiting tasks beyond this stay on disk; 0: no limit */
    uint64_t max_queue_bytes;  /* puts of tasks beyond this are refused; 0: no limit */
    bool no_leases; /* stock clients: Python's plain behaviour, a dead worker's task is lost */
    uint32_t stock_grace_ms; /* see docs/task-lifecycle.md; 0: 60,000 */
    uint32_t credit_ms;      /* how long a decref excuses the end of a connection; 0: 5,000 */
    uint32_t keepalive_s;    /* silence after which a client is probed; 0: 30 */
    uint32_t stock_lease_ms; /* stock clients cannot renew; 0: their leases do not run out */
    uint32_t handshake_ms;   /* for the whole handshake; 0: 10,000 */
    uint32_t max_handshakes; /* connections not yet authenticated; 0: 1024 */
    size_t max_frame_bytes;  /* after the handshake; 0: 1 GiB */
    platoon_log_fn log;      /* NULL: silent */
    void *log_arg;
    int log_level; /* 0: 6 (info) */
};

/* EADDR (not an address of this machine: `err` lists those it has), EBUSY (somebody listens there), EINVAL
 * (a bad queue specification, named in `err`), ENOMEM, EIO. */
PLATOON_API enum platoon_status platoon_server_start(const struct platoon_server_options *options,
                                                     platoon_server **out, struct platoon_err *err);
/* What an earlier server left in the data folder, as it was at the start. */
struct platoon_server_found {
    uint64_t tasks;     /* waiting, or in the hands of workers that may come back */
    uint64_t results;   /* waiting to be taken */
    uint64_t abandoned; /* set aside, and dead letters: for `platoon retry` */
};
PLATOON_API struct platoon_server_found platoon_server_found(const platoon_server *s);
/* The port it listens on. */
PLATOON_API uint16_t platoon_server_port(const platoon_server *s);
/* Ask it to stop; returns at once; any thread, also a signal handler. */
PLATOON_API void platoon_server_stop(platoon_server *s);
/* Block until it has stopped (by platoon_server_stop() or a client's `shutdown`). */
PLATOON_API void platoon_server_wait(platoon_server *s);
/* Stop, wait, free. NULL is fine. */
PLATOON_API void platoon_server_free(platoon_server *s);

#ifdef __cplusplus
}
#endif
#endif
