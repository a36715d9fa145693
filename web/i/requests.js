/**
 * The small dialog that asks for more time or for an alternative process.
 */

import { h } from "../page/dom.js";
import { button, dialog, errorLine, field, toast } from "../page/widgets.js";

const NOTE_CHARS_MAX = 2000;

/** Returns whether the request was sent; the invitation then lists it. */
export async function askForRequest(page, kind) {
  const { t, api, invitation } = page;
  const sent = await dialog(t(`request.${kind}`), t, (close) => {
    const note = h("textarea", { rows: 4, maxlength: NOTE_CHARS_MAX });
    const error = errorLine();
    const send = button(t("request.send"), async () => {
      error.clear();
      try {
        await api.post("/invitation/requests", { kind, note: note.value.trim() });
        close(true);
      } catch (problem) {
        error.show(t.problem(problem));
      }
    }, { kind: "primary" });
    return h("div", { class: "stack" },
      h("p", {}, t(`request.${kind}_text`)),
      field(`${t("request.note")} (${t("common.optional")})`, note),
      error.node,
      h("div", { class: "row end" }, button(t("common.cancel"), () => close(false)), send));
  });
  if (!sent) return false;
  const made = { kind, status: "asked", extra_minutes: 0 };
  invitation.requests = [...(invitation.requests ?? []), made];
  toast(t("request.sent"));
  return true;
}
