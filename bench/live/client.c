// Holds many SSE or WebSocket connections and tells truthfully what arrived on them.
//
//     client KIND HOST PORT PATHS COUNT [name=value ...]
//
// KIND is sse or ws; connection i asks for line i of the file PATHS, over and over again.
//
//     until=N      every connection awaits the numbers 1 to N; 0: it is only held
//     at_once=N    how many are opened at a time
//     ready=TEXT   a connection is open when it has read TEXT; without it, after the head
//     resume=1     what is cut is opened again, with the id of the last event
//     still=N      the first N connections never read
//     idle=S       the end, when nothing has come for S seconds
//     most=S       the end, S seconds after all were open
//     within=S     what is not open by then is not waited for
//
// Every event carries `bench@<time>.<number>"`: CLOCK_MONOTONIC in ns when it was sent, and its
// number in its topic, from 1 without a gap. Two JSON lines are written: when all are open, and at
// the end (also on SIGTERM).
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MARK "bench@"
#define SECOND 1000000000LL
#define READ_SIZE 262144
// after the last number: does one come twice?
#define LINGER (SECOND / 4)
// between two questions whether the server is back
#define PROBE_EVERY (SECOND / 100)

enum state { WAITING, CONNECTING, HEAD, OPEN, GONE };

struct connection {
    int fd;
    enum state state;
    bool was_ready, is_chunked, is_still;
    uint64_t left;        // bytes to come of this chunk or frame
    unsigned char part[16];  // of a chunk's size, or of a frame's head
    int part_length;
    int opcode;
    char *kept;           // text that is not understood yet
    size_t kept_length;
    char id[64], next_id[64];
    int64_t sent_at;      // of the event that is being read
    uint64_t number;
    uint64_t highest, distinct;
    unsigned char *seen;
};

static struct {
    const char *kind, *host, *ready;
    int port, count, at_once, still;
    uint64_t until;
    bool resume;
    double idle, most, within;
    char **paths;
    int path_count;
} option = {.ready = "", .at_once = 200, .idle = 10, .most = 60, .within = 60};

static struct {
    uint64_t delivered, duplicates, gaps, late_arrivals, bytes, reads;
    int ready, refused, cut, reopened, complete, gone;
    int64_t ready_at, first_at, last_at, complete_at, settled_at, listened_at, back_at;
} total;

static struct connection *connections;
static int *queue, queue_head, queue_length, opening, open_again;
static bool is_listening = true;
static int64_t probe_at;
static uint32_t *latencies;
static size_t latency_room;
static int poll_fd;
static struct sockaddr_in server;
static char *text;
static size_t text_length, text_room;
static volatile sig_atomic_t is_told_to_end;

static int64_t now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * SECOND + at.tv_nsec;
}

static void end_soon(int number) {
    (void)number;
    is_told_to_end = 1;
}

static void *room(void *old, size_t size) {
    void *given = realloc(old, size);
    if (!given) {
        fputs("client: out of memory\n", stderr);
        exit(1);
    }
    return given;
}

static bool is_websocket(void) { return option.kind[0] == 'w'; }

// what arrives

static void count(struct connection *c, int64_t sent_at, uint64_t number, int64_t at) {
    if (total.delivered == latency_room) {
        latency_room = latency_room ? 2 * latency_room : 1 << 16;
        latencies = room(latencies, latency_room * sizeof *latencies);
    }
    int64_t microseconds = (at - sent_at) / 1000;
    latencies[total.delivered++] = microseconds < 0           ? 0
                                   : microseconds > UINT32_MAX ? UINT32_MAX
                                                               : (uint32_t)microseconds;
    if (!total.first_at)
        total.first_at = at;
    total.last_at = at;
    if (number < 1 || number > option.until)
        return;
    unsigned char *byte = &c->seen[number / 8], bit = (unsigned char)(1 << number % 8);
    if (*byte & bit) {
        total.duplicates++;
        return;
    }
    *byte |= bit;
    if (number < c->highest)
        total.late_arrivals++;
    else {
        total.gaps += number > c->highest + 1;
        c->highest = number;
    }
    if (++c->distinct == option.until) {
        total.complete++;
        total.complete_at = at;
    }
}

static bool read_mark(const char *mark, const char *end, int64_t *sent_at, uint64_t *number) {
    const char *quote = memchr(mark, '"', (size_t)(end - mark));
    if (!quote)
        return false;
    char *dot;
    *sent_at = strtoll(mark + strlen(MARK), &dot, 10);
    *number = *dot == '.' ? strtoull(dot + 1, NULL, 10) : 0;
    return true;
}

static void become_ready(struct connection *c, int64_t at) {
    if (!c->was_ready) {
        c->was_ready = true;
        total.ready++;
    } else if (--open_again == 0)
        total.back_at = at;
    c->state = OPEN;
    opening--;
}

static bool says_ready(const char *from, size_t length) {
    return memmem(from, length, option.ready, strlen(option.ready)) != NULL;
}

// WHATWG HTML, section 9.2: an event counts when its blank line has come
static size_t scan_lines(struct connection *c, int64_t at) {
    char *from = text, *end = text + text_length, *line_end;
    while ((line_end = memchr(from, '\n', (size_t)(end - from)))) {
        size_t length = (size_t)(line_end - from);
        if (length && from[length - 1] == '\r')
            length--;
        if (c->state == HEAD && says_ready(from, length))
            become_ready(c, at);
        if (!length) {
            if (c->sent_at)
                count(c, c->sent_at, c->number, at);
            if (c->next_id[0])
                strcpy(c->id, c->next_id);
            c->sent_at = 0;
        } else if (length > 3 && !memcmp(from, "id:", 3)) {
            const char *id = from + 3 + (from[3] == ' ');
            size_t size = (size_t)(from + length - id);
            if (size < sizeof c->next_id) {
                memcpy(c->next_id, id, size);
                c->next_id[size] = 0;
            }
        } else if (length > 5 && !memcmp(from, "data:", 5)) {
            char *mark = memmem(from, length, MARK, strlen(MARK));
            if (mark)
                read_mark(mark, from + length, &c->sent_at, &c->number);
        }
        from = line_end + 1;
    }
    return (size_t)(from - text);
}

static size_t scan_messages(struct connection *c, int64_t at) {
    char *from = text, *end = text + text_length, *mark;
    if (c->state == HEAD && says_ready(text, text_length))
        become_ready(c, at);
    while ((mark = memmem(from, (size_t)(end - from), MARK, strlen(MARK)))) {
        int64_t sent_at;
        uint64_t number;
        if (!read_mark(mark, end, &sent_at, &number))
            return (size_t)(mark - text);
        count(c, sent_at, number, at);
        from = mark + strlen(MARK);
    }
    size_t most = strlen(c->state == HEAD ? option.ready : MARK);
    size_t rest = (size_t)(end - from);
    return (size_t)(end - text) - (rest < most ? rest : most);
}

// what carries it

static void add_text(const char *piece, size_t length) {
    if (text_length + length > text_room) {
        text_room = 2 * (text_length + length);
        text = room(text, text_room);
    }
    memcpy(text + text_length, piece, length);
    text_length += length;
}

static size_t smaller(uint64_t a, size_t b) { return a < b ? (size_t)a : b; }

static bool take_chunks(struct connection *c, const char *from, const char *end) {
    while (from < end) {
        if (c->left) {
            size_t length = smaller(c->left, (size_t)(end - from));
            add_text(from, length);
            c->left -= length;
            from += length;
            continue;
        }
        char next = *from++;
        if (next != '\n') {
            if (c->part_length < (int)sizeof c->part - 1)
                c->part[c->part_length++] = (unsigned char)next;
            continue;
        }
        c->part[c->part_length] = 0;
        bool is_size = c->part[0] && c->part[0] != '\r';
        c->part_length = 0;
        if (is_size && !(c->left = strtoull((char *)c->part, NULL, 16)))
            return false;
    }
    return true;
}

static void pong(struct connection *c) {
    // a client's frames are masked; a mask of zeros changes nothing
    static const unsigned char frame[] = {0x8a, 0x80, 0, 0, 0, 0};
    if (write(c->fd, frame, sizeof frame) < 0)
        return;
}

static int frame_head_length(const struct connection *c) {
    int length = c->part_length < 2 ? 0 : c->part[1] & 0x7f;
    return length == 127 ? 10 : length == 126 ? 4 : 2;
}

static bool take_frames(struct connection *c, const char *from, const char *end) {
    while (from < end) {
        if (c->left) {
            size_t length = smaller(c->left, (size_t)(end - from));
            if (c->opcode < 8)
                add_text(from, length);
            c->left -= length;
            from += length;
            continue;
        }
        c->part[c->part_length++] = (unsigned char)*from++;
        int head = frame_head_length(c);
        if (c->part_length < head)
            continue;
        uint64_t length = c->part[1] & 0x7f;
        if (head > 2)
            length = 0;
        for (int i = 2; i < head; i++)
            length = length << 8 | c->part[i];
        c->opcode = c->part[0] & 0x0f;
        c->left = length;
        c->part_length = 0;
        if (c->opcode == 8)
            return false;
        if (c->opcode == 9)
            pong(c);
    }
    return true;
}

static bool take_body(struct connection *c, const char *from, const char *end, int64_t at) {
    text_length = 0;
    add_text(c->kept, c->kept_length);
    bool goes_on = true;
    if (is_websocket())
        goes_on = take_frames(c, from, end);
    else if (c->is_chunked)
        goes_on = take_chunks(c, from, end);
    else
        add_text(from, (size_t)(end - from));
    size_t used = is_websocket() ? scan_messages(c, at) : scan_lines(c, at);
    c->kept_length = text_length - used;
    c->kept = room(c->kept, c->kept_length + 1);
    memcpy(c->kept, text + used, c->kept_length);
    return goes_on;
}

static bool take_head(struct connection *c, char *from, char *end, int64_t at) {
    text_length = 0;
    add_text(c->kept, c->kept_length);
    add_text(from, (size_t)(end - from));
    char *over = memmem(text, text_length, "\r\n\r\n", 4);
    if (!over) {
        c->kept = room(c->kept, text_length + 1);
        memcpy(c->kept, text, text_length);
        c->kept_length = text_length;
        return true;
    }
    const char *wanted = is_websocket() ? "HTTP/1.1 101" : "HTTP/1.1 200";
    if (text_length < 12 || memcmp(text, wanted, 12)) {
        if (total.refused++ < 3)
            fprintf(stderr, "client: refused: %.*s\n", (int)smaller(text_length, 300), text);
        return false;
    }
    *over = 0;
    c->is_chunked = strcasestr(text, "transfer-encoding: chunked") != NULL;
    size_t head = (size_t)(over + 4 - text), rest = text_length - head;
    char *body = room(NULL, rest + 1);
    memcpy(body, text + head, rest);
    c->kept_length = 0;
    c->state = HEAD;
    c->opcode = -1;
    if (!option.ready[0])
        become_ready(c, at);
    bool goes_on = take_body(c, body, body + rest, at);
    free(body);
    return goes_on;
}

// connections

static void wait_turn(int index) {
    connections[index].state = WAITING;
    queue[(queue_head + queue_length++) % option.count] = index;
}

static void lose(int index) {
    struct connection *c = &connections[index];
    if (c->state == CONNECTING || c->state == HEAD)
        opening--;
    else if (c->state == OPEN && option.resume)
        open_again++;
    total.cut += c->state == OPEN;
    close(c->fd);
    c->fd = -1;
    c->kept_length = c->left = 0;
    c->part_length = 0;
    c->sent_at = 0;
    c->next_id[0] = 0;
    if (option.resume) {
        wait_turn(index);
        return;
    }
    c->state = GONE;
    total.gone += c->distinct < option.until || !option.until;
}

static void ask(struct connection *c, int index) {
    char request[2048];
    const char *more = is_websocket()
        ? "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        : "Accept: text/event-stream\r\n";
    int length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: %s:%d\r\n%s%s%s%s\r\n",
                          option.paths[index % option.path_count], option.host, option.port, more,
                          c->id[0] ? "Last-Event-ID: " : "", c->id, c->id[0] ? "\r\n" : "");
    if (write(c->fd, request, (size_t)length) != length)
        fprintf(stderr, "client: a request was not written\n");
}

static void connect_next(void) {
    int index = queue[queue_head];
    struct connection *c = &connections[index];
    queue_head = (queue_head + 1) % option.count;
    queue_length--;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd < 0) {
        fprintf(stderr, "client: %s\n", strerror(errno));
        exit(1);
    }
    int one = 1, little = 4096;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (c->is_still)
        setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
    c->state = CONNECTING;
    opening++;
    struct epoll_event event = {.events = EPOLLOUT, .data.u32 = (uint32_t)index};
    if (connect(c->fd, (struct sockaddr *)&server, sizeof server) < 0 && errno != EINPROGRESS) {
        fprintf(stderr, "client: %s\n", strerror(errno));
        exit(1);
    }
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &event);
}

static void connect_more(int64_t at) {
    while (queue_length && opening < (is_listening ? option.at_once : 1)) {
        if (!is_listening && at < probe_at)
            return;
        connect_next();
    }
}

static void connected(int index, int64_t at) {
    struct connection *c = &connections[index];
    int problem = 0;
    socklen_t size = sizeof problem;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &problem, &size);
    if (problem) {
        is_listening = false;
        probe_at = at + PROBE_EVERY;
        lose(index);
        return;
    }
    if (!is_listening) {
        is_listening = true;
        total.listened_at = at;
    }
    total.reopened += c->was_ready;
    ask(c, index);
    c->state = HEAD;
    c->opcode = -2;
    struct epoll_event event = {.events = c->is_still ? 0 : EPOLLIN, .data.u32 = (uint32_t)index};
    epoll_ctl(poll_fd, EPOLL_CTL_MOD, c->fd, &event);
    if (c->is_still)
        become_ready(c, at);
}

static void readable(int index) {
    static char buffer[READ_SIZE];
    struct connection *c = &connections[index];
    ssize_t length = read(c->fd, buffer, sizeof buffer);
    if (length < 0 && errno == EAGAIN)
        return;
    int64_t at = now();
    if (length <= 0) {
        lose(index);
        return;
    }
    total.bytes += (uint64_t)length;
    total.reads++;
    // -2: the head has not been read yet
    bool goes_on = c->opcode == -2 ? take_head(c, buffer, buffer + length, at)
                                   : take_body(c, buffer, buffer + length, at);
    if (!goes_on)
        lose(index);
}

// the whole

static int by_size(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static double milliseconds(double share) {
    if (!total.delivered)
        return -1;
    return latencies[(size_t)((double)(total.delivered - 1) * share)] / 1e3;
}

static double seconds(int64_t from, int64_t to) {
    return from && to ? (double)(to - from) / SECOND : -1;
}

static void report(void) {
    uint64_t awaited = option.until * (uint64_t)(option.count - option.still), distinct = 0;
    for (int i = 0; i < option.count; i++)
        distinct += connections[i].distinct;
    qsort(latencies, total.delivered, sizeof *latencies, by_size);
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec)
        + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    printf("{\"awaited\":%lu,\"delivered\":%lu,\"lost\":%lu,\"duplicates\":%lu,\"gaps\":%lu,"
           "\"out_of_order\":%lu,\"refused\":%d,\"cut\":%d,\"reopened\":%d,"
           "\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,\"span_seconds\":%.4f,"
           "\"back_seconds\":%.3f,\"caught_up_seconds\":%.3f,"
           "\"client_cpu_seconds\":%.3f,\"reads\":%lu,\"bytes\":%lu}\n",
           awaited, total.delivered, awaited - distinct, total.duplicates, total.gaps,
           total.late_arrivals, total.refused, total.cut, total.reopened,
           milliseconds(0.5), milliseconds(0.99), milliseconds(1),
           seconds(total.first_at, total.last_at), seconds(total.listened_at, total.back_at),
           seconds(total.listened_at, total.complete_at), cpu, total.reads, total.bytes);
    fflush(stdout);
}

static bool is_over(int64_t at) {
    if (is_told_to_end)
        return true;
    if (!total.ready_at)
        return false;
    int awaited = option.count - option.still;
    if (option.until && total.complete + total.gone >= awaited) {
        total.settled_at = total.settled_at ? total.settled_at : at;
        return at - total.settled_at > LINGER;
    }
    int64_t last = total.last_at > total.ready_at ? total.last_at : total.ready_at;
    bool is_idle = option.until && (double)(at - last) > option.idle * SECOND;
    return is_idle || (double)(at - total.ready_at) > option.most * SECOND;
}

static void read_paths(const char *name) {
    FILE *file = fopen(name, "r");
    char *line = NULL;
    size_t size = 0;
    ssize_t length;
    while (file && (length = getline(&line, &size, file)) > 0) {
        line[strcspn(line, "\n")] = 0;
        option.paths = room(option.paths, sizeof *option.paths * (size_t)(option.path_count + 1));
        option.paths[option.path_count++] = strdup(line);
    }
    if (!option.path_count) {
        fprintf(stderr, "client: %s names no path\n", name);
        exit(2);
    }
    fclose(file);
    free(line);
}

static bool take_option(char *word) {
    char *value = strchr(word, '=');
    if (!value)
        return false;
    *value++ = 0;
    if (!strcmp(word, "until"))
        option.until = strtoull(value, NULL, 10);
    else if (!strcmp(word, "at_once"))
        option.at_once = atoi(value);
    else if (!strcmp(word, "ready"))
        option.ready = value;
    else if (!strcmp(word, "resume"))
        option.resume = atoi(value);
    else if (!strcmp(word, "still"))
        option.still = atoi(value);
    else if (!strcmp(word, "idle"))
        option.idle = atof(value);
    else if (!strcmp(word, "most"))
        option.most = atof(value);
    else if (!strcmp(word, "within"))
        option.within = atof(value);
    else
        return false;
    return true;
}

static void read_arguments(int argument_count, char **arguments) {
    if (argument_count < 6) {
        fputs("usage: client sse|ws HOST PORT PATHS COUNT [name=value ...]\n", stderr);
        exit(2);
    }
    option.kind = arguments[1];
    option.host = arguments[2];
    option.port = atoi(arguments[3]);
    read_paths(arguments[4]);
    option.count = atoi(arguments[5]);
    for (int i = 6; i < argument_count; i++)
        if (!take_option(arguments[i])) {
            fprintf(stderr, "client: what is %s?\n", arguments[i]);
            exit(2);
        }
}

static void prepare(void) {
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, end_soon);
    signal(SIGINT, end_soon);
    server.sin_family = AF_INET;
    server.sin_port = htons((uint16_t)option.port);
    inet_pton(AF_INET, option.host, &server.sin_addr);
    poll_fd = epoll_create1(0);
    connections = calloc((size_t)option.count, sizeof *connections);
    queue = calloc((size_t)option.count, sizeof *queue);
    for (int i = 0; i < option.count; i++) {
        connections[i].seen = calloc(option.until / 8 + 1, 1);
        connections[i].is_still = i < option.still;
        wait_turn(i);
    }
}

int main(int argument_count, char **arguments) {
    read_arguments(argument_count, arguments);
    prepare();
    struct epoll_event events[512];
    int64_t began_at = now(), at = began_at;
    while (!is_over(at)) {
        connect_more(at);
        int found = epoll_wait(poll_fd, events, 512, 5);
        at = now();
        for (int i = 0; i < found; i++) {
            int index = (int)events[i].data.u32;
            enum state state = connections[index].state;
            if (state == CONNECTING)
                connected(index, at);
            else if (connections[index].is_still)
                lose(index);
            else if (state == HEAD || state == OPEN)
                readable(index);
        }
        at = now();
        bool is_late = (double)(at - began_at) > option.within * SECOND;
        if (!total.ready_at && (is_late || total.ready + total.gone >= option.count)) {
            total.ready_at = at;
            printf("{\"ready\":%d,\"refused\":%d,\"seconds\":%.4f}\n", total.ready, total.refused,
                   (double)(at - began_at) / SECOND);
            fflush(stdout);
        }
    }
    report();
    return 0;
}
