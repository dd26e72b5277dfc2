/**
 * Call when the platform says that the network may have come, gone or changed, or that the page is looked at again.
 *
 * No more than hints: a browser that is "online" may reach nothing. Returns what ends it.
 *
 * @param {() => void} hint
 */
export function hints(hint) {
  const { document } = globalThis;
  const seen = () => {
    if (document.visibilityState === "visible") hint();
  };
  if (typeof globalThis.addEventListener !== "function" || document === undefined) return () => {};
  const types = ["online", "offline", "pageshow"];
  for (const type of types) globalThis.addEventListener(type, hint);
  document.addEventListener("visibilitychange", seen);
  return () => {
    for (const type of types) globalThis.removeEventListener(type, hint);
    document.removeEventListener("visibilitychange", seen);
  };
}
