/* The least that a fan-out can cost: one non-blocking send() of the same finished frame to each socket of a room.

   A text of 36 bytes joins the room of that name, and is answered. In a longer one the 36 bytes name the room that the rest
   goes to. Members are never looked at again: what they write stays unread, and they are left when their speaker leaves.
   Clients are the benchmark's own: they mask with a key of zeros, and no frame of theirs has more than 65,535 bytes. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { NAME = 36, MOST_CLIENTS = 4096, MOST_ROOMS = 1024, MOST_MEMBERS = 20000, BUFFER = 1 << 20, BACKLOG = 4096 };

struct room { char name[NAME]; int size, members[MOST_MEMBERS]; };
struct client { int is_upgraded, size; struct room *room; char *data; };

static const char UPGRADED[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
static const char WELCOME[] = "\x81\x12{\"type\":\"welcome\"}";

static struct pollfd polled[MOST_CLIENTS];
static struct client clients[MOST_CLIENTS];
static int count;
static struct room *rooms[MOST_ROOMS];

static void fail(const char *what) { perror(what); exit(1); }

static struct room *find_room(const char *name) {
    for (int n = 0; n < MOST_ROOMS; n++) {
        if (!rooms[n]) {
            rooms[n] = calloc(1, sizeof(struct room));
            memcpy(rooms[n]->name, name, NAME);
        }
        if (!memcmp(rooms[n]->name, name, NAME)) return rooms[n];
    }
    fprintf(stderr, "too many rooms\n");
    exit(1);
}

/* A member that is gone is left; one whose buffer is full would miss a message, and that is an error here. */
static void send_to_all(struct room *room, const char *frame, size_t size) {
    int kept = 0;
    for (int n = 0; n < room->size; n++) {
        int member = room->members[n];
        ssize_t sent = send(member, frame, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent == (ssize_t)size) room->members[kept++] = member;
        else if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) close(member);
        else fail("send");
    }
    room->size = kept;
}

static void relay(struct room *room, const char *payload, size_t size) {
    static char frame[BUFFER];
    size_t head = size < 126 ? 2 : 4;
    frame[0] = (char)0x81;
    frame[1] = (char)(size < 126 ? size : 126);
    if (head == 4) { frame[2] = (char)(size >> 8); frame[3] = (char)size; }
    memcpy(frame + head, payload, size);
    send_to_all(room, frame, head + size);
}

/* The last client takes the place of the one that goes. */
static void forget(int n) {
    free(clients[n].data);
    count--;
    polled[n] = polled[count];
    clients[n] = clients[count];
}

static void leave(int n) {
    struct room *room = clients[n].room;
    for (int m = 0; room && m < room->size; m++) close(room->members[m]);
    if (room) room->size = 0;
    close(polled[n].fd);
    forget(n);
}

static void join(int n, const char *name) {
    struct room *room = find_room(name);
    if (room->size == MOST_MEMBERS) fail("too many members");
    room->members[room->size++] = polled[n].fd;
    if (send(polled[n].fd, WELCOME, sizeof WELCOME - 1, MSG_NOSIGNAL) < 0) perror("welcome");
    forget(n);
}

/* Return how many bytes were of use; -1 when the client is a member now. */
static int take(int n, const unsigned char *data, int size) {
    int head = 6, length = size < 2 ? 0 : data[1] & 0x7f;
    if (length == 126 && size >= 4) { head = 8; length = data[2] << 8 | data[3]; }
    if (size < head || size < head + length) return 0;
    if (data[0] != 0x81) return head + length;
    const char *payload = (const char *)data + head;
    if (length == NAME) { join(n, payload); return -1; }
    if (length > NAME) {
        clients[n].room = find_room(payload);
        relay(clients[n].room, payload + NAME, length - NAME);
    }
    return head + length;
}

static void upgrade(struct client *client, int fd) {
    if (client->size < 4 || memcmp(client->data + client->size - 4, "\r\n\r\n", 4)) return;
    client->size = 0;
    client->is_upgraded = 1;
    if (send(fd, UPGRADED, sizeof UPGRADED - 1, MSG_NOSIGNAL) < 0) perror("upgrade");
}

static void hear(int n) {
    struct client *client = &clients[n];
    ssize_t got = recv(polled[n].fd, client->data + client->size, BUFFER - client->size, 0);
    if (got <= 0) { leave(n); return; }
    client->size += got;
    if (!client->is_upgraded) { upgrade(client, polled[n].fd); return; }
    int start = 0, used;
    while ((used = take(n, (unsigned char *)client->data + start, client->size - start)) > 0) start += used;
    if (used < 0) return;
    client->size -= start;
    memmove(client->data, client->data + start, client->size);
}

static void welcome(int listener) {
    int yes = 1, fd = accept(listener, NULL, NULL);
    if (fd < 0 || count == MOST_CLIENTS) fail("accept");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    polled[count] = (struct pollfd){fd, POLLIN, 0};
    clients[count++] = (struct client){0, 0, NULL, malloc(BUFFER)};
}

int main(int argc, char **argv) {
    int yes = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(argc > 1 ? atoi(argv[1]) : 0)};
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&here, sizeof here) || listen(listener, BACKLOG)) fail("listen");
    polled[count++] = (struct pollfd){listener, POLLIN, 0};
    for (;;) {
        if (poll(polled, count, -1) < 0) fail("poll");
        for (int n = count - 1; n > 0; n--) if (polled[n].revents) hear(n);
        if (polled[0].revents) welcome(listener);
    }
}
