/* The load of the router's benchmark: `tcp_load MODE ADDRESS PORT SOURCES CONNECTIONS SECONDS`.
 *
 * SOURCES is a file with an address a line; connection n is bound to address n modulo their number. It prints JSON.
 *   trips     connections that each send 64 bytes and await them, again and again; from the first line of its input on they are
 *             counted: {"count": …, "seconds": …, "cpu_s": …}
 *   connects  as many slots, each of which connects, sends, awaits the echo, and ends by a reset: likewise
 *   hold      connections that stay: "ready"; from the first line of its input on they ping twice a second, whoever loses its
 *             connection makes another, and when all have lost one and are back: {"first_back": …, "all_back": …} in seconds */
#include "tcp.h"

#define SIZE 64
#define MOST 65000
#define RETRY_S 0.5
#define PING_S 0.5

enum state { CLOSED, CONNECTING, WAITING, IDLE };
static struct { int fd; enum state state; int is_lost, is_back; double retry_at; } lines[MOST];
static struct sockaddr_in target, *sources;
static int many_sources, many;
static char message[SIZE], buffer[65536];

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void tell(long count, double seconds) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  double cpu = used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
  printf("{\"count\": %ld, \"seconds\": %.6f, \"cpu_s\": %.6f}\n", count, seconds, cpu);
}

static void read_sources(const char *path) {
  char word[64];
  FILE *file = fopen(path, "r");
  if (!file) die(path);
  sources = calloc(70000, sizeof *sources);
  while (many_sources < 70000 && fscanf(file, "%63s", word) == 1) sources[many_sources++] = place(word, 0);
  fclose(file);
}

static void drop(int n) {
  struct linger reset = {1, 0};
  setsockopt(lines[n].fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  close(lines[n].fd);
  lines[n].state = CLOSED;
}

static void call(int n) {
  int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in *own = &sources[n % many_sources];
  if (fd < 0) die("socket");
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (bind(fd, (struct sockaddr *)own, sizeof *own)) die("bind");
  lines[n].fd = fd;
  lines[n].state = CONNECTING;
  if (connect(fd, (struct sockaddr *)&target, sizeof target) && errno != EINPROGRESS) {
    drop(n);
    lines[n].retry_at = now() + RETRY_S;
    return;
  }
  watch(fd, EPOLLIN | EPOLLOUT, n, EPOLL_CTL_ADD);
}

static int say(int n) {
  lines[n].state = WAITING;
  return send(lines[n].fd, message, SIZE, MSG_NOSIGNAL) == SIZE;
}

/* Return 1 when line n got its echo, 0 when nothing happened, -1 when it was lost. */
static int step(int n, uint32_t events) {
  if (lines[n].state == CLOSED) return 0;
  if (lines[n].state == CONNECTING) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(lines[n].fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) return -1;
    watch(lines[n].fd, EPOLLIN, n, EPOLL_CTL_MOD);
    return say(n) ? 0 : -1;
  }
  if (!(events & (EPOLLIN | EPOLLERR | EPOLLHUP))) return 0;
  ssize_t size = recv(lines[n].fd, buffer, sizeof buffer, 0);
  if (size <= 0) return size < 0 && errno == EAGAIN ? 0 : -1;
  lines[n].state = IDLE;
  return 1;
}

static void must_hold(int found) {
  if (found < 0) {
    fprintf(stderr, "a connection was lost\n");
    exit(1);
  }
}

/* Connect all, at most 256 at once, and await an echo on each. */
static void connect_all(void) {
  struct epoll_event events[512];
  int called = 0, done = 0;
  double until = now() + 60;
  while (done < many) {
    if (now() > until) {
      fprintf(stderr, "%d of %d connections came about in a minute\n", done, many);
      exit(1);
    }
    while (called < many && called - done < 256) call(called++);
    int found = epoll_wait(epoll, events, 512, 10);
    for (int e = 0; e < found; e++) {
      int n = events[e].data.u64, is_done = step(n, events[e].events);
      must_hold(is_done);
      done += is_done;
    }
  }
}

static void await_word(void) {
  printf("ready\n");
  fflush(stdout);
  if (read(0, buffer, sizeof buffer) <= 0) exit(0);
}

static void trips(double seconds) {
  struct epoll_event events[512];
  long count = 0;
  connect_all();
  await_word();
  for (int n = 0; n < many; n++) say(n);
  double began = now(), until = began + seconds, at = began;
  while (at < until) {
    int found = epoll_wait(epoll, events, 512, 10);
    for (int e = 0; e < found; e++) {
      int n = events[e].data.u64, is_done = step(n, events[e].events);
      must_hold(is_done);
      if (is_done) {
        count++;
        say(n);
      }
    }
    at = now();
  }
  tell(count, at - began);
}

static void connects(double seconds) {
  struct epoll_event events[512];
  long count = 0;
  await_word();
  for (int n = 0; n < many; n++) call(n);
  double began = now(), until = began + seconds, at = began;
  int next = many;
  while (at < until) {
    int found = epoll_wait(epoll, events, 512, 10);
    for (int e = 0; e < found; e++) {
      int n = events[e].data.u64, is_done = step(n, events[e].events);
      must_hold(is_done);
      if (is_done) {
        count++;
        drop(n);
        struct sockaddr_in kept = sources[n % many_sources];
        sources[n % many_sources] = sources[next % many_sources];
        sources[next++ % many_sources] = kept;
        call(n);
      }
    }
    at = now();
  }
  tell(count, at - began);
}

static void hold(void) {
  struct epoll_event events[512];
  connect_all();
  await_word();
  double began = now(), ping_at = began, first_back = 0, at;
  int lost = 0, back = 0;
  while (back < many) {
    int found = epoll_wait(epoll, events, 512, 5);
    at = now();
    for (int e = 0; e < found; e++) {
      int n = events[e].data.u64, is_done = step(n, events[e].events);
      if (is_done < 0) {
        drop(n);
        lost += !lines[n].is_lost;
        lines[n].is_lost = 1;
        lines[n].retry_at = at + RETRY_S;
      } else if (is_done && lines[n].is_lost && !lines[n].is_back) {
        lines[n].is_back = 1;
        if (!back++) first_back = at - began;
      }
    }
    if (at - began > 60) {
      fprintf(stderr, "after a minute %d of %d had lost their connection, and %d were back\n", lost, many, back);
      exit(1);
    }
    int is_ping = at >= ping_at;
    if (is_ping) ping_at += PING_S;
    for (int n = 0; n < many; n++) {
      if (lines[n].state == CLOSED && at >= lines[n].retry_at) call(n);
      else if (is_ping && lines[n].state == IDLE) say(n);
    }
  }
  printf("{\"first_back\": %.6f, \"all_back\": %.6f}\n", first_back, now() - began);
  fflush(stdout);
}

int main(int count, char **words) {
  if (count != 7) return 2;
  epoll = epoll_create1(0);
  all_files();
  target = place(words[2], atoi(words[3]));
  read_sources(words[4]);
  many = atoi(words[5]);
  memset(message, 'x', SIZE);
  if (many > MOST || !many_sources) return 2;
  if (!strcmp(words[1], "trips")) trips(atof(words[6]));
  else if (!strcmp(words[1], "connects")) connects(atof(words[6]));
  else hold();
  return 0;
}
