/* The limit: a bare epoll loop that hands every frame it reads to everybody, and does nothing else.
 *
 * As docs/PERFORMANCE.md tells: frames (4 bytes big-endian length, then as many bytes) are read from whoever
 * sends; what one turn of the loop collects goes out as one joined write per member. Nothing is stored,
 * checked or acknowledged. Prints the port it listens on; ends when its standard input does.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_FDS = 65536, READ = 65536, LAG = 64 << 20 };

struct bytes { char *at; size_t size, room; };
struct member { int fd; struct bytes in, out; };

static struct member *by_fd[MAX_FDS];
static struct member *members[MAX_FDS];
static int count, poller;
static struct bytes turn;

static void append(struct bytes *to, const char *data, size_t size)
{
    if (to->size + size > to->room) {
        to->room = 2 * (to->size + size);
        to->at = realloc(to->at, to->room);
        if (!to->at) abort();
    }
    memcpy(to->at + to->size, data, size);
    to->size += size;
}

static void drop_front(struct bytes *from, size_t size)
{
    memmove(from->at, from->at + size, from->size - size);
    from->size -= size;
}

static void watch(int operation, struct member *m)
{
    struct epoll_event event = {.events = EPOLLIN | (m->out.size ? EPOLLOUT : 0), .data.fd = m->fd};
    epoll_ctl(poller, operation, m->fd, &event);
}

static void watch_plainly(int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
}

static void leave(struct member *m)
{
    by_fd[m->fd] = NULL;
    for (int i = 0; i < count; i++)
        if (members[i] == m) members[i] = members[--count];
    close(m->fd);
    free(m->in.at);
    free(m->out.at);
    free(m);
}

static int hand(struct member *m, const char *data, size_t size)
{
    size_t waiting = m->out.size;
    ssize_t sent = 0;
    if (!waiting) sent = send(m->fd, data, size, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return -1;
    if (sent < 0) sent = 0;
    if ((size_t)sent == size) return 0;
    append(&m->out, data + sent, size - sent);
    if (!waiting) watch(EPOLL_CTL_MOD, m);
    return m->out.size > LAG ? -1 : 0;
}

static int flush(struct member *m)
{
    ssize_t sent = send(m->fd, m->out.at, m->out.size, MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN ? 0 : -1;
    drop_front(&m->out, sent);
    if (!m->out.size) watch(EPOLL_CTL_MOD, m);
    return 0;
}

static int hear(struct member *m)
{
    static char buffer[READ];
    ssize_t got = recv(m->fd, buffer, READ, 0);
    if (got <= 0) return got < 0 && errno == EAGAIN ? 0 : -1;
    append(&m->in, buffer, got);
    size_t whole = 0;
    while (m->in.size - whole >= 4) {
        uint32_t length;
        memcpy(&length, m->in.at + whole, 4);
        length = ntohl(length);
        if (length > READ) return -1;
        if (m->in.size - whole < 4 + (size_t)length) break;
        whole += 4 + length;
    }
    append(&turn, m->in.at, whole);
    drop_front(&m->in, whole);
    return 0;
}

static void enter(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK), yes = 1;
    if (fd < 0) return;
    if (fd >= MAX_FDS) { close(fd); return; }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    struct member *m = calloc(1, sizeof *m);
    if (!m) abort();
    m->fd = fd;
    by_fd[fd] = members[count++] = m;
    watch(EPOLL_CTL_ADD, m);
}

static int listen_somewhere(void)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof where;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (bind(listener, (struct sockaddr *)&where, size) || listen(listener, 1024)) return -1;
    getsockname(listener, (struct sockaddr *)&where, &size);
    printf("%d\n", ntohs(where.sin_port));
    fflush(stdout);
    return listener;
}

int main(void)
{
    static struct epoll_event events[1024];
    int listener = listen_somewhere();
    if (listener < 0) return 1;
    poller = epoll_create1(0);
    watch_plainly(STDIN_FILENO);
    watch_plainly(listener);
    for (;;) {
        int ready = epoll_wait(poller, events, 1024, -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            struct member *m = by_fd[fd];
            if (fd == STDIN_FILENO) return 0;
            if (fd == listener) enter(listener);
            else if (m && (events[i].events & EPOLLOUT) && flush(m)) leave(m);
            else if (m && (events[i].events & ~EPOLLOUT) && hear(m)) leave(m);
        }
        for (int i = turn.size ? count - 1 : -1; i >= 0; i--)
            if (hand(members[i], turn.at, turn.size)) leave(members[i]);
        turn.size = 0;
    }
}
