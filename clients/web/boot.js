// A page whose modules did not come (the network changed while they were on their way) can do nothing, this included, but for
// this file, which came before them: it loads the page again, a few times, each after a longer pause.
{
  const COUNT = "ringpost.reloads";
  const MOST = 6;
  addEventListener(
    "error",
    ({ target }) => {
      if (!(target instanceof HTMLScriptElement)) return;
      const reloads = Number(sessionStorage.getItem(COUNT) ?? 0);
      if (reloads >= MOST) return;
      sessionStorage.setItem(COUNT, String(reloads + 1));
      setTimeout(() => location.reload(), 500 * 2 ** reloads);
    },
    true,
  );
  addEventListener("ringpost:started", () => sessionStorage.removeItem(COUNT));
}
