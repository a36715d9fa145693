/**
 * The page's words: one language at a time, with the person's choice before the interview's.
 *
 * @typedef {((key: string, params?: object) => string) & {locale: string, language: string,
 *   has: (key: string) => boolean, number: Function, date: Function, time: Function,
 *   clock: Function, bytes: Function, plural: Function}} Texts
 */

export const LANGUAGES = Object.freeze({ es: "Español", en: "English", pt: "Português" });
const LOCALES = { es: "es-PE", en: "en", pt: "pt-BR" };
const CHOICE = "entrevistador.language";

/** "es", "en" or "pt" out of tags such as "es-PE"; undefined for others. */
export function languageOf(tag) {
  const language = String(tag ?? "").slice(0, 2).toLowerCase();
  return language in LANGUAGES ? language : undefined;
}

export function chosenLanguage() {
  try {
    return languageOf(localStorage.getItem(CHOICE));
  } catch {
    return undefined;
  }
}

export function chooseLanguage(language) {
  try {
    localStorage.setItem(CHOICE, language);
  } catch {
    // the choice lasts as long as the page
  }
}

/** The choice of the person, else the first that fits, else Spanish. */
export function preferredLanguage(...tags) {
  for (const tag of [chosenLanguage(), ...tags, ...(navigator.languages ?? [])]) {
    const language = languageOf(tag);
    if (language) return language;
  }
  return "es";
}

/** @returns {Promise<Texts>} the words of `language`; `house` adds recruiter and operator */
export async function loadTexts(language, { house = false } = {}) {
  const packs = [import(`../i18n/${language}.js`)];
  if (house) packs.push(import(`../i18n/house.${language}.js`));
  const words = Object.assign({}, ...(await Promise.all(packs)).map((pack) => pack.default));
  document.documentElement.lang = LOCALES[language];
  return makeTexts(words, language);
}

export function makeTexts(words, language) {
  const locale = LOCALES[language];
  const rules = new Intl.PluralRules(locale);
  const t = (key, params = {}) =>
    (words[key] ?? key).replace(/\{(\w+)\}/g, (all, name) => params[name] ?? all);
  t.language = language;
  t.locale = locale;
  t.has = (key) => key in words;
  t.number = (value, digits = 0) =>
    new Intl.NumberFormat(locale, {
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    }).format(value);
  t.date = (value) =>
    new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" }).format(
      new Date(value),
    );
  /** "one|other" texts. */
  t.plural = (key, count, params = {}) => {
    const [one, other] = t(key, { ...params, count: t.number(count) }).split("|");
    return rules.select(count) === "one" ? one : (other ?? one);
  };
  /** Seconds as 7:05. */
  t.clock = (seconds) => {
    const whole = Math.max(0, Math.ceil(seconds));
    return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
  };
  /** Seconds in words: the largest unit that fits. */
  t.duration = (seconds) => {
    if (seconds < 90) return t.plural("time.seconds", Math.round(seconds));
    if (seconds < 5400) return t.plural("time.minutes", Math.round(seconds / 60));
    return t.plural("time.hours", Math.round(seconds / 3600));
  };
  t.bytes = (bytes) =>
    bytes < 1024 * 1024
      ? `${t.number(Math.max(1, bytes / 1024))} KB`
      : `${t.number(bytes / 1024 / 1024, 1)} MB`;
  /** A fault in the reader's words: ours, else the server's. */
  t.fault = (code, message = "") => (t.has(`fault.${code}`) ? t(`fault.${code}`) : "") ||
    message || t("fault.unknown");
  t.problem = (error) => t.fault(error.code ?? "", error.detail ?? "");
  return t;
}
