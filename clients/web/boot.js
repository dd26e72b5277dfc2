// A page whose modules did not come (the network changed while they were on their way) can do nothing, this included, but for
// this file, which does not wait for them: it loads the page again, a few times, each after a longer pause. The page says on its
// root how far it has come: `here` with its first module, `shown` once there is something to do.
{
  const COUNT = "ringpost.reloads";
  const MOST = 6;
  const STUCK_MS = 20_000;
  const { dataset } = document.documentElement;
  let isLeaving = false;

  const again = () => {
    const reloads = Number(sessionStorage.getItem(COUNT) ?? 0);
    if (isLeaving || reloads >= MOST) return;
    isLeaving = true;
    sessionStorage.setItem(COUNT, String(reloads + 1));
    setTimeout(() => location.reload(), 500 * 2 ** reloads);
  };
  /** A worker that neither answers nor fails is worse than none. */
  const free = async () => {
    if (dataset.page === "shown" || !navigator.serviceWorker?.controller) return;
    for (const worker of await navigator.serviceWorker.getRegistrations()) await worker.unregister();
    again();
  };

  addEventListener("error", ({ target }) => target instanceof HTMLScriptElement && again(), true);
  addEventListener("load", () => dataset.page === undefined && again());
  addEventListener("ringpost:lost", again);
  addEventListener("ringpost:shown", () => sessionStorage.removeItem(COUNT));
  setTimeout(free, STUCK_MS);
}
