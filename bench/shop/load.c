/* Sends prepared HTTP requests over keep-alive connections, each by a thread of its own.

   load PORT CONNECTIONS SECONDS MODE < requests > answers

   requests: each a uint32 length and its bytes. MODE `once` sends each one once and ends early when
   SECONDS are over; `cycle` begins again at the first until then.
   answers: for each request that was sent, in no order: uint32 index, uint32 status (0: none came),
   uint64 nanoseconds from before sending until the last byte, uint32 length of the head, uint32
   length of the body, and both if the mode ends in `+keep`. The last record has index 2^32-1: the
   nanoseconds that all took, then the client's own CPU in microseconds as the two lengths. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LAST 0xffffffffu
#define PATIENCE 30

struct request { uint32_t length; char *bytes; };
struct record { uint32_t index, status; uint64_t ns; uint32_t head, body; };

static struct request *requests;
static size_t count;
static atomic_size_t next_one;
static int port, is_cycle, keeps;
static uint64_t began, ends;
static pthread_mutex_t out = PTHREAD_MUTEX_INITIALIZER;

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

static void die(const char *what) { perror(what); exit(1); }

static int dial(void) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct timeval patience = {.tv_sec = PATIENCE};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to)) { if (fd >= 0) close(fd); return -1; }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return fd;
}

struct answer { char *bytes; size_t size, have, head, total; int status, closes, is_chunked; };

/* Where a header's value begins, within the head. */
static const char *header(const struct answer *a, const char *name) {
    size_t length = strlen(name);
    for (const char *line = a->bytes, *end = a->bytes + a->head; line < end;) {
        const char *stop = memchr(line, '\n', end - line);
        if (!stop) return NULL;
        if ((size_t)(stop - line) > length && !strncasecmp(line, name, length) && line[length] == ':') {
            const char *value = line + length + 1;
            while (*value == ' ') value++;
            return value;
        }
        line = stop + 1;
    }
    return NULL;
}

/* Reads the head once it is whole; the total length stays 0 until it is known. */
static void look(struct answer *a) {
    if (!a->head) {
        char *end = memmem(a->bytes, a->have, "\r\n\r\n", 4);
        if (!end) return;
        a->head = end + 4 - a->bytes;
        a->status = a->have > 12 ? atoi(a->bytes + 9) : 0;
        const char *length = header(a, "content-length"), *how = header(a, "transfer-encoding");
        const char *connection = header(a, "connection");
        a->closes = connection && !strncasecmp(connection, "close", 5);
        a->is_chunked = how && !strncasecmp(how, "chunked", 7);
        if (!a->is_chunked) a->total = a->head + (length ? strtoul(length, NULL, 10) : 0);
    }
    while (a->is_chunked && !a->total) {
        /* the body so far is read anew from its beginning: answers are small */
        size_t at = a->head;
        for (;;) {
            char *stop = memmem(a->bytes + at, a->have - at, "\r\n", 2);
            if (!stop) return;
            size_t size = strtoul(a->bytes + at, NULL, 16);
            at = stop + 2 - a->bytes + size + 2;
            if (at > a->have) return;
            if (!size) { a->total = at; return; }
        }
    }
}

static int send_all(int fd, const char *bytes, size_t length) {
    while (length) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0) return -1;
        bytes += sent;
        length -= sent;
    }
    return 0;
}

static int receive(int fd, struct answer *a) {
    a->have = a->head = a->total = 0;
    a->status = a->closes = a->is_chunked = 0;
    while (!a->total || a->have < a->total) {
        if (a->have + 65536 > a->size) {
            a->size = a->size ? 2 * a->size : 131072;
            if (!(a->bytes = realloc(a->bytes, a->size))) die("load: memory");
        }
        ssize_t got = recv(fd, a->bytes + a->have, a->size - a->have - 1, 0);
        if (got <= 0) return -1;
        a->have += got;
        a->bytes[a->have] = 0;
        if (!a->total) look(a);
    }
    return 0;
}

static void tell(struct record r, const struct answer *a) {
    pthread_mutex_lock(&out);
    fwrite(&r, sizeof r, 1, stdout);
    if (a && keeps) fwrite(a->bytes, 1, (size_t)r.head + r.body, stdout);
    pthread_mutex_unlock(&out);
}

static void *connection(void *unused) {
    struct answer a = {0};
    int fd = dial();
    (void)unused;
    for (;;) {
        size_t number = atomic_fetch_add(&next_one, 1);
        uint64_t before = now();
        if ((!is_cycle && number >= count) || before >= ends) break;
        struct request *asked = &requests[number % count];
        if (fd < 0) fd = dial();
        int is_right = fd >= 0 && !send_all(fd, asked->bytes, asked->length) && !receive(fd, &a);
        struct record r = {number % count, is_right ? a.status : 0, now() - before, 0, 0};
        if (is_right) r.head = a.head, r.body = a.total - a.head;
        tell(r, is_right ? &a : NULL);
        if (!is_right || a.closes) { if (fd >= 0) close(fd); fd = -1; }
    }
    if (fd >= 0) close(fd);
    free(a.bytes);
    return NULL;
}

static void read_requests(void) {
    struct request one;
    size_t room = 0;
    while (fread(&one.length, sizeof one.length, 1, stdin) == 1) {
        if (count == room && !(requests = realloc(requests, (room = room ? 2 * room : 1024) * sizeof one)))
            die("load: memory");
        if (!(one.bytes = malloc(one.length)) || fread(one.bytes, 1, one.length, stdin) != one.length)
            die("load: requests");
        requests[count++] = one;
    }
    if (!count) { fputs("load: no requests\n", stderr); exit(1); }
}

int main(int argc, char **argv) {
    if (argc != 5) { fputs("load PORT CONNECTIONS SECONDS MODE\n", stderr); return 2; }
    int connections = atoi(argv[2]);
    pthread_t threads[256];
    struct rusage used;
    port = atoi(argv[1]);
    is_cycle = !strncmp(argv[4], "cycle", 5);
    keeps = strstr(argv[4], "+keep") != NULL;
    if (connections < 1 || connections > 256) { fputs("load: 1 to 256 connections\n", stderr); return 2; }
    read_requests();
    began = now();
    ends = began + (uint64_t)(atof(argv[3]) * 1e9);
    for (int i = 0; i < connections; i++)
        if (pthread_create(&threads[i], NULL, connection, NULL)) die("load: thread");
    for (int i = 0; i < connections; i++) pthread_join(threads[i], NULL);
    uint64_t took = now() - began;
    getrusage(RUSAGE_SELF, &used);
    struct record last = {LAST, 0, took, 0, 0};
    last.head = used.ru_utime.tv_sec * 1000000 + used.ru_utime.tv_usec;
    last.body = used.ru_stime.tv_sec * 1000000 + used.ru_stime.tv_usec;
    tell(last, NULL);
    return 0;
}
