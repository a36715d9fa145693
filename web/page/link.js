/**
 * The secret of a link: read from the fragment, kept for the tab, gone from the address bar.
 */

/**
 * Return the token of `#<token>` or `#token=<token>`, else the one this tab was opened with.
 *
 * The fragment never reaches a server, and after this a copied address holds no secret.
 */
export function takeToken(name) {
  const key = `entrevistador.token.${name}`;
  const fragment = location.hash.slice(1);
  const named = /(?:^|&)token=([^&]+)/.exec(fragment)?.[1];
  const given = named ?? (/^[\w.~-]{16,}$/.test(fragment) ? fragment : "");
  try {
    if (given) sessionStorage.setItem(key, given);
    const kept = given || sessionStorage.getItem(key) || "";
    if (given) history.replaceState(null, "", location.pathname + location.search);
    return kept;
  } catch {
    return given; // without storage the address has to keep it
  }
}

/** The same link, or another one, pasted into the open tab starts the page anew. */
export function watchLink() {
  addEventListener("hashchange", () => {
    const fragment = location.hash.slice(1);
    if (/^token=|^[\w.~-]{16,}$/.test(fragment)) location.reload();
  });
}
