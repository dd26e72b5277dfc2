/* An echo over TCP, as a gateway is one to a router: `tcp_echo PORT ADDRESS…`.
 *
 * It answers GET (the router's look at it) and drops a PROXY v2 header that a connection begins with. */
#include "tcp.h"

#define FILES 65536
static const char READY[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
static char is_listening[FILES], is_begun[FILES], buffer[65536];

static void listen_at(const char *address, int port) {
  int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in here = place(address, port);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (bind(fd, (struct sockaddr *)&here, sizeof here) || listen(fd, 16384)) die("listen");
  is_listening[fd] = 1;
  watch(fd, EPOLLIN, fd, EPOLL_CTL_ADD);
}

static void take(int listening) {
  for (;;) {
    int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0) return;
    is_begun[fd] = 0;
    watch(fd, EPOLLIN, fd, EPOLL_CTL_ADD);
  }
}

static void answer(int fd) {
  ssize_t size = recv(fd, buffer, sizeof buffer, 0), skip = 0;
  if (size <= 0) {
    if (size == 0 || errno != EAGAIN) close(fd);
    return;
  }
  if (!is_begun[fd]) {
    is_begun[fd] = 1;
    if (size >= 16 && !memcmp(buffer, "\r\n\r\n\0\r\nQUIT\n", 12)) skip = 16 + ((uint8_t)buffer[14] << 8) + (uint8_t)buffer[15];
    if (size >= 4 && !memcmp(buffer, "GET ", 4)) {
      send(fd, READY, sizeof READY - 1, MSG_NOSIGNAL);
      close(fd);
      return;
    }
  }
  if (size > skip) send(fd, buffer + skip, size - skip, MSG_NOSIGNAL);
}

int main(int count, char **words) {
  struct epoll_event events[512];
  epoll = epoll_create1(0);
  all_files();
  for (int n = 2; n < count; n++) listen_at(words[n], atoi(words[1]));
  for (;;) {
    int many = epoll_wait(epoll, events, 512, -1);
    for (int n = 0; n < many; n++) {
      int fd = events[n].data.u64;
      is_listening[fd] ? take(fd) : answer(fd);
    }
  }
}
