/** Dates and times as the reader's own language and time zone have them. */
export class Dates {
  #day;
  #dayOfYear;
  #time;
  #whole;
  #short;
  #relative;
  #now;

  /**
   * @param {() => number} now
   * @param {string} [locale] the reader's own, if not given
   * @param {string} [timeZone]
   */
  constructor(now, locale, timeZone) {
    const make = (/** @type {Intl.DateTimeFormatOptions} */ options) => new Intl.DateTimeFormat(locale, { ...options, timeZone });
    this.#now = now;
    this.#day = make({ year: "numeric", month: "2-digit", day: "2-digit" });
    this.#dayOfYear = make({ weekday: "long", day: "numeric", month: "long", year: "numeric" });
    this.#time = make({ hour: "numeric", minute: "2-digit" });
    this.#whole = make({ dateStyle: "full", timeStyle: "long" });
    this.#short = make({ day: "numeric", month: "short" });
    this.#relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  }

  /**
   * The day of a moment, as a name that two moments of one day share.
   *
   * @param {number | string} at
   */
  day(at) {
    return this.#day.format(new Date(at));
  }

  /** @param {number | string} at */
  dayName(at) {
    const ago = this.#daysAgo(at);
    return ago < 2 ? capital(this.#relative.format(-ago, "day")) : this.#dayOfYear.format(new Date(at));
  }

  /** @param {number | string} at */
  time(at) {
    return this.#time.format(new Date(at));
  }

  /** @param {number | string} at */
  whole(at) {
    return this.#whole.format(new Date(at));
  }

  /** @param {number | string} at */
  brief(at) {
    const ago = this.#daysAgo(at);
    if (ago === 0) return this.time(at);
    return ago === 1 ? capital(this.#relative.format(-1, "day")) : this.#short.format(new Date(at));
  }

  /** @param {number | string} at */
  #daysAgo(at) {
    const then = this.day(at);
    for (const days of [0, 1]) if (this.day(this.#now() - days * 86_400_000) === then) return days;
    return 2;
  }
}

/** @param {string} text */
const capital = (text) => text.charAt(0).toLocaleUpperCase() + text.slice(1);
