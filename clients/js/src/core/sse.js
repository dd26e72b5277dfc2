/** Server-sent events, as a read service writes them: cut at LF alone, since what else Unicode has for an end of a line stands in texts. */
export class EventLines {
  #rest = "";
  /** @type {string[]} */
  #data = [];

  /**
   * Return the data of the events that are whole by now; null for a comment, which is a sign of life.
   *
   * @param {string} chunk
   */
  feed(chunk) {
    const lines = (this.#rest + chunk).split("\n");
    this.#rest = lines.pop() ?? "";
    /** @type {(string | null)[]} */
    const found = [];
    for (const line of lines) {
      if (line.startsWith(":")) found.push(null);
      else if (line.startsWith("data:")) this.#data.push(line.slice(line[5] === " " ? 6 : 5));
      else if (line === "" && this.#data.length > 0) found.push(this.#data.splice(0).join("\n"));
    }
    return found;
  }
}
