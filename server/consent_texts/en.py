"""The notice in English."""

from typing import Final

_BEFORE: Final = """\
Who is responsible
{company} invites you to this interview and answers for the handling of your data. You can write \
to them the way you received the invitation.

What it is for
The interview is in writing, and your answers serve only to assess your application for this \
opening. Your CV is also compared with the other openings of {company}, those included that it \
opens while it keeps your CV. Your data is not sold and not used for advertising.

What is kept
Your name and contact details, your CV and what was extracted from it, your answers as you send \
them, the time of each, this consent and the report. No audio or video is recorded. Your face, \
voice, accent, emotions and "attitude" are not assessed.

What a program does
A program reads your CV and compares it with what the openings ask for; to compare, it uses a \
model on the platform's own servers that measures how alike two texts are. From what this \
opening asks for it makes the plan of the interview. At the end it looks in your answers for \
what was expected on each topic and quotes your own words. The report shows those quotes and a \
figure computed from them."""

_WITHOUT_MODEL: Final = """\
Without generative artificial intelligence
The questions come from a bank written by people and are chosen by fixed rules. No outside \
language model receives your data, and your answers do not leave the platform's servers for this \
interview. The report points to possible matches between what was expected and your answers; it \
is not a hiring score."""

_WITH_MODEL: Final = """\
With artificial intelligence
The questions and the proposed assessment are written by Claude, an artificial intelligence \
model made by Anthropic, and may contain mistakes. By what the opening says alone, it also \
proposes how much each topic of the plan weighs, and a program checks that. For this, the \
opening's description, what your CV says about its requirements, your name and the text of the \
interview are sent out of Peru to Anthropic's servers (United States). This is a cross-border \
transfer of personal data, which you authorise by accepting. If the model does not answer, the \
questions come from a bank written by people and the page tells you so. A program drops every \
claim that has no literal quote of yours."""

_AFTER: Final = """\
Who decides
No program rejects you or hires you. A person at {company} decides, and is recorded with their \
name and their reason. The people in charge of the selection can read the interview while it \
happens. Selecting personnel is a high-risk use under the regulation of Peru's Law 31814, which \
therefore asks for human supervision. You can ask for a person to explain the decision and to \
review it.

It is voluntary
If you do not accept, the interview does not start, and you do not lose your application for it: \
you can ask for another process with a person. You can also ask for more time. Both buttons are \
on this page. You can withdraw your consent whenever you like; what was done before remains \
valid.

For how long
{company} has set a retention period of {retention_days} days and must erase your data when it \
ends. If you ask for erasure earlier, your CV, the profile, your answers and the report are \
removed; the record of this consent, the log of actions and the decision with its reason remain.

Your rights
Under Peru's Law 29733 and its regulation (Supreme Decree 016-2024-JUS) you can access your \
data, have it rectified or cancelled, object to its use, ask for a portable copy, and not be \
subject to an automated decision alone. It is free of charge: ask {company}. If they do not \
attend to you, you can complain to the Autoridad Nacional de Protección de Datos Personales. If \
you live in another country, its law may give you more rights."""

WITHOUT_MODEL: Final = f"{_BEFORE}\n\n{_WITHOUT_MODEL}\n\n{_AFTER}"
WITH_MODEL: Final = f"{_BEFORE}\n\n{_WITH_MODEL}\n\n{_AFTER}"
